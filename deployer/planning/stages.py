"""The stretches that plans are made of: a release arrives, gets its share, and the old one leaves."""

from collections.abc import Iterator

from msgspec.structs import replace

from deployer.durations import percent, spell
from deployer.hooks import HookPoint
from deployer.intent import Intent
from deployer.model import WHOLE, Slot, SlotState, Snapshot, Weights, matched_to
from deployer.plan import Plan
from deployer.steps.approve import Approve
from deployer.steps.bake import BEYOND_S, Bake
from deployer.steps.base import LATE_READING_S
from deployer.steps.cohort import Admit, Dismiss
from deployer.steps.hook import SLACK_S, Hook
from deployer.steps.keep import Keep
from deployer.steps.kinds import Step
from deployer.steps.linger import Linger
from deployer.steps.probe import Probe
from deployer.steps.provision import Provision, strangers
from deployer.steps.retire import Retire
from deployer.steps.route import Route
from deployer.steps.soak import Soak


def notes(intent: Intent, stable: Slot, capacity: int) -> Iterator[str]:
    """What people should know of a canary before it begins."""
    if intent.capacity == "matched" and intent.cohort is not None:
        yield (
            f"Capacity is not matched: nobody knows what the user group needs, so {stable.twin} is "
            f"as large as {stable}."
        )
    elif intent.capacity == "matched":
        yield (
            f"Matched capacity: {stable.twin} has what its next share needs and a fifth more, one "
            f"at least; {stable} keeps its {capacity}, so that going back boots nothing."
        )
    if intent.hold_back:
        yield (
            f"Hold-back: {stable} keeps {percent(intent.hold_back)} for {spell(intent.hold_back_s)} "
            f"to compare {stable.twin} with; `deployer promote` ends that."
        )


def matched(intent: Intent) -> bool:
    """The candidate gets what each share needs; of a user group nobody knows what that would be."""
    return intent.capacity == "matched" and intent.cohort is None


def arrival(
    seen: Snapshot,
    intent: Intent,
    candidate: Slot,
    capacity: int,
    *,
    hold: Slot | None = None,
    share: int = WHOLE,
) -> tuple[Step, ...]:
    """The candidate stands, and answers, before any user sees it; `hold` keeps its size.

    share: per mille that it gets first: with matched capacity it starts no larger than that needs.

    What another release has left in the slot goes first, once it is silent. Where nothing healthy
    serves, nobody waits for that longer than the data plane may take to follow (aws-facts 1.3).
    """
    limits = intent.limits
    count = matched_to(share, capacity) if matched(intent) else capacity
    linger_s = intent.linger_s if hold or serves(seen) else min(intent.linger_s, LATE_READING_S)
    occupied = bool(strangers(seen[candidate], intent.release))
    return (
        Provision(
            candidate, intent.release, count,
            limits.provision_s + (linger_s if occupied else 0.0), hold=hold,
            keep=capacity if hold else 0, linger_s=linger_s, delay_s=intent.delay_s,
        ),
        Probe(
            candidate, intent.release.name, intent.probe_requests,
            intent.probe_allowed_failures, limits.probe_s,
        ),
        *hook(intent, HookPoint.BEFORE_TRAFFIC, candidate),
    )  # fmt: skip


def kept(steps: tuple[Step, ...], intent: Intent, slot: Slot | None) -> tuple[Step, ...]:
    """`steps`, and in them the floor of the slot that serves in the end, before the other retires."""
    if slot is None or not intent.floor:
        return steps
    at = next((n for n, step in enumerate(steps) if isinstance(step, Retire)), len(steps))
    return (*steps[:at], Keep(slot, intent.floor, intent.limits.route_s), *steps[at:])


def serves(seen: Snapshot) -> bool:
    """Anything healthy has traffic."""
    return any(seen.traffic_of(slot) and seen[slot].healthy() for slot in Slot)


def leftovers(seen: Snapshot, intent: Intent, candidate: Slot) -> Iterator[str]:
    """What people should know of instances that another release has left in the slot."""
    state = seen[candidate]
    others = strangers(state, intent.release)
    if others and state.desired:
        what = ", ".join(state.releases) or "the stack's own version"
        verb = "leaves" if len(others) == 1 else "leave"
        noun = "instance" if len(others) == 1 else "instances"
        yield (
            f"{candidate} has {len(others)} {noun} of {what}: {verb} first, once its own "
            f"request count says that it serves nobody (at most {spell(intent.linger_s)})."
        )


def unjudged(seen: Snapshot, intent: Intent, dead: Slot) -> Iterator[str]:
    """What people should know where the release gets everything although users may be served."""
    count = sum(i.lifecycle == "InService" for i in seen[dead].instances)
    if count:
        yield (
            f"CAREFUL: {dead} has all of the traffic, and none of its instances in service ({count}) "
            "reads as healthy. If only their health checks fail, users are served all the same, and "
            f"{intent.release.name} gets everything without being judged: wait until they read as "
            "healthy to have it judged."
        )


