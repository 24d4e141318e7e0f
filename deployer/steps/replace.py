"""Replace: instances of a live group give way to those of another release, a batch at a time."""

import msgspec

from deployer.changes import PinRelease
from deployer.durations import spell
from deployer.errors import CandidateUnhealthy, UnsafeAction
from deployer.model import Release, Slot, SlotState
from deployer.ports import World
from deployer.steps.base import LATE_READING_S, Act, Done, Progress, Waiting
from deployer.steps.batches import Pace, Standing, clear, next_batch, stand
from deployer.steps.provision import fail_early
from deployer.steps.soak import Soak


class Replace(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """`until` of the group's instances run `release` and are healthy in the target group.

    A reading of the target group gates each batch: the next one begins only when every instance of
    the release that was asked for is healthy, and what left has drained. Protected instances and
    those on standby are left alone; lifecycle hooks are waited for.

    watch:     what the release is judged by from its first instance on, whether the deployment moves
               or is paused in the middle of a batch.
    returning: the way back: whatever runs `release` stays, from whichever launch-template version;
               launches that fail are waited for as long as the deadline allows, since giving up
               early helps nobody; and it ends only when what left has drained, and no reading can
               be from before its pin any more.

    Raises:
        CandidateUnhealthy: a launch failed, no rule references the target group, or an instance is
                            lost whose replacement would be the first of its release to work.
        CandidateUnhealthy, VerdictFailed: as Soak.
        UnsafeAction: the slot has no traffic: it is not the one to replace instances of.
    """

    slot: Slot
    release: Release
    pace: Pace
    until: int
    deadline_s: float
    returning: bool = False
    watch: Soak | None = None

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
        standing = stand(state, self.release.name, renewed=not self.returning)
        if not self.returning:
            fail_early(state, world.entered_at)
            self._require_proof(standing, state)
            if (watch := self.watching(world)) is not None:
                watch.require_good(world)
            return next_batch(state, standing, self.pace, self.until, world.surge)
        cleared = clear(state, standing, self.pace, world.surge)
        progress = cleared or next_batch(state, standing, self.pace, self.until, world.surge)
        return self._settled(world, standing) if isinstance(progress, Done) else progress

    def watching(self, world: World) -> Soak | None:
        """What judges it now; None while no instance of the release has come up: nothing of it yet."""
        standing = stand(world.seen[self.slot], self.release.name, renewed=not self.returning)
        up = any(i.lifecycle == "InService" for i in (*standing.ready, *standing.coming))
        return self.watch if up else None

    def _settled(self, world: World, standing: Standing) -> Progress:
        """What was pinned or launched on the way forward may come to light only now."""
        if standing.leaving:
            return Waiting(f"{standing}")
        if world.elapsed_s < LATE_READING_S:
            return Waiting(f"{standing}, if the reading is not late: looking again")
        return Done(f"{standing}")

    def _require_proof(self, standing: Standing, state: SlotState) -> None:
        """Whatever dies is replaced by the release: that helps only if the release works.

        While none of its instances is healthy that is not known, so a group that is short then goes
        back to launching what does.
        """
        floor = min(self.pace.count, state.desired) - self.pace.max_unavailable
        if standing.healthy < floor and not standing.ready:
            raise CandidateUnhealthy(
                f"{self.slot}: {standing.healthy} of {self.pace.count} instances are healthy, and "
                f"none of {self.release.name} yet that could stand in for the rest"
            )
