"""Snapshot and intent in, plan out: read as sentences."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deployer.errors import Halted, NotPossibleNow, PlanInvalid
from deployer.intent import Intent, Limits
from deployer.model import Release, Slot, SlotState, Snapshot, Weights
from deployer.plan import Deployment, Plan, Status
from deployer.planning.footing import serving
from deployer.planning.strategies import canary, first, return_to, rollback
from deployer.steps.provision import Provision
from deployer.steps.route import Route
from tests.unit.world import BLUE, GREEN, NOW, UNHEALTHY, instances, slot, snapshot

INTENT = Intent(
    release=Release("v2"), weights=(50, 250), bake_s=600.0, final_bake_s=300.0, linger_s=300.0
)
LIVE = snapshot(Weights(1000, 0), slot(BLUE, *instances(4)))
EMPTY = snapshot(None, slot(BLUE, boots=None))


def described(plan: Plan) -> list[str]:
    return [step.describe() for step in plan.steps]


def test_a_canary() -> None:
    plan = canary(LIVE, INTENT)
    assert described(plan) == [
        "provision green: 4 healthy of v2 (within 10m)",
        "probe green: 20 requests through the test listener (within 2m)",
        "route blue 95 % / green 5 % (within 12m)",
        "bake green for 10m under analysis",
        "route blue 75 % / green 25 % (within 12m)",
        "bake green for 10m under analysis",
        "route blue 0 % / green 100 % (within 12m)",
        "bake green for 5m under analysis",
        "linger: keep blue until it is silent (at most 5m)",
        "retire blue (within 15m)",
    ]
    assert (plan.strategy, plan.candidate, plan.stable) == ("canary", GREEN, BLUE)
    assert (plan.previous, plan.capacity, plan.release.name) == ("v1", 4, "v2")


def test_a_canary_toward_blue() -> None:
    seen = snapshot(Weights(0, 1000), slot(BLUE), slot(GREEN, *instances(3, "v1")))
    plan = canary(seen, INTENT)
    assert (plan.candidate, plan.stable, plan.capacity) == (BLUE, GREEN, 3)


def test_the_first_release_of_an_empty_environment() -> None:
    plan = canary(EMPTY, INTENT)
    assert described(plan) == [
        "provision blue: 2 healthy of v2 (within 10m)",
        "probe blue: 20 requests through the test listener (within 2m)",
        "route blue 100 % / green 0 % (within 12m)",
    ]
    assert (plan.strategy, plan.stable, plan.previous) == ("first", None, None)


def test_where_the_live_slot_is_dead_nobody_is_left_to_protect() -> None:
    dead = slot(BLUE, *instances(4, "v1", UNHEALTHY))
    plan = canary(snapshot(Weights(1000, 0), dead), INTENT)
    assert (plan.strategy, plan.candidate, plan.capacity) == ("first", GREEN, 4)
    assert described(plan)[-3:] == [
        "route blue 0 % / green 100 % (within 12m)",
        "linger: keep blue until it is silent (at most 5m)",
        "retire blue (within 15m)",
    ]


@pytest.mark.parametrize("weights", [(50, 50), (50, 20), (0, 50), (500, 1000), (1000,), (-5,)])
def test_weights_that_do_not_rise(weights: tuple[int, ...]) -> None:
    with pytest.raises(PlanInvalid, match=r"weights must rise within 0.1..99.9 percent"):
        canary(LIVE, replace(INTENT, weights=weights))


def test_a_canary_without_stops_goes_at_once() -> None:
    assert len(canary(LIVE, replace(INTENT, weights=())).steps) == 6


@pytest.mark.parametrize("compile_it", [canary, first])
def test_a_group_that_is_too_small(compile_it: object) -> None:
    small = SlotState(GREEN, 0, 3, 0)
    seen = Snapshot(NOW, Weights(1000, 0), slot(BLUE, *instances(4)), small)
    with pytest.raises(PlanInvalid, match="at most 3 instances and 4 are needed: raise max_inst"):
        compile_it(seen, INTENT)  # type: ignore[operator]


@pytest.mark.parametrize("compile_it", [canary, first])
def test_an_environment_left_half_way(compile_it: object) -> None:
    seen = snapshot(Weights(900, 100), slot(BLUE, *instances(4)))
    with pytest.raises(NotPossibleNow, match="both slots serve"):
        compile_it(seen, INTENT)  # type: ignore[operator]


def test_an_environment_that_has_not_recovered() -> None:
    seen = snapshot(Weights(1000, 0), slot(BLUE, *instances(3), desired=4))
    with pytest.raises(NotPossibleNow, match="3 of 4 instances"):
        canary(seen, INTENT)


def test_who_serves() -> None:
    assert serving(EMPTY) is None
    assert serving(LIVE) is BLUE


def test_a_live_slot_that_is_being_scaled_to_none_says_nothing_about_the_size() -> None:
    leaving = snapshot(Weights(1000, 0), slot(BLUE, *instances(2), desired=0))
    with pytest.raises(NotPossibleNow, match="asked for 0 instances: give it its desired capacity"):
        canary(leaving, INTENT)
    assert return_to(leaving, INTENT).capacity == INTENT.size > 0


def test_the_previous_release_is_what_ran_or_what_would_boot() -> None:
    mixed = slot(BLUE, *instances(2, "v1"), *instances(2, "v0"))
    assert canary(snapshot(Weights(1000, 0), mixed), INTENT).previous == "v0, v1"
    unnamed = slot(BLUE, *instances(2, None), boots="v7")
    assert canary(snapshot(Weights(1000, 0), unnamed), INTENT).previous == "v7"


def running(plan: Plan, **facts: object) -> Deployment:
    return replace(
        Deployment(
            id="d1", environment="prod", status=Status.RUNNING, plan=plan, started_at=NOW,
            entered_at=NOW, written=Weights(1000, 0),
        ),
        **facts,
    )  # fmt: skip


WAY_BACK = [
    "provision blue: 4 healthy of what it runs (within 10m)",
    "route blue 100 % / green 0 % (within 12m)",
    "linger: keep green until it is silent (at most 5m)",
    "retire green (within 15m)",
]


@pytest.mark.parametrize(
    ("weights", "facts", "expected"),
    [
        (Weights(1000, 0), {}, WAY_BACK[3:]),
        (Weights(950, 50), {"written": Weights(950, 50)}, WAY_BACK),
        (Weights(1000, 0), {"intended": (Weights(950, 50),)}, WAY_BACK),
        (Weights(1000, 0), {"written": Weights(950, 50)}, WAY_BACK),
        (Weights(950, 50), {}, WAY_BACK),
    ],
    ids=["untouched", "routed", "perhaps routed", "was routed", "reads routed"],
)
def test_the_way_back(weights: Weights, facts: dict[str, object], expected: list[str]) -> None:
    seen = snapshot(weights, slot(BLUE, *instances(4)), slot(GREEN, *instances(4, "v2")))
    plan = rollback(seen, running(canary(LIVE, INTENT), **facts))
    assert described(plan) == expected
    assert (plan.strategy, plan.previous, plan.stable) == ("rollback", "v1", BLUE)


@pytest.mark.parametrize(("cursor", "settle_s"), [(8, 0.0), (9, 60.0)])
def test_the_way_back_from_a_slot_that_is_leaving_waits_out_late_readings(
    cursor: int, settle_s: float
) -> None:
    all_green = Weights(0, 1000)
    seen = snapshot(all_green, slot(BLUE, *instances(4)), slot(GREEN, *instances(4, "v2")))
    plan = rollback(seen, running(canary(LIVE, INTENT), cursor=cursor, written=all_green))
    restore = plan.steps[0]
    assert isinstance(restore, Provision)
    assert restore.settle_s == settle_s


def test_no_way_back_from_the_first_release_once_it_may_serve() -> None:
    deployment = running(canary(EMPTY, INTENT), written=None, intended=(Weights(1000, 0),))
    with pytest.raises(Halted, match="no earlier release to go back to"):
        rollback(EMPTY, deployment)


def test_before_that_the_first_release_is_simply_retired() -> None:
    plan = rollback(EMPTY, running(canary(EMPTY, INTENT), written=None))
    assert described(plan) == ["retire blue (within 15m)"]


def test_the_way_back_does_not_mind_a_group_that_became_too_small() -> None:
    small = SlotState(GREEN, 0, 1, 1, instances(1, "v2"), Release("v2"))
    seen = Snapshot(NOW, Weights(950, 50), slot(BLUE, *instances(4)), small)
    assert len(rollback(seen, running(canary(LIVE, INTENT))).steps) == 4


sizes = st.integers(1, 6)


@given(
    size=sizes,
    live=st.sampled_from(Slot),
    weights=st.sets(st.integers(1, 999), max_size=5),
    limit=st.floats(1.0, 1e5),
)
def test_every_canary_is_well_formed(
    size: int, live: Slot, weights: set[int], limit: float
) -> None:
    """Traffic only rises, capacity comes first, the old slot leaves last, every wait has an end."""
    slots = {live: slot(live, *instances(size)), live.twin: slot(live.twin, boots=None)}
    seen = Snapshot(NOW, Weights.toward(live, 1000), slots[BLUE], slots[GREEN])
    limits = Limits(provision_s=limit, probe_s=limit, route_s=limit, retire_s=limit)
    plan = canary(seen, replace(INTENT, weights=tuple(sorted(weights)), limits=limits))
    shares = [s.weights[live.twin] for s in plan.steps if isinstance(s, Route)]
    assert shares == [*sorted(weights), 1000]
    assert all(s.capacity == size for s in plan.steps if isinstance(s, Route))
    assert plan.steps[0] == Provision(
        live.twin, Release("v2"), size, limit, hold=live, keep=size,
        linger_s=INTENT.linger_s, delay_s=INTENT.delay_s,
    )  # fmt: skip
    assert all(math.isfinite(s.deadline_s) and s.deadline_s > 0 for s in plan.steps)
    assert described(plan)[-1].startswith(f"retire {live}")


def test_what_a_plan_says_of_shipping_what_serves_already() -> None:
    live = snapshot(Weights(1000, 0), slot(BLUE, *instances(2, "v2"), boots="v2"))
    (note,) = canary(live, INTENT).notes
    assert note.startswith("v2 serves already: this ships it once more")
    assert canary(snapshot(Weights(1000, 0), slot(BLUE, *instances(2))), INTENT).notes == ()


def test_what_a_plan_says_where_nothing_reads_as_healthy_and_users_may_be_served() -> None:
    """The load balancer sends to all targets when none is healthy (aws-facts 1.3)."""
    sick = slot(BLUE, *instances(2, health=UNHEALTHY))
    plan = canary(snapshot(Weights(1000, 0), sick), INTENT)
    assert plan.strategy == "first"
    (note,) = plan.notes
    assert note.startswith("CAREFUL: blue has all of the traffic, and none of its instances in")
    assert "(2)" in note
    gone = canary(snapshot(Weights(1000, 0), slot(BLUE, desired=2)), INTENT)
    assert (gone.strategy, gone.notes) == ("first", ())
