"""What is concluded beside the stable slot: from which minutes, at which share, and what stands above it."""

from collections.abc import Sequence
from dataclasses import replace as altered

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deployer.analysis.dispersion import Base
from deployer.analysis.judge import Outcome
from deployer.analysis.limits import FAILURES, Limits
from deployer.analysis.terms import Terms
from deployer.changes import SetWeights
from deployer.engine import ownership
from deployer.engine.ownership import MOST_SHARES, intending, settle
from deployer.errors import CandidateUnhealthy, Halted, VerdictFailed
from deployer.model import Minute, Weights
from deployer.plan import Deployment, Status
from deployer.ports import World
from deployer.record.course import Stretch, share_in
from deployer.steps import beside
from deployer.steps.base import Done, Waiting
from deployer.steps.ramp import Ramp
from tests.unit.test_bake import bake
from tests.unit.test_engine import PLAN, READY
from tests.unit.world import (
    BLUE,
    GREEN,
    NOW,
    UNHEALTHY,
    FixedMetrics,
    FixedProber,
    instances,
    slot,
    snapshot,
)

TERMS = Terms(Limits(metrics=(FAILURES,)), {"failures": Base(1e-3, 1.0, 300)})
GOOD = (1_000, 1)
BAD = (1_000, 300)


def world(green: Sequence[tuple[int | None, int]], *shares: Stretch, opened: int = 0) -> World:
    """Minutes since NOW, published when they are two minutes old."""
    own = [Minute(NOW + 60.0 * n, *row) for n, row in enumerate(green)]
    if own:
        own[-1] = altered(own[-1], failed_open=opened)
    other = [Minute(minute.start, 9_000, 9) for minute in own]
    metrics = FixedMetrics({GREEN: own, BLUE: other})
    now = NOW + 60.0 * len(own) + 120.0
    return World(READY, now, NOW, metrics, FixedProber(), shares=shares, terms=TERMS)


def found(view: World) -> beside.Found:
    return beside.judge(view, GREEN, TERMS, 120.0)


FIRST = Stretch(NOW, NOW, 100)


def test_before_its_first_share_nothing_is_read() -> None:
    view = world([GOOD] * 5)
    assert found(view).reason == "waiting for the first whole minute of metrics"
    assert view.metrics.asked == []  # type: ignore[attr-defined]


def test_minutes_are_read_from_the_one_of_its_first_user_on() -> None:
    view = world(
        [GOOD] * 5, Stretch(NOW - 900.0, NOW - 890.0, 0), Stretch(NOW + 70.0, NOW + 80.0, 50)
    )
    found(view)
    assert view.metrics.asked == [(NOW + 60.0, view.now - 120.0)]  # type: ignore[attr-defined]


def test_good_minutes_of_another_share_allow_nothing_yet_and_bad_ones_condemn() -> None:
    now = NOW + 60.0 * 9
    moved = (FIRST, Stretch(now + 5.0, now + 15.0, 500))  # after the newest minute there is
    assert found(world([GOOD] * 9, FIRST)).advance
    unseen = found(world([GOOD] * 9, *moved))
    assert (unseen.advance, unseen.reason) == (False, beside.UNSEEN)
    assert found(world([GOOD] * 6 + [BAD] * 3, *moved)).outcome is Outcome.FAIL


def test_the_minute_in_which_it_begins_warms_nothing() -> None:
    half = Stretch(NOW + 20.0, NOW + 30.0, 100)
    assert found(world([GOOD] * 3, half)).trial.limits.warm_up == TERMS.limits.warm_up + 1
    silent = found(world([(None, 0), *[GOOD] * 3], half))
    assert (silent.trial.limits.warm_up, silent.trial.broken) == (TERMS.limits.warm_up, 0)


def test_a_load_balancer_that_fails_open_is_bad_whatever_the_evidence_says() -> None:
    assert found(world([GOOD] * 9, FIRST)).outcome is not Outcome.FAIL
    opened = found(world([GOOD] * 9, FIRST, opened=3))
    assert opened.outcome is Outcome.FAIL
    assert "failed open" in opened.reason
    assert opened.evidence["verdict"] == "fail"


@pytest.mark.parametrize("gap", [(None, 0), (None, 5)])
def test_what_was_not_published_or_cannot_be_is_never_good(gap: tuple[int | None, int]) -> None:
    assert not found(world([GOOD] * 9 + [gap], FIRST)).advance


FIVE, HALF, NONE = Weights(950, 50), Weights(500, 500), Weights(1000, 0)


def record(**facts: object) -> Deployment:
    begun = Deployment(
        id="d1", environment="prod", status=Status.RUNNING, plan=PLAN, started_at=NOW,
        entered_at=NOW, written=NONE,
    )  # fmt: skip
    return replace(begun, **facts)


def test_a_share_is_on_the_record_from_when_it_may_first_have_been_written() -> None:
    """The first answer was lost, and it was written again: the first may have been heard."""
    once = intending(record(), SetWeights(FIVE, NONE), NOW + 5.0)
    twice = intending(once, SetWeights(FIVE, NONE), NOW + 15.0)
    seen = settle(twice, altered(READY, weights=FIVE), NOW + 25.0)
    assert seen.shares == (Stretch(NOW + 5.0, NOW + 25.0, 50),)
    later = intending(seen, SetWeights(HALF, FIVE), NOW + 300.0)
    assert settle(later, altered(READY, weights=FIVE), NOW + 310.0).shares == seen.shares
    assert settle(later, altered(READY, weights=HALF), NOW + 320.0).shares == (
        *seen.shares,
        Stretch(NOW + 300.0, NOW + 320.0, 500),
    )


