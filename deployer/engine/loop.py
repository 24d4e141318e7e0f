"""The engine: observe, decide one transition, write the intent down, make one change, look again.

`transition.decide` says what to do, `exits` what becomes of a plan that cannot go on; `Runner.turn`
wraps them in the journal's writes; `Runner.run` is the only loop. The same turn runs under the
command line, under a timer in the cloud and in a simulated clock. Kill the process at any
instruction: the record says what may have happened, the cloud says what did, and the next runner
goes on from there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from dataclasses import replace as altered

from msgspec.structs import replace

from deployer.analysis.folds import Folds
from deployer.changes import Effect
from deployer.engine import audit, blaming, control, parting, spending, surging
from deployer.engine.exits import depart, give_up, go_back, halt, leave, part
from deployer.engine.transition import Decision, decide, noticed
from deployer.errors import (
    Aborted,
    AccessProblem,
    ChangeRefused,
    CloudUnavailable,
    Halted,
    LeaseLost,
    NoCredentials,
    NotFound,
    StepFailed,
    WeightsMoved,
)
from deployer.freezes import NO_FREEZES, Freezes
from deployer.hooks import NO_HOOKS, Hooks, RunHook
from deployer.journal import Active, Journal, Lease, last_begun, name_of
from deployer.model import Snapshot
from deployer.plan import Deployment, Event, Status
from deployer.planning import stickiness
from deployer.planning.hooks_ahead import longest, require_brief_hooks
from deployer.ports import (
    NO_VISITORS,
    UNHEARD,
    UNRECORDED,
    Alarms,
    Clock,
    Cloud,
    History,
    Metrics,
    Prober,
    Visitors,
    World,
)
from deployer.record.acts import Actor
from deployer.record.samples import Calls, added, no_calls, sampled
from deployer.steps.hook import Hook

Tell = Callable[[Deployment, Event, Snapshot | None], None]


def _place(deployment: Deployment) -> tuple[object, ...]:
    """Where it stands: as long as that is the same, there is time until the next look."""
    held = parting.holds(deployment) if deployment.ending is not None else 0
    return deployment.cursor, deployment.status, deployment.ending, held


@dataclass(frozen=True, slots=True)
class Runner:
    """The ports, and the loop over them.

    owner:   who runs, for the lease; `actor`: the same for the record's audit.
    poll_s:  seconds between two looks.
    lease_s: how long the environment stays ours without a word from us.
    tell:    hears of everything that happens, with the reading it was decided on.
    history: tells, once users are safe, what a bad verdict was about.
    visitors: the tool's own, who come beside users while a candidate is compared.
    folds:   what was made of the minutes at the look before, to save time.
    calls:   how many API calls were made since it was asked last, for the record.
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
    history: History = UNRECORDED
    visitors: Visitors = NO_VISITORS
    folds: Folds = field(default_factory=Folds, compare=False)
    actor: Actor | None = None
    freezes: Freezes = NO_FREEZES
    calls: Calls = no_calls

    def run(self, deployment: Deployment) -> Deployment:
        """Carry a deployment to its end.

        Raises:
            LeaseLost: another runner has taken over; nothing was changed since.
            AccessProblem: credentials or a permission are missing; resume when they are there.
        """
        self.calls()  # whatever this process did before was not for this deployment
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

    def visit(self, active: Active, stay_s: float) -> Deployment:
        """Carry a deployment as far as it gets without waiting, for a process that lives `stay_s`.

        The timer in the cloud comes back later, as the same owner and before the lease runs out: a
        visit after that would let every deadline start over. A hook lives in the process that has
        begun it, so the visit stays until the hook has ended; one for which the rest of the visit
        may be too short is begun by the next visit.

        Raises:
            PlanInvalid: a hook may take longer than any visit; nothing was changed.
            LeaseLost, AccessProblem: as `run`.
        """
        deployment, lease_until = active.deployment, active.lease.expires_at
        require_brief_hooks(deployment, stay_s)
        until = self.clock.now() + stay_s
        self.calls()  # as in `run`
        try:
            while not deployment.status.final:
                before = deployment
                deployment, lease_until = self.turn(deployment, lease_until)
                if _place(before) != _place(deployment):
                    self.hooks.end()
                if not self._stays(before, deployment, until - self.clock.now()):
                    break
            self.visitors.wait()  # nobody is, once this process is gone
        finally:
            self.hooks.close()
        return deployment

    def _stays(self, before: Deployment, now: Deployment, left_s: float) -> bool:
        """Whether a visit takes another look: at once if it got on, later if its hook runs."""
        moved = _place(before) != _place(now)
        if now.ending is not None or not isinstance(now.step, Hook):
            return moved and left_s > 0
        if moved:
            return longest(now.step.action) <= left_s
        if left_s <= 0 or self.hooks.report(now.step.key_in(now.about)) is None:
            return False
        self.clock.sleep(self.poll_s)
        return True

    def turn(self, deployment: Deployment, lease_until: float) -> tuple[Deployment, float]:
        """One look and at most one change; returns the saved record and the lease's end.

        When the journal or the cloud does not answer, the record comes back as it was: if it was
        saved after all, the next save is refused and `_recall` reads what is stored.
        """
        try:
            seen, decision = self._look(deployment, lease_until)
            decision = self._noticing(decision, seen)
            due = decision.change is not None or lease_until - self.clock.now() < self.lease_s / 2
            if not due and decision.after == deployment:
                self.tell(deployment, decision.event, seen)
                return deployment, lease_until
            renewed = self.clock.now() + self.lease_s
            after = self._sampled(self._signed(decision), seen)
            saved = self.journal.save(after, Lease(self.owner, renewed))
            self.tell(saved, decision.event, seen)
            if decision.change is not None:
                saved = self._apply(saved, decision.change, seen, renewed)
        except CloudUnavailable as error:
            self._tell(deployment, "unavailable", error)
            return deployment, lease_until
        except LeaseLost as error:
            return self._recall(deployment, error), lease_until
        return saved, renewed

    def _noticing(self, decision: Decision, seen: Snapshot | None) -> Decision:
        try:
            event = noticed(decision, self.freezes)
        except Exception:  # noqa: BLE001  a calendar's flaw, at a turn of the year: it decides nothing here
            return decision
        if event is None:
            return decision
        self.tell(decision.after, event, seen)
        return altered(decision, after=decision.after.noting(event))

    def _signed(self, decision: Decision) -> Deployment:
        who = self.actor or Actor(name_of(self.owner))
        return audit.carried(decision.after, who, decision.change, decision.event.at)

    def _sampled(self, deployment: Deployment, seen: Snapshot | None) -> Deployment:
        """With what reports tell of the fleet and of the calls so far."""
        calls = added(deployment.calls, self.calls())
        samples = sampled(deployment.samples, seen, sum(calls.values()))
        known = replace(deployment, samples=samples, calls=calls)
        return spending.counted(known, seen, self.clock.now())

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
            return None, leave(deployment, None, now) if deployment.ending else halted
        except NotFound:
            if deployment.ending is None:
                raise
            return None, leave(deployment, None, self.clock.now())  # what it held has gone too
        return seen, self._decide(self._attended(deployment, lease_until), seen)

    def _attended(self, deployment: Deployment, lease_until: float) -> Deployment:
        """Asked after the reading: a process may be stopped in the middle of it."""
        now = self.clock.now()
        return replace(deployment, resumed_at=now) if now >= lease_until else deployment

    def _decide(self, deployment: Deployment, seen: Snapshot) -> Decision:
        now = self.clock.now()
        if deployment.ending is not None:
            return (
                self._superseded(deployment, now)
                or self._hurried(deployment, now)
                or leave(deployment, seen, now)
            )
        told = blaming.tell(self.history, deployment, seen, now)
        return told or part(deployment, self._next(deployment, seen, now), now)

    def _superseded(self, deployment: Deployment, now: float) -> Decision | None:
        """A record that was opened again for what it owes, while a newer one has taken that over.

        It holds the environment by now, so none can begin after this look.
        """
        if not deployment.reopened:
            return None
        newest = last_begun(self.journal, deployment.environment)
        if newest is not None and newest.id == deployment.id:
            return None
        return depart(deployment, "a later deployment has taken over what it owes", now)

    def _hurried(self, deployment: Deployment, now: float) -> Decision | None:
        """It only waits until the rule may stick again, and somebody has asked it not to."""
        if not stickiness.waits(deployment):
            return None
        request = self.journal.requested(deployment)
        if request is None or request.id == deployment.heeded:
            return None
        if request.ask not in control.possible(deployment):
            return None
        granted = control.grant(deployment, request, now)
        return Decision(granted, None, granted.log[-1])

    def _next(self, deployment: Deployment, seen: Snapshot, now: float) -> Decision:
        world = World(
            seen, now, deployment.entered_at, self.metrics, self.prober, self.alarms,
            self.hooks, deployment.about, held_s=deployment.held_s,
            calm_since=deployment.calm_since, terms=deployment.plan.intent.terms,
            attended_at=deployment.attended_at,
            visitors=self.visitors,
            folds=self.folds,
        )  # fmt: skip
        try:
            return self._heed(deployment, seen, now) or decide(deployment, world)
        except StepFailed as error:
            return go_back(deployment, error, seen, now)
        except Halted as error:
            return halt(deployment, error, now)

    def _heed(self, deployment: Deployment, seen: Snapshot, now: float) -> Decision | None:
        """What people asked for, once; on the way back there is nothing to ask for."""
        if deployment.status is not Status.RUNNING:
            return None
        request = self.journal.requested(deployment)
        if request is None or request.id == deployment.heeded:
            return None
        try:
            granted = control.grant(deployment, request, now)
        except Aborted as error:
            return go_back(control.asked(deployment, request, now), error, seen, now)
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
        except NoCredentials:
            raise  # the way back would need them too: whoever has some resumes
        except (ChangeRefused, AccessProblem) as error:
            return self._refused(deployment, ChangeRefused(f"{change}: {error}"), seen)
        return surging.given_back(parting.restored(deployment, change), change)

    def _refused(
        self, deployment: Deployment, error: ChangeRefused, seen: Snapshot | None
    ) -> Deployment:
        now = self.clock.now()
        if deployment.ending is not None or seen is None:
            decision = give_up(deployment, str(error), now)
        else:
            decision = part(deployment, go_back(deployment, error, seen, now), now)
        lease = Lease(self.owner, self.clock.now() + self.lease_s)
        saved = self.journal.save(spending.counted(decision.after, seen, now), lease)
        self.tell(saved, decision.event, seen)
        return saved
