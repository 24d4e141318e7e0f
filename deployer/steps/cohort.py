"""Admit and Dismiss: a user group reaches the candidate before anybody else does, and goes back."""

import msgspec

from deployer.changes import SetCohort, SetDesired
from deployer.cohort import Cohort
from deployer.durations import spell
from deployer.errors import ChangeRefused
from deployer.model import Admitted, Blocked, Slot
from deployer.ports import World
from deployer.steps.bake import Bake
from deployer.steps.base import Act, Done, Progress, Waiting


class Admit(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """The users of `cohort`, and nobody else, go to `slot`.

    capacity: instances that carry 100 % of the traffic: nobody knows how large the group is.

    Raises:
        ChangeRefused: somebody else's rule is where the group's would be.
    """

    cohort: Cohort
    slot: Slot
    capacity: int
    deadline_s: float

    def describe(self) -> str:
        return f"admit the users {self.cohort} to {self.slot} (within {spell(self.deadline_s)})"

    @property
    def wanted(self) -> Admitted:
        return Admitted(self.cohort, self.slot)

    def advance(self, world: World) -> Progress:
        if world.seen.cohort == self.wanted:
            return Done(f"the users {self.wanted}, everybody else by weights")
        if isinstance(world.seen.cohort, Blocked):
            raise ChangeRefused(world.seen.cohort.why)
        wait = require_instances(world, self.slot, self.capacity)
        return wait or Act(SetCohort(self.wanted, world.seen.admitted))


class Dismiss(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """No user group has a rule of its own: all users go where the weights say.

    capacity: instances that carry 100 % of the traffic: the slot that the group goes to has them,
              if it is not the one that it comes from.
    watch:    what the candidate is judged by, while somebody has paused it here.
    """

    capacity: int
    deadline_s: float
    watch: Bake | None = None

    def describe(self) -> str:
        return f"dismiss the user group: weights hold for all (within {spell(self.deadline_s)})"

    def advance(self, world: World) -> Progress:
        live, weights = world.seen.admitted, world.seen.weights
        if live is None:
            return Done("it goes where everybody goes")
        if weights is not None and weights[live.slot.twin]:
            wait = require_instances(world, live.slot.twin, self.capacity)
            if wait is not None:
                return wait
        return Act(SetCohort(None, live))


def require_instances(world: World, slot: Slot, count: int) -> Progress | None:
    """What must happen before `slot` can carry `count` instances' worth of users; None: nothing."""
    state = world.seen[slot]
    if state.healthy() >= count:
        return None
    if state.desired < count:
        return Act(SetDesired(slot, count))
    return Waiting(f"{slot}: {state.healthy()} healthy, {count} needed")
