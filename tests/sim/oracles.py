"""The invariants of architecture.md §4, judged at the moment of each change.

That both slots stay in the rule (I1) is the type `Weights`: there is no way to say less. `ours` in the
ledger judges I2, I3, I5 and I7 a second time, by what users saw.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.changes import (
    Change,
    Freeze,
    ResumeProcesses,
    SetCohort,
    SetDesired,
    SetPage,
    SetWeights,
    Stick,
    Suspend,
    Terminate,
    Thaw,
)
from deployer.model import WHOLE, Admitted, Slot, Weights
from deployer.plan import Deployment, Status
from tests.sim.cloud import SimCloud
from tests.sim.fleet import SimGroup
from tests.sim.journal import SimJournal


@dataclass
class Oracle:
    """Watches one environment; `violations` says what was broken, when, by whom.

    blind_s: a reading may be this old, so that what changed since is not held against anybody.
    theirs:  processes that somebody else has suspended, and that stay so.
    sticky_s: the rule's stickiness as it was met, or as somebody else has made it since.
    floors:  minimums that groups had before.
    """

    cloud: SimCloud
    journal: SimJournal
    environment: str
    blind_s: float = 0.0
    violations: list[str] = field(default_factory=list)
    foreign_at: float = -math.inf
    theirs: Mapping[Slot, frozenset[str]] = field(default_factory=dict)
    floors: Mapping[Slot, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sticky_s = self.cloud.sticky_s

    def before(self, change: Change, owner: str) -> None:
        """Called before each change takes effect."""
        record = self._lease(change, owner)
        if record is None:
            return
        self._written(record, change)
        self._finite(record)
        if isinstance(change, SetWeights):
            shares = [change.weights[slot] for slot in Slot]
            self._expect(sum(shares) == WHOLE and min(shares) >= 0, "I1", f"{change}: {shares}")
            self._capacity(change, change.weights, self.cloud.admitted)
            self._unstick(record, change)
        if isinstance(change, SetCohort):
            self._capacity(change, self.cloud.rule, change.admitted)
        if isinstance(change, SetPage) and not change.up:
            self._unveil(change)
        if isinstance(change, SetDesired):
            self._shrink(change)
        if isinstance(change, Terminate):
            self._thin_out(change)
        if isinstance(change, Freeze):
            told = record.frozen is not None and record.frozen.slot is change.slot
            self._expect(told, "I9", f"{change} is not in the journal")
        if isinstance(change, Suspend):
            held = record.suspended
            told = held is not None and held.slot is change.slot
            known = set(held.processes) if held is not None and told else set()
            self._expect(known >= set(change.processes), "I9", f"{change} is not in the journal")

    def at_the_end(self, record: Deployment) -> None:
        """I10: everything from one slot, or halted with a reason. I9: nothing stays suspended or frozen."""
        left = [
            f"{g.slot}: {sorted(g.suspended)}" for g in self.cloud.groups.values() if self._left(g)
        ]
        self._expect(not left, "I9", f"still suspended at the end: {', '.join(left)}")
        cold = [
            f"{g.slot}: {g.min_size}"
            for g in self.cloud.groups.values()
            if g.min_size > max(self.floors.get(g.slot, 0), self._floor(g.slot, record))
        ]
        self._expect(not cold, "I9", f"still frozen at the end: {', '.join(cold)}")
        told = record.unstuck.sticky_s if record.unstuck else None
        self._expect(
            self.sticky_s in (self.cloud.sticky_s, told),
            "I9", f"the rule sticks for {self.cloud.sticky_s} s at the end, not {self.sticky_s}",
        )  # fmt: skip
        if record.status is Status.HALTED:
            self._expect(bool(record.reason), "I10", "halted without a reason")
            return
        rule = self.cloud.rule
        sole = rule.sole if rule else None
        nothing = rule is None and record.status is Status.ROLLED_BACK
        self._expect(sole is not None or nothing, "I10", f"ended with {rule}")
        if record.status is Status.SHIPPED:
            self._expect(sole is record.first_plan.candidate, "I10", f"shipped, but {rule}")
        self._expect(self.journal.peek(self.environment) is None, "I10", "still locked at the end")
        self._expect(self.cloud.admitted is None, "I10", f"ended with {self.cloud.cohort}")

    def _floor(self, slot: Slot, record: Deployment) -> int:
        """What the slot that serves may keep as its minimum, and one that stays on standby."""
        rule, intent = self.cloud.rule, record.first_plan.intent
        return intent.floor if intent.standby or (rule and rule.sole is slot) else 0

    def _left(self, group: SimGroup) -> set[str]:
        return group.suspended - self.theirs.get(group.slot, frozenset())

    def _thin_out(self, change: Terminate) -> None:
        """Whoever stays can carry the slot's share; what AWS is not asked for takes nobody."""
        now, cloud = self.cloud.clock.now(), self.cloud
        group = cloud.groups[change.slot]
        if group.staying != change.members or group.desired != change.desired:
            return
        able = sum(i.able(now) and i.id in change.instances for i in group.instances)
        stay, need = group.accounted(now) - able, self._needed(change.slot)
        self._expect(stay >= need or not able, "I3", f"{change}: {stay} stay of {need} needed")

    def _lease(self, change: Change, owner: str) -> Deployment | None:
        held = self.journal.peek(self.environment)
        now = self.cloud.clock.now()
        alive = held is not None and held.lease.owner == owner and now < held.lease.expires_at
        self._expect(alive, "I6", f"{owner} made a change ({change}) without a lease")
        return held.deployment if held else None

    def _written(self, record: Deployment, change: Change) -> None:
        parting = isinstance(
            change, ResumeProcesses | Thaw | Stick
        )  # touches neither traffic nor capacity
        if self.cloud.clock.now() - self.foreign_at > self.blind_s and not parting:
            known = (record.written, *record.intended)
            self._expect(
                self.cloud.rule in known,
                "I4",
                f"{change} although the rule says {self.cloud.rule}, not one of {known}",
            )
            ours = (record.cohort, *record.cohort_intended)
            self._expect(
                self.cloud.admitted in ours,
                "I4",
                f"{change} although the group's rule says {self.cloud.cohort}, not one of {ours}",
            )
        if isinstance(change, SetWeights):
            told = change.weights in (record.written, *record.intended)
            self._expect(told, "intent first", f"{change} is not in the journal")
        if isinstance(change, SetCohort):
            told = change.admitted in (record.cohort, *record.cohort_intended)
            self._expect(told, "intent first", f"{change} is not in the journal")

    def _finite(self, record: Deployment) -> None:
        for step in record.plan.steps:
            finite = math.isfinite(step.deadline_s) and step.deadline_s > 0
            self._expect(finite, "I8", f"{step.describe()} has no deadline")

    def _unveil(self, change: SetPage) -> None:
        """Users come back to slots that can carry them."""
        now = self.cloud.clock.now()
        for slot in Slot:
            have = self.cloud.groups[slot].accounted(now)
            need = self.cloud.need(slot, self.cloud.rule, self.cloud.admitted)
            enough = not self.cloud.asleep or have >= need
            self._expect(enough, "I2", f"{change}: {slot} has {have} of {need}")

    def _needed(self, slot: Slot) -> int:
        if self.cloud.asleep:
            return 0
        return self.cloud.need(slot, self.cloud.rule, self.cloud.admitted)

    def _capacity(self, change: Change, weights: Weights | None, group: Admitted | None) -> None:
        now, cloud = self.cloud.clock.now(), self.cloud
        for slot in Slot:
            have, need = cloud.groups[slot].accounted(now), cloud.need(slot, weights, group)
            before = sum(cloud.shares(slot, cloud.rule, cloud.admitted))
            gains = sum(cloud.shares(slot, weights, group)) > before
            self._expect(
                not gains or have >= need, "I2/I7", f"{change}: {slot} has {have} of {need}"
            )

    def _unstick(self, record: Deployment, change: SetWeights) -> None:
        """What is switched off is in the record, as it is now."""
        sticks = self.cloud.sticky_s
        if change.unsticks and sticks is not None and sticks == change.sticky_s:
            told = record.unstuck.sticky_s if record.unstuck else None
            self._expect(told == sticks, "I9", f"{change}: {sticks} s is not in the journal")

    def _shrink(self, change: SetDesired) -> None:
        slot, cloud = change.slot, self.cloud
        if change.desired >= cloud.groups[slot].desired:
            return
        if change.live not in (None, cloud.groups[slot].desired):
            return  # what AWS is not asked for takes nobody
        group, now = cloud.groups[slot], cloud.clock.now()
        if sum(i.leaving_at > now for i in group.instances) <= change.desired:
            return  # what was not launched yet is not missed
        need = self._needed(slot)
        recently = cloud.clock.now() - self.foreign_at <= self.blind_s
        self._expect(change.desired >= need or recently, "I3", f"{change}: {need} needed")
        reaching = cloud.reaching(slot)
        silent = not reaching or recently
        words = f"{change}: the data plane still sends it {reaching / 10_000:.1f} %"
        self._expect(silent, "I5", words)

    def _expect(self, holds: bool, invariant: str, words: str) -> None:
        if not holds:
            self.violations.append(f"{invariant}: {words}")
