"""The engine: observe, decide one transition, write the intent down, make one change, look again.

`decide` is pure apart from the readings that a step takes; `Runner.turn` wraps it in the journal's
writes; `Runner.run` is the only loop. The same turn runs under the command line, under a timer in
the cloud and in a simulated clock. Kill the process at any instruction: the record says what may
have happened, the cloud says what did, and the next runner goes on from there.
"""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from deployer import strategies
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
from deployer.journal import Ask, Journal, Lease
from deployer.model import Snapshot
from deployer.plan import Deployment, Event, Status
from deployer.ports import Change, Clock, Cloud, Metrics, Prober, SetWeights, World
from deployer.steps.base import Done, Progress, Waiting
from deployer.steps.retire import Retire

# Reads may lag behind a change of our own: strange weights must stay strange this long before
# the deployment stops. Nothing is changed meanwhile.
MOVED_GRACE_S = 60.0

Tell = Callable[[Deployment, Event, Snapshot | None], None]


@dataclass(frozen=True, slots=True)
class Decision:
    """What one look came to: the record as it becomes, the one change to make, what to tell."""

    after: Deployment
    change: Change | None
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
    progress = advance(settled, world)
    if isinstance(progress, Done):
        return finish_step(settled, progress, world.now)
    if world.elapsed_s > settled.step.deadline_s:
        why = progress.reason if isinstance(progress, Waiting) else f"still to {progress.change}"
        raise DeadlineExpired(f"{settled.step.describe()}: {why}")
    if isinstance(progress, Waiting):
        event = Event(world.now, "waiting", progress.reason, progress.evidence)
        return Decision(settled, None, event)
    return intend(settled, progress.change, world.now)


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
    if deployment.intended is not None and seen.weights == deployment.intended:
        return replace(deployment, written=seen.weights, intended=None, moved_since=None)
    if seen.weights == deployment.written:
        return replace(deployment, moved_since=None)
    since = deployment.moved_since if deployment.moved_since is not None else now
    if now - since >= MOVED_GRACE_S:
        raise WeightsMoved(
            f"live weights are {seen.weights}, this deployment wrote {deployment.written}: "
            "somebody else moved traffic; find out who, then run `deployer rollback`"
        )
    return replace(deployment, moved_since=since)


def finish_step(deployment: Deployment, done: Done, now: float) -> Decision:
    """Move to the next step, or to the end."""
    event = Event(now, "step_done", f"{deployment.step.describe()}: {done.note}", done.evidence)
    if deployment.cursor + 1 < len(deployment.plan.steps):
        after = replace(deployment, cursor=deployment.cursor + 1, entered_at=now)
    else:
        shipped = deployment.status is Status.RUNNING
        status = Status.SHIPPED if shipped else Status.ROLLED_BACK
        after = replace(deployment, status=status, finished_at=now)
    return Decision(after.noting(event), None, event)


def intend(deployment: Deployment, change: Change, now: float) -> Decision:
    """Write down what is about to be done; a repeated change is logged once."""
    event = Event(now, "change", str(change))
    after = deployment
    if isinstance(change, SetWeights):
        after = replace(after, intended=change.weights)
    if not any(e.kind == "change" and e.note == event.note for e in after.log[-1:]):
        after = after.noting(event)
    return Decision(after, change, event)


def go_back(deployment: Deployment, error: StepFailed, seen: Snapshot, now: float) -> Decision:
    """Begin the way back.

    A failure on the way back itself, or once the new release has everything and only the old slot
    is left to clear, is left to a person: nothing that helps users remains to be done.
    """
    if deployment.status is Status.RETREATING:
        return halt(deployment, Halted(f"the way back failed: {error}; run `deployer status`"), now)
    if isinstance(deployment.step, Retire) and not isinstance(error, Aborted):
        reason = f"{deployment.plan.release.name} serves everything, but {error}"
        return halt(deployment, Halted(f"{reason}; see `deployer status`"), now)
    try:
        plan = strategies.rollback(seen, deployment)
    except Halted as halted:
        return halt(deployment, Halted(f"{error}; {halted}"), now)
    event = Event(now, "retreat", str(error))
    after = replace(
        deployment,
        status=Status.RETREATING,
        plan=plan,
        original=deployment.plan,
        cursor=0,
        entered_at=now,
        reason=str(error),
    )
    return Decision(after.noting(event), None, event)


def halt(deployment: Deployment, error: Halted, now: float) -> Decision:
    """Stop where we stand."""
    event = Event(now, "halted", str(error))
    after = replace(deployment, status=Status.HALTED, finished_at=now, reason=str(error))
    return Decision(after.noting(event), None, event)


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

    def run(self, deployment: Deployment) -> Deployment:
        """Carry a deployment to its end.

        Raises:
            LeaseLost: another runner has taken over; nothing was changed since.
            AccessProblem: credentials or a permission are missing; resume when they are there.
        """
        lease_until = self.clock.now() + self.lease_s
        while True:
            deployment, lease_until = self.turn(deployment, lease_until)
            if deployment.status.final:
                return deployment
            self.clock.sleep(self.poll_s)

    def turn(self, deployment: Deployment, lease_until: float) -> tuple[Deployment, float]:
        """One look and at most one change; returns the saved record and the lease's end."""
        try:
            seen = self.cloud.observe()
            decision = self._decide(deployment, seen)
            due = decision.change is not None or lease_until - self.clock.now() < self.lease_s / 2
            if due or decision.after != deployment:
                lease_until = self.clock.now() + self.lease_s
                lease = Lease(self.owner, lease_until)
                deployment = self.journal.save(decision.after, lease)
        except CloudUnavailable as error:
            self.tell(deployment, Event(self.clock.now(), "unavailable", str(error)), None)
            return deployment, lease_until
        self.tell(deployment, decision.event, seen)
        if decision.change is not None:
            deployment = self._apply(deployment, decision.change, seen, lease_until)
        return deployment, lease_until

    def _decide(self, deployment: Deployment, seen: Snapshot) -> Decision:
        now = self.clock.now()
        world = World(seen, now, deployment.entered_at, self.metrics, self.prober)
        try:
            self._heed(deployment)
            return decide(deployment, world)
        except StepFailed as error:
            return go_back(deployment, error, seen, now)
        except Halted as error:
            return halt(deployment, error, now)

    def _heed(self, deployment: Deployment) -> None:
        """What people asked for; on the way back there is nothing left to abort."""
        if deployment.status is Status.RUNNING:
            request = self.journal.requested(deployment)
            if request is not None and request.ask is Ask.ABORT:
                raise Aborted(f"aborted by {request.by}")

    def _apply(
        self, deployment: Deployment, change: Change, seen: Snapshot, lease_until: float
    ) -> Deployment:
        """Make the change, unless the lease ran out while it was being written down."""
        if self.clock.now() >= lease_until:
            raise LeaseLost(f"the lease ran out before the change ({change}): nothing was changed")
        try:
            self.cloud.apply(change)
        except CloudUnavailable as error:
            self.tell(deployment, Event(self.clock.now(), "unavailable", str(error)), None)
            return deployment
        except (ChangeRefused, AccessProblem) as error:
            failure = ChangeRefused(f"{change}: {error}")
            decision = go_back(deployment, failure, seen, self.clock.now())
        except WeightsMoved as error:
            decision = halt(deployment, error, self.clock.now())
        lease = Lease(self.owner, self.clock.now() + self.lease_s)
        deployment = self.journal.save(decision.after, lease)
        self.tell(deployment, decision.event, seen)
        return deployment
