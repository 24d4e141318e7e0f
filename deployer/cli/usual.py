"""What the live slot serves as a rule: what a rolling deployment is judged by."""

from msgspec.structs import replace

from deployer.analysis.judge import Tally, tally
from deployer.model import Snapshot
from deployer.plan import Intent
from deployer.wiring import Services

LOOK_BACK_S = 900.0  # long enough for a share of failures, short enough to be the same load


def remembering(services: Services, seen: Snapshot, intent: Intent) -> Intent:
    """The intent with what the live slot served in the minutes before now.

    Raises:
        CloudUnavailable: the metrics do not answer: better to begin when they do.
    """
    before = usual(services, seen, intent.delay_s)
    return replace(intent, roll=replace(intent.roll, before=before))


def usual(services: Services, seen: Snapshot, delay_s: float) -> Tally | None:
    """Its requests and failures; None where no slot serves, or nothing was published."""
    slot = seen.weights.sole if seen.weights else None
    if slot is None:
        return None
    until = services.clock.now() - delay_s
    found = tally(services.metrics.traffic(until - LOOK_BACK_S, until)[slot])
    return found if found.requests else None
