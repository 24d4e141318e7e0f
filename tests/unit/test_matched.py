"""Capacity matched to a share, what all of the traffic needs by now, and a share that is held back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deployer.changes import Freeze, SetDesired, SetWeights
from deployer.cohort import Cohort, Trait
from deployer.engine import surging
from deployer.errors import CandidateUnhealthy, PlanInvalid
from deployer.intent import Intent
from deployer.model import (
    LaunchFailure,
    Release,
    SlotState,
    Snapshot,
    Weights,
    instances_for,
    matched_to,
)
from deployer.plan import Deployment, Plan, Status
from deployer.planning import stages
from deployer.planning.strategies import blue_green, canary
from deployer.steps.bake import Bake
from deployer.steps.base import Act, Done, Progress, Waiting
from deployer.steps.provision import Provision
from deployer.steps.route import Route
from tests.unit.world import BLUE, GREEN, NOW, instances, slot, snapshot, world

INTENT = Intent(
    release=Release("v2"), weights=(50, 250, 500), bake_s=600.0, final_bake_s=300.0,
    linger_s=300.0, capacity="matched",
)  # fmt: skip
LIVE = snapshot(Weights(1000, 0), slot(BLUE, *instances(10)))


def described(plan: Plan) -> list[str]:
    return [step.describe() for step in plan.steps]


@pytest.mark.parametrize(
    ("share", "capacity", "expected"),
    [
        (0, 10, 0), (1, 10, 2), (50, 10, 2), (100, 10, 2), (101, 10, 3), (250, 10, 4),
        (500, 10, 6), (900, 10, 10), (999, 10, 10), (1000, 10, 10), (1, 1, 1), (1, 2, 2),
        (500, 2, 2), (1, 1000, 2), (50, 1000, 60), (500, 1000, 600), (1000, 1000, 1000),
    ],
)  # fmt: skip
def test_what_a_share_gets(share: int, capacity: int, expected: int) -> None:
    assert matched_to(share, capacity) == expected


@given(share=st.integers(0, 1000), capacity=st.integers(1, 1000))
def test_what_a_bake_forgives_costs_a_share_nothing(share: int, capacity: int) -> None:
    need, size = instances_for(share, capacity), matched_to(share, capacity)
    assert need <= size <= capacity
    assert matched_to(max(0, share - 1), capacity) <= size
    if size < capacity and need:
        assert size - max(1, need // 5) >= need


def test_the_plan() -> None:
    plan = canary(LIVE, INTENT)
    assert described(plan) == [
        "provision green: 2 healthy of v2 (within 10m)",
        "probe green: 20 requests through the test listener (within 2m)",
        "route blue 95 % / green 5 %, green with 2 of 10 instances (within 12m)",
        "bake green for 10m under analysis",
        "route blue 75 % / green 25 %, green with 4 of 10 instances (within 12m)",
        "bake green for 10m under analysis",
        "route blue 50 % / green 50 %, green with 6 of 10 instances (within 12m)",
        "bake green for 10m under analysis",
        "route blue 0 % / green 100 %, green with 10 of 10 instances (within 12m)",
        "bake green for 5m under analysis",
        "linger: keep blue until it is silent (at most 5m)",
        "retire blue (within 15m)",
    ]
    assert plan.capacity == 10
    (note,) = plan.notes
    assert note == (
        "Matched capacity: green has what its next share needs and a fifth more, one at least; blue "
        "keeps its 10, so that going back boots nothing."
    )


def test_a_group_without_room_for_all_of_the_traffic_is_refused_beforehand() -> None:
    seen = Snapshot(NOW, LIVE.weights, LIVE.blue, SlotState(GREEN, 0, 9, 0))
    with pytest.raises(PlanInvalid, match="green may have at most 9 instances and 10 are needed"):
        canary(seen, INTENT)


def test_the_old_slot_is_kept_at_its_own_size_not_at_the_new_ones() -> None:
    provision = canary(LIVE, INTENT).steps[0]
    assert isinstance(provision, Provision)
    two = slot(GREEN, *instances(2, "v2"), boots=Release("v2"))
    progress = provision.advance(world(snapshot(LIVE.weights, LIVE.blue, two)))
    assert progress == Act(Freeze(BLUE, 10, 0))


FIVE, QUARTER, ALL = Weights(950, 50), Weights(750, 250), Weights(0, 1000)


def route(weights: Weights, capacity: int = 10, *, matched: bool = True) -> Route:
    """With a twelve-minute deadline, sized by blue."""
    return Route(weights, capacity, 720.0, sized_by=BLUE, matched=matched)


def green(have: int, desired: int | None = None, **facts: Any) -> SlotState:
    return slot(GREEN, *instances(have, "v2"), desired=desired, boots="v2", **facts)


def blue(desired: int) -> SlotState:
    return slot(BLUE, *instances(desired))


MATCHED, FULL = {"matched": True}, {"matched": False}


@pytest.mark.parametrize(
    ("weights", "how", "blue_", "green_", "expected"),
    [
        (QUARTER, MATCHED, blue(10), green(4), SetWeights(QUARTER, FIVE)),
        (QUARTER, MATCHED, blue(10), green(2), SetDesired(GREEN, 4, live=2)),
        (QUARTER, MATCHED, blue(10), green(3, 4), "green: 3 healthy, 4 needed for its share"),
        (QUARTER, MATCHED, blue(10), green(9), SetWeights(QUARTER, FIVE)),
        (QUARTER, MATCHED, blue(20), green(4), SetDesired(GREEN, 6, live=4)),
        (QUARTER, MATCHED, blue(5), green(4), SetWeights(QUARTER, FIVE)),
        (QUARTER, FULL, blue(10), green(10), SetWeights(QUARTER, FIVE)),
        (QUARTER, FULL, blue(10), green(3, 10), SetWeights(QUARTER, FIVE)),
        (QUARTER, FULL, blue(10), green(2), SetDesired(GREEN, 10, live=2)),
        (QUARTER, FULL, blue(48), green(10), SetDesired(GREEN, 20, live=10)),
        (ALL, FULL, blue(16), green(10), SetDesired(GREEN, 16, live=10)),
        (ALL, FULL, blue(16), green(15, 16), "green: 15 healthy, 16 needed"),
        (ALL, FULL, blue(6), green(10), SetWeights(ALL, FIVE)),
        (ALL, MATCHED, blue(16), green(10), SetDesired(GREEN, 16, live=10)),
        (ALL, MATCHED, blue(10), green(2), SetDesired(GREEN, 10, live=2)),
        (ALL, MATCHED, blue(21), green(10), SetDesired(GREEN, 20, live=10)),
    ],
)
def test_capacity_first_by_what_the_live_slot_has_now(
    weights: Weights, how: dict[str, bool], blue_: SlotState, green_: SlotState, expected: object
) -> None:
    seen = snapshot(FIVE, sized(blue_), sized(green_))
    progress: Progress = route(weights, **how).advance(world(seen))
    if isinstance(expected, str):
        assert isinstance(progress, Waiting)
        assert progress.reason.startswith(expected)
    else:
        assert progress == Act(expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("matched", [True, False])
def test_a_live_slot_that_outgrows_the_others_maximum_turns_it_back(*, matched: bool) -> None:
    seen = snapshot(FIVE, blue(21), sized(green(10, 20)))
    with pytest.raises(CandidateUnhealthy, match="at most 20 instances and 21 are needed by now"):
        route(ALL, matched=matched).advance(world(seen))


def sized(state: SlotState) -> SlotState:
    """Its group may have twenty instances, or as many as it has."""
    return SlotState(
        state.slot, 0, max(20, state.desired), state.desired, state.instances, state.boots,
        launch_failures=state.launch_failures,
    )  # fmt: skip


@pytest.mark.parametrize(("age_s", "fails"), [(5.0, True), (60.0, False)])
def test_a_launch_that_fails_while_it_grows_is_told_at_once(age_s: float, fails: bool) -> None:
    failure = LaunchFailure(NOW - age_s, "InsufficientInstanceCapacity: no t3.micro left")
    seen = snapshot(FIVE, blue(10), sized(green(3, 4, launch_failures=(failure,))))
    if fails:
        with pytest.raises(CandidateUnhealthy, match="a launch failed: Insufficient"):
            route(QUARTER).advance(world(seen))
    else:
        assert isinstance(route(QUARTER).advance(world(seen)), Waiting)


def test_what_a_new_slot_grows_by_is_no_surge_of_the_one_that_serves() -> None:
    seen = snapshot(Weights(1000, 0), blue(10), green(0))
    deployment = Deployment(
        id="d1", environment="sim", status=Status.RUNNING, plan=canary(seen, INTENT),
        started_at=NOW, entered_at=NOW, written=seen.weights,
    )  # fmt: skip
    assert surging.remembering(deployment, SetDesired(GREEN, 12, live=4), 0.0) == deployment


def test_the_way_back_asks_for_no_capacity_and_minds_no_failed_launch() -> None:
    failure = LaunchFailure(NOW, "quota")
    back = stages.route(INTENT, BLUE, 1000, 10)
    seen = snapshot(QUARTER, blue(10), green(1))
    assert back.advance(world(seen)) == Act(SetWeights(Weights(1000, 0), QUARTER))
    weak = slot(BLUE, *instances(9), desired=10, launch_failures=(failure,))
    assert isinstance(back.advance(world(snapshot(QUARTER, weak, green(1)))), Waiting)


def test_a_leap_to_everything_is_not_judged_by_a_share_that_it_never_had() -> None:
    """`promote --full` at 5 %: the stop before is 50 %, and two instances are no part of ten."""
    plan = canary(LIVE, INTENT)
    leap = next(s for s in plan.steps if isinstance(s, Route) and s.weights == ALL)
    assert leap.watch is not None
    assert leap.watch.share == 500
    starting = snapshot(FIVE, blue(10), green(2, 10))
    progress = leap.advance(world(starting))
    assert isinstance(progress, Waiting)
    assert "2 healthy, 10 needed" in progress.reason
    none = snapshot(FIVE, blue(10), green(0, 10))
    with pytest.raises(CandidateUnhealthy, match="0 healthy instances, 1 needed"):
        leap.advance(world(none))


def test_nobody_knows_what_a_user_group_needs() -> None:
    """It gets full capacity, and is told so."""
    group = Cohort(Trait.HEADER, "X-Canary", ("1",))
    plan = canary(LIVE, replace(INTENT, cohort=group, hold_back=10))
    provision = plan.steps[0]
    assert isinstance(provision, Provision)
    assert provision.count == 10
    assert not any(step.matched for step in plan.steps if isinstance(step, Route))
    assert "Capacity is not matched: nobody knows what the user group needs" in " ".join(plan.notes)
    assert "Hold-back: blue keeps 1 %" in plan.notes[-1]


def test_a_hold_back_is_one_more_stop() -> None:
    held = replace(INTENT, capacity="full", weights=(50,), hold_back=10, hold_back_s=7200.0)
    plan = canary(LIVE, held)
    assert described(plan)[4:8] == [
        "route blue 1 % / green 99 % (within 12m)",
        "bake green for 2h under analysis",
        "route blue 0 % / green 100 % (within 12m)",
        "bake green for 5m under analysis",
    ]
    assert plan.notes == (
        "Hold-back: blue keeps 1 % for 2h to compare green with; `deployer promote` ends that.",
    )
    bakes = [step for step in plan.steps if isinstance(step, Bake)]
    assert [(b.share, b.bake_s) for b in bakes] == [(50, 600.0), (990, 7200.0), (1000, 300.0)]
    assert all(bake.deadline_s > bake.patience_s > bake.bake_s for bake in bakes)


def test_a_hold_back_may_wait_for_a_person_and_matches_capacity_too() -> None:
    plan = canary(LIVE, replace(INTENT, weights=(), hold_back=500, approve=(500,)))
    assert described(plan)[:5] == [
        "provision green: 6 healthy of v2 (within 10m)",
        "probe green: 20 requests through the test listener (within 2m)",
        "route blue 50 % / green 50 %, green with 6 of 10 instances (within 12m)",
        "bake green for 1h under analysis",
        "wait for approval (within 1d; else it goes back)",
    ]


@pytest.mark.parametrize(
    ("weights", "hold_back"), [((50, 500), 500), ((999,), 1), ((), 1000), ((), -1), ((50,), 960)]
)
def test_what_cannot_be_held_back(weights: tuple[int, ...], hold_back: int) -> None:
    with pytest.raises(PlanInvalid, match=r"a hold-back of .* leaves .* hold back less"):
        canary(LIVE, replace(INTENT, weights=weights, hold_back=hold_back))


def test_it_is_the_canarys_alone() -> None:
    plan = blue_green(LIVE, replace(INTENT, capacity="full", hold_back=10))
    assert len([step for step in plan.steps if isinstance(step, Route)]) == 1
    assert plan.notes == ()


def test_the_finest_canary_there_is() -> None:
    """0.1 % on the way up and 0.1 % held back."""
    plan = canary(LIVE, replace(INTENT, weights=(1,), hold_back=1))
    shares = [step.weights for step in plan.steps if isinstance(step, Route)]
    assert shares == [Weights(999, 1), Weights(1, 999), Weights(0, 1000)]
    first = next(step for step in plan.steps if isinstance(step, Route))
    assert first.describe().startswith("route blue 99.9 % / green 0.1 %, green with 2 of 10")
    assert isinstance(first.advance(world(snapshot(Weights(999, 1)))), Done)
