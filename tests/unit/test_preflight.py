"""Each reason not to begin, as a table: what is seen, what is objected, and what is not."""

from typing import Any

import pytest
from msgspec.structs import replace

from deployer.cohort import Cohort
from deployer.errors import NotPossibleNow, PlanInvalid
from deployer.intent import Intent
from deployer.model import Admitted, Health, Release, Slot, Snapshot, WarmPool, Weights
from deployer.plan import Deployment, Status
from deployer.planning import strategies
from deployer.planning.preflight import (
    Code,
    Facts,
    Surroundings,
    objections,
    of_error,
    of_plan,
    of_return,
    remarks,
)
from tests.unit.world import BLUE, GREEN, INITIAL, NOW, UNHEALTHY, instances, slot, snapshot

V1 = instances(2, "v1")
LIVE = snapshot(Weights(1000, 0), slot(BLUE, *V1))
STACKS = {f"shop-prod-{part}": "UPDATE_COMPLETE" for part in ("network", "service", "control")}
QUIET = Surroundings(
    stacks=STACKS, refreshes={"shop-blue": "Successful"}, suspended={"shop-blue": ()}
)


def facts(**changes: Any) -> Facts:
    return Facts(**{"seen": LIVE, "around": QUIET, **changes})


def record(written: Weights | None, status: Status = Status.SHIPPED, **more: Any) -> Deployment:
    plan = strategies.canary(LIVE, Intent(release=Release("v2"), weights=(500,)))
    return Deployment(
        id="d7", environment="prod", status=status, plan=plan, started_at=1.0, entered_at=1.0,
        written=written, **more,
    )  # fmt: skip


def stacks(status: str) -> Facts:
    return facts(around=Surroundings(stacks={**STACKS, "shop-prod-service": status}))


def refreshing(status: str) -> Facts:
    return facts(around=Surroundings(stacks=STACKS, refreshes={"shop-blue": status}))


def suspended(*processes: str) -> Facts:
    return facts(around=Surroundings(stacks=STACKS, suspended={"shop-green": processes}))


def targets(which: Slot, *health: Health | None, lifecycle: str = "InService") -> Facts:
    those = tuple(instances(1, "v1", each, lifecycle)[0] for each in health)
    weights = Weights.toward(which, 1000)
    return facts(seen=snapshot(weights, **{which.value: slot(which, *those)}))


@pytest.mark.parametrize(
    ("found", "code", "words"),
    [
        (
            facts(ringing={"fatal": "is in ALARM: 5 > 4"}), Code.ALARM_RINGING,
            "alarm fatal is in ALARM: 5 > 4: mend that, or, to fix forward, begin all the same",
        ),
        (
            facts(around=Surroundings(stacks=STACKS, sticky=("shop-blue",))),
            Code.TARGET_STICKINESS, "target group shop-blue keeps clients with one target",
        ),
        (
            facts(around=Surroundings(astray=(GREEN,))), Code.PROBE_ASTRAY,
            "X-Deployer-Slot: green to that slot alone",
        ),
        (facts(ringing={"fatl": "does not exist"}), Code.ALARM_RINGING, "fatl does not exist"),
        *(
            (refreshing(status), Code.INSTANCE_REFRESH, f"refresh of shop-blue is {status} and")
            for status in ("Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking")
        ),
        (refreshing("SomethingNew"), Code.INSTANCE_REFRESH, "is SomethingNew"),
        *(
            (stacks(status), Code.STACK_BUSY, f"stack shop-prod-service is {status} and may")
            for status in (
                "CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
                "UPDATE_ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS",
            )
        ),
        *(
            (stacks(status), Code.STACK_FAILED, f"stack shop-prod-service is {status}, its")
            for status in ("UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED")
        ),
        (targets(BLUE, Health.UNUSED, Health.UNUSED), Code.TARGETS_UNUSED, "2 of 2 targets of blue"),
        (targets(GREEN, Health.HEALTHY, Health.UNUSED), Code.TARGETS_UNUSED, "1 of 2 targets of gre"),
        *(
            (suspended(process), Code.PROCESS_SUSPENDED, f"shop-green has {process} suspended")
            for process in ("Launch", "Terminate", "AddToLoadBalancer", "HealthCheck")
        ),
        (
            suspended("AZRebalance", "Terminate", "Launch"), Code.PROCESS_SUSPENDED,
            "--auto-scaling-group-name shop-green --scaling-processes Launch Terminate`",
        ),
        (
            facts(last=record(Weights(0, 1000))), Code.WEIGHTS_DRIFTED,
            "blue 100 % / green 0 %, but the last deployment, canary v2 (d7), left blue 0 % / gre",
        ),
        (
            facts(seen=snapshot(None, slot(BLUE, *V1)), last=record(Weights(1000, 0))),
            Code.WEIGHTS_DRIFTED, "sends nothing (there is no such rule), but",
        ),
        (
            facts(last=record(Weights(0, 1000), intended=(Weights(1000, 0),))),
            Code.WEIGHTS_DRIFTED, "left blue 0 % / green 100 %",
        ),
    ],
)  # fmt: skip
def test_what_forbids_to_begin(found: Facts, code: Code, words: str) -> None:
    (only,) = objections(found)
    assert only.code is code
    assert words in only.words
    assert "\n" not in only.words
    assert str(only) == f"{code}: {only.words}"


