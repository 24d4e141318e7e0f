"""Which part of a group's size is a deployment's own surge, and which is somebody else's wish. Pure.

Target tracking goes on while instances are replaced. What the deployment asks for is in the record
before it asks: the rest is not its to give back (docs/rolling.md).
"""

from msgspec.structs import replace

from deployer.changes import SetDesired, Terminate
from deployer.model import SlotState, Snapshot
from deployer.plan import Deployment
from deployer.record.held import Surge
from deployer.steps.base import LATE_READING_S
from deployer.steps.batches import counted
from deployer.steps.replace import Replace


def remembering(deployment: Deployment, change: SetDesired | Terminate, now: float) -> Deployment:
    """The record, before the change is made."""
    surge = deployment.surge
    if isinstance(change, Terminate):
        if not change.shrink or surge is None:
            return deployment
        return replace(deployment, surge=surge_without(surge, change))
    if not deployment.plan.in_place or change.live is None or change.desired <= change.live:
        return deployment
    base = max(change.live, deployment.plan.capacity)
    grown = Surge(change.slot, base, change.desired, asked_at=now)
    return replace(deployment, surge=grown if change.desired > base else None)


def surge_without(surge: Surge, change: Terminate) -> Surge:
    """The surge while these may be going."""
    return Surge(surge.slot, surge.base, surge.top, change.instances, surge.asked_at)


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


def unseen(deployment: Deployment, now: float) -> str:
    """What a replacement's end must not be believed for yet, in words; empty: nothing.

    A reading from before a batch asks for its surge once more, and the group may take it for a new
    wish, since it has its old size again. The next one may be from before that, and read as the end.
    """
    surge = deployment.surge
    late = surge is not None and now - surge.asked_at < LATE_READING_S
    if surge is None or not late or not isinstance(deployment.step, Replace):
        return ""
    return f"{surge.slot} may have been asked for {surge.top} instances"


def members(state: SlotState) -> frozenset[str]:
    """Instances that the group counts."""
    return frozenset(instance.id for instance in state.instances if counted(instance))
