"""Quiet: the processes of a group that would work against us are suspended."""

import msgspec

from deployer.changes import Suspend
from deployer.durations import spell
from deployer.model import Slot
from deployer.ports import World
from deployer.steps.base import Act, Done, Progress


class Quiet(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """`processes` of `slot` are suspended.

    What was suspended before stays so for ever; what this step suspends is in the deployment's
    record before it happens, and the engine resumes it before that record becomes final.
    """

    slot: Slot
    processes: tuple[str, ...]
    deadline_s: float

    def describe(self) -> str:
        what = ", ".join(self.processes)
        return f"suspend {what} of {self.slot} until the end (within {spell(self.deadline_s)})"

    def advance(self, world: World) -> Progress:
        missing = tuple(p for p in self.processes if p not in world.seen[self.slot].suspended)
        if missing:
            return Act(Suspend(self.slot, missing))
        return Done("nothing else moves its instances")
