"""Tear one environment down, or wake it: rails, plan, record, and as far as it goes without waiting.

Retiring, sleeping and waking are deployments to the journal (deployer.planning.resting): the same lease, the
same record before each change, the same runners. So nothing else begins meanwhile (invariant I6), and
whoever finds one that its process has left carries it on. Here one is begun under the supervisor's
name, so that the supervisor's next visit goes on with it, or the next call of this.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from msgspec.structs import replace

from deployer.errors import DeployError, Halted, LeaseLost, Locked, NotPossibleNow
from deployer.intent import Intent
from deployer.journal import REMEMBERED, Lease
from deployer.model import Release, Slot, Snapshot
from deployer.operations import beginning
from deployer.operations.beginning import Ground, Opening
from deployer.operations.idle.ports import Ending, Outcome
from deployer.operations.rest import deletion
from deployer.operations.rest.deletion import Deletion, Stack, Stacks
from deployer.operations.rest.levels import Level
from deployer.operations.rest.rails import Facts, refusals
from deployer.operations.supervisor import State, Visit
from deployer.plan import DELETE, RETIRE, SLEEP, Deployment, Plan, Status, basis_of
from deployer.planning import resting
from deployer.record.held import Rest
from deployer.steps.retire import Retire


def done_already(level: Level, seen: Snapshot) -> str:
    """Why there is nothing to do, in words; empty: there is. Pure."""
    if level is Level.DELETE:
        return ""
    if seen.weights is None and not any(seen[slot].instances for slot in Slot):
        return "nothing was ever released here, and nothing runs"
    if level is Level.SLEEP:
        return "it is asleep already" if resting.sleeps(seen) else ""
    sole = seen.weights.sole if seen.weights else None
    idle = seen.asleep or (sole is not None and seen[sole.twin].empty)
    return "its idle slot has no instances" if idle else ""


def compiled(ground: Ground, level: Level, seen: Snapshot, intent: Intent) -> Plan:
    """The plan of retiring or sleeping; `Level.DELETE` begins with sleep.

    Raises:
        NotPossibleNow: as `resting`.
    """
    if level is Level.RETIRE:
        return resting.retired(seen, intent)
    records = ground.journal.history(ground.environment, REMEMBERED)
    return resting.asleep(seen, intent, records)


def restore(service: str, environment: str, rest: Rest | None) -> tuple[str, ...]:
    """How to have it back after its stacks are gone, a line each. Pure."""
    lines = [f"cdk deploy --all -c env={environment}"]
    if rest is None:
        return tuple(lines)
    size = rest[rest.serving]
    if size.release is None:
        return tuple(lines)
    artifact = size.release.artifact
    if artifact:
        lines.append(f"put {artifact} into the new artifact bucket, if the old one is gone")
    lines.append(f"deployer --env {environment} deploy {size.release.name}")
    lines.append(f"{service}/{environment} had {rest}")
    return tuple(lines)


def deleting(
    service: str, environment: str, seen: Snapshot, intent: Intent, known: Deployment | None
) -> Plan:
    """The record under whose lease the service stack is asked to go: nothing runs any more.

    known: the record that tells what the environment was.
    """
    rest = known.first_plan.rest if known else None
    release = rest[rest.serving].release if rest else None
    quiet = replace(
        intent, release=release or Release("none"), hooks={}, alarms=(), cohort=None, approve=(),
        weights=(), sticky_wait_s=0.0, floor=0,
    )  # fmt: skip
    lines = restore(service, environment, rest)
    return Plan(
        strategy=DELETE, intent=quiet, candidate=rest.serving if rest else Slot.BLUE, stable=None,
        previous=None, capacity=rest[rest.serving].desired if rest else 0,
        steps=tuple(Retire(slot, intent.limits.retire_s) for slot in Slot), basis=basis_of(seen),
        notes=tuple(f"To restore: {line}" for line in lines), rest=rest,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hand:
    """Who acts, and on what: everything but the levels.

    intent: what the settings say, of nothing in particular.
    lease:  in the name of whoever carries it on.
    new_id: of a deployment that begins now.
    stacks: the environment's.
    wanted: why somebody wants it kept; empty: nobody said so. Asked once the environment is held, so
            that of an extension and a sweep which meet one sees the other.
    """

    service: str
    ground: Ground
    intent: Intent
    lease: Callable[[], Lease]
    new_id: Callable[[], str]
    stacks: Stacks
    by: str
    wanted: Callable[[], str] = lambda: ""

    def begin(self, plan: Plan, seen: Snapshot, title: str) -> Deployment:
        """Write it down, and take the environment.

        Raises:
            Locked: somebody was faster.
            NotPossibleNow: somebody wants it kept; nothing was done.
            PlanInvalid: the environment changed since `seen`; nothing was done.
        """
        opening = Opening(self.new_id(), title, self.by)
        record = beginning.first_record(self.ground, plan, seen, opening)
        begun = self.ground.journal.begin(record, self.lease())
        try:
            if why := self.wanted():
                raise NotPossibleNow(why)
            plan.require_fresh(self.ground.cloud.observe())
        except DeployError as error:
            refused = beginning.refused(begun, error, self.ground.clock.now())
            self.ground.journal.save(refused, self.lease())
            raise
        return begun

    def ask(self, stack: Stack) -> None:
        """Ask for a stack's deletion; the service's under the environment's lease, while it sleeps.

        Raises:
            Locked: somebody holds the environment.
            NotPossibleNow: instances run in it again.
            ChangeRefused, CloudUnavailable, AccessProblem: as the ports.
        """
        if stack.part != "service":
            self.stacks.delete(stack)
            return
        held = self._held()
        self.stacks.delete(stack)
        now, last = self.ground.clock.now(), len(held.plan.steps) - 1
        ended = replace(held, status=Status.SHIPPED, finished_at=now, cursor=last)
        with suppress(LeaseLost):  # the supervisor was faster, and found nothing running either
            self.ground.journal.save(ended, self.lease())

    def _held(self) -> Deployment:
        """The record under which the service stack goes: a dead one's, or a new one."""
        journal, environment = self.ground.journal, self.ground.environment
        active = journal.active(environment)
        if active is not None and active.deployment.plan.strategy == DELETE:
            return journal.take_over(environment, self.lease(), self.ground.clock.now())
        if active is not None:
            raise Locked(f"{active.deployment.id} holds {environment}: see `deployer status`")
        seen = self.ground.cloud.observe()
        if not empty(seen):
            raise NotPossibleNow(
                f"instances run in {environment}: it must be asleep before its service stack goes"
            )
        known = resting.remembered(journal.history(environment, REMEMBERED))
        plan = deleting(self.service, environment, seen, self.intent, known)
        return self.begin(plan, seen, f"deletion of the stacks of {environment}")


