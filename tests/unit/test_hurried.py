"""A report in a function's last seconds: given up and said, never cut off in silence."""

import threading
from types import SimpleNamespace
from typing import Any, cast

from deployer.functions.start import GOODBYE_S, Context, before_the_end
from deployer.operations.looking_back import Archive
from deployer.operations.pages import Publishing, Within
from deployer.plan import Event, Status
from tests.cli.stage import stage
from tests.sim.pages import SimPages

WHY = "the function that carries it had to end first: `deployer report ID --upload` makes it"


def within(left_s: float) -> Within:
    """How long there is for a report in a function that is ended in so long."""
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: round(left_s * 1000))
    return before_the_end(cast("Context", context), 1.0)


def test_what_is_done_in_time_says_what_it_came_to() -> None:
    assert within(GOODBYE_S + 30)(lambda: "S3 does not answer") == "S3 does not answer"
    assert within(GOODBYE_S + 30)(lambda: "") == ""


def test_without_time_it_is_not_begun() -> None:
    begun = threading.Event()

    def work() -> str:
        begun.set()
        return ""

    assert within(GOODBYE_S)(work) == WHY
    assert not begun.is_set()


def test_what_hangs_is_left_behind() -> None:
    over = threading.Event()
    try:
        assert within(GOODBYE_S + 0.05)(lambda: str(over.wait(20))) == WHY
    finally:
        over.set()


def test_a_page_for_which_no_thread_is_left_stops_nobody(tmp_path: Any) -> None:
    shop = stage(tmp_path)
    assert shop.run("canary", "v2").exit_code == 0
    record, told = shop.records[0], list[Event]()

    def none_left(_work: object) -> str:
        raise RuntimeError("can't start new thread")

    tell = Publishing(
        shop.connect(shop.connections[0]).archive, SimPages(), lambda _: "page",
        lambda _d, event, _s: told.append(event), none_left,
    )  # fmt: skip
    tell(record, Event(record.started_at, "step_done", "done"), None)
    assert told[-1].kind == "unpublished"
    assert "can't start new thread" in told[-1].note


def test_it_is_an_event_of_the_deployment(tmp_path: Any) -> None:
    shop = stage(tmp_path)
    assert shop.run("canary", "v2").exit_code == 0
    record = shop.records[0]
    assert record.status is Status.SHIPPED
    told: list[Event] = []
    services = shop.connect(shop.connections[0])
    archive: Archive = services.archive
    tell = Publishing(
        archive, SimPages(), lambda _: "page", lambda _d, event, _s: told.append(event),
        lambda _work: WHY,
    )  # fmt: skip
    tell(record, Event(record.started_at, "step_done", "done"), None)
    assert [(each.kind, WHY in each.note) for each in told] == [
        ("step_done", False), ("unpublished", True),
    ]  # fmt: skip
