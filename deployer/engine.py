"""The engine: observe, decide one transition, write the intent down, make one change, look again.

`decide` is pure apart from the readings that a step takes; `Runner.turn` wraps it in the journal's
writes; `Runner.run` is the only loop. The same turn runs under the command line, under a timer in
the cloud and in a simulated clock. Kill the process at any instruction: the record says what may
have happened, the cloud says what did, and the next runner goes on from there.
"""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from deployer import control, parting, strategies
from deployer.errors import (
    Aborted,
    AccessProblem,
    ChangeRefused,
    CloudUnavailable,
    DeadlineExpired,
    Halted,
    LeaseLost,
    StepFailed,
    WeightsMoved,
)
from deployer.hooks import NO_HOOKS, Hooks, RunHook
from deployer.journal import Journal, Lease
from deployer.model import Snapshot
from deployer.plan import Deployment, Event, Status
from deployer.ports import (
    UNHEARD,
    Alarms,
    Clock,
    Cloud,
    Effect,
    Freeze,
    Metrics,
    Prober,
    SetWeights,
    Suspend,
    World,
)
from deployer.steps.approve import Approve
from deployer.steps.bake import Bake
from deployer.steps.base import LATE_READING_S, Act, Done, Progress, Waiting
from deployer.steps.checkpoint import Checkpoint
from deployer.steps.hook import Hook
from deployer.steps.linger import Linger
from deployer.steps.retire import Retire
from deployer.steps.route import Route
from deployer.steps.soak import Soak

# Reads may lag behind a change of our own: strange weights must stay strange this long before
# the deployment stops, and a write that nobody has seen for this long did not happen. Nothing is
# changed meanwhile.
MOVED_GRACE_S = LATE_READING_S

Tell = Callable[[Deployment, Event, Snapshot | None], None]


@dataclass(frozen=True, slots=True)
class Decision:
    """What one look came to: the record as it becomes, the one change to make, what to tell."""

    after: Deployment
    change: Effect | None
    event: Event


def decide(deployment: Deployment, world: World) -> Decision:
    """One transition at most.

    Raises:
        StepFailed: the way back begins.
        Halted: nothing more may be done.
    """
    settled = settle(deployment, world.seen, world.now)
    if settled.moved_since is not None:
        note = f"live weights read {world.seen.weights}, not {settled.written}: looking again"
        return Decision(settled, None, Event(world.now, "waiting", note))
    if settled.paused_at is not None:
        return hold(settled, world)
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
    return intend(settled, progress.change, world.now)


def hold(deployment: Deployment, world: World) -> Decision:
    """A paused deployment moves nothing forward, but stays under judgement.

    Weights that were written before it was paused may come to light only now: the bake that comes
    after them is what watches over them.

    Raises:
        StepFailed: the candidate has users and went bad.
    """
    step = deployment.step
    if isinstance(step, Route) and world.seen.weights == step.weights:
        progress = doubt(deployment, advance(deployment, world), world.now)
        if isinstance(progress, Done):
            moved = finish_step(deployment, progress, world.now)
            return Decision(replace(moved.after, paused_at=world.now), None, moved.event)
    watch = step.watch if isinstance(step, Approve | Checkpoint | Hook | Route | Linger) else step
    try:
        why = watch.require_good(world).reason if isinstance(watch, Bake | Soak) else ""
    except CloudUnavailable as error:
        why = str(error)
    note = "paused: `deployer resume` lets it go on" + (f"; meanwhile: {why}" if why else "")
    return Decision(deployment, None, Event(world.now, "waiting", note))


def advance(deployment: Deployment, world: World) -> Progress:
    """The step's own look; a reading that fails is waited for, within the deadline."""
    try:
        return deployment.step.advance(world)
    except CloudUnavailable as error:
        return Waiting(str(error))


