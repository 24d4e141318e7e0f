"""Retire: the slot without traffic gives its instances back."""

import msgspec

from deployer.durations import spell
from deployer.errors import UnsafeAction
from deployer.model import Slot
from deployer.ports import SetDesired, World
from deployer.steps.base import Act, Done, Progress, Waiting


class Retire(msgspec.Struct, frozen=True, tag=True):
    """`slot` has weight 0 and no instances; its connections were drained.

    Raises:
        UnsafeAction: the slot has traffic.
    """

    slot: Slot
    deadline_s: float

    def describe(self) -> str:
        return f"retire {self.slot} (within {spell(self.deadline_s)})"

    def advance(self, world: World) -> Progress:
        weights, state = world.seen.weights, world.seen[self.slot]
        if weights is not None and weights[self.slot]:
            raise UnsafeAction(f"{self.slot} still has traffic: {weights}")
        if state.desired:
            return Act(SetDesired(self.slot, 0))
        if state.empty:
            return Done(f"{self.slot} is empty")
        return Waiting(f"{len(state.instances)} instances of {self.slot} drain and stop")