@pytest.mark.parametrize(
    "found",
    [
        facts(),
        facts(around=Surroundings()),
        facts(around=Surroundings(stacks=STACKS, sticky=("shop-blue",)), moves_traffic=False),
        *(refreshing(status) for status in ("Successful", "Failed", "Cancelled")),
        *(refreshing(status) for status in ("RollbackSuccessful", "RollbackFailed")),
        *(stacks(status) for status in ("CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")),
        stacks("REVIEW_IN_PROGRESS"),
        targets(BLUE, Health.HEALTHY, None),
        targets(BLUE, INITIAL, UNHEALTHY, Health.DRAINING),
        targets(BLUE, Health.UNUSED, lifecycle="Terminating:Wait"),
        suspended("AZRebalance", "AlarmNotification", "ScheduledActions", "ReplaceUnhealthy"),
        facts(last=record(Weights(1000, 0))),
        facts(last=record(Weights(0, 1000)), accept_weights=True),
        facts(last=record(Weights(0, 1000), Status.HALTED, intended=(Weights(1000, 0),))),
        facts(seen=snapshot(None), last=record(None, Status.ROLLED_BACK)),
    ],
)
def test_what_does_not(found: Facts) -> None:
    assert objections(found) == ()


def test_everything_is_told_at_once() -> None:
    found = Facts(
        seen=Snapshot(
            NOW,
            Weights(1000, 0),
            slot(BLUE, *instances(2, "v1", Health.UNUSED)),
            slot(GREEN),
            Admitted(Cohort.parse("cookie:beta=1"), GREEN),
        ),
        around=Surroundings(
            stacks={"a": "UPDATE_FAILED", "b": "UPDATE_IN_PROGRESS"},
            refreshes={"g": "Baking"},
            suspended={"g": ("Launch",), "h": ("Launch",)},
            sticky=("shop-blue",),
            astray=(BLUE, GREEN),
        ),
        ringing={"x": "is in ALARM", "y": "does not exist"},
        last=record(Weights(500, 500)),
        one_way="v2",
    )
    codes = [objection.code for objection in objections(found)]
    assert len(codes) == 13
    of_others = {
        Code.NO_PLAN,
        Code.WARM_POOL,
        Code.HOOK_UNFIT,
        Code.FROZEN,
    }  # the plan, the calendar
    assert set(codes) == set(Code) - of_others


def test_a_strategys_own_refusal_joins_them() -> None:
    sick = snapshot(Weights(1000, 0), slot(BLUE, *V1, desired=3))
    with pytest.raises(NotPossibleNow) as refused:
        strategies.canary(sick, Intent(release=Release("v2")))
    joined = of_error(refused.value)
    assert joined.code is Code.NO_PLAN
    assert "2 of 3 instances healthy" in joined.words


def test_a_way_back_is_told_by_what_was_asked_for() -> None:
    """A rolled-back deployment's plan is the way back; people know it by its release."""
    first = record(Weights(1000, 0), Status.ROLLED_BACK)
    back = replace(first, plan=replace(first.plan, strategy="rollback"), original=first.plan)
    (only,) = objections(facts(seen=snapshot(Weights(0, 1000)), last=back))
    assert "canary v2 (d7)" in only.words


def test_an_environment_without_stacks_is_said_not_to_be_checked() -> None:
    assert remarks(QUIET) == ()
    assert "stack updates were not looked for" in remarks(Surroundings())[0]