def test_weights_that_others_moved_and_moved_back_make_those_minutes_nobodys() -> None:
    begun = record(written=FIVE, shares=(Stretch(NOW, NOW, 50),))
    strange = settle(begun, altered(READY, weights=HALF), NOW + 600.0)
    calm = settle(strange, altered(READY, weights=FIVE), NOW + 630.0)
    assert calm.shares[-1] == Stretch(NOW + 540.0, NOW + 630.0, 50)
    assert settle(calm, altered(READY, weights=FIVE), NOW + 640.0).shares == calm.shares


def test_a_record_does_not_grow_with_what_others_move() -> None:
    moved = record(written=FIVE, shares=(Stretch(NOW, NOW, 50),))
    for minute in range(2 * MOST_SHARES):
        at = NOW + 120.0 * minute
        strange = settle(moved, altered(READY, weights=HALF), at)
        moved = settle(strange, altered(READY, weights=FIVE), at + 10.0)
    assert len(moved.shares) == MOST_SHARES
    assert moved.shares[-1].seen_at == at + 10.0
    assert share_in(moved.shares, at - 300.0) is None


@given(st.lists(st.sampled_from([GOOD, BAD, (None, 0), (0, 0)]), max_size=12))
def test_whoever_looks_for_the_first_time_finds_what_the_others_have_found(
    rows: list[tuple[int, int]],
) -> None:
    """One who has looked at each minute as it came, and one who resumes at the end."""
    watching = world([])
    for count in range(len(rows) + 1):
        here = altered(world(rows[:count], FIRST), folds=watching.folds)
        last = found(here)
    fresh = found(world(rows, FIRST))
    assert (last.outcome, last.reason, last.evidence) == (
        fresh.outcome, fresh.reason, fresh.evidence,
    )  # fmt: skip


def test_a_ramp_without_terms_stands_still() -> None:
    step = Ramp(GREEN, 4, 120.0, 600.0, 3_600.0)
    with pytest.raises(Halted, match="has no terms"):
        step.advance(altered(world([]), terms=None))


def test_until_its_first_share_a_ramp_is_judged_by_the_user_group_that_came_first() -> None:
    watch = bake(0, capacity=2)
    step = Ramp(GREEN, 2, 60.0, 600.0, 3_600.0, watch=watch)
    for green in ([GOOD] * 5, [BAD] * 5):
        view = altered(world(green), seen=altered(READY, weights=NONE))
        if green[0] is GOOD:
            step.require_good(view)
            continue
        for look in (step.require_good, step.advance):
            with pytest.raises(VerdictFailed, match="1500 of 5000 failed"):
                look(view)


def test_capacity_for_the_first_share_is_not_waited_for_all_day() -> None:
    step = Ramp(GREEN, 4, 120.0, 600.0, 90_000.0)
    view = altered(world([]), seen=altered(READY, weights=NONE, green=slot(GREEN, desired=4)))
    here = altered(view, now=NOW + 300.0, attended_at=NOW)
    assert isinstance(step.advance(here), Waiting)
    with pytest.raises(CandidateUnhealthy, match="no capacity for the next share"):
        step.advance(altered(here, now=NOW + 700.0))
    assert isinstance(
        step.advance(altered(here, now=NOW + 700.0, attended_at=NOW + 650.0)), Waiting
    )


@pytest.mark.parametrize(("ill", "kind"), [(0, Done), (1, Waiting)])
def test_a_ramp_that_was_called_good_ends_once_everyone_is_well(ill: int, kind: type) -> None:
    """A release with one broken instance is not yet good, however few users noticed."""
    green = instances(5 - ill, "v2") + instances(ill, "v2", UNHEALTHY)
    seen = snapshot(HALF, slot(BLUE, *instances(5)), slot(GREEN, *green))
    view = altered(world([(9_000, 9)] * 20, Stretch(NOW, NOW, 500)), seen=seen)
    assert found(view).outcome is Outcome.PASS
    assert isinstance(Ramp(GREEN, 5, 120.0, 600.0, 3_600.0).advance(view), kind)


def test_a_ramp_does_not_end_while_a_share_of_its_own_may_still_come_to_light() -> None:
    """What it forgot would read as somebody else's doing."""
    ramp = Ramp(GREEN, 4, 120.0, 600.0, 3_600.0)
    begun = record(written=FIVE, plan=replace(PLAN, steps=(ramp,)))
    asked = intending(begun, SetWeights(HALF, FIVE), NOW + 10.0)
    assert "may have been written" in ownership.unseen(asked, NOW + 30.0)
    assert not ownership.unseen(asked, NOW + 100.0)
    assert ownership.concluded(asked).intended == ()


def test_while_a_person_holds_a_bake_no_time_runs_out() -> None:
    view = world([GOOD] * 40, FIRST)
    assert beside.elapsed_s(altered(view, held_s=600.0)) == beside.elapsed_s(view) - 600.0 > 0