def settle(deployment: Deployment, seen: Snapshot, now: float) -> Deployment:
    """Compare the live weights with those that this deployment wrote (invariant I4).

    Raises:
        WeightsMoved: somebody else moved traffic, for longer than a lagging read would explain.
    """
    if seen.weights in deployment.intended:
        later = deployment.intended[deployment.intended.index(seen.weights) + 1 :]
        return replace(deployment, written=seen.weights, intended=later, moved_since=None)
    if seen.weights == deployment.written:
        return replace(deployment, moved_since=None)
    since = deployment.moved_since if deployment.moved_since is not None else now
    if now - since >= MOVED_GRACE_S:
        raise WeightsMoved(
            f"live weights are {seen.weights}, this deployment wrote {deployment.written}: "
            "somebody else moved traffic; find out who, then run `deployer rollback`"
        )
    return replace(deployment, moved_since=since)


def doubt(deployment: Deployment, progress: Progress, now: float) -> Progress:
    """Traffic is not where it reads while another write of ours may still come to light.

    Only the end of a Route rests on weights that were never written: a way back that begins before
    the last step forward was seen would otherwise believe a reading from before that step.
    """
    route_done = isinstance(progress, Done) and isinstance(deployment.step, Route)
    written_at = deployment.intended_at
    if route_done and deployment.intended and now - (written_at or 0.0) < MOVED_GRACE_S:
        return Waiting(f"looking again: {deployment.intended[-1]} may have been written")
    return progress


def finish_step(deployment: Deployment, done: Done, now: float) -> Decision:
    """Move to the next step, or to the end."""
    event = Event(now, "step_done", f"{deployment.step.describe()}: {done.note}", done.evidence)
    if isinstance(deployment.step, Route):
        deployment = replace(deployment, intended=())
    return Decision(deployment.past_its_step(now).noting(event), None, event)


def intend(deployment: Deployment, change: Effect, now: float) -> Decision:
    """Write down what is about to be done; a repeated change is logged once.

    But each run of a hook is on the record, and has the whole deadline.
    """
    event = Event(now, "change", str(change))
    after = deployment
    if isinstance(change, RunHook):
        return Decision(replace(after, entered_at=now).noting(event), change, event)
    if isinstance(change, SetWeights):
        earlier = tuple(w for w in after.intended if w != change.weights)
        after = replace(after, intended=(*earlier, change.weights), intended_at=now)
    if isinstance(change, Suspend | Freeze):
        after = parting.remembering(after, change)
    if not any(e.kind == "change" and e.note == event.note for e in after.log[-1:]):
        after = after.noting(event)
    return Decision(after, change, event)


def go_back(deployment: Deployment, error: StepFailed, seen: Snapshot, now: float) -> Decision:
    """Begin the way back.

    A failure on the way back itself, or once the new release has everything and only the old slot
    is left to clear, is left to a person: nothing that helps users remains to be done. So is one of
    a release that cannot go back, once users reach it: only a person's word turns that one back.
    """
    if deployment.status is Status.RETREATING:
        return halt(deployment, Halted(f"the way back failed: {error}; run `deployer status`"), now)
    if isinstance(deployment.step, Retire) and not isinstance(error, Aborted):
        reason = f"{deployment.plan.release.name} serves everything, but {error}"
        return halt(deployment, Halted(f"{reason}; see `deployer status`"), now)
    if strategies.irreversible(seen, deployment) and not isinstance(error, Aborted):
        return halt(deployment, Halted(control.no_way_back(deployment, seen, str(error))), now)
    try:
        plan = strategies.rollback(seen, deployment)
    except Halted as halted:
        return halt(deployment, Halted(f"{error}; {halted}"), now)
    event = Event(now, "retreat", str(error), error.evidence)
    after = replace(
        deployment,
        status=Status.RETREATING,
        plan=plan,
        original=deployment.plan,
        cursor=0,
        entered_at=now,
        paused_at=None,
        reason=str(error),
    )
    return Decision(after.noting(event), None, event)


