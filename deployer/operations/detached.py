"""A deployment without a machine of ours: AWS Step Functions calls `tick`, rests, and calls again.

A tick is a visit under the state machine's name (`journal.name_of`), like the supervisor's under its
own: it carries the deployment as far as that goes without waiting, and leaves a lease that outlasts
the rest until the next one. Kill a tick at any instruction: the next one waits until its lease has
run out and goes on. End the state machine: the lease runs out, and the supervisor takes over.

    what a tick finds                           what follows
    the deployment rests for it, or a tick of
    its own has died and its lease is out       it is carried on; then a rest, or the end
    a tick of its own holds it                  rest until that lease is out
    another runner holds it, or has left it     the end: that runner, or the supervisor, sees to it
    it has ended, or another one is active      the end
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol

import msgspec

from deployer.engine.loop import Runner
from deployer.errors import (
    CloudUnavailable,
    DeployError,
    LeaseLost,
    Locked,
    NotFound,
    NotPossibleNow,
    PlanInvalid,
)
from deployer.hooks import HookAction, HookPoint
from deployer.journal import Active, Journal, Lease, name_of
from deployer.model import Snapshot
from deployer.operations.pace import LONGEST_S, rest_s, stretched
from deployer.operations.supervisor import State, look
from deployer.plan import Deployment, Event, Plan
from deployer.planning.hooks_ahead import longest
from deployer.ports import Clock
from deployer.steps.hook import Hook

NAME = "step-functions"
VISIT_S = 45.0  # a visit without a hook
LATE_S = 60.0 + VISIT_S  # a tick may come as much later than it was to, and its visit ends in time
FIRST_S = 300.0  # until the first tick, while nothing has been changed yet: a function starts cold
STAY_S = 780.0  # of the fifteen minutes that a function may last
MOST_TICKS = 1_200  # of one execution: docs/scale.md has the sum


class Mandate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an execution of the state machine is to see through, and hands on from tick to tick.

    part:    number of the execution, from 1: a long deployment takes several, one after another.
    ticks:   of this execution so far.
    stretch: how much longer than usual it rests, since AWS throttles (`pace.stretched`).
    unseen_since: when looks began not to be answered, epoch seconds; 0: the last one was.
    """

    deployment: str
    part: int = 1
    ticks: int = 0
    stretch: float = 1.0
    unseen_since: float = 0.0

    @property
    def execution(self) -> str:
        """The execution's name: the same one cannot be started twice."""
        return self.deployment if self.part == 1 else f"{self.deployment}-{self.part}"


class Machine(Protocol):
    """The state machine of one environment."""

    def require(self) -> None:
        """It is there.

        Raises:
            NotPossibleNow: it is not.
        """
        ...

    def start(self, mandate: Mandate) -> None:
        """Begin an execution; one that has begun already is no error.

        Raises:
            CloudUnavailable: no answer: it may have begun or not.
            ChangeRefused, AccessProblem: it has not.
        """
        ...


class NoMachine:
    """Where nobody has said of one."""

    def require(self) -> None:
        raise NotPossibleNow("there is no state machine here: run without --detach")

    def start(self, mandate: Mandate) -> None:
        raise NotPossibleNow(f"there is no state machine here for {mandate.deployment}")