@dataclass(frozen=True, slots=True)
class Teardown:
    """One environment's, for whoever does not wait: a function that is called again.

    facts: what the rails look at, read now; None: the service stack is gone.
    visit: of the supervisor: as far as it goes without waiting.
    """

    hand: Hand
    facts: Callable[[], Facts]
    visit: Callable[[], Visit]

    def tear_down(self, level: Level, why: str) -> Outcome:
        """Bring it down to `level`; called again, it goes on where it was.

        Raises:
            Locked: a deployment holds the environment.
            Halted, CloudUnavailable, AccessProblem: it may have been done, in part.
        """
        ground = self.hand.ground
        active = ground.journal.active(ground.environment)
        if active is not None and active.deployment.first_plan.strategy in GOES_ON:
            return self._carried(level)
        facts = self.facts()
        if facts.seen is None:
            return self._delete() if level is Level.DELETE else _nothing("it is gone")
        if done := done_already(level, facts.seen):
            return _nothing(done)
        found = refusals(level, facts)
        if found:
            return Outcome(Ending.REFUSED, "; ".join(map(str, found)))
        return self._begin(level, facts.seen, why)

    def _begin(self, level: Level, seen: Snapshot, why: str) -> Outcome:
        if level is Level.DELETE and empty(seen):
            return self._delete()
        plan = compiled(self.hand.ground, level, seen, self.hand.intent)
        try:
            self.hand.begin(plan, seen, f"{plan.strategy} of {plan.release.name} ({why})")
        except NotPossibleNow as kept:
            return Outcome(Ending.REFUSED, str(kept))
        return self._carried(level)

    def _carried(self, level: Level) -> Outcome:
        visit = self.visit()
        if visit.problem is not None:
            raise visit.problem
        deployment = visit.deployment
        if visit.state is State.ENDED and deployment is not None and deployment.status.final:
            return ended(deployment, level)
        return Outcome(Ending.BEGUN, "it goes on by itself: `deployer status` follows it")

    def _delete(self) -> Outcome:
        return visited(deletion.visit(self.hand.stacks, self.hand.ask))


GOES_ON = (RETIRE, SLEEP)


def ended(record: Deployment, level: Level) -> Outcome:
    """What a retirement or a sleep came to. Pure.

    Raises:
        Halted: it stopped, or somebody has turned it back.
    """
    if record.status is not Status.SHIPPED:
        raise Halted(f"{record.id}: {record.reason}")
    if record.first_plan.strategy == RETIRE and level is not Level.RETIRE:
        return Outcome(Ending.BEGUN, "its idle slot is empty: the rest goes next")
    if level is Level.DELETE:
        return Outcome(Ending.BEGUN, "it is asleep: its stacks go next")
    return Outcome(Ending.DONE, "asleep" if level is Level.SLEEP else "its idle slot is empty")


def visited(found: Deletion) -> Outcome:
    """What a visit to the stacks came to. Pure."""
    if found.blocked:
        return Outcome(Ending.REFUSED, found.blocked)
    if not found.left:
        return Outcome(Ending.DONE, "its stacks are gone")
    return Outcome(Ending.BEGUN, f"being deleted: {', '.join(found.left)}")


def empty(seen: Snapshot) -> bool:
    """Nothing runs: behind a page, or since nothing was ever released."""
    return (seen.asleep or seen.weights is None) and seen.blue.empty and seen.green.empty


def _nothing(words: str) -> Outcome:
    return Outcome(Ending.NOTHING, words)
