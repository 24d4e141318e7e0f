"""One look at the world, one transition at most: what is done, what is waited for, what to change.

Pure apart from the readings that a step takes. The ways that lead off the plan (back, halted, the
end) are in `exits`; `engine` carries out what is decided here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as altered

from msgspec.structs import replace

from deployer.changes import Effect, Freeze, SetCohort, SetDesired, SetWeights, Suspend, Terminate
from deployer.engine import ownership, parting, surging
from deployer.errors import CloudUnavailable, DeadlineExpired
from deployer.freezes import Freezes
from deployer.hooks import RunHook
from deployer.model import Snapshot
from deployer.plan import Deployment, Event, Status
from deployer.planning import stickiness
from deployer.ports import World
from deployer.steps.approve import Approve
from deployer.steps.bake import Bake
from deployer.steps.base import Act, Done, Progress, Waiting
from deployer.steps.checkpoint import Checkpoint
from deployer.steps.cohort import Admit, Dismiss
from deployer.steps.hook import Hook
from deployer.steps.kinds import Step
from deployer.steps.linger import Linger
from deployer.steps.pin import Pin
from deployer.steps.ramp import Ramp
from deployer.steps.replace import Replace
from deployer.steps.route import Route
from deployer.steps.soak import Soak

NO_NUMBERS: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Decision:
    """What one look came to: the record as it becomes, the one change to make, what to tell."""

    after: Deployment
    change: Effect | None
    event: Event


def noticed(decision: Decision, freezes: Freezes) -> Event | None:
    """That a freeze has begun over a deployment that runs: it is not stopped, but its record says so.

    None: there is none, it is known, or the deployment goes back or was begun in spite of it.
    """
    after = decision.after
    if after.status is not Status.RUNNING or after.over or after.first_plan.override:
        return None
    at = decision.event.at
    why = freezes.why(at)
    if not why or any(e.kind == "freeze" and e.note.startswith(_on(why)) for e in after.log):
        return None
    freeze = freezes.now(
        at
    )  # until when takes longer to find out: it is asked once, not at each look
    return Event(at, "freeze", f"{_on(freeze.words)}; what runs goes on") if freeze else None


def _on(words: str) -> str:
    return f"a freeze is on: {words}"


def decide(deployment: Deployment, world: World) -> Decision:
    """One transition at most.

    Raises:
        StepFailed: the way back begins.
        Halted: nothing more may be done.
    """
    settled = ownership.settle(deployment, world.seen, world.now)
    settled = surging.seen(settled, world.seen)
    world = altered(
        world, surge=settled.surge, calm_since=settled.calm_since, shares=settled.shares
    )
    if settled.moved_since is not None:
        note = f"{ownership.strange(settled, world.seen)}: looking again"
        return Decision(settled, None, Event(world.now, "waiting", note))
    if settled.paused_at is not None:
        return hold(settled, world)
    back = stickiness.overdue(settled, world.seen, world.now)
    if back is not None and world.now <= settled.due_at:
        return intend(settled, back, world.now)
    progress = doubt(settled, advance(settled, world), world.now)
    if isinstance(progress, Done):
        return finish_step(settled, progress, world.now)
    anew = isinstance(progress, Act) and isinstance(progress.change, RunHook)
    if world.now > settled.due_at and not anew:
        why = progress.reason if isinstance(progress, Waiting) else f"still to {progress.change}"
        raise DeadlineExpired(f"{settled.step.describe()}: {why}")
    if isinstance(progress, Waiting):
        event = Event(world.now, "waiting", progress.reason, progress.evidence)
        return Decision(settled, None, event)
    return intend(settled, progress.change, world.now, progress.evidence)


def hold(deployment: Deployment, world: World) -> Decision:
    """A paused deployment moves nothing forward, but stays under judgement.

    Weights, or a user group's rule, that were written before it was paused, or what a group
    launches, may come to light only now: the step that comes after them is what watches over them.

    Raises:
        StepFailed: the candidate has users and went bad.
    """
    if _came_to_light(deployment, world.seen):
        progress = doubt(deployment, advance(deployment, world), world.now)
        if isinstance(progress, Done):
            moved = finish_step(deployment, progress, world.now)
            return Decision(replace(moved.after, paused_at=world.now), None, moved.event)
    watch = _watch_of(deployment.step, world)
    try:
        why = watch.require_good(world).reason if watch is not None else ""
    except CloudUnavailable as error:
        why = str(error)
    note = "paused: `deployer resume` lets it go on" + (f"; meanwhile: {why}" if why else "")
    return Decision(deployment, None, Event(world.now, "waiting", note))


def _came_to_light(deployment: Deployment, seen: Snapshot) -> bool:
    step = deployment.step
    if isinstance(step, Pin):
        return seen[step.slot].boots_exactly(step.release)
    if isinstance(step, Admit):
        return seen.cohort == step.wanted
    return isinstance(step, Route) and seen.weights == step.weights


def _watch_of(step: Step, world: World) -> Bake | Soak | Ramp | None:
    """What judges the release while that step stands still."""
    if isinstance(step, Replace):
        return step.watching(world)
    if isinstance(step, Approve | Checkpoint | Hook | Route | Linger | Dismiss):
        return step.watch
    return step if isinstance(step, Bake | Soak | Ramp) else None


def advance(deployment: Deployment, world: World) -> Progress:
    """The step's own look; a reading that fails is waited for, within the deadline."""
    try:
        return deployment.step.advance(world)
    except CloudUnavailable as error:
        return Waiting(str(error))


def doubt(deployment: Deployment, progress: Progress, now: float) -> Progress:
    """The world is not as it reads while another write of ours may still come to light."""
    if not isinstance(progress, Done):
        return progress
    unseen = ownership.unseen(deployment, now) or surging.unseen(deployment, now)
    return Waiting(f"looking again: {unseen}") if unseen else progress


def finish_step(deployment: Deployment, done: Done, now: float) -> Decision:
    """Move to the next step, or to the end."""
    event = Event(now, "step_done", f"{deployment.step.describe()}: {done.note}", done.evidence)
    concluded = ownership.concluded(deployment)
    return Decision(concluded.past_its_step(now).noting(event), None, event)


def intend(
    deployment: Deployment,
    change: Effect,
    now: float,
    evidence: Mapping[str, object] = NO_NUMBERS,
) -> Decision:
    """Write down what is about to be done; a repeated change is logged once.

    But each run of a hook is on the record, and has the whole deadline.
    """
    event = Event(now, "change", str(change), evidence)
    after = deployment
    if isinstance(change, RunHook):
        return Decision(replace(after, entered_at=now, held_s=0.0).noting(event), change, event)
    if isinstance(change, SetWeights | SetCohort):
        after = ownership.intending(after, change, now)
    if isinstance(change, Suspend | Freeze):
        after = parting.remembering(after, change)
    if isinstance(change, SetDesired | Terminate):
        after = surging.remembering(after, change, now)
    if not any(e.kind == "change" and e.note == event.note for e in after.log[-1:]):
        after = after.noting(event)
    return Decision(after, change, event)
