"""Which part of a group's size is a deployment's own surge, and which is somebody else's wish. Pure.

Target tracking goes on while instances are replaced. What the deployment asks for is in the record
before it asks: the rest is not its to give back (docs/rolling.md).
"""

from msgspec.structs import replace

from deployer.model import SlotState, Snapshot
from deployer.plan import Deployment
from deployer.ports import SetDesired, Surge, Terminate
from deployer.steps.batches import counted


def remembering(deployment: Deployment, change: SetDesired | Terminate) -> Deployment:
    """The record, before the change is made."""
    surge = deployment.surge
    if isinstance(change, Terminate):
        if not change.shrink or surge is None:
            return deployment
        return replace(deployment, surge=surge_without(surge, change))
    if not deployment.plan.in_place or change.live is None or change.desired <= change.live:
        return deployment
    base = max(change.live, deployment.plan.capacity)
    grown = Surge(change.slot, base, change.desired) if change.desired > base else None
    return replace(deployment, surge=grown)


def surge_without(surge: Surge, change: Terminate) -> Surge:
    """The surge while these may be going."""
    return Surge(surge.slot, surge.base, surge.top, change.instances)


def given_back(deployment: Deployment, change: object) -> Deployment:
    """The record after the change was made; whoever asks for more from now on is somebody else."""
    surge = deployment.surge
    if surge is None or not isinstance(change, Terminate) or not change.shrink:
        return deployment
    return replace(deployment, surge=surge.less(len(change.instances)))


def seen(deployment: Deployment, snapshot: Snapshot) -> Deployment:
    """The record after another look at the group: a change may have been made by a dead process."""
    surge = deployment.surge
    if surge is None:
        return deployment
    state = snapshot[surge.slot]
    return replace(deployment, surge=surge.seen(members(state), state.desired))


def members(state: SlotState) -> frozenset[str]:
    """Instances that the group counts."""
    return frozenset(instance.id for instance in state.instances if counted(instance))
