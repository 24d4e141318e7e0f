"""Where hooks stand in each strategy's plan, and what a release that cannot go back means there."""

import pytest
from msgspec.structs import replace

from deployer.engine import control
from deployer.errors import Halted, NotPossibleNow
from deployer.hooks import HookAction, HookPoint
from deployer.intent import Intent
from deployer.journal import Ask
from deployer.model import Release, Slot, Snapshot, Weights
from deployer.plan import Deployment, Plan, Status
from deployer.planning import strategies
from deployer.steps.hook import Hook
from tests.rolling.stage import intent as rolling_intent
from tests.sim.play import INTENT
from tests.unit.world import BLUE, GREEN, NOW, instances, slot, snapshot

HOOKS = {point: HookAction(function=point.value) for point in HookPoint}
WANTED = replace(INTENT, hooks=HOOKS, weights=(500,))
KNOWN = (Release("v1"),)
LIVE = snapshot(Weights(1000, 0), slot(BLUE, *instances(2), known=KNOWN))
EMPTY = snapshot(None, slot(BLUE, boots=None))
DEAD = snapshot(Weights(1000, 0), slot(BLUE, *instances(0), desired=2))
ONE_WAY = Release("v2", rollback_safe=False)


def outline(plan: Plan) -> list[str]:
    """Kinds of steps, and hooks by name and slot."""
    return [
        f"{step.point} {step.slot}{'' if step.essential else '?'}"
        if isinstance(step, Hook)
        else type(step).__name__
        for step in plan.steps
    ]


def deployment(plan: Plan, written: Weights | None, **facts: object) -> Deployment:
    made = Deployment(
        id="d1", environment="e", status=Status.RUNNING, plan=plan, started_at=NOW, entered_at=NOW,
        written=written,
    )  # fmt: skip
    return replace(made, **facts)


def test_a_canary() -> None:
    assert outline(strategies.canary(LIVE, WANTED)) == [
        "Provision", "Probe", "before_traffic green", "Route", "Bake",
        "Route", "after_traffic green", "Bake", "Linger", "before_retire blue", "Retire",
    ]  # fmt: skip


def test_blue_green() -> None:
    assert outline(strategies.blue_green(LIVE, WANTED)) == [
        "Provision", "Probe", "before_traffic green", "Route", "after_traffic green", "Bake",
        "Linger", "before_retire blue", "Retire",
    ]  # fmt: skip


def test_rolling_has_no_slot_to_look_at_and_none_to_retire() -> None:
    wanted = rolling_intent(hooks=HOOKS)
    assert outline(strategies.rolling(LIVE, wanted)) == [
        "before_traffic blue", "Quiet", "Pin", "Replace", "Soak", "Replace", "after_traffic blue",
        "Soak",
    ]  # fmt: skip


def test_a_rolling_plan_says_that_the_hook_of_a_retirement_does_not_run() -> None:
    """A wish is never passed over in silence."""
    told = strategies.rolling(LIVE, rolling_intent(hooks=HOOKS)).notes
    assert "The hook before_retire does not run: no slot is retired." in told
    others = {point: HOOKS[point] for point in HOOKS if point is not HookPoint.BEFORE_RETIRE}
    assert "before_retire" not in " ".join(
        strategies.rolling(LIVE, rolling_intent(hooks=others)).notes
    )


def test_the_first_release() -> None:
    plan = strategies.canary(EMPTY, WANTED)
    assert outline(plan) == [
        "Provision", "Probe", "before_traffic blue", "Route", "after_traffic blue",
    ]  # fmt: skip
    taking_over = strategies.canary(DEAD, WANTED)
    assert outline(taking_over)[-4:] == [
        "after_traffic green", "Linger", "before_retire blue", "Retire",
    ]  # fmt: skip


def test_a_release_that_returns_runs_the_hook_of_the_way_back_alone() -> None:
    assert outline(strategies.return_to(LIVE, WANTED)) == [
        "Provision", "Probe", "Route", "on_rollback blue?", "Bake", "Linger", "Retire",
    ]  # fmt: skip


def test_the_way_back_runs_its_hook_when_users_are_safe() -> None:
    plan = strategies.canary(LIVE, WANTED)
    reached = split(500)
    back = strategies.rollback(reached, deployment(plan, reached.weights, cursor=4))
    assert outline(back) == ["Provision", "Route", "on_rollback green?", "Linger", "Retire"]


def split(share: int) -> Snapshot:
    return snapshot(
        Weights.toward(GREEN, share), slot(BLUE, *instances(2)), slot(GREEN, *instances(2, "v2"))
    )


def test_also_where_no_user_had_seen_the_release() -> None:
    plan = strategies.canary(LIVE, WANTED)
    back = strategies.rollback(LIVE, deployment(plan, LIVE.weights))
    assert outline(back) == ["on_rollback green?", "Retire"]


