"""The plan, and the deployment that carries it out.

The journal holds intent, AWS holds facts. Whatever the engine needs after a crash is in the
`Deployment`: the plan, the step, when it was entered (timers are start times, not sleeping threads),
the weights that were last confirmed and those that may have been written since.
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from deployer.errors import PlanInvalid
from deployer.hooks import About
from deployer.intent import Intent
from deployer.model import Admitted, Release, Slot, Snapshot, Weights
from deployer.record.acts import Act, Actor
from deployer.record.course import Stretch
from deployer.record.held import Frozen, Rest, Surge, Suspended, Unstuck
from deployer.record.outlook import Outlook, Spent
from deployer.record.samples import Sample
from deployer.steps.checkpoint import Checkpoint
from deployer.steps.kinds import Step
from deployer.steps.replace import Replace
from deployer.steps.series import Series, folded, unfolded

# Strategies that ship nothing (deployer.planning.resting; the last: operations.rest).
SLEEP, WAKE, RETIRE, DELETE = "sleep", "wake", "retire", "delete"


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Steps in order, and the roles that hold for the plan's whole life.

    candidate: the slot that gets the release.
    stable:    the slot to go back to; None: nothing serves, so there is nothing to go back to.
    previous:  the release that the stable slot runs, if it is known.
    capacity:  instances that carry 100 % of the traffic.
    basis:     fingerprint of the snapshot the plan was made from.
    before:    rolling: what `previous` stands for, since the way back launches it again.
    notes:     what people should know before it begins, a sentence each.
    surge:     rolling: what a deployment that halted has left in the group; this one gives it back.
    series:    in the journal: long rows of batches, which are among the steps everywhere else.
    rest:      what the environment was, or is to be, when it does not sleep.
    outlook:   what it was expected to come to before it began; None: nobody has looked.
    override:  why it begins although a freeze is on (deployer.operations.freezing); empty: none is.
    """

    strategy: str
    intent: Intent
    candidate: Slot
    stable: Slot | None
    previous: str | None
    capacity: int
    steps: tuple[Step, ...]
    basis: str
    before: Release | None = None
    notes: tuple[str, ...] = ()
    surge: Surge | None = None
    series: tuple[Series, ...] = ()
    rest: Rest | None = None
    outlook: Outlook | None = None
    override: str = ""

    def written(self) -> "Plan":
        """As the journal has it."""
        steps, series = folded(self.steps)
        return msgspec.structs.replace(self, steps=steps, series=series)

    def read(self) -> "Plan":
        """As everybody else has it."""
        return msgspec.structs.replace(self, steps=unfolded(self.steps, self.series), series=())

    @property
    def ships(self) -> bool:
        """It brings a release, or takes one back; others change capacity and the page alone."""
        return self.strategy not in (SLEEP, WAKE, RETIRE, DELETE)

    @property
    def in_place(self) -> bool:
        """Rolling: the release comes to the slot that serves, and weights never change."""
        return self.candidate is self.stable

    @property
    def release(self) -> Release:
        return self.intent.release

    @property
    def irreversible(self) -> bool:
        """Once users reach the release, going back is not safe (docs/schema-changes.md).

        A release that comes back has served before: leaving it for its successor is no such step.
        """
        return not self.release.rollback_safe and self.strategy != "rollback"

    @property
    def fingerprint(self) -> str:
        """Identifies this plan, its steps and what it was made from; not what was thought of it."""
        alone = msgspec.structs.replace(self, outlook=None)
        return hashlib.sha256(msgspec.json.encode(alone)).hexdigest()[:12]

    def require_fresh(self, seen: Snapshot) -> None:
        """Refuse to begin when the cloud is no longer what the plan was made from.

        Raises:
            PlanInvalid: sizes, releases or weights changed in between.
        """
        if basis_of(seen) != self.basis:
            raise PlanInvalid(
                "the environment changed while the plan was shown: run the command again"
            )


def basis_of(seen: Snapshot) -> str:
    """Fingerprint of what a plan depends on: rule, sizes, releases; not of passing health."""
    facts = [
        [seen.weights.blue, seen.weights.green] if seen.weights else None,
        seen.cohort,
        *([s.slot, s.max_size, s.desired, s.boots, *s.releases] for s in (seen.blue, seen.green)),
        *([seen.sticky_s] if seen.sticky_s is not None else ()),
        *(["asleep"] if seen.asleep else ()),
        *([s.slot, s.pool.up_to, s.pool.reuses] for s in (seen.blue, seen.green) if s.pool),
    ]
    return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()[:12]


class Status(StrEnum):
    """Where a deployment stands; the last three are final."""

    RUNNING = "running"
    RETREATING = "retreating"
    SHIPPED = "shipped"
    ROLLED_BACK = "rolled_back"
    HALTED = "halted"

    @property
    def final(self) -> bool:
        return self not in (Status.RUNNING, Status.RETREATING)


class Event(msgspec.Struct, frozen=True):
    """Something that happened: `at` in epoch seconds, `kind` as documented in docs/cli.md."""

    at: float
    kind: str
    note: str
    detail: Mapping[str, Any] = {}