NO_MACHINE: Final = NoMachine()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a tick came to; the state machine decides by it.

    next:   `rest` for `wait_s` seconds and call again; `onward`: `mandate` goes on as an execution
            called `name`, after a rest of its own; `end`: there is nothing more to do.
    stands: where the deployment stands, for people.
    """

    next: Literal["rest", "onward", "end"]
    mandate: Mandate
    stands: str
    wait_s: int = 0
    name: str = ""


def ended(mandate: Mandate, stands: str) -> Answer:
    return Answer(next="end", mandate=mandate, stands=stands)


def rests(mandate: Mandate, wait_s: float, stands: str) -> Answer:
    """Whole seconds, at least one; the last tick of an execution goes on as another one."""
    ticks = mandate.ticks + 1
    wait = max(1, round(wait_s))
    if ticks < MOST_TICKS:
        after = msgspec.structs.replace(mandate, ticks=ticks)
        return Answer(next="rest", mandate=after, stands=stands, wait_s=wait)
    after = msgspec.structs.replace(mandate, part=mandate.part + 1, ticks=0)
    return Answer(next="onward", mandate=after, stands=stands, wait_s=wait, name=after.execution)


def sooner(answer: Answer, gone_s: float) -> Answer:
    """The same, after so long in which people were told: nothing waits for that."""
    if not answer.wait_s:
        return answer
    return msgspec.structs.replace(answer, wait_s=max(1, answer.wait_s - round(gone_s)))


def outcome(deployment: Deployment) -> str:
    """`shipped`, `rolled_back: the reason`, or the step in execution."""
    if not deployment.status.final:
        held = "paused: " if deployment.paused_at is not None else ""
        return f"{held}{deployment.step.describe()}" if not deployment.over else "putting back"
    because = f": {deployment.reason}" if deployment.reason else ""
    return f"{deployment.status}{because}"


@dataclass(frozen=True, slots=True)
class Ticking:
    """One tick's view of one environment.

    runner: the engine; its owner is this tick's alone (`identity.owner` of the machine's name).
    stay_s: how long the tick may last.
    chance: a number from 0 to 1, another one each time.
    """

    environment: str
    journal: Journal
    clock: Clock
    runner: Runner
    stay_s: float
    chance: Callable[[], float]

    def tick(self, mandate: Mandate) -> Answer:
        """Carry the deployment on, as far as it goes without waiting.

        Raises:
            DeployError: nobody can carry it on like this (a permission is missing): its lease is
                given back.
        """
        try:
            return self._tick(mandate)
        except CloudUnavailable as error:
            slower = self._slower(mandate, throttled=True)
            return rests(slower, 10.0 * slower.stretch, str(error))

    def _tick(self, mandate: Mandate) -> Answer:
        active = self.journal.active(self.environment)
        if active is None or active.deployment.id != mandate.deployment:
            found = self.journal.load(self.environment, mandate.deployment)
            return ended(mandate, outcome(found))
        now = self.clock.now()
        state = look(active, NAME, now)
        if state is State.OURS:
            return self._carry(active, mandate)
        if state is State.ATTENDED and name_of(active.lease.owner) == NAME:
            wait_s = min(LONGEST_S, active.lease.expires_at - now + 1)
            return rests(mandate, wait_s, "another tick holds it, or has died holding it")
        if state is State.ATTENDED:
            return ended(mandate, f"carried out by {active.lease.owner}")
        return ended(mandate, f"left by {active.lease.owner}: the supervisor's")

    def _carry(self, active: Active, mandate: Mandate) -> Answer:
        try:
            lease = Lease(self.runner.owner, self.clock.now() + self.runner.lease_s)
            taken = self.journal.take_over(self.environment, lease, self.clock.now())
        except (Locked, NotFound) as error:  # somebody was faster
            return rests(mandate, 1.0, str(error))
        throttled = [False]
        try:
            found = self._spared(Active(taken, active.lease), mandate)
            after = self._runner(throttled).visit(found, self.stay_s)
        except LeaseLost as error:
            return ended(mandate, str(error))
        except DeployError:
            self._let_go(taken)
            raise
        if after.status.final:
            return ended(mandate, outcome(after))
        slower = self._slower(mandate, throttled=throttled[0])
        wait_s = rest_s(after, self.clock.now(), slower.stretch, throttled=throttled[0])
        answer = rests(slower, wait_s, outcome(after))
        self._rest(after, answer.wait_s)
        return answer

    def _spared(self, active: Active, mandate: Mandate) -> Active:
        """Time in which AWS did not answer does not count against the step's deadline.

        The lease is told as nearly out, so that this is written down by the look that is answered.
        """
        if not mandate.unseen_since:
            return active
        now, record = self.clock.now(), active.deployment
        since = min(now, record.attended_at + now - mandate.unseen_since)
        lease = replace(active.lease, expires_at=now + self.runner.lease_s / 4)
        return Active(msgspec.structs.replace(record, resumed_at=since), lease)

    def _runner(self, throttled: list[bool]) -> Runner:
        """One that remembers whether the cloud did not answer."""

        def tell(deployment: Deployment, event: Event, seen: Snapshot | None) -> None:
            throttled[0] = throttled[0] or event.kind == "unavailable"
            self.runner.tell(deployment, event, seen)

        return replace(self.runner, tell=tell)

    def _slower(self, mandate: Mandate, *, throttled: bool) -> Mandate:
        stretch = stretched(mandate.stretch, self.chance(), throttled=throttled)
        since = (mandate.unseen_since or self.clock.now()) if throttled else 0.0
        return msgspec.structs.replace(mandate, stretch=round(stretch, 2), unseen_since=since)

    def _rest(self, deployment: Deployment, wait_s: float) -> None:
        """Without an answer the visit's own lease runs out, and the tick after that goes on."""
        lease = Lease(self.runner.owner, self.clock.now() + wait_s + LATE_S)
        with suppress(CloudUnavailable):
            self.journal.rest(deployment, lease)

    def _let_go(self, deployment: Deployment) -> None:
        """Whoever can carry it on need not wait for our lease."""
        with suppress(DeployError):  # what is wrong is told by the error before
            self.journal.release(deployment, Lease(self.runner.owner, self.clock.now()))


def require_detachable(plan: Plan, stay_s: float = STAY_S) -> None:
    """Every hook that may run can run in a function, within one tick.

    Raises:
        PlanInvalid: one cannot; nothing has begun.
    """
    for why in unfit_hooks(plan, stay_s):
        raise PlanInvalid(f"{why}, or run without --detach")


def unfit_hooks(plan: Plan, stay_s: float = STAY_S) -> Iterator[str]:
    """Hooks that cannot run in a function, within one tick: why, and what to change."""
    for point, action in hooks_of(plan).items():
        if action.command:
            yield (
                f"the hook {point} is a command ({action}), and what runs a detached deployment has "
                "no such program: make it a Lambda function or a URL"
            )
        elif longest(action) > stay_s:
            yield (
                f"the hook {point} may take {action.deadline_s:g} s, and a tick of a detached "
                f"deployment lasts {stay_s:g} s at most: shorten its deadline"
            )


def hooks_of(plan: Plan) -> Mapping[HookPoint, HookAction]:
    """Those on the plan's way, and on its way back."""
    known = plan.intent.hooks
    back = HookPoint.ON_ROLLBACK
    own = {step.point: step.action for step in plan.steps if isinstance(step, Hook)}
    return {**own, **({back: known[back]} if back in known else {})}


def read(event: Mapping[str, Any]) -> Mandate:
    """What the state machine hands to a tick: the mandate of the answer before, or the first one."""
    return msgspec.convert(event.get("mandate", event), Mandate)
