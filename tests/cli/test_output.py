"""The three kinds of output: a stream of JSON, plain lines, a live view."""

import io
import os
import re
import time
from itertools import pairwise
from typing import Any

import pytest
from rich.console import Console

from deployer.cli.ending import Ending
from deployer.cli.stream import StreamOutput
from deployer.cli.text import Screen, TextOutput
from deployer.model import Weights
from deployer.plan import Event
from deployer.render.progress import View
from tests.cli.conftest import Staged


def test_every_event_is_one_document_and_the_last_is_the_result(staged: Staged) -> None:
    documents, status = staged().json("canary", "v2")
    kinds = [each["event"] for each in documents]
    assert status == 0
    assert (kinds[0], kinds[-1]) == ("plan", "result")
    assert kinds.count("step_done") == 10
    assert kinds.count("change") == 8
    assert {each["deployment"] for each in documents} == {documents[0]["deployment"]}
    assert documents[-1] | {"at": "", "deployment": ""} == {
        "at": "", "deployment": "", "event": "result", "status": "shipped", "release": "v2",
        "reason": None, "exit_code": 0, "owed": None,
    }  # fmt: skip


def test_times_are_rfc_3339_and_weights_are_percents(staged: Staged) -> None:
    documents, _ = staged().json("canary", "v2", "--weights", "0.1")
    times = [each["at"] for each in documents[:-1]]
    assert times == sorted(times)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", at) for at in times)
    assert {"blue": 99.9, "green": 0.1} in [each.get("weights") for each in documents]


def test_the_same_is_not_said_twice(staged: Staged) -> None:
    documents, _ = staged().json("canary", "v2")
    told = [{**each, "at": ""} for each in documents]
    assert all(one != other for one, other in pairwise(told))


def test_json_keeps_stderr_empty(staged: Staged) -> None:
    done = staged().run("--output", "json", "canary", "v2")
    assert done.stderr == ""


class Gone(io.StringIO):
    """A pipe whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


def view_of(shop: Any) -> View:
    assert shop.run("canary", "v2").exit_code == 0
    return View("shop", "sim", shop.records[0], scale=60.0)


def test_a_reader_that_goes_away_does_not_end_a_deployment(staged: Staged) -> None:
    shop = staged()
    view = view_of(shop)
    event = Event(0.0, "change", "send everything")
    stream = StreamOutput(out=Gone())
    text = TextOutput(progress=Screen(file=Gone()), results=Screen(file=Gone()))
    for output in (stream, text):
        with output.watch(view, shop.play.clock) as tell:
            tell(view.deployment, event, None)
            tell(view.deployment, event, None)
        output.result(Ending("shipped", 0, "", view.deployment), 0.0)


def test_on_a_terminal_there_is_a_live_view(staged: Staged) -> None:
    shop = staged()
    view = view_of(shop)
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, height=40, _environ={})
    output = TextOutput(progress=console)
    with output.watch(view, shop.play.clock) as tell:
        tell(view.deployment, Event(0.0, "waiting", "not yet"), shop.play.history[-1])
    said = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    assert "shop/sim  canary v2  shipped" in said
    assert "clock ×60" in said
    assert "✓ 10  retire blue" in said
    assert re.search(r"green  candidate  v2  █+ +100 %  2/2 healthy", said)


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_no_color_is_honoured(variables: dict[str, str], coloured: bool) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, _environ={"TERM": "xterm", **variables})
    TextOutput(progress=console).result(Ending("error", 2, "no release v9"), 0.0)
    assert "no release v9" in screen.getvalue()
    assert ("\x1b[31m" in screen.getvalue() or "\x1b[1;31m" in screen.getvalue()) is coloured


def test_a_dumb_terminal_gets_lines(staged: Staged) -> None:
    shop = staged()
    view = view_of(shop)
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, _environ={"TERM": "dumb"})
    with TextOutput(progress=console).watch(view, shop.play.clock) as tell:
        tell(view.deployment, Event(0.0, "change", "send everything"), None)
    assert "→ send everything" in screen.getvalue()


def test_text_results_alone_go_to_stdout(staged: Staged) -> None:
    done = staged().run("canary", "v2")
    assert done.stdout.count("\n") == 1
    assert "shipped" not in done.stderr


def test_local_time_is_used_for_people(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert "17:00:17  step 1/10" in staged().run("canary", "v2").stderr
    finally:
        os.environ["TZ"] = "UTC"
        time.tzset()


def test_weights_in_the_plan_document(staged: Staged) -> None:
    documents, _ = staged().json("canary", "v2", "--dry-run")
    plan = documents[0]
    assert (plan["candidate"], plan["stable"], plan["previous"]) == ("green", "blue", "v1")
    assert plan["deployment"] is None
    assert plan["expected_s"] == 360.0
    assert [step["kind"] for step in plan["steps"]][:3] == ["provision", "probe", "route"]
    assert str(Weights(950, 50)) in plan["steps"][2]["goal"]
