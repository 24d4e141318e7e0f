"""Retire: the slot without traffic gives its instances back."""

import msgspec

from deployer.changes import SetDesired
from deployer.durations import spell
from deployer.errors import UnsafeAction
from deployer.model import Slot
from deployer.ports import World
from deployer.steps.base import Act, Done, Progress, Waiting
from deployer.steps.silence import disturbed


class Retire(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """`slot` has weight 0 and `keep` instances, none by default; its connections were drained.

    Traffic that others have given it, and taken away again, since it was proven silent is waited for.

    settle_s: readings within this time from entry may be from before instances were asked for that
              are on their way: a slot that reads empty may not be.

    Raises:
        UnsafeAction: the slot has traffic.
    """

    slot: Slot
    deadline_s: float
    keep: int = 0
    settle_s: float = 0.0

    def describe(self) -> str:
        standby = f" but for {self.keep} on standby" if self.keep else ""
        return f"retire {self.slot}{standby} (within {spell(self.deadline_s)})"

    def advance(self, world: World) -> Progress:
        state = world.seen[self.slot]
        if traffic := world.seen.traffic_of(self.slot):
            raise UnsafeAction(f"{self.slot} still has traffic: {traffic}")
        if state.desired > self.keep:
            if disturbed(world):
                return Waiting(f"somebody gave {self.slot} traffic a moment ago: looking again")
            return Act(SetDesired(self.slot, self.keep))
        leaving = len(state.instances) - state.desired
        if leaving <= 0 and not state.draining:
            if world.elapsed_s < self.settle_s:
                return Waiting(f"{self.slot} is empty, if the reading is not late: looking again")
            return Done(
                f"{self.slot} has {state.desired} on standby"
                if self.keep
                else f"{self.slot} is empty"
            )
        many = max(leaving, state.draining)
        if many == 1:
            return Waiting(f"1 instance of {self.slot} drains and stops")
        return Waiting(f"{many} instances of {self.slot} drain and stop")
