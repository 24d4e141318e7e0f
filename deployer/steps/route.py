"""Route: the production rule sends exactly these weights."""

import msgspec

from deployer.durations import spell
from deployer.model import Slot, Weights, instances_for
from deployer.ports import SetDesired, SetWeights, World
from deployer.steps.bake import Bake
from deployer.steps.base import Act, Done, Progress, Waiting


class Route(msgspec.Struct, frozen=True, tag=True):
    """The production rule sends `weights`, each slot with the instances its share needs.

    weights:  per mille.
    capacity: instances that carry 100 % of the traffic.

    A slot that would gain traffic without healthy capacity for it is waited for, until the
    deadline: the weights stay where they are (invariant I2). If its group was scaled in since it
    was provisioned, which is what target tracking does to a slot with little traffic, it gets its
    size back first: the deadline covers booting.

    Where one slot gets everything, the rule does not stick any more, by the same change: clients
    with a cookie of the other slot would stay there (aws-facts 1.3). At any other share it stays as
    it is.

    watch: the stop before: while users are waiting there, the candidate stays under judgement.

    Raises:
        CandidateUnhealthy, VerdictFailed: as Bake.
    """

    weights: Weights
    capacity: int
    deadline_s: float
    watch: Bake | None = None

    def describe(self) -> str:
        return f"route {self.weights} (within {spell(self.deadline_s)})"

    def advance(self, world: World) -> Progress:
        live, sticky_s = world.seen.weights, world.seen.sticky_s
        sent = SetWeights(self.weights, live, sticky_s)
        if live == self.weights and not (sent.unsticks and sticky_s):
            return Done(f"live weights: {live}")
        for slot in Slot:
            need = instances_for(self.weights[slot], self.capacity)
            have = world.seen[slot].healthy()
            if self.weights[slot] > (live[slot] if live else 0) and have < need:
                if world.seen[slot].desired < need:
                    return Act(SetDesired(slot, self.capacity))
                if self.watch is not None:
                    self.watch.require_good(world)
                return Waiting(f"{slot}: {have} healthy, {need} needed for its share")
        return Act(sent)
