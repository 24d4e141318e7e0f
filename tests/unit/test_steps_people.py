"""The steps that people wait for: approval, the window with a warm way back, standby."""

import pytest
from msgspec.structs import replace

from deployer.analysis.judge import Rule
from deployer.changes import SetDesired
from deployer.errors import CandidateUnhealthy, CloudUnavailable, UnsafeAction, VerdictFailed
from deployer.model import Health, Minute, Slot, SlotState, Weights
from deployer.steps.approve import Approve
from deployer.steps.bake import Bake
from deployer.steps.base import Act, Done, Waiting
from deployer.steps.linger import Linger
from deployer.steps.retire import Retire
from deployer.steps.route import Route
from tests.unit.world import (
    BLUE,
    GREEN,
    NOW,
    UNHEALTHY,
    FixedMetrics,
    instances,
    slot,
    snapshot,
    world,
)

WATCH = Bake(
    candidate=GREEN, share=500, capacity=4, bake_s=600.0, rule=Rule(), delay_s=60.0,
    patience_s=900.0, inconclusive="abort", deadline_s=1000.0, look_back_s=60.0,
)  # fmt: skip
HALF = Weights(500, 500)
BOTH = snapshot(HALF, slot(BLUE, *instances(4)), slot(GREEN, *instances(4, "v2")))
SICK = snapshot(HALF, slot(BLUE, *instances(4)), slot(GREEN, *instances(4, "v2", UNHEALTHY)))


def served(green: tuple[int | None, int], blue: tuple[int | None, int]) -> FixedMetrics:
    at = NOW - 240.0
    return FixedMetrics({GREEN: [Minute(at, *green)], BLUE: [Minute(at, *blue)]})


GOOD, BAD = served((500, 0), (500, 0)), served((500, 50), (500, 0))
LOUD = served((500, 0), (1, 0))

APPROVE = Approve(WATCH, 3600.0)


def test_approval_is_waited_for_however_good_it_looks() -> None:
    assert APPROVE.describe() == "wait for approval (within 1h; else it goes back)"
    progress = APPROVE.advance(world(BOTH, elapsed_s=3000.0, metrics=GOOD))
    assert isinstance(progress, Waiting)
    assert progress.reason.startswith("`deployer approve` lets it go on; meanwhile: candidate 0 of")


def test_while_people_make_up_their_minds_the_candidate_stays_under_judgement() -> None:
    with pytest.raises(VerdictFailed, match="50 of 500 failed"):
        APPROVE.advance(world(BOTH, elapsed_s=200.0, metrics=BAD))
    with pytest.raises(CandidateUnhealthy, match="0 healthy instances"):
        APPROVE.advance(world(SICK, metrics=GOOD))


def test_what_failed_just_before_approval_was_asked_for_counts() -> None:
    """Those minutes were not published yet when the bake before let it go on."""
    before = FixedMetrics({GREEN: [Minute(NOW - 180.0, 500, 50)], BLUE: [Minute(NOW - 180.0, 500)]})
    with pytest.raises(VerdictFailed):
        APPROVE.advance(world(BOTH, elapsed_s=70.0, metrics=before))
    assert before.asked == [(NOW - 180.0, NOW - 60.0)]


ALL = Weights(0, 1000)
WARM = Linger(BLUE, 900.0, 60.0, 1020.0, least_s=600.0, watch=replace(WATCH, share=1000))
SWITCHED = snapshot(ALL, slot(BLUE, *instances(2)), slot(GREEN, *instances(4, "v2")))


@pytest.mark.parametrize(
    ("metrics", "elapsed_s", "expected"),
    [
        (LOUD, 599.0, "blue is warm: `deployer rollback` is one change"),
        (LOUD, 600.0, "fall silent"),
        (LOUD, 899.0, "fall silent"),
        (LOUD, 900.0, Done),
    ],
)
def test_the_window(metrics: FixedMetrics, elapsed_s: float, expected: str | type) -> None:
    progress = WARM.advance(world(SWITCHED, elapsed_s=elapsed_s, metrics=metrics))
    if isinstance(expected, type):
        assert isinstance(progress, expected)
    else:
        assert isinstance(progress, Waiting)
        assert expected in progress.reason


def test_after_the_window_silence_is_enough() -> None:
    quiet = FixedMetrics({BLUE: [Minute(NOW - 240.0, None)], GREEN: [Minute(NOW - 240.0, 500)]})
    assert isinstance(WARM.advance(world(SWITCHED, elapsed_s=600.0, metrics=quiet)), Done)