def once_more(serving: SlotState | None, intent: Intent) -> Iterator[str]:
    """What people should know of shipping what serves already."""
    name = intent.release.name
    if serving is not None and serving.releases == (name,):
        yield (
            f"{name} serves already: this ships it once more, from its artifact and image as they "
            "are now."
        )


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
        route(intent, candidate, share, capacity, before, sized_by=candidate.twin),
        *with_all,
        bake(intent, candidate, share, capacity, look_back_s),
        *_approval(intent, candidate, share, capacity),
    )


def _approval(intent: Intent, candidate: Slot, share: int, capacity: int) -> tuple[Step, ...]:
    if share not in intent.approve:
        return ()
    return (Approve(watch(intent, candidate, share, capacity), intent.approve_s),)


def route(
    intent: Intent,
    slot: Slot,
    share: int,
    capacity: int,
    before: int | None = None,
    *,
    sized_by: Slot | None = None,
) -> Route:
    """`share` per mille to `slot`, which has `before` under judgement already, if it is not None.

    Should its instances have gone since they were provisioned, or should it need more by now,
    there is time to boot new ones; `sized_by` is as `Route` has it.
    """
    limits = intent.limits
    return Route(
        Weights.toward(slot, share), capacity, limits.route_s + limits.provision_s,
        watch=None if before is None else watch(intent, slot, before, capacity),
        sized_by=sized_by, matched=sized_by is not None and matched(intent),
    )  # fmt: skip


def bake(intent: Intent, candidate: Slot, share: int, capacity: int, look_back_s: float) -> Bake:
    """Judge the candidate at `share` per mille; 0: while it serves a user group alone."""
    bake_s = baking_s(intent, share)
    patience_s = bake_s + intent.delay_s + intent.patience_s
    return Bake(
        candidate=candidate, share=share, capacity=capacity, bake_s=bake_s, rule=intent.rule,
        delay_s=intent.delay_s, patience_s=patience_s, inconclusive=intent.inconclusive,
        deadline_s=patience_s + BEYOND_S + longest_s(intent, share), alarms=intent.alarms,
        look_back_s=look_back_s, decides=share == deciding(intent),
    )  # fmt: skip


def longest_s(intent: Intent, share: int) -> float:
    """How much longer than its patience a bake may last: evidence has its own time, and people."""
    terms = intent.terms if 0 < share < WHOLE else None
    gathering_s = 60.0 * terms.limits.max_minutes if terms else 0.0
    return gathering_s + asking_s(intent, share)


def asking_s(intent: Intent, share: int) -> float:
    """How long of that a person is waited for, should evidence be suspicious or too little."""
    terms = intent.terms if 0 < share < WHOLE else None
    asks = intent.inconclusive == "hold" if terms is None else terms.limits.inconclusive != "abort"
    return intent.approve_s if asks else 0.0


def deciding(intent: Intent) -> int | None:
    """The share, per mille, past which the candidate must have been called good; None: none.

    A ramp decides by itself.
    """
    if intent.auto:
        return None
    held = WHOLE - intent.hold_back if intent.hold_back else None
    return max(intent.weights, default=held)


def baking_s(intent: Intent, share: int) -> float:
    """How long it is judged there."""
    if share in (0, WHOLE):
        return intent.final_bake_s if share else intent.group_bake_s
    return intent.hold_back_s if share == WHOLE - intent.hold_back else intent.bake_s


def watch(intent: Intent, candidate: Slot, share: int, capacity: int) -> Bake:
    """What a step that comes after a bake goes on judging the candidate by."""
    return bake(intent, candidate, share, capacity, intent.delay_s)


def carried(seen: Snapshot, planned: int, stable: Slot) -> int:
    """Instances that all of the traffic needs on the way back to `stable`: never less than planned.

    Either slot may have been scaled out since, and the one that users leave carries what it carries
    with what it has now. The group that they return to may not have more than its maximum: rather
    with that many than not at all.
    """
    state = seen[stable]
    grown = max(state.desired, seen[stable.twin].desired)
    return max(planned, min(grown, state.max_size))


def relief(seen: Snapshot, intent: Intent, stable: Slot, capacity: int) -> tuple[Step, ...]:
    """As many users as the instances of `stable` can carry now go back before the others are booted.

    A release that is bad because it burns processors makes its own group grow: those it has grown
    by must not keep everybody waiting on it.
    """
    able = seen[stable].healthy()
    share, live = able * WHOLE // capacity, seen.weights[stable] if seen.weights else 0
    if not live < share < WHOLE:
        return ()
    return (replace(route(intent, stable, share, capacity), relief=stable),)


def departure(intent: Intent, old: Slot, watched: Bake | None = None) -> tuple[Step, ...]:
    """The old slot leaves once it is silent; until it does the new one is `watched`."""
    return (
        linger(intent, old, watched),
        *hook(intent, HookPoint.BEFORE_RETIRE, old, watched=watched),
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
