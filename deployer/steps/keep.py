"""Keep: the slot that serves does not get smaller by itself than the settings say."""

import msgspec

from deployer.changes import SetFloor
from deployer.durations import spell
from deployer.model import Slot
from deployer.ports import World
from deployer.steps.base import Act, Done, Progress


class Keep(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """The group of `slot` has a minimum of `floor`, or of what it is asked for if that is less.

    The stacks give both groups a minimum of 0, so that the slot that does not serve may be empty:
    with scaling policies the serving one could be scaled in to a single instance. Whoever has given
    it a larger minimum is right. The other slot's is given back where it retires: asking it for
    less lowers its minimum in the same call.
    """

    slot: Slot
    floor: int
    deadline_s: float

    def describe(self) -> str:
        return (
            f"keep {self.slot} from shrinking below {self.floor} (within {spell(self.deadline_s)})"
        )

    def advance(self, world: World) -> Progress:
        state = world.seen[self.slot]
        floor = min(self.floor, state.desired)  # a higher minimum would launch (aws-facts 3.2)
        if state.min_size >= floor:
            return Done(f"{self.slot} keeps at least {state.min_size}")
        return Act(SetFloor(self.slot, floor))