def test_a_user_group_left_over_is_named_with_the_ways_on() -> None:
    apart = Admitted(Cohort.parse("cookie:beta=1"), GREEN)
    left = facts(seen=Snapshot(NOW, LIVE.weights, LIVE.blue, LIVE.green, apart))
    (objection,) = objections(left)
    assert objection.code is Code.GROUP_LEFT
    assert "still sends the users cookie:beta=1 to green" in objection.words
    assert "`deployer rollback`" in objection.words
    assert "--accept-weights" in objection.words
    assert not objections(facts(seen=left.seen, accept_weights=True))


V2 = Intent(release=Release("v2"), weights=(500,))
MATCHED = replace(V2, capacity="matched")


def pooled(
    pool: WarmPool | None, slot_of: Slot = GREEN, boots: str = "v0", size: int = 2
) -> Snapshot:
    """Blue serves v1 with `size` instances."""
    blue = slot(BLUE, *instances(size, "v1"), pool=pool if slot_of is BLUE else None)
    green = slot(GREEN, boots=boots, pool=pool if slot_of is GREEN else None)
    return snapshot(Weights(1000, 0), blue, green)


@pytest.mark.parametrize(
    ("compiler", "intent", "seen", "words"),
    [
        (strategies.rolling, V2, pooled(WarmPool("g", 0, 1), BLUE), "batches would leave some"),
        (strategies.rolling, V2, pooled(WarmPool("g", 1, 0), BLUE), "g (blue) has or may have 1"),
        (strategies.canary, V2, pooled(WarmPool("g", 3, 0)), "g (green) has or may have 3 instances"),
        (strategies.canary, V2, pooled(WarmPool("g", 0, 3)), "and 2 are launched at once"),
        (strategies.blue_green, V2, pooled(WarmPool("g", 2, 8)), "has or may have 8 instances"),
        (strategies.return_to, V2, pooled(WarmPool("g", 3, 3)), "keep no more than 2"),
        (strategies.canary, MATCHED, pooled(WarmPool("g", 1, 1), size=9), "add --capacity full"),
        (strategies.canary, V2, pooled(WarmPool("g", 1, 1, reuses=True)), "InstanceReusePolicy"),
        (
            strategies.first, V2, snapshot(None, slot(BLUE, pool=WarmPool("g", 3, 3))),
            "2 are launched at once",
        ),
    ],
)  # fmt: skip
def test_a_warm_pool_that_would_not_be_used_up_forbids_the_plan(
    compiler: Any, intent: Intent, seen: Snapshot, words: str
) -> None:
    (only,) = of_plan(compiler(seen, intent), seen)
    assert only.code is Code.WARM_POOL
    assert words in only.words
    assert (
        "aws autoscaling delete-warm-pool --auto-scaling-group-name g --force-delete" in only.words
    )
    assert "\n" not in only.words


@pytest.mark.parametrize(
    ("compiler", "intent", "seen"),
    [
        (strategies.canary, V2, pooled(None)),
        (strategies.canary, V2, pooled(WarmPool("g", 2, 2))),
        (strategies.canary, V2, pooled(WarmPool("g", 0, 0, reuses=True))),
        (strategies.canary, MATCHED, pooled(WarmPool("g", 0, 0), size=9)),
        (strategies.canary, V2, pooled(WarmPool("g", 9, 9), BLUE)),
        (strategies.rolling, V2, pooled(WarmPool("g", 9, 9), GREEN)),
        (strategies.blue_green, V2, pooled(WarmPool("g", 1, 2))),
    ],
)
def test_a_warm_pool_that_is_used_up_or_not_touched_does_not(
    compiler: Any, intent: Intent, seen: Snapshot
) -> None:
    assert of_plan(compiler(seen, intent), seen) == ()


def test_going_back_may_use_a_pool_of_the_very_release() -> None:
    """A slot that launches exactly v2 keeps v2 ready, however much of it."""
    larger = WarmPool("g", 5, 5)
    for boots, objected in (("v2", False), ("v0", True)):
        seen = pooled(larger, boots=boots)
        plan = strategies.return_to(seen, V2)
        assert bool(of_return(plan, seen)) is objected
        assert of_plan(plan, seen) != ()


def test_a_pool_that_comes_between_the_plan_and_its_beginning_makes_it_stale() -> None:
    plan = strategies.canary(pooled(WarmPool("g", 2, 2)), V2)
    plan.require_fresh(pooled(WarmPool("g", 1, 2)))
    for other in (None, WarmPool("g", 2, 3), WarmPool("g", 2, 2, reuses=True)):
        with pytest.raises(PlanInvalid):
            plan.require_fresh(pooled(other))