def test_also_in_place() -> None:
    plan = strategies.rolling(LIVE, rolling_intent(hooks=HOOKS))
    back = strategies.rollback(LIVE, deployment(plan, LIVE.weights))
    assert outline(back) == ["Quiet", "Pin", "Replace", "on_rollback blue?"]


def test_the_way_back_of_a_return_is_another_run() -> None:
    plan = strategies.return_to(LIVE, WANTED)
    back = strategies.rollback(split(1000), deployment(plan, split(1000).weights, cursor=4))
    numbers = [step.nth for each in (plan, back) for step in each.steps if isinstance(step, Hook)]
    assert numbers == [1, 2]


def test_without_hooks_no_plan_has_any() -> None:
    for compiled in (strategies.canary, strategies.blue_green, strategies.return_to):
        assert not [s for s in compiled(LIVE, INTENT).steps if isinstance(s, Hook)]


def test_only_one_hook_makes_one_step() -> None:
    one = replace(WANTED, hooks={HookPoint.AFTER_TRAFFIC: HookAction(url="http://x/")})
    (hook,) = [s for s in strategies.canary(LIVE, one).steps if isinstance(s, Hook)]
    assert (hook.point, hook.deadline_s) == (HookPoint.AFTER_TRAFFIC, 360.0)
    assert hook.watch is not None


def at(intent: Intent, share: int, **facts: object) -> Deployment:
    return deployment(strategies.canary(LIVE, intent), Weights.toward(GREEN, share), **facts)


SURE, UNSURE = replace(INTENT, release=ONE_WAY), INTENT


@pytest.mark.parametrize(
    ("record", "stuck"),
    [
        (at(SURE, 0), False),
        (at(SURE, 0, intended=(Weights.toward(GREEN, 1),)), True),
        (at(SURE, 1), True),
        (at(SURE, 1000), True),
        (at(UNSURE, 1000), False),
    ],
)
def test_from_when_on_there_is_no_way_back(record: Deployment, *, stuck: bool) -> None:
    """From the first step that may send users to it, whether that was seen or not."""
    assert control.stuck(record) is stuck
    assert (Ask.ABORT in control.possible(record)) is not stuck
    assert (Ask.ABORT_FORCE in control.possible(record)) is stuck
    control.require_possible(record, Ask.ABORT_FORCE)
    if stuck:
        with pytest.raises(NotPossibleNow, match=r"v2 is marked rollback-safe: false .*--force"):
            control.require_possible(record, Ask.ABORT)


def test_a_reading_counts_as_well_as_the_record() -> None:
    record = at(SURE, 0)
    assert not strategies.irreversible(LIVE, record)
    assert strategies.irreversible(split(50), record)


def test_a_release_that_returns_can_be_left_again() -> None:
    plan = strategies.return_to(LIVE, replace(INTENT, release=ONE_WAY))
    assert not plan.irreversible
    assert strategies.canary(LIVE, SURE).irreversible


@pytest.mark.parametrize(("share", "first"), [(500, True), (1000, False)])
def test_what_a_person_can_do_depends_on_where_users_are(share: int, *, first: bool) -> None:
    words = control.no_way_back(at(SURE, share), split(share), "judged bad")
    assert words.startswith("judged bad; v2 is marked rollback-safe: false")
    assert ("(`deployer promote --full` gives v2 all of the traffic, then " in words) is first
    assert "`deployer deploy RELEASE`" in words
    assert "if v1 can live with what v2 did, `deployer rollback --force`" in words


def test_hurrying_never_jumps_over_a_hook() -> None:
    plan = strategies.canary(LIVE, WANTED)
    hook = next(n for n, step in enumerate(plan.steps) if isinstance(step, Hook))
    record = deployment(plan, LIVE.weights, cursor=hook)
    assert control.possible(record) == (Ask.ABORT, Ask.PAUSE)
    after = deployment(plan, LIVE.weights, cursor=hook + 1)
    assert Ask.PROMOTE_FULL in control.possible(after)


def test_the_first_release_has_no_way_back_that_a_hook_could_ask_for() -> None:
    plan = strategies.canary(EMPTY, WANTED)
    serving = snapshot(Weights(1000, 0), slot(BLUE, *instances(2, "v2")))
    with pytest.raises(Halted):
        strategies.rollback(serving, deployment(plan, serving.weights, cursor=4))


def test_slots_of_the_plan_are_those_of_its_hooks() -> None:
    toward_blue = snapshot(Weights(0, 1000), slot(BLUE), slot(GREEN, *instances(2)))
    plan = strategies.canary(toward_blue, WANTED)
    slots = [step.slot for step in plan.steps if isinstance(step, Hook)]
    assert slots == [Slot.BLUE, Slot.BLUE, Slot.GREEN]
