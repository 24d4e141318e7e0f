"""Silence: what the data plane tells of a slot that is about to lose its instances. Pure.

The control plane shows new weights at once, the data plane follows later, and clients with sticky
cookies later still (aws-facts 1.3). So weight 0 alone proves nothing: the slot's own RequestCount
does (invariant I5).
"""

from deployer.model import Slot
from deployer.ports import World

MINUTE_S = 60.0
RECENT_S = 600.0  # silence longer ago than this is not asked for


def last_heard(world: World, slot: Slot, delay_s: float, since: float) -> int | None:
    """Requests that `slot` served in the newest published minute that tells; None: none tells.

    A missing RequestCount means silence only beside its twin's of the same minute: otherwise it
    means that metrics are late, or that nobody came at all.

    since:   minutes that began before are not looked at, epoch seconds.
    delay_s: minutes younger than this are not published yet.

    Raises:
        CloudUnavailable: the metrics do not answer.
    """
    until = world.now - delay_s
    first = -(-max(since, until - RECENT_S) // MINUTE_S) * MINUTE_S
    if until < first + MINUTE_S:
        return None
    seen = world.metrics.traffic(first, until)
    for own, twin in reversed(tuple(zip(seen[slot], seen[slot.twin], strict=True))):
        served = (own.requests or 0) or own.failures
        if served or twin.requests:
            return served
    return None
