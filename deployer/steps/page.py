"""Page: a page answers everybody in the place of the slots, or the slot that serves does again."""

import msgspec

from deployer.changes import SetDesired, SetPage
from deployer.durations import spell
from deployer.model import Slot
from deployer.ports import World
from deployer.steps.base import Act, Done, Progress, Waiting
from deployer.steps.provision import situation


class Page(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """The page is `up`, or it is not, and then `slot` has `count` healthy instances to serve with.

    settle_s: readings within this time from entry may be from before somebody, perhaps a dead
              process of ours, changed it.
    """

    up: bool
    slot: Slot
    count: int
    deadline_s: float
    settle_s: float = 0.0

    def describe(self) -> str:
        goal = "let a page answer everybody" if self.up else f"let {self.slot} answer everybody"
        return f"{goal} (within {spell(self.deadline_s)})"

    def advance(self, world: World) -> Progress:
        if world.seen.asleep is self.up:
            if world.elapsed_s < self.settle_s:
                return Waiting("it is so, if the reading is not late: looking again")
            return Done("the page answers" if self.up else f"{self.slot} answers")
        return (None if self.up else self._lacking(world)) or Act(SetPage(self.up))

    def _lacking(self, world: World) -> Progress | None:
        """What must come before users do (invariant I2); None if nothing must."""
        state = world.seen[self.slot]
        if state.healthy() >= self.count:
            return None
        if state.desired < self.count:
            return Act(SetDesired(self.slot, self.count))
        return Waiting(
            f"{self.slot}: {state.healthy()} of {self.count} healthy; {situation(state)}"
        )