def test_a_window_is_watched_for_as_long_as_there_is_a_slot_to_go_back_to() -> None:
    with pytest.raises(VerdictFailed, match="50 of 500 failed"):
        WARM.advance(world(SWITCHED, elapsed_s=300.0, metrics=BAD))
    crashed = snapshot(ALL, slot(BLUE, *instances(4)), slot(GREEN, *instances(1, "v2"), desired=4))
    with pytest.raises(CandidateUnhealthy):
        WARM.advance(world(crashed, elapsed_s=300.0, metrics=GOOD))


class NoAnswer(FixedMetrics):
    """CloudWatch is down."""

    def traffic(
        self, since: float, until: float, slow_s: float | None = None
    ) -> dict[Slot, list[Minute]]:
        raise CloudUnavailable(f"no answer about {since}..{until}")


def test_a_window_that_is_over_is_over_unless_the_metrics_say_that_it_went_badly() -> None:
    """Nobody may have looked since long before; but a source that is silent stops nothing then."""
    over = world(SWITCHED, elapsed_s=900.0, metrics=NoAnswer())
    assert isinstance(WARM.advance(over), Done)
    with pytest.raises(VerdictFailed):
        WARM.advance(world(SWITCHED, elapsed_s=900.0, metrics=BAD))


def test_a_slot_that_has_traffic_is_neither_warm_nor_retired() -> None:
    for step in (WARM, Retire(BLUE, 300.0, keep=1)):
        with pytest.raises(UnsafeAction, match="blue still has traffic"):
            step.advance(world(BOTH, metrics=GOOD))


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (slot(BLUE, *instances(4)), SetDesired(BLUE, 1)),
        (slot(BLUE, *instances(4), desired=1), "3 instances of blue drain and stop"),
        (slot(BLUE, *instances(1), draining=2), "2 instances of blue drain and stop"),
        (slot(BLUE, *instances(1)), "blue has 1 on standby"),
        (slot(BLUE, desired=0), "blue has 0 on standby"),
        (slot(BLUE, *instances(1, "v1", Health.UNUSED)), "blue has 1 on standby"),
    ],
)
def test_standby(state: SlotState, expected: SetDesired | str) -> None:
    step = Retire(BLUE, 300.0, keep=1)
    assert step.describe() == "retire blue but for 1 on standby (within 5m)"
    progress = step.advance(world(snapshot(ALL, state, slot(GREEN, *instances(4, "v2")))))
    if isinstance(expected, SetDesired):
        assert progress == Act(expected)
    else:
        said = progress.reason if isinstance(progress, Waiting) else getattr(progress, "note", "")
        assert said == expected
        assert isinstance(progress, Waiting) is ("drain" in expected)


def short_of(slot_: Slot) -> tuple[SlotState, SlotState]:
    """Three of four of `slot_` are healthy, and the fourth is being replaced."""
    release = "v1" if slot_ is BLUE else "v2"
    weak = slot(slot_, *instances(3, release), desired=4)
    other = slot(slot_.twin, *instances(4, "v2" if slot_ is BLUE else "v1"))
    return (weak, other) if slot_ is BLUE else (other, weak)


def test_users_who_wait_for_more_capacity_are_watched_over() -> None:
    step = Route(ALL, 4, 60.0, watch=WATCH)
    seen = snapshot(HALF, *short_of(GREEN))
    assert isinstance(step.advance(world(seen, metrics=GOOD)), Waiting)
    with pytest.raises(VerdictFailed):
        step.advance(world(seen, elapsed_s=200.0, metrics=BAD))
    unwatched = replace(step, watch=None)
    assert isinstance(unwatched.advance(world(seen, elapsed_s=200.0, metrics=BAD)), Waiting)


def test_capacity_is_asked_for_before_anything_is_judged() -> None:
    """A candidate that was scaled in does not wait for metrics to get its size back."""
    step = Route(ALL, 4, 60.0, watch=WATCH)
    scaled_in = snapshot(HALF, slot(BLUE, *instances(4)), slot(GREEN, *instances(2, "v2")))
    metrics = FixedMetrics()
    assert step.advance(world(scaled_in, metrics=metrics)) == Act(SetDesired(GREEN, 4, live=2))
    assert metrics.asked == []
