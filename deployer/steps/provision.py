"""Provision: a slot has n instances, healthy in its target group, of one release."""

import msgspec

from deployer.changes import Freeze, PinRelease, SetDesired
from deployer.durations import spell
from deployer.errors import CandidateUnhealthy, UnsafeAction
from deployer.model import Health, Instance, Release, Slot, SlotState, Snapshot
from deployer.ports import World
from deployer.steps.base import Act, Done, Progress, Waiting
from deployer.steps.silence import MINUTE_S, disturbed, last_heard


class Provision(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """`slot` has `count` instances healthy in the target group, of `release`.

    release: None restores capacity: whatever the slot runs already, it runs more of; it is waited
             for as long as the deadline allows, since giving up early helps nobody.
    hold:    the slot that serves meanwhile, and may be needed again: before any traffic can leave
             it, its group is kept from getting smaller by itself. Target tracking would shrink it
             then, and a way back would meet too few instances (aws-facts 3.2).
    keep:    the size that `hold` keeps at least; 0: that of this slot.
    settle_s: readings within this time from entry may still show instances that are gone.
    linger_s: instances of another release leave once the data plane proves that the slot serves
             nobody (invariant I5), or this time has passed; 0: at once. Weight 0 is no such proof:
             somebody may have moved traffic a moment ago, or the slot may be on standby since
             yesterday. What CloudWatch has published by now tells these two apart.
    delay_s: minutes younger than this are not published yet.

    Raises:
        CandidateUnhealthy: a launch failed, no rule references the target group, or clients whose
            cookies lead to the slot would lose it.
        UnsafeAction: the slot has traffic and runs something else.
    """

    slot: Slot
    release: Release | None
    count: int
    deadline_s: float
    settle_s: float = 0.0
    hold: Slot | None = None
    keep: int = 0
    linger_s: float = 0.0
    delay_s: float = 0.0

    def describe(self) -> str:
        what = self.release.name if self.release else "what it runs"
        return (
            f"provision {self.slot}: {self.count} healthy of {what} "
            f"(within {spell(self.deadline_s)})"
        )

    def advance(self, world: World) -> Progress:
        state = world.seen[self.slot]
        if self.release is not None:
            needed = self._make_way(world, state, self.release)
            if needed is not None:
                return needed
            fail_early(state, world.entered_at)
        if state.desired < self.count:
            return Act(SetDesired(self.slot, self.count))
        if (freeze := self._freeze(world)) is not None:
            return Act(freeze)
        healthy = state.healthy(self.release.name if self.release else None)
        note = f"{healthy} of {self.count} healthy"
        if healthy < self.count:
            return Waiting(f"{note}; {situation(state)}")
        if world.elapsed_s < self.settle_s:
            return Waiting(f"{note}, if the reading is not late: looking again")
        return Done(note)

    def _freeze(self, world: World) -> Freeze | None:
        """What keeps the other slot as large as it was when the plan was made."""
        if self.hold is None:
            return None
        held = world.seen[self.hold]
        floor = min(self.keep or self.count, held.desired)
        return Freeze(self.hold, floor, held.min_size) if held.min_size < floor else None

    def _make_way(self, world: World, state: SlotState, release: Release) -> Progress | None:
        """What must go or be pinned before instances of `release` can be asked for."""
        pinned = state.boots_exactly(release)
        others = strangers(state, release)
        if pinned and not others:
            return None
        if world.seen.traffic_of(self.slot) and others:
            raise UnsafeAction(
                f"{self.slot} has traffic and runs {', '.join(state.releases) or 'no release'}; "
                f"it cannot be provisioned with {release.name}: run `deployer status`"
            )
        if others and state.desired:
            served = self._still_serves(world)
            return Waiting(served) if served else Act(SetDesired(self.slot, 0))
        if others:
            return Waiting(f"{len(others)} old instances are leaving {self.slot}")
        return Act(PinRelease(self.slot, release))

    def _still_serves(self, world: World) -> str:
        """What keeps its instances of another release there, in words; empty: nothing.

        What it served before the step was entered counts: a slot on standby is known to be silent at
        the first look. But nothing from before the last time that traffic was found moved by others.
        Where the rule does not exist, nothing leads anybody anywhere.
        """
        seen = world.seen
        # Where cookies may lead here, a whole minute from now on is waited for, however short that is.
        told_s = self.delay_s + 2 * MINUTE_S if seen.sticky_s is not None and self.linger_s else 0.0
        over = world.elapsed_s >= max(self.linger_s, told_s) and not disturbed(world)
        if seen.weights is None or (over and seen.sticky_s is None):
            return ""
        heard = last_heard(world, self.slot, self.delay_s, since=0.0)
        if heard == 0 or (over and heard is None):
            return ""
        if over:
            raise CandidateUnhealthy(
                f"{self.slot} has no weight and still serves {heard} requests a minute: clients hold "
                "cookies of it (AWSALBTG) and would lose it; switch the rule's stickiness off, or "
                "wait until they are gone"
            )
        return f"waiting for {self.slot} to fall silent: it still runs {', '.join(releases(seen, self.slot))}"


def releases(seen: Snapshot, slot: Slot) -> tuple[str, ...]:
    """What the slot's instances run; those that carry no release are the stack's own."""
    return seen[slot].releases or ("the stack's own version",)


def strangers(state: SlotState, release: Release) -> tuple[Instance, ...]:
    """The slot's instances that do not run `release` as it is now.

    Those of the same name may run another artifact or AMI: what it had before.
    """
    renewed = (
        state.boots is not None
        and state.boots.name == release.name
        and not state.boots_exactly(release)
    )
    outdated = state.stale or renewed
    return tuple(i for i in state.instances if outdated or i.release != release.name)


def fail_early(state: SlotState, since: float) -> None:
    """Do not wait for what cannot come.

    Raises:
        CandidateUnhealthy: a launch failed since `since`, or the target group is not in use.
    """
    for failure in state.launch_failures:
        if failure.at >= since:
            raise CandidateUnhealthy(f"{state.slot}: a launch failed: {failure.reason}")
    if any(i.lifecycle == "InService" and i.health is Health.UNUSED for i in state.instances):
        raise CandidateUnhealthy(
            f"{state.slot}: its target group is not referenced by any listener rule, so nothing "
            "checks its health: add a rule on the test listener"
        )


def situation(state: SlotState) -> str:
    """What the slot's instances do, for people: `2 Pending, 1 unhealthy`."""
    words = [
        (i.health.value if i.health else "not registered")
        if i.lifecycle == "InService"
        else i.lifecycle
        for i in state.instances
    ]
    counts = {word: words.count(word) for word in sorted(set(words))}
    return ", ".join(f"{count} {word}" for word, count in counts.items()) or "no instances yet"
