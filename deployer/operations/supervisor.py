"""The supervisor: carries on what a runner has left, a visit at a time.

A schedule calls it every minute. It takes over a deployment whose lease has run out, gets it as far
as that goes without waiting, and leaves the rest to its next visit: meanwhile the lease, in the
supervisor's own name, goes on, so that nobody takes the pause between two visits for a death. Kill a
visit at any instruction, and the first one after its lease has run out finds the same record. Should
the schedule call twice at once, one of the two acts.

    the lease                                   what a visit does
    is there none: nothing is being deployed    gives back what is owed or still held (settling), and
                                                empties an idle slot that nobody wants (expiry)
    lives: a runner's, or another visit's       nothing; but where it should have been renewed by now, it
                                                says when to look again
    waits for the next visit                    carries it on
    has run out                                 carries it on, or takes it back (`Policy`)

What a visit cannot carry on (a permission is missing, a hook's program is not here, or lasts longer than
it may stay) it does not hold: whoever can, resumes it at once.

While it is there a visit's lease is a runner's, so that the next one need not wait long for one that
was killed; what it leaves behind outlasts two pauses between visits.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from deployer.engine import control
from deployer.engine.loop import Runner
from deployer.engine.settling import Outcome, settle
from deployer.errors import (
    CloudUnavailable,
    DeployError,
    LeaseLost,
    Locked,
    NotFound,
    NotPossibleNow,
    PlanInvalid,
)
from deployer.hooks import HookAction
from deployer.journal import Active, Ask, Journal, Lease, Request, name_of
from deployer.plan import Deployment, Status
from deployer.planning.hooks_ahead import hooks_to_come, require_brief_hooks
from deployer.ports import Clock

Policy = Literal["resume", "rollback"]
"""What becomes of a deployment whose runner is gone. One that a person holds paused stays where it
is, and one that cannot go back goes on, whatever the policy."""


class State(StrEnum):
    """What a visit has found, or left behind."""

    FREE = "nothing is being deployed"
    ATTENDED = "somebody carries it out"
    ABANDONED = "its runner is gone"
    OURS = "it waits for the supervisor's next visit"
    ENDED = "it has ended"
    SETTLED = "what an ended deployment owed was given back"
    EXPIRED = "an idle slot that nobody wants gives its instances back"
    STUCK = "it could not be carried on"


@dataclass(frozen=True, slots=True)
class Visit:
    """What one visit to an environment came to.

    deployment: as it stands now; None: there is none.
    problem:    why it could not be carried on.
    again_s:    look again after so long, seconds: its runner should have renewed the lease by now, and
                either it does until then, or it is dead; 0: the next visit is soon enough.
    late_s:     so long after the lease that the visit before had left for this one, seconds: then
                nobody had been there, and the step's deadline begins anew.
    """

    state: State
    deployment: Deployment | None = None
    problem: DeployError | None = None
    late_s: float = 0.0
    again_s: float = 0.0


def look(active: Active | None, name: str, now: float) -> State:
    """What there is to do for the supervisor `name`. Pure.

    A visit of ours that died has changed its lease's owner already: what it left is not abandoned by
    a runner, and no reason to go back.
    """
    if active is None:
        return State.FREE
    if active.lease.owner == name:
        return State.OURS
    if active.lease.expires_at > now:
        return State.ATTENDED
    return State.OURS if name_of(active.lease.owner) == name else State.ABANDONED


def lateness_s(active: Active, name: str, now: float) -> float:
    """How long the lease that waited for the supervisor `name` had run out. Pure."""
    return max(0.0, now - active.lease.expires_at) if active.lease.owner == name else 0.0


def overdue_s(active: Active, lease_s: float, now: float) -> float:
    """How long the lease still lasts of a runner that is late with renewing it; 0: it is not. Pure.

    A living one renews its lease when half of it is over (`Runner.turn`).
    """
    left_s = active.lease.expires_at - now
    return left_s if 0 < left_s < lease_s / 2 else 0.0


def turns_back(deployment: Deployment, policy: Policy) -> bool:
    """Whether one that its runner has abandoned is to go back. Pure."""
    held = deployment.paused_at is not None
    if policy == "resume" or held or deployment.status is not Status.RUNNING:
        return False
    return deployment.ending is None and not control.stuck(deployment)


@dataclass(frozen=True, slots=True)
class Supervisor:
    """One visit's supervisor of one environment.

    runner:  the engine; its owner is this visit's alone (`identity.owner` of the supervisor's name).
    stay_s:  how long the visit may last; infinite where nothing ends this process.
    rest_s:  the lease of what is left to the next visit: it outlasts the pause until then, though one
             visit be late.
    request: a wish in the supervisor's name, different each time.
    lacking: why a hook could not be begun here; empty: nothing is known against it.
    expire:  begins what empties an idle slot, if that is due; None: it is not.
    """

    environment: str
    journal: Journal
    clock: Clock
    runner: Runner
    stay_s: float
    rest_s: float
    policy: Policy
    request: Callable[[Ask], Request]
    lacking: Callable[[HookAction], str] = lambda _: ""
    expire: Callable[[Lease], Deployment | None] = lambda _: None

    def visit(self) -> Visit:
        """Carry on what is left to us, as far as it goes without waiting.

        Raises no DeployError: the next environment wants its visit too, and this one gets another.
        """
        active: Active | None = None
        try:
            active = self.journal.active(self.environment)
            now = self.clock.now()
            state = look(active, name_of(self.runner.owner), now)
            if active is None:
                return self._tidy()
            if state is State.ATTENDED:
                again_s = overdue_s(active, self.runner.lease_s, now)
                return Visit(state, active.deployment, again_s=again_s)
            require_brief_hooks(active.deployment, self.stay_s)
            require_able(active.deployment, self.lacking)
            if state is State.ABANDONED and turns_back(active.deployment, self.policy):
                self._turn_back()
            return self._carry(active)
        except DeployError as error:
            return Visit(State.STUCK, active.deployment if active else None, error)

    def _tidy(self) -> Visit:
        """Nothing is being deployed: what is owed is given back, and what nobody wants leaves."""
        done = settle(self.runner, self.environment)
        if done.outcome is Outcome.GIVEN:
            return Visit(State.SETTLED)
        try:
            begun = self.expire(self._lease(self.runner.lease_s))
        except Locked:
            return Visit(State.ATTENDED)
        if begun is None:
            return Visit(State.FREE)
        after = self._visited(begun, self.runner.lease_s)
        return Visit(State.EXPIRED, after) if isinstance(after, Deployment) else after

    def _turn_back(self) -> None:
        """Asked before it is taken over: should we die in between, the wish stands.

        Its runner may be slow rather than dead; then that one goes back, as the policy wants it.
        """
        with suppress(NotPossibleNow):  # it was asked for already, or has ended
            self.journal.ask(self.environment, self.request(Ask.ABORT))

    def _carry(self, active: Active) -> Visit:
        late_s = lateness_s(active, name_of(self.runner.owner), self.clock.now())
        try:
            lease = self._lease(self.runner.lease_s)
            taken = self.journal.take_over(self.environment, lease, self.clock.now())
        except Locked:
            return Visit(State.ATTENDED, active.deployment)  # somebody was faster
        except NotFound:
            return Visit(State.ENDED, active.deployment)
        # The lease of before tells whether anybody has looked; the one of now, when to renew it.
        until = min(active.lease.expires_at, lease.expires_at)
        after = self._visited(taken, until - self.clock.now())
        if isinstance(after, Visit):
            return after
        if after.status.final:
            return Visit(State.ENDED, after)
        return Visit(State.OURS, after, late_s=late_s)

    def _visited(self, taken: Deployment, lease_s: float) -> "Deployment | Visit":
        """What a visit makes of a deployment that is ours, and leaves to the next one; or its problem."""
        lease = Lease(self.runner.owner, self.clock.now() + lease_s)
        try:
            after = self.runner.visit(Active(taken, lease), self.stay_s)
        except LeaseLost:
            return Visit(State.ATTENDED, taken)  # we were too slow, and another visit goes on
        except DeployError as error:
            self._let_go(taken)
            return Visit(State.STUCK, taken, error)
        if not after.status.final:
            self._rest(after)
        return after

    def _rest(self, deployment: Deployment) -> None:
        """Without an answer our lease runs out by itself, and the next visit but some takes over."""
        with suppress(CloudUnavailable):
            self.journal.rest(deployment, self._lease(self.rest_s))

    def _let_go(self, deployment: Deployment) -> None:
        """Whoever can carry it on need not wait for our lease, nor for the next one in its place."""
        with suppress(DeployError):  # the visit's own problem is what is told
            self.journal.release(deployment, self._lease(self.rest_s))

    def _lease(self, lasts_s: float) -> Lease:
        return Lease(self.runner.owner, self.clock.now() + lasts_s)


def require_able(deployment: Deployment, lacking: Callable[[HookAction], str]) -> None:
    """Each hook that may still run can be begun here: one that cannot would send the release back.

    Raises:
        PlanInvalid: one cannot.
    """
    for point, action in hooks_to_come(deployment).items():
        if why := lacking(action):
            raise PlanInvalid(
                f"the hook {point} cannot run here: {why}; run `deployer resume` where it can, or make "
                "the hook a function or a URL"
            )
