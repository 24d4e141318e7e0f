"""Which environment a dashboard reads next: one reader for all browsers, within AWS's limits. Pure.

    environment                        is read again after
    something is being deployed        BUSY_S
    nothing is                         CALM_S (whether something has begun is seen meanwhile, for one
                                       read of the journal: GLANCE_S)
    it could not be read               twice the wait before, RELIEF_S at most
    somebody has just asked of it      at once

Two readings begin SPACING_S apart at least: each makes 3 calls to the load balancer's API, which
answers 10 a second to all of an account together (aws-facts 4.1), runners of deployments included.
While no browser is connected nothing is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass

BUSY_S, CALM_S, GLANCE_S, RELIEF_S, SPACING_S = 10.0, 60.0, 10.0, 300.0, 0.6


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of the last reading of an environment; times in epoch seconds.

    begun_at: when it was begun.
    going:    it is being read now.
    busy:     something was being deployed.
    failures: readings that failed in a row.
    urgent:   somebody has asked of it since.
    """

    begun_at: float
    going: bool = False
    busy: bool = False
    failures: int = 0
    urgent: bool = False


def due_at(last: Reading | None) -> float:
    """When it is to be read again, epoch seconds; one that is being read never is."""
    if last is None:
        return 0.0
    if last.going:
        return float("inf")
    if last.urgent:
        return last.begun_at
    if last.failures:
        return last.begun_at + min(RELIEF_S, BUSY_S * 2.0 ** min(last.failures, 10))
    return last.begun_at + (BUSY_S if last.busy else GLANCE_S)


def chosen(last: Mapping[str, Reading | None], now: float) -> tuple[str | None, float]:
    """The one to read now, if any; else how long until there may be one, in seconds.

    last: of those that may be read now at all.

    The one that has been due for longest comes first; of the same, the first named.
    """
    latest = max((each.begun_at for each in last.values() if each), default=float("-inf"))
    wait_s = latest + SPACING_S - now
    if not last or wait_s > 0:
        return None, max(wait_s, SPACING_S if not last else 0.0)
    name = min(last, key=lambda each: due_at(last[each]))
    left_s = due_at(last[name]) - now
    return (name, 0.0) if left_s <= 0 else (None, min(left_s, CALM_S))
