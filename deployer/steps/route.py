"""Route: the production rule sends exactly these weights."""

from contextlib import suppress

import msgspec

from deployer.changes import SetDesired, SetWeights
from deployer.durations import spell
from deployer.errors import CandidateUnhealthy, CloudUnavailable
from deployer.model import WHOLE, Slot, Weights, instances_for, matched_to
from deployer.ports import World
from deployer.steps.bake import Bake
from deployer.steps.base import Act, Done, Progress, Waiting
from deployer.steps.provision import fail_early, situation


class Route(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """The production rule sends `weights`, each slot with the instances its share needs.

    weights:  per mille.
    capacity: instances that carried 100 % of the traffic when the plan was made.
    sized_by: the slot that served then. It may have grown since: then its size now is what all of
              the traffic needs. Without it `capacity` holds, and launches that fail are waited for.
    matched:  a slot gets what its share needs and a margin, not all of `capacity`.
    relief:   the slot that users come back to: it gets as much of its share as its healthy instances
              carry at this moment, and nobody waits here for those that are missing.

    A slot that would gain traffic without healthy capacity for it is waited for, until the
    deadline: the weights stay where they are (invariant I2). What it lacks is asked for first: it
    may have been scaled in since it was provisioned, which is what target tracking does to a slot
    with little traffic, or more may be needed by now. The deadline covers booting.

    Where one slot gets everything, the rule does not stick any more, by the same change: clients
    with a cookie of the other slot would stay there (aws-facts 1.3). At any other share it stays as
    it is.

    watch: the stop before: while users are waiting there, the candidate stays under judgement, and
           at the moment at which it gets more.

    Raises:
        CandidateUnhealthy: the group may not become as large as it must be, a launch failed (only
                            with `sized_by`), or as Bake.
        VerdictFailed: as Bake.
    """

    weights: Weights
    capacity: int
    deadline_s: float
    watch: Bake | None = None
    sized_by: Slot | None = None
    matched: bool = False
    relief: Slot | None = None

    def describe(self) -> str:
        return f"route {self.weights}{self._on()} (within {spell(self.deadline_s)})"

    def _on(self) -> str:
        if self.sized_by is None or not self.matched:
            return ""
        count = matched_to(self.weights[self.sized_by.twin], self.capacity)
        return f", {self.sized_by.twin} with {count} of {self.capacity} instances"

    def advance(self, world: World) -> Progress:
        live, sticky_s = world.seen.weights, world.seen.sticky_s
        if self.relief is not None and live is not None:
            return self._relieve(self.relief, live, world)
        sent = SetWeights(self.weights, live, sticky_s)
        if live == self.weights and not (sent.unsticks and sticky_s):
            return Done(f"live weights: {live}")
        for slot in Slot:
            if self.weights[slot] > (live[slot] if live else 0):
                lacking = self._lacking(slot, world)
                if lacking is not None:
                    return lacking
        if self.watch is not None:
            # Days may have passed since the stop before. Who says nothing keeps nobody: that stop, or
            # a person, has let it go on.
            with suppress(CloudUnavailable):
                self.watch.require_good(world)
        return Act(sent)

    def _relieve(self, slot: Slot, live: Weights, world: World) -> Progress:
        """Never less than it has: an instance may have died since the step before was decided.

        What it cannot carry follows with the next step, which gives it its capacity back (I7).
        """
        able = world.seen[slot].healthy() * WHOLE // self.capacity
        share = min(self.weights[slot], able)
        if share <= live[slot]:
            return Done(f"live weights: {live}; {slot} can carry no more at this moment")
        return Act(SetWeights(Weights.toward(slot, share), live, world.seen.sticky_s))

    def _lacking(self, slot: Slot, world: World) -> Progress | None:
        """What must come before the slot may gain traffic; None if nothing does."""
        state, share, capacity = world.seen[slot], self.weights[slot], self._capacity(world)
        need = matched_to(share, capacity) if self.matched else instances_for(share, capacity)
        have = state.healthy()
        if have >= need:
            return None
        if state.desired < min(need, state.max_size):
            size = min(need if self.matched else capacity, state.max_size)
            return Act(SetDesired(slot, size, live=state.desired))
        if need > state.max_size:
            raise CandidateUnhealthy(
                f"{slot} may have at most {state.max_size} instances and {need} are needed by now: "
                "raise max_instances in deployer.toml and deploy the stacks"
            )
        if self.sized_by is not None:
            fail_early(state, world.entered_at)
        if self.watch is not None:
            self.watch.require_good(world)
        return Waiting(f"{slot}: {have} healthy, {need} needed for its share; {situation(state)}")

    def _capacity(self, world: World) -> int:
        """Instances that all of the traffic needs now."""
        if self.sized_by is None:
            return self.capacity
        return max(self.capacity, world.seen[self.sized_by].desired)
