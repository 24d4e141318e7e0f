"""The supervisor: carries on what a runner has left, a visit at a time.

A schedule calls it every minute. It takes over a deployment whose lease has run out, gets it as far
as that goes without waiting, and leaves the rest to its next visit: meanwhile the lease, in the
supervisor's own name, goes on, so that nobody takes the pause between two visits for a death. Kill a
visit at any instruction, and the first one after its lease has run out finds the same record. Should
the schedule call twice at once, one of the two acts.

    the lease                                   what a visit does
    is there none: nothing is being deployed    gives back what is owed, if it is time (settling)
    lives: a runner's, or another visit's       nothing
    waits for the next visit                    carries it on
    has run out                                 carries it on, or takes it back (`Policy`)

What a visit cannot carry on (a permission is missing, a hook lasts longer than it may stay) it does
not hold: whoever can, resumes it at once.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from deployer import control
from deployer.engine import Runner, require_brief_hooks
from deployer.errors import CloudUnavailable, DeployError, Locked, NotFound, NotPossibleNow
from deployer.journal import Active, Ask, Journal, Lease, Request, name_of
from deployer.plan import Deployment, Status
from deployer.ports import Clock
from deployer.settling import Outcome, settle

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
    STUCK = "it could not be carried on"


@dataclass(frozen=True, slots=True)
class Visit:
    """What one visit to an environment came to.

    deployment: as it stands now; None: there is none.
    problem:    why it could not be carried on.
    late_s:     so long after the lease that the visit before had left for this one, seconds: then
                nobody had been there, and the step's deadline begins anew.
    """

    state: State
    deployment: Deployment | None = None
    problem: DeployError | None = None
    late_s: float = 0.0


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


def turns_back(deployment: Deployment, policy: Policy) -> bool:
    """Whether one that its runner has abandoned is to go back. Pure."""
    held = deployment.paused_at is not None
    if policy == "resume" or held or deployment.status is not Status.RUNNING:
        return False
    return deployment.ending is None and not control.stuck(deployment)


@dataclass(frozen=True, slots=True)
class Supervisor:
    """One visit's supervisor of one environment.

    runner:  the engine; its owner is this visit's alone (`identity.owner` of the supervisor's name),
             its lease outlasts the pause between two visits.
    stay_s:  how long the visit may last; infinite where nothing ends this process.
    request: a wish in the supervisor's name, different each time.
    """

    environment: str
    journal: Journal
    clock: Clock
    runner: Runner
    stay_s: float
    policy: Policy
    request: Callable[[Ask], Request]

    def visit(self) -> Visit:
        """Carry on what is left to us, as far as it goes without waiting.

        Raises no DeployError: the next environment wants its visit too, and this one gets another.
        """
        try:
            active = self.journal.active(self.environment)
            state = look(active, name_of(self.runner.owner), self.clock.now())
            if active is None:
                done = settle(self.runner, self.environment)
                return Visit(State.SETTLED if done.outcome is Outcome.GIVEN else state)
            if state is State.ATTENDED:
                return Visit(state, active.deployment)
            require_brief_hooks(active.deployment, self.stay_s)
            if state is State.ABANDONED and turns_back(active.deployment, self.policy):
                self._turn_back()
            return self._carry(active)
        except DeployError as error:
            return Visit(State.STUCK, None, error)

    def _turn_back(self) -> None:
        """Asked before it is taken over: should we die in between, the wish stands.

        Its runner may be slow rather than dead; then that one goes back, as the policy wants it.
        """
        with suppress(NotPossibleNow):  # it was asked for already, or has ended
            self.journal.ask(self.environment, self.request(Ask.ABORT))

    def _carry(self, active: Active) -> Visit:
        late_s = lateness_s(active, name_of(self.runner.owner), self.clock.now())
        try:
            taken = self.journal.take_over(self.environment, self._lease(), self.clock.now())
        except Locked:
            return Visit(State.ATTENDED, active.deployment)  # somebody was faster
        except NotFound:
            return Visit(State.ENDED, active.deployment)
        try:
            after = self.runner.visit(Active(taken, active.lease), self.stay_s)
        except DeployError as error:
            self._let_go(taken)
            return Visit(State.STUCK, taken, error)
        if after.status.final:
            return Visit(State.ENDED, after)
        self._rest(after)
        return Visit(State.OURS, after, late_s=late_s)

    def _rest(self, deployment: Deployment) -> None:
        """Without an answer our lease runs out by itself, and the next visit but some takes over."""
        with suppress(CloudUnavailable):
            self.journal.rest(deployment, self._lease())

    def _let_go(self, deployment: Deployment) -> None:
        """Whoever can carry it on need not wait for our lease, nor for the next one in its place."""
        with suppress(DeployError):  # the visit's own problem is what is told
            self.journal.release(deployment, self._lease())

    def _lease(self) -> Lease:
        return Lease(self.runner.owner, self.clock.now() + self.runner.lease_s)
