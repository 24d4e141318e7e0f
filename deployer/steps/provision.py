"""Provision: a slot has n instances, healthy in its target group, of one release."""

import msgspec

from deployer.durations import spell
from deployer.errors import CandidateUnhealthy, UnsafeAction
from deployer.model import Health, Release, Slot, SlotState
from deployer.ports import Freeze, PinRelease, SetDesired, World
from deployer.steps.base import Act, Done, Progress, Waiting


class Provision(msgspec.Struct, frozen=True, tag=True):
    """`slot` has `count` instances healthy in the target group, of `release`.

    release: None restores capacity: whatever the slot runs already, it runs more of; it is waited
             for as long as the deadline allows, since giving up early helps nobody.
    hold:    the slot that serves meanwhile, and may be needed again: before any traffic can leave
             it, its group is kept from getting smaller by itself. Target tracking would shrink it
             then, and a way back would meet too few instances (aws-facts 3.2).
    keep:    the size that `hold` keeps at least; 0: that of this slot.
    settle_s: readings within this time from entry may still show instances that are gone.

    Raises:
        CandidateUnhealthy: a launch failed, or no rule references the target group.
        UnsafeAction: the slot has traffic and runs something else.
    """

    slot: Slot
    release: Release | None
    count: int
    deadline_s: float
    settle_s: float = 0.0
    hold: Slot | None = None
    keep: int = 0

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
        # Instances of the same name may run another artifact or AMI: those that it had before.
        renewed = not pinned and state.boots is not None and state.boots.name == release.name
        outdated = state.stale or renewed
        others = [i for i in state.instances if outdated or i.release != release.name]
        if pinned and not others:
            return None
        if world.seen.traffic_of(self.slot) and others:
            raise UnsafeAction(
                f"{self.slot} has traffic and runs {', '.join(state.releases) or 'no release'}; "
                f"it cannot be provisioned with {release.name}: run `deployer status`"
            )
        if others and state.desired:
            return Act(SetDesired(self.slot, 0))
        if others:
            return Waiting(f"{len(others)} old instances are leaving {self.slot}")
        return Act(PinRelease(self.slot, release))


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
