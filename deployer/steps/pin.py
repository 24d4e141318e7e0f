"""Pin: what a slot launches from now on."""

import msgspec

from deployer.changes import PinRelease
from deployer.durations import spell
from deployer.model import Release, Slot
from deployer.ports import World
from deployer.steps.base import Act, Done, Progress


class Pin(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """`slot` launches `release`, on top of the newest version that the stack has made."""

    slot: Slot
    release: Release
    deadline_s: float

    def describe(self) -> str:
        return f"{self.slot} launches {self.release.name} (within {spell(self.deadline_s)})"

    def advance(self, world: World) -> Progress:
        state = world.seen[self.slot]
        if not state.boots_exactly(self.release):
            return Act(PinRelease(self.slot, self.release))
        return Done("what the group launches by itself runs it too")
