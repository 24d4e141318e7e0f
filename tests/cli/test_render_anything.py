"""Whatever the record and the cloud say, it can be shown: on one line, within the screen."""

import io
import json
import unicodedata
from collections.abc import Iterator, Mapping

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.console import Console
from rich.text import Text

from deployer.model import Snapshot
from deployer.plan import Deployment, Event
from deployer.record.outlook import Assumed, Outlook, Price
from deployer.render import documents
from deployer.render.came import came_text, spent_text
from deployer.render.dashboard import environment_document
from deployer.render.history import history_text, show_text
from deployer.render.lines import output_lines, plain_line, way_back_lines
from deployer.render.live import frame
from deployer.render.plan import plan_text
from deployer.render.progress import Standing, View, outcome, see, step_times
from deployer.render.status import status_text
from deployer.render.words import bar, one_line, span
from tests.cli import anything

# A record is a large thing to make up; sixty of them show what there is to see.
sixty = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # fmt: skip


def printed(text: Text, width: int = 100) -> str:
    """What a terminal would get."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, highlight=False)
    console.print(text)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def harmless(line: str) -> bool:
    """Nothing in it can steer a terminal."""
    return not any(unicodedata.category(c) == "Cc" for c in line)


@sixty
@given(anything.views, anything.moments, st.integers(20, 250), st.integers(3, 80))
def test_a_frame_fits_the_screen(view: View, now: float, width: int, height: int) -> None:
    lines = frame(view, now, width, height).split("\n")
    assert len(lines) <= height
    assert all(line.cell_len <= width for line in lines)
    assert all(harmless(line.plain) for line in lines)


@sixty
@given(anything.views, anything.events, st.none() | anything.snapshots)
def test_any_event_makes_a_line_a_document_and_a_next_frame(
    view: View, event: Event, seen: Snapshot | None
) -> None:
    line = plain_line(view.deployment, event)
    assert harmless(line)
    assert all(harmless(each) for each in output_lines(event))
    assert all(harmless(each) for each in way_back_lines(view.deployment))
    document = json.loads(documents.encode(documents.event_document(view.deployment, event, seen)))
    assert document["event"] == event.kind
    assert printed(frame(see(view, view.deployment, event, seen), event.at, 80, 24))


@sixty
@given(anything.deployments())
def test_any_record_can_be_shown(record: Deployment) -> None:
    assert all(harmless(line) for line in show_text(record, "shop").plain.split("\n"))
    assert printed(plan_text(record.plan, "shop", "prod"))
    assert harmless(outcome(record))
    whole = json.loads(documents.encode(documents.deployment_document(record, 0.0, whole=True)))
    assert len(whole["plan"]["steps"]) == len(record.first_plan.steps)
    assert len(step_times(record)) <= len(record.plan.steps)


@sixty
@given(st.lists(anything.deployments(), max_size=4), anything.moments)
def test_any_history_is_a_table(records: list[Deployment], now: float) -> None:
    lines = history_text(records, now).plain.split("\n")
    assert len(lines) == len(records) + 1 if records else len(lines) == 1


@sixty
@given(anything.standings, st.integers(20, 200))
def test_any_standing_can_be_told(standing: Standing, width: int) -> None:
    assert printed(status_text(standing, width), width)
    document = json.loads(documents.encode(documents.status_document(standing)))
    assert document["event"] == "status"


def strings(document: object) -> Iterator[str]:
    """All that a document says."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, Mapping):
        yield from (each for value in document.values() for each in strings(value))
    elif isinstance(document, list | tuple):
        yield from (each for value in document for each in strings(value))


@sixty
@given(anything.standings)
def test_any_standing_can_be_on_the_dashboard(standing: Standing) -> None:
    document = environment_document(standing)
    assert json.loads(documents.encode(document))["state"]
    said = {
        key: value
        for key, value in document.items()
        if key not in ("service", "environment", "url")
    }  # the settings' own
    said["record"] = said["record"] and {**said["record"], "id": ""}
    assert [each for each in strings(said) if not harmless(each)] == []


@sixty
@given(anything.deployments(), anything.words)
def test_what_a_deployment_came_to_can_be_told_of_any_record(
    record: Deployment, words: str
) -> None:
    found = Outlook(
        assumed=Assumed(boot_s=1.0), extra_hours=1.0, why=(words,), unfound=words,
        price=Price(usd=1.0, type=words, source=words),
    )  # fmt: skip
    record = replace(record, plan=replace(record.plan, outlook=found), original=None)
    texts = (plan_text(record.plan, "shop", "prod"), spent_text([record], 200), came_text(record))
    for text in texts:
        assert text is not None
        assert all(harmless(line) for line in text.plain.split("\n"))
    assert documents.encode(documents.deployment_document(record, 0.0, whole=True))


@sixty
@given(st.integers(0, 1000), st.integers(1, 60))
def test_a_bar_is_as_long_as_its_share(share: int, width: int) -> None:
    drawn = bar(share, width)
    assert len(drawn) == width
    assert bool(drawn.strip()) == (share > 0)
    assert (set(drawn) == {"█"}) == (round(width * 8 * share / 1000) == width * 8)


@sixty
@given(st.text())
def test_one_line_is_one_harmless_line(text: str) -> None:
    assert harmless(one_line(text))
    assert one_line(one_line(text)) == one_line(text)


def test_spans_are_said_with_two_units_at_most() -> None:
    assert [span(s) for s in (-5, 0.4, 59, 61, 3599, 3661, 90061)] == [
        "0s", "0s", "59s", "1m1s", "59m59s", "1h1m", "1d1h",
    ]  # fmt: skip
