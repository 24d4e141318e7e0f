"""The stretches that plans are made of: a release arrives, gets its share, and the old one leaves."""

from deployer.durations import percent
from deployer.hooks import HookPoint
from deployer.model import WHOLE, Slot, Snapshot, Weights
from deployer.plan import Intent, Plan
from deployer.steps.approve import Approve
from deployer.steps.bake import Bake
from deployer.steps.cohort import Admit, Dismiss
from deployer.steps.hook import SLACK_S, Hook
from deployer.steps.kinds import Step
from deployer.steps.linger import Linger
from deployer.steps.probe import Probe
from deployer.steps.provision import Provision
from deployer.steps.retire import Retire
from deployer.steps.route import Route
from deployer.steps.soak import Soak


def arrival(
    intent: Intent, candidate: Slot, capacity: int, hold: Slot | None = None
) -> tuple[Step, ...]:
    """The candidate stands, and answers, before any user sees it; `hold` keeps its size."""
    limits = intent.limits
    return (
        Provision(candidate, intent.release, capacity, limits.provision_s, hold=hold),
        Probe(
            candidate, intent.release.name, intent.probe_requests,
            intent.probe_allowed_failures, limits.probe_s,
        ),
        *hook(intent, HookPoint.BEFORE_TRAFFIC, candidate),
    )  # fmt: skip


def group(intent: Intent, candidate: Slot, capacity: int) -> tuple[Step, ...]:
    """The stop before any weight, if a user group comes first: admit, bake, ask a person if wanted."""
    if intent.cohort is None:
        return ()
    limits = intent.limits
    deadline_s = limits.route_s + limits.provision_s
    return (
        Admit(intent.cohort, candidate, capacity, deadline_s),
        bake(intent, candidate, 0, capacity, 0.0),
        *_approval(intent, candidate, 0, capacity),
    )


def stop_name(share: int) -> str:
    """Where a plan stops, in words: `5 %`, or `the group` before any weight."""
    return percent(share) if share else "the group"


def dismissal(intent: Intent, capacity: int, watched: Bake | None = None) -> Dismiss:
    """A user group goes where everybody goes."""
    limits = intent.limits
    return Dismiss(capacity, limits.route_s + limits.provision_s, watched)


def left_over(seen: Snapshot, intent: Intent, capacity: int) -> tuple[Step, ...]:
    """A user group whose rule was there before: it goes where everybody goes, and falls silent."""
    live, weights = seen.admitted, seen.weights
    if live is None:
        return ()
    served = weights is not None and weights[live.slot] > 0
    silent = () if served else (linger(intent, live.slot),)
    return (dismissal(intent, capacity), *silent)


def stage(
    intent: Intent, candidate: Slot, share: int, capacity: int, before: int | None = None
) -> tuple[Step, ...]:
    """One stop of the climb, from `before` to `share` per mille: route, bake, ask a person if wanted.

    before: what it was judged at before; 0: a user group alone; None: it has had no users yet.

    With all of the traffic, a user group has nothing of its own any more; the hook runs before the
    bake, so that its effects are judged too.

    Each stop also judges the last minutes of the one before, which that one could not see yet.
    """
    with_all: tuple[Step, ...] = ()
    seen_s = 0.0 if before is None else intent.delay_s
    if share == WHOLE:
        watched = bake(intent, candidate, share, capacity, seen_s)
        together = (dismissal(intent, capacity, watched),) if intent.cohort else ()
        hooked = hook(intent, HookPoint.AFTER_TRAFFIC, candidate, watched=watched)
        with_all = (*together, *hooked)
    look_back_s = intent.delay_s if with_all else seen_s
    return (
        route(intent, candidate, share, capacity, before),
        *with_all,
        bake(intent, candidate, share, capacity, look_back_s),
        *_approval(intent, candidate, share, capacity),
    )


def _approval(intent: Intent, candidate: Slot, share: int, capacity: int) -> tuple[Step, ...]:
    if share not in intent.approve:
        return ()
    return (Approve(watch(intent, candidate, share, capacity), intent.approve_s),)


def route(
    intent: Intent, slot: Slot, share: int, capacity: int, before: int | None = None
) -> Route:
    """`share` per mille to `slot`, which has `before` under judgement already, if it is not None.

    Should its instances have gone since they were provisioned, there is time to boot new ones.
    """
    limits = intent.limits
    return Route(
        Weights.toward(slot, share), capacity, limits.route_s + limits.provision_s,
        watch=None if before is None else watch(intent, slot, before, capacity),
    )  # fmt: skip


def bake(intent: Intent, candidate: Slot, share: int, capacity: int, look_back_s: float) -> Bake:
    """Judge the candidate at `share` per mille; 0: while it serves a user group alone."""
    bake_s = {0: intent.group_bake_s, WHOLE: intent.final_bake_s}.get(share, intent.bake_s)
    patience_s = bake_s + intent.delay_s + intent.patience_s
    return Bake(
        candidate=candidate, share=share, capacity=capacity, bake_s=bake_s, rule=intent.rule,
        delay_s=intent.delay_s, patience_s=patience_s, inconclusive=intent.inconclusive,
        deadline_s=patience_s + 120.0, alarms=intent.alarms, look_back_s=look_back_s,
    )  # fmt: skip


def watch(intent: Intent, candidate: Slot, share: int, capacity: int) -> Bake:
    """What a step that comes after a bake goes on judging the candidate by."""
    return bake(intent, candidate, share, capacity, intent.delay_s)


def departure(intent: Intent, old: Slot, watched: Bake | None = None) -> tuple[Step, ...]:
    """The old slot leaves once it is silent; until then the new one is `watched`."""
    return (
        linger(intent, old, watched),
        *hook(intent, HookPoint.BEFORE_RETIRE, old),
        Retire(old, intent.limits.retire_s),
    )


def linger(intent: Intent, slot: Slot, watched: Bake | None = None) -> Linger:
    """`slot` has lost its traffic and falls silent."""
    return Linger(slot, intent.linger_s, intent.delay_s, intent.linger_s + 120.0, watch=watched)


def hook(
    intent: Intent,
    point: HookPoint,
    slot: Slot,
    *,
    essential: bool = True,
    nth: int = 1,
    watched: Bake | Soak | None = None,
) -> tuple[Step, ...]:
    """The step of the hook at `point`, if the service has one; the arguments are the step's."""
    action = intent.hooks.get(point)
    if action is None:
        return ()
    return (
        Hook(
            point, action, slot, action.deadline_s + SLACK_S,
            essential=essential, nth=nth, watch=watched,
        ),
    )  # fmt: skip


def turned_back(intent: Intent, left: Slot, before: Plan | None = None) -> tuple[Step, ...]:
    """The hook after users have left the release in the slot `left`, on the way back of `before`.

    If that was a way back itself, the second run has a key of its own: it tells something else.
    Its failure is told, and stops nothing: whoever goes back needs the way back more than the hook.
    """
    passed = before.steps if before else ()
    again = any(isinstance(s, Hook) and s.point is HookPoint.ON_ROLLBACK for s in passed)
    return hook(intent, HookPoint.ON_ROLLBACK, left, essential=False, nth=2 if again else 1)
