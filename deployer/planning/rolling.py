"""Rolling: the release comes to the group that serves, a batch of instances at a time. Pure.

Weights never change; both releases serve at once until the last batch. The strategy and its way
back are two plans over the same steps: what is launched from now on, and which instances give way.
"""

from collections import Counter
from collections.abc import Iterator

from msgspec.structs import replace

from deployer.errors import Halted, NotPossibleNow, PlanInvalid
from deployer.hooks import HookPoint
from deployer.intent import Intent
from deployer.model import Release, Slot, SlotState, Snapshot
from deployer.plan import Deployment, Plan, basis_of
from deployer.planning import stages as stages_of
from deployer.steps.batches import Pace, Standing, stand
from deployer.steps.checkpoint import Checkpoint
from deployer.steps.kinds import Step
from deployer.steps.pin import Pin
from deployer.steps.provision import Provision
from deployer.steps.quiet import Quiet
from deployer.steps.replace import Replace
from deployer.steps.soak import Soak

# What fights a replacement, and only that (docs/rolling.md): AZRebalance launches and terminates by
# itself to even out zones, beyond the group's maximum if need be (aws-facts 3.2).
QUIETED = ("AZRebalance",)
NEEDED = ("Launch", "Terminate", "AddToLoadBalancer")
SETTLE_S = 120.0


def forward(seen: Snapshot, intent: Intent, slot: Slot) -> Plan:
    """The plan that brings `intent.release` to `slot`, which serves everything.

    Raises:
        PlanInvalid: no batch is left to replace with, or the group cannot grow by its surge.
        NotPossibleNow: nothing to replace, or a process that this needs is suspended.
    """
    state, release = seen[slot], intent.release
    require_processes(state)
    pace = pace_of(intent, state)
    standing = stand(state, "" if state.stale else release.name, renewed=_pinned(state, release))
    if not standing.old:
        raise NotPossibleNow(f"all instances of {slot} that can be replaced run {release.name}")
    before = previous(state, release)
    steps = (
        *stages_of.hook(intent, HookPoint.BEFORE_TRAFFIC, slot),
        Quiet(slot, QUIETED, intent.limits.route_s),
        Pin(slot, release, intent.limits.route_s),
        *_climb(intent, slot, pace, len(standing.old)),
    )
    return Plan(
        strategy="rolling", intent=intent, candidate=slot, stable=slot,
        previous=before.name if before else _names(state), capacity=pace.count,
        steps=stages_of.kept(steps, intent, slot),
        basis=basis_of(seen), before=before,
        notes=tuple(notes(state, intent, pace, standing, before)),
    )  # fmt: skip


def back(seen: Snapshot, deployment: Deployment) -> Plan:
    """The way back: what is launched from now on is the release before, and the rest gives way.

    Raises:
        Halted: nobody knows what to launch.
    """
    plan = deployment.plan
    intent, slot, before = plan.intent, plan.candidate, plan.before
    if before is None and reached(seen, plan):
        raise Halted(
            f"{intent.release.name} is on some instances of {slot} and nothing is known that could "
            f"be launched in its place: ship a good one with `deployer rolling RELEASE`"
        )
    told = stages_of.turned_back(intent, slot, plan)
    steps = (*(_descent(plan, before) if before else (_as_it_is(plan),)), *told)
    return Plan(
        strategy="rollback", intent=intent, candidate=slot, stable=slot, previous=plan.previous,
        capacity=plan.capacity, steps=stages_of.kept(steps, intent, slot), basis=basis_of(seen),
        before=before, surge=deployment.surge,
    )  # fmt: skip