class Deployment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The journal's record of one deployment.

    plan:        the plan in execution: the first one, or the way back.
    original:    the first plan, once the deployment is on its way back.
    cursor:      index of the step in execution.
    entered_at:  when that step was entered, epoch seconds.
    resumed_at:  when a runner last took it up, for the first time or after a silence: deadlines do
                 not run out while nobody is there to act.
    written:     the live weights as last confirmed; None: no production rule yet.
    intended:    weights that may have been written since and were not seen yet, oldest first.
    intended_at: when the newest of them was; `intended_since`: the oldest, for the first time.
    shares:      what the candidate has had of the traffic, and since when, oldest first.
    cohort:      the user group's rule as last confirmed; None: there was none.
    cohort_intended, cohort_intended_at: as with the weights.
    moved_since: when the live weights were first seen to be neither; None: they are ours.
    calm_since:  when they were last found moved by others, at the latest; None: not since the
                 deployment before.
    paused_at:   since when a person holds it; None: it moves.
    held_s:      how long people have held it in this step; `entered_at` does not count that.
    heeded:      id of the last request that was granted or refused.
    suspended:   what is to be resumed before it ends; in the record before it is suspended.
    surge:       what a group was asked for beyond its size; in the record before it is.
    frozen:      what may shrink again before it ends; in the record before it is frozen.
    unstuck:     stickiness to give back to the rule; in the record before it is switched off. It may
                 outlive the deployment: then `deployer settle` or the next one does it
                 (deployer.planning.stickiness).
    ending:      the end it has come to, while those are still to be put back.
    spent:       instances of both slots so far; None: nobody has looked yet.
    actors, audit: who did what, and from where, oldest first (deployer.engine.audit).
    samples:     how many instances were healthy, and when; `calls`: API calls that carrying it out
                 took, by operation, as far as they were counted. For reports.
    version:     fencing: each save raises it, and a save of an older one fails.
    """

    id: str
    environment: str
    status: Status
    plan: Plan
    original: Plan | None = None
    cursor: int = 0
    started_at: float
    entered_at: float
    resumed_at: float | None = None
    finished_at: float | None = None
    written: Weights | None
    intended: tuple[Weights, ...] = ()
    intended_at: float | None = None
    intended_since: float | None = None
    shares: tuple[Stretch, ...] = ()
    cohort: Admitted | None = None
    cohort_intended: tuple[Admitted | None, ...] = ()
    cohort_intended_at: float | None = None
    moved_since: float | None = None
    calm_since: float | None = None
    paused_at: float | None = None
    held_s: float = 0.0
    heeded: str = ""
    suspended: Suspended | None = None
    surge: Surge | None = None
    frozen: Frozen | None = None
    unstuck: Unstuck | None = None
    ending: Status | None = None
    reason: str = ""
    by: str = ""
    log: tuple[Event, ...] = ()
    spent: Spent | None = None
    actors: tuple[Actor, ...] = ()
    audit: tuple[Act, ...] = ()
    samples: tuple[Sample, ...] = ()
    calls: Mapping[str, int] = {}
    version: int = 0

    @property
    def step(self) -> Step:
        return self.plan.steps[self.cursor]

    @property
    def due_at(self) -> float:
        """When the step's deadline runs out, epoch seconds."""
        return self.attended_at + self.step.deadline_s

    @property
    def attended_at(self) -> float:
        """Since when somebody has been there to act on the step, epoch seconds."""
        return max(self.entered_at, self.resumed_at or self.entered_at)

    @property
    def over(self) -> bool:
        """Every step is behind it: it has ended, or puts back what it holds before it does."""
        return self.status.final or self.ending is not None

    @property
    def reopened(self) -> bool:
        """It had ended before, and was taken up again for what it still owes (deployer.engine.settling)."""
        return self.ending is not None and self.finished_at is not None

    @property
    def first_plan(self) -> Plan:
        """The plan that the user asked for."""
        return self.original or self.plan

    @property
    def about(self) -> About:
        """What its hooks are told."""
        return About(self.id, self.first_plan.release.name, self.first_plan.previous)

    @property
    def activated(self) -> bool:
        """Users reach the release, or may, as far as the record tells."""
        if self.first_plan.in_place:
            begun = self.plan.steps[: self.cursor + 1]
            first = self.original.steps if self.original else ()
            return any(isinstance(step, Replace) for step in (*first, *begun))
        candidate = self.first_plan.candidate
        weighted = any(w is not None and w[candidate] for w in (self.written, *self.intended))
        return weighted or any(c.slot is candidate for c in self.cohorts)

    @property
    def cohorts(self) -> tuple[Admitted, ...]:
        """Rules of user groups that there are, or may be."""
        return tuple(c for c in (self.cohort, *self.cohort_intended) if c is not None)

    def past_its_step(self, now: float) -> "Deployment":
        """Its step counts as done: on to the next one, or to the end."""
        if self.cursor + 1 < len(self.plan.steps):
            held = isinstance(self.plan.steps[self.cursor + 1], Checkpoint)
            return msgspec.structs.replace(
                self, cursor=self.cursor + 1, entered_at=now, held_s=0.0,
                paused_at=now if held else self.paused_at,
            )  # fmt: skip
        status = Status.SHIPPED if self.status is Status.RUNNING else Status.ROLLED_BACK
        return msgspec.structs.replace(self, status=status, finished_at=now)

    def noting(self, *events: Event) -> "Deployment":
        """The same with events added; the record keeps the newest 200 (DynamoDB item size)."""
        return msgspec.structs.replace(self, log=(*self.log, *events)[-200:])