def halt(deployment: Deployment, error: Halted, now: float) -> Decision:
    """Stop where we stand."""
    event = Event(now, "halted", str(error))
    after = replace(
        deployment, status=Status.HALTED, finished_at=now, paused_at=None, reason=str(error)
    )
    return Decision(after.noting(event), None, event)


def part(deployment: Deployment, decision: Decision, now: float) -> Decision:
    """A decision that ends the deployment first puts back what it holds (invariant I9)."""
    after = parting.stay(deployment, decision.after, now)
    return decision if after is decision.after else Decision(after, None, decision.event)


def leave(deployment: Deployment, now: float) -> Decision:
    """It has come to its end: put back what it holds, then let its record say so."""
    change = parting.restoration(deployment)
    if change is None:
        event = Event(now, "restored", "the groups are left as they were met")
        return Decision(parting.leave(deployment, now).noting(event), None, event)
    if now - deployment.attended_at > parting.PATIENCE_S:
        return give_up(deployment, "no answer", now)
    return intend(deployment, change, now)


def give_up(deployment: Deployment, why: str, now: float) -> Decision:
    """What it holds is left to a person."""
    after = parting.give_up(deployment, why, now)
    event = Event(now, "halted", after.reason)
    return Decision(after.noting(event), None, event)


def _place(deployment: Deployment) -> tuple[object, ...]:
    """Where it stands: as long as that is the same, there is time until the next look."""
    held = parting.holds(deployment) if deployment.ending is not None else 0
    return deployment.cursor, deployment.status, deployment.ending, held