def _descent(plan: Plan, before: Release) -> tuple[Step, ...]:
    """As it went forward: the same batches."""
    slot, limits = plan.candidate, plan.intent.limits
    pace = next(step.pace for step in plan.steps if isinstance(step, Replace))
    rounds = -(-pace.count // pace.batch)
    deadline_s = rounds * (limits.provision_s + limits.retire_s)
    return (
        Quiet(slot, QUIETED, limits.route_s),
        Pin(slot, before, limits.route_s),
        Replace(slot, before, pace, pace.count, deadline_s, returning=True),
    )


def _as_it_is(plan: Plan) -> Provision:
    """Nothing was replaced yet: the group has what it had."""
    return Provision(plan.candidate, None, plan.capacity, plan.intent.limits.provision_s)


def reached(seen: Snapshot, plan: Plan) -> bool:
    """Users reach the release, or may at any moment: it is what the live group launches."""
    state, name = seen[plan.candidate], plan.release.name
    return state.boots_name == name or name in state.releases


def pace_of(intent: Intent, state: SlotState, count: int | None = None) -> Pace:
    """The settings' batches in instances of this group.

    One instance always serves: a group of one launches first, whatever the settings say.

    Raises:
        PlanInvalid: both come to no instance at all, or the group may not grow by its surge.
    """
    roll, count = intent.roll, state.desired if count is None else count
    surge, unavailable = roll.surge.up(count), min(count - 1, roll.max_unavailable.down(count))
    if count == 1:
        surge = max(1, surge)
    if not surge + unavailable:
        raise PlanInvalid(
            f"surge {roll.surge} and max_unavailable {roll.max_unavailable} of {count} instances "
            "are none at all: nothing could ever be replaced; raise one of them"
        )
    if count + surge > state.max_size:
        raise PlanInvalid(
            f"{state.slot} may have at most {state.max_size} instances and {count} with a surge of "
            f"{surge} need {count + surge}: raise max_instances in deployer.toml and deploy the "
            "stacks, or lower the surge"
        )
    return Pace(count, unavailable, surge)


def require_processes(state: SlotState) -> None:
    """The group does what a replacement needs.

    Raises:
        NotPossibleNow: somebody has suspended it.
    """
    suspended = [process for process in NEEDED if process in state.suspended]
    if suspended:
        raise NotPossibleNow(
            f"{', '.join(suspended)} of {state.slot} is suspended, and nothing can be replaced "
            "without: resume it (aws autoscaling resume-processes), then run the command again"
        )


def previous(state: SlotState, release: Release) -> Release | None:
    """What most of the other instances run, as far as it is known what that stands for."""
    counts = Counter(i.release for i in state.instances if i.release not in (None, release.name))
    known = {each.name: each for each in state.known}
    ranked = sorted(counts, key=lambda name: (-counts[name], name != state.boots_name, name or ""))
    return next((known[name] for name in ranked if name in known), None)


def stages(old: int, count: int, batch: int, stop: int | None) -> tuple[int, ...]:
    """How many instances are of the release after each batch, rising to `count`.

    Each is judged before the next one begins, however many they are. One ends at `stop`, if named.
    """
    marks = {count, *range(count - old + batch, count, batch)}
    if stop is not None:
        marks.add(stop)
    return tuple(sorted(mark for mark in marks if count - old < mark <= count))


def _climb(intent: Intent, slot: Slot, pace: Pace, old: int) -> Iterator[Step]:
    roll, limits = intent.roll, intent.limits
    stop = max(1, roll.until.up(pace.count)) if roll.until else None
    for until in stages(old, pace.count, pace.batch, stop):
        soak = _soak(intent, slot, until, pace.count)
        watch = replace(soak, away=pace.max_unavailable)
        yield Replace(slot, intent.release, pace, until, limits.provision_s, watch=watch)
        if until == pace.count:
            yield from stages_of.hook(intent, HookPoint.AFTER_TRAFFIC, slot, watched=soak)
        yield soak
        if until == stop and until < pace.count:
            yield Checkpoint(soak, SETTLE_S)


def _soak(intent: Intent, slot: Slot, until: int, count: int) -> Soak:
    roll = intent.roll
    patience_s = roll.soak_s + intent.delay_s + intent.patience_s
    held_s = intent.approve_s if intent.inconclusive == "hold" else 0.0
    return Soak(
        slot, intent.release.name, until, count, roll.soak_s, intent.rule, roll.before,
        intent.delay_s, patience_s, intent.inconclusive,
        patience_s + SETTLE_S + intent.limits.retire_s + held_s, intent.alarms,
    )  # fmt: skip


def notes(
    state: SlotState, intent: Intent, pace: Pace, standing: Standing, before: Release | None
) -> Iterator[str]:
    """What people should know before it begins."""
    name = intent.release.name
    yield f"Both releases serve at once, from {state.slot}, until the last batch: they must agree."
    yield "No probe before users: nothing leads to the new instances alone; the first batch is it."
    yield (
        f"At least {pace.count - pace.max_unavailable} of {pace.count} instances stay healthy, at "
        f"most {pace.count + pace.surge} are asked for."
    )
    until = intent.roll.until
    if until is not None and until.up(pace.count) >= pace.count:
        yield f"No checkpoint: until {until} is all of the {pace.count}."
    if pace.count == 1 and not intent.roll.surge.up(1):
        yield "A group of one launches first: one more instance for a while."
    yield f"{', '.join(QUIETED)} of {state.slot} is suspended meanwhile and resumed on every way out."
    usual = intent.roll.before
    yield (
        f"Judged against what {state.slot} served before: {usual}."
        if usual is not None and usual.requests
        else f"What {state.slot} served before is not known: judged as if it had never failed."
    )
    if standing.kept:
        yield f"{len(standing.kept)} protected from scale-in: left alone, still without {name}."
    if any("Standby" in instance.lifecycle for instance in state.instances):
        yield f"Instances on standby are left alone: they come back without {name}."
    if HookPoint.BEFORE_RETIRE in intent.hooks:
        yield f"The hook {HookPoint.BEFORE_RETIRE} does not run: no slot is retired."
    if before is None:
        yield f"There is no way back but another release: what {state.slot} runs is not known."


def _pinned(state: SlotState, release: Release) -> bool:
    """What the release comes to as an instance is known: the group launches it now."""
    return state.boots_name == release.name


def _names(state: SlotState) -> str | None:
    return ", ".join(state.releases) or state.boots_name
