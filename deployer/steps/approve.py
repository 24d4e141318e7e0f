"""Approve: a person has looked, and says that the release may go on."""

import msgspec

from deployer.durations import spell
from deployer.ports import World
from deployer.steps.bake import Bake
from deployer.steps.base import Progress, Waiting


class Approve(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """A person has approved; the engine ends this step when one does (`deployer approve`).

    watch: the bake before it: while people make up their minds, the candidate stays under
           judgement, and a bad verdict sends it back without asking anyone.

    Raises:
        CandidateUnhealthy, VerdictFailed: as Bake.
    """

    watch: Bake
    deadline_s: float

    def describe(self) -> str:
        return f"wait for approval (within {spell(self.deadline_s)}; else it goes back)"

    def advance(self, world: World) -> Progress:
        verdict = self.watch.require_good(world)
        return Waiting(f"`deployer approve` lets it go on; meanwhile: {verdict.reason}")
