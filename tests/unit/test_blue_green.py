"""blue_green: one switch, and a warm way back. Plans read as sentences."""

import pytest
from msgspec.structs import replace

from deployer.errors import NotPossibleNow, PlanInvalid
from deployer.intent import Intent
from deployer.model import Release, Weights
from deployer.plan import Deployment, Plan, Status
from deployer.planning.strategies import blue_green, canary, return_to, rollback
from deployer.steps.approve import Approve
from deployer.steps.bake import Bake
from deployer.steps.linger import Linger
from deployer.steps.retire import Retire
from tests.unit.world import BLUE, GREEN, NOW, UNHEALTHY, instances, slot, snapshot

INTENT = Intent(
    release=Release("v2"), weights=(50, 250), final_bake_s=300.0, linger_s=300.0, window_s=3600.0
)
LIVE = snapshot(Weights(1000, 0), slot(BLUE, *instances(4)))


def described(plan: Plan) -> list[str]:
    return [step.describe() for step in plan.steps]


def test_the_plan() -> None:
    plan = blue_green(LIVE, INTENT)
    assert described(plan) == [
        "provision green: 4 healthy of v2 (within 10m)",
        "probe green: 20 requests through the test listener (within 2m)",
        "route blue 0 % / green 100 % (within 12m)",
        "bake green for 5m under analysis",
        "keep blue warm for 1h, then until it is silent (at most 1h5m)",
        "retire blue (within 15m)",
    ]
    assert (plan.strategy, plan.candidate, plan.stable) == ("blue-green", GREEN, BLUE)
    assert (plan.previous, plan.capacity, plan.release.name) == ("v1", 4, "v2")


def test_with_approval_and_standby() -> None:
    plan = blue_green(LIVE, replace(INTENT, approve=(1000,), standby=1, window_s=600.0))
    assert described(plan)[3:] == [
        "bake green for 5m under analysis",
        "wait for approval (within 1d; else it goes back)",
        "keep blue warm for 10m, then until it is silent (at most 15m)",
        "retire blue but for 1 on standby (within 15m)",
    ]


def test_without_a_window_the_old_slot_leaves_once_it_is_silent() -> None:
    plan = blue_green(LIVE, replace(INTENT, window_s=0.0))
    assert described(plan)[4] == "linger: keep blue until it is silent (at most 5m)"


@pytest.mark.parametrize("weights", [None, Weights(1000, 0)])
def test_where_nothing_serves_it_is_a_first_release(weights: Weights | None) -> None:
    dead = slot(BLUE, *instances(2, "v1", UNHEALTHY)) if weights else slot(BLUE, boots=None)
    assert blue_green(snapshot(weights, dead), INTENT).strategy == "first"


@pytest.mark.parametrize("standby", [5, 100])
def test_more_standby_than_there_are_instances(standby: int) -> None:
    with pytest.raises(PlanInvalid, match=f"standby {standby} is more than the 4 that serve"):
        blue_green(LIVE, replace(INTENT, standby=standby))


def test_all_of_them_may_stand_by() -> None:
    last = blue_green(LIVE, replace(INTENT, standby=4)).steps[-1]
    assert last == Retire(BLUE, INTENT.limits.retire_s, keep=4)


@pytest.mark.parametrize(
    ("approve", "words"),
    [
        ((50,), "approval after 5 %, but the plan stops at 100 %"),
        ((1, 250, 1000), "approval after 0.1 %, 25 %, but the plan stops at 100 %"),
    ],
)
def test_approval_where_blue_green_does_not_stop(approve: tuple[int, ...], words: str) -> None:
    with pytest.raises(PlanInvalid, match=words):
        blue_green(LIVE, replace(INTENT, approve=approve))


def test_approval_where_a_canary_does_not_stop() -> None:
    with pytest.raises(PlanInvalid, match="approval after 10 %, but the plan stops at 5 %, 25 %, "):
        canary(LIVE, replace(INTENT, approve=(50, 100)))


@pytest.mark.parametrize("approve", [(), (50,), (250, 1000), (50, 250, 1000)])
def test_a_canary_asks_for_approval_right_after_those_bakes(approve: tuple[int, ...]) -> None:
    steps = canary(LIVE, replace(INTENT, approve=approve)).steps
    gates = [n for n, step in enumerate(steps) if isinstance(step, Approve)]
    before = [step for step in (steps[n - 1] for n in gates) if isinstance(step, Bake)]
    assert [step.share for step in before] == list(approve)
    for gate, bake in zip(gates, before, strict=True):
        watch = replace(bake, look_back_s=INTENT.delay_s)
        assert steps[gate] == Approve(watch, INTENT.approve_s)


def test_a_return_is_not_held_up_by_an_approval() -> None:
    seen = snapshot(Weights(0, 1000), slot(BLUE), slot(GREEN, *instances(4, "v2"), boots="v2"))
    back = return_to(seen, Intent(release=Release("v1"), approve=(50, 1000)))
    assert not any(isinstance(step, Approve) for step in back.steps)


@pytest.mark.parametrize("compile_it", [blue_green, canary])
def test_environments_that_are_not_sound(compile_it: object) -> None:
    half = snapshot(Weights(900, 100), slot(BLUE, *instances(4)))
    with pytest.raises(NotPossibleNow, match="both slots serve"):
        compile_it(half, INTENT)  # type: ignore[operator]
    weak = snapshot(Weights(1000, 0), slot(BLUE, *instances(3), desired=4))
    with pytest.raises(NotPossibleNow, match="3 of 4 instances healthy"):
        compile_it(weak, INTENT)  # type: ignore[operator]


@pytest.mark.parametrize("compile_it", [blue_green, canary])
def test_every_stop_but_the_first_also_judges_the_end_of_the_one_before(compile_it: object) -> None:
    plan: Plan = compile_it(LIVE, INTENT)  # type: ignore[operator]
    bakes = [step for step in plan.steps if isinstance(step, Bake)]
    assert [step.look_back_s for step in bakes] == [0.0] + [INTENT.delay_s] * (len(bakes) - 1)
    (linger,) = (step for step in plan.steps if isinstance(step, Linger))
    assert linger.watch == replace(bakes[-1], look_back_s=INTENT.delay_s)


def test_the_way_back_within_the_window_and_after_it_began_to_leave() -> None:
    plan = blue_green(LIVE, INTENT)
    gone = Weights(0, 1000)
    for cursor in (4, 5):
        record = Deployment(
            id="d1", environment="prod", status=Status.RUNNING, plan=plan, cursor=cursor,
            started_at=NOW, entered_at=NOW, written=gone,
        )  # fmt: skip
        seen = snapshot(gone, slot(BLUE, *instances(4)), slot(GREEN, *instances(4, "v2")))
        assert described(rollback(seen, record)) == [
            "provision blue: 4 healthy of what it runs (within 10m)",
            "route blue 100 % / green 0 % (within 12m)",
            "linger: keep green until it is silent (at most 5m)",
            "retire green (within 15m)",
        ]