@dataclass(frozen=True, slots=True)
class Runner:
    """The ports, and the loop over them.

    owner:   who runs, for the lease.
    poll_s:  seconds between two looks.
    lease_s: how long the environment stays ours without a word from us.
    tell:    hears of everything that happens, with the reading it was decided on.
    """

    cloud: Cloud
    metrics: Metrics
    prober: Prober
    journal: Journal
    clock: Clock
    owner: str
    poll_s: float
    lease_s: float
    tell: Tell
    alarms: Alarms = UNHEARD
    hooks: Hooks = NO_HOOKS

    def run(self, deployment: Deployment) -> Deployment:
        """Carry a deployment to its end.

        Raises:
            LeaseLost: another runner has taken over; nothing was changed since.
            AccessProblem: credentials or a permission are missing; resume when they are there.
        """
        lease_until = self.clock.now()  # as if it had run out: the first turn renews it
        try:
            while not deployment.status.final:
                before = deployment
                deployment, lease_until = self.turn(deployment, lease_until)
                if _place(before) == _place(deployment):
                    self.clock.sleep(self.poll_s)
                else:
                    self.hooks.end()  # whose step was left by an abort
        finally:
            self.hooks.close()
        return deployment

    def turn(self, deployment: Deployment, lease_until: float) -> tuple[Deployment, float]:
        """One look and at most one change; returns the saved record and the lease's end.

        When the journal or the cloud does not answer, the record comes back as it was: if it was
        saved after all, the next save is refused and `_recall` reads what is stored.
        """
        try:
            seen, decision = self._look(deployment, lease_until)
            due = decision.change is not None or lease_until - self.clock.now() < self.lease_s / 2
            if not due and decision.after == deployment:
                self.tell(deployment, decision.event, seen)
                return deployment, lease_until
            renewed = self.clock.now() + self.lease_s
            saved = self.journal.save(decision.after, Lease(self.owner, renewed))
            self.tell(saved, decision.event, seen)
            if decision.change is not None:
                saved = self._apply(saved, decision.change, seen, renewed)
        except CloudUnavailable as error:
            self._tell(deployment, "unavailable", error)
            return deployment, lease_until
        except LeaseLost as error:
            return self._recall(deployment, error), lease_until
        return saved, renewed

    def _recall(self, deployment: Deployment, lost: LeaseLost) -> Deployment:
        """A refused save: the reply to the one before was lost, or somebody has taken over.

        Raises:
            LeaseLost: another runner holds the deployment.
        """
        try:
            active = self.journal.active(deployment.environment)
            if active is None or active.deployment.id != deployment.id:
                return self.journal.load(deployment.environment, deployment.id)
        except CloudUnavailable as error:
            self._tell(deployment, "unavailable", error)
            return deployment
        stored = active.deployment
        if active.lease.owner != self.owner or stored.version == deployment.version:
            raise lost
        return stored

    def _tell(self, deployment: Deployment, kind: str, words: object) -> None:
        self.tell(deployment, Event(self.clock.now(), kind, str(words)), None)

    def _look(self, deployment: Deployment, lease_until: float) -> tuple[Snapshot | None, Decision]:
        """Observe and decide; a cloud in which our rule is not to be found halts, seen by nobody.

        After a silence longer than the lease deadlines start over: nothing could be done in time.
        """
        try:
            seen = self.cloud.observe()
        except Halted as error:
            deployment, now = self._attended(deployment, lease_until), self.clock.now()
            halted = part(deployment, halt(deployment, error, now), now)
            return None, leave(deployment, now) if deployment.ending else halted
        return seen, self._decide(self._attended(deployment, lease_until), seen)

    def _attended(self, deployment: Deployment, lease_until: float) -> Deployment:
        """Asked after the reading: a process may be stopped in the middle of it."""
        now = self.clock.now()
        return replace(deployment, resumed_at=now) if now >= lease_until else deployment

    def _decide(self, deployment: Deployment, seen: Snapshot) -> Decision:
        now = self.clock.now()
        if deployment.ending is not None:
            return leave(deployment, now)
        return part(deployment, self._next(deployment, seen, now), now)

    def _next(self, deployment: Deployment, seen: Snapshot, now: float) -> Decision:
        world = World(
            seen, now, deployment.entered_at, self.metrics, self.prober, self.alarms,
            self.hooks, deployment.about,
        )  # fmt: skip
        try:
            return self._heed(deployment, now) or decide(deployment, world)
        except StepFailed as error:
            return go_back(deployment, error, seen, now)
        except Halted as error:
            return halt(deployment, error, now)

    def _heed(self, deployment: Deployment, now: float) -> Decision | None:
        """What people asked for, once; on the way back there is nothing to ask for.

        Raises:
            Aborted: the way back begins.
        """
        if deployment.status is not Status.RUNNING:
            return None
        request = self.journal.requested(deployment)
        if request is None or request.id == deployment.heeded:
            return None
        granted = control.grant(deployment, request, now)
        return Decision(granted, None, granted.log[-1])

    def _apply(
        self, deployment: Deployment, change: Effect, seen: Snapshot | None, lease_until: float
    ) -> Deployment:
        """Make the change, unless the lease ran out while it was being written down.

        Weights that are not the expected ones were read too early, or moved by somebody: the next
        looks tell which, and nothing is changed until then.
        """
        if self.clock.now() >= lease_until:
            self._tell(deployment, "unavailable", f"the lease ran out before the change: {change}")
            return deployment
        try:
            if isinstance(change, RunHook):
                self.hooks.begin(change)
            else:
                self.cloud.apply(change)
        except (CloudUnavailable, WeightsMoved) as error:
            self._tell(deployment, "unavailable", error)
            return deployment
        except (ChangeRefused, AccessProblem) as error:
            return self._refused(deployment, ChangeRefused(f"{change}: {error}"), seen)
        return parting.restored(deployment, change)

    def _refused(
        self, deployment: Deployment, error: ChangeRefused, seen: Snapshot | None
    ) -> Deployment:
        now = self.clock.now()
        if deployment.ending is not None or seen is None:
            decision = give_up(deployment, str(error), now)
        else:
            decision = part(deployment, go_back(deployment, error, seen, now), now)
        lease = Lease(self.owner, self.clock.now() + self.lease_s)
        saved = self.journal.save(decision.after, lease)
        self.tell(saved, decision.event, seen)
        return saved
