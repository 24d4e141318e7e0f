"""Replace: instances of a live group give way to those of another release, a batch at a time."""

import msgspec

from deployer.durations import spell
from deployer.errors import UnsafeAction
from deployer.model import Release, Slot
from deployer.ports import PinRelease, World
from deployer.steps.base import Act, Done, Progress, Waiting
from deployer.steps.batches import Pace, next_batch, stand
from deployer.steps.provision import fail_early


class Replace(msgspec.Struct, frozen=True, tag=True):
    """`until` of the group's instances run `release` and are healthy in the target group.

    A reading of the target group gates each batch: the next one begins only when every instance of
    the release that was asked for is healthy, and what left has drained. Protected instances and
    those on standby are left alone; lifecycle hooks are waited for.

    returning: the way back: whatever runs `release` stays, from whichever launch-template version;
               launches that fail are waited for as long as the deadline allows, since giving up
               early helps nobody; and it ends only when what left has drained.

    Raises:
        CandidateUnhealthy: a launch failed, or no rule references the target group.
        UnsafeAction: the slot has no traffic: it is not the one to replace instances of.
    """

    slot: Slot
    release: Release
    pace: Pace
    until: int
    deadline_s: float
    returning: bool = False

    def describe(self) -> str:
        whole = self.until >= self.pace.count
        how_many = "all instances" if whole else f"{self.until} of {self.pace.count} instances"
        return (
            f"replace {how_many} of {self.slot} by {self.release.name}, "
            f"{self.pace.batch} at a time (within {spell(self.deadline_s)})"
        )

    def advance(self, world: World) -> Progress:
        weights, state = world.seen.weights, world.seen[self.slot]
        if weights is not None and not weights[self.slot]:
            raise UnsafeAction(f"{self.slot} has no traffic any more: run `deployer status`")
        if state.boots_name != self.release.name:
            return Act(PinRelease(self.slot, self.release))
        if not self.returning:
            fail_early(state, world.entered_at)
        standing = stand(state, self.release.name, renewed=not self.returning)
        progress = next_batch(state, standing, self.pace, self.until)
        if self.returning and isinstance(progress, Done) and standing.leaving:
            return Waiting(progress.note)
        return progress
