"""Checkpoint: the deployment pauses here until a person lets it go on."""

import msgspec

from deployer.ports import World
from deployer.steps.base import Done, Progress
from deployer.steps.soak import Soak


class Checkpoint(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """A person has let it go on: the record is paused when this step is entered.

    watch: the soak before it: while it is paused, the release stays under judgement.
    """

    watch: Soak
    deadline_s: float

    def describe(self) -> str:
        return "checkpoint: pause until `deployer resume`"

    def advance(self, world: World) -> Progress:
        return Done(f"let go after {world.seen[self.watch.slot].healthy()} healthy instances")
