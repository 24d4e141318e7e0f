"""How many instances a deployment has used, counted at each save of its record. Pure.

A record is saved with every change and with every renewal of the lease, so what is not seen in between
is a minute's at most.
"""

from msgspec.structs import replace

from deployer.model import Snapshot
from deployer.plan import Deployment
from deployer.record.outlook import Spent


def counted(deployment: Deployment, seen: Snapshot | None, now: float) -> Deployment:
    """The record with the time since its last save; `seen` None: nobody knows, so as many as before.

    Nothing after its end counts: what is taken up again for what it owes has ended long ago.
    """
    if deployment.reopened:
        return deployment
    known = deployment.spent
    if known is None:
        if seen is None:
            return deployment
        there = instances(seen)
        known = Spent(before=there, at=deployment.started_at, now=there)
    there = known.now if seen is None else instances(seen)
    return replace(deployment, spent=known.until(now, there))


def instances(seen: Snapshot) -> int:
    """Of both slots; those on their way in and out are paid for too."""
    return len(seen.blue.instances) + len(seen.green.instances)
