"""Silence: what the data plane tells of a slot that is about to lose its instances. Pure.

The control plane shows new weights at once, the data plane follows later, and clients with sticky
cookies later still (aws-facts 1.3). So weight 0 alone proves nothing: the slot's own RequestCount
does (invariant I5).
"""

from deployer.model import Slot
from deployer.ports import World
from deployer.steps.base import LATE_READING_S

MINUTE_S = 60.0
RECENT_S = 600.0  # silence longer ago than this is not asked for


def disturbed(world: World) -> bool:
    """Others moved traffic a moment ago: it is back, and the data plane may not have followed yet.

    Whatever was proven before that is not proven any more.
    """
    return world.calm_since is not None and world.now - world.calm_since < LATE_READING_S


def last_heard(world: World, slot: Slot, delay_s: float, since: float) -> int | None:
    """Requests that `slot` served in the newest published minute that tells; None: none tells.

    A missing RequestCount means silence only beside its twin's of the same minute: otherwise it
    means that metrics are late, or that nobody came at all.

    since:   minutes that began before are not looked at, epoch seconds; nor any from before
             others were last found to have moved traffic.
    delay_s: minutes younger than this are not published yet.

    Raises:
        CloudUnavailable: the metrics do not answer.
    """
    until = world.now - delay_s
    oldest = max(since, world.calm_since or 0.0, until - RECENT_S)
    first = -(-oldest // MINUTE_S) * MINUTE_S
    if until < first + MINUTE_S:
        return None
    seen = world.metrics.traffic(first, until)
    for own, twin in reversed(tuple(zip(seen[slot], seen[slot.twin], strict=True))):
        served = (own.requests or 0) or own.failures
        if served or twin.requests:
            return served
    return None
