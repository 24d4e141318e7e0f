"""What a deployment shows on the dashboard, and how often."""

from dataclasses import replace as altered

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deployer.engine.marks import EVERY_S, RECENT_S, Reading, Showing, Shown, due, marks_of
from deployer.intent import Intent
from deployer.model import Release, Snapshot, Weights
from deployer.plan import Deployment, Event, Status
from deployer.planning import strategies
from deployer.topology import WEIGHT_METRIC, Mark
from tests.sim.board import SimBoard
from tests.unit.world import BLUE, GREEN, NOW, instances, slot, snapshot

SEEN = snapshot(Weights(1000, 0), slot(BLUE, *instances(2)))
PLAN = strategies.canary(SEEN, Intent(release=Release("v2"), weights=(50,)))
RECORD = Deployment(
    id="d1", environment="prod", status=Status.RUNNING, plan=PLAN, started_at=NOW, entered_at=NOW,
    written=Weights(1000, 0),
)  # fmt: skip
BEGUN = Reading("Begun", 1.0, NOW)


def at(after_s: float, weights: Weights | None = Weights(1000, 0)) -> Snapshot:  # noqa: B008 - frozen
    return altered(SEEN, at=NOW + after_s, weights=weights)


def weights(after_s: float, blue: float, green: float) -> tuple[Reading, Reading]:
    moment = NOW + after_s
    return (
        Reading(WEIGHT_METRIC, blue, moment, BLUE),
        Reading(WEIGHT_METRIC, green, moment, GREEN),
    )


def test_the_first_look_shows_where_it_begins() -> None:
    readings, after = due(Shown(), RECORD, at(1), NOW + 1)
    assert readings == (BEGUN, *weights(1, 100.0, 0.0))
    assert due(after, RECORD, at(6), NOW + 6) == ((), after)


@pytest.mark.parametrize(
    ("after_s", "live", "shown"),
    [
        (59, Weights(1000, 0), ()),
        (61, Weights(1000, 0), weights(61, 100.0, 0.0)),
        (6, Weights(999, 1), weights(6, 99.9, 0.1)),
        (6, None, ()),
    ],
)
def test_weights_are_shown_when_they_change_else_once_a_minute(
    after_s: float, live: Weights | None, shown: tuple[Reading, ...]
) -> None:
    _, after = due(Shown(), RECORD, at(1), NOW + 1)
    assert due(after, RECORD, at(after_s, live), NOW + after_s)[0] == shown


def test_a_cloud_that_was_not_read_has_no_weights() -> None:
    assert due(Shown(), RECORD, None, NOW) == ((BEGUN,), Shown(frozenset({Mark.BEGUN})))


def test_who_takes_over_much_later_does_not_show_the_beginning_again() -> None:
    readings, _ = due(Shown(), RECORD, at(RECENT_S + 1), NOW + RECENT_S + 1)
    assert readings == weights(RECENT_S + 1, 100.0, 0.0)


@pytest.mark.parametrize(
    ("strategy", "status", "mark"),
    [
        ("canary", Status.SHIPPED, Mark.PROMOTED),
        ("canary", Status.ROLLED_BACK, Mark.ROLLED_BACK),
        ("canary", Status.HALTED, Mark.HALTED),
        ("rollback", Status.SHIPPED, Mark.ROLLED_BACK),
        ("rollback", Status.HALTED, Mark.HALTED),
        ("rollback", Status.ROLLED_BACK, Mark.ROLLED_BACK),
    ],
)
def test_each_end_has_its_mark(strategy: str, status: Status, mark: Mark) -> None:
    plan = replace(PLAN, strategy=strategy)
    ended = replace(RECORD, plan=plan, status=status, finished_at=NOW + 90)
    assert marks_of(ended) == {Mark.BEGUN: NOW, mark: NOW + 90}


@given(st.lists(st.tuples(st.integers(1, 40), st.sampled_from([0, 50, 1000])), max_size=60))
def test_no_minute_gets_more_than_its_changes_and_one(looks: list[tuple[int, int]]) -> None:
    shown, moment, count, changes, before = Shown(), 0, 0, 0, -1
    for gap_s, green in looks:
        moment += gap_s
        readings, shown = due(shown, RECORD, at(moment, Weights(1000 - green, green)), NOW + moment)
        own = [each for each in readings if each.slot is not None]
        assert sum(each.value for each in own) in (0, 100)
        count += bool(own)
        changes += green != before
        before = green
    assert changes <= count <= changes + moment / EVERY_S


def test_what_could_not_be_shown_is_told_and_the_deployment_goes_on() -> None:
    told: list[str] = []
    board = SimBoard(broken="no permission")
    showing = Showing(
        board, lambda _record, event, _seen: told.append(f"{event.kind} {event.note}")
    )
    showing(RECORD, Event(NOW, "waiting", "for instances"), at(0))
    showing(RECORD, Event(NOW + 5, "waiting", "for instances"), at(5))
    assert told == ["waiting for instances", "unshown no permission", "waiting for instances"]
