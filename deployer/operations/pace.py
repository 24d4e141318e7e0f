"""How long a detached deployment rests: until something can happen, and not longer. Pure.

    where it stands                         looks again
    judged: bake, ramp, soak, window, approval    when CloudWatch has the next minute, or at a step's own time
    paused, or waiting for cookies          likewise: a paused one is judged, too
    anything that moves                     after `MOVING_S`

Each deployment has its own second of the minute, so that a thousand of them do not look at once.
While AWS throttles, everybody rests longer (`stretched`), the longest being `LONGEST_S`; what goes back
or moves is the last to be slowed down. The formula is in docs/scale.md.
"""

import math
from zlib import crc32

from deployer.plan import Deployment, Status
from deployer.planning import stickiness
from deployer.steps.approve import Approve
from deployer.steps.bake import Bake
from deployer.steps.checkpoint import Checkpoint
from deployer.steps.hush import Hush
from deployer.steps.kinds import Step
from deployer.steps.linger import Linger
from deployer.steps.ramp import Ramp
from deployer.steps.soak import Soak

MINUTE_S = 60.0  # a period of CloudWatch, and how soon a person's wish is heard
MOVING_S = 15.0
LONGEST_S = 600.0
SPREAD_S = MINUTE_S  # every second of the minute is somebody's
MOST_STRETCH = LONGEST_S / MINUTE_S
HASTE = 4.0  # the most that is slowed down what moves, goes back, or has just waited in vain
SOONEST_S = 1.0


def rest_s(
    deployment: Deployment, now: float, stretch: float = 1.0, *, throttled: bool = False
) -> float:
    """Seconds until the next look, 1 to `LONGEST_S`; `now` in epoch seconds.

    throttled: this very look was: whoever has just waited in vain is the first to try again, and
               those who were answered wait the longer.
    """
    if not still(deployment):
        return MOVING_S * min(stretch, HASTE)
    moments = (_published(deployment, now), *own_times(deployment))
    first = min(moment for moment in moments if moment >= now + SOONEST_S)
    hasty = throttled or deployment.status is Status.RETREATING
    return min(LONGEST_S, (first - now) * (min(stretch, HASTE) if hasty else stretch))


def still(deployment: Deployment) -> bool:
    """Nothing of it moves: what can happen is a verdict, a person's wish, or the end of a wait."""
    if deployment.ending is not None:
        return stickiness.waits(deployment)
    if deployment.moved_since is not None or deployment.intended:
        return False
    watched = isinstance(deployment.step, Bake | Ramp | Soak | Approve | Checkpoint | Linger | Hush)
    return watched or deployment.paused_at is not None


def _published(deployment: Deployment, now: float) -> float:
    """When CloudWatch has the next whole minute, and it is this deployment's turn to look."""
    turn = crc32(deployment.id.encode()) % int(SPREAD_S)
    late_s = deployment.first_plan.intent.delay_s + turn
    periods = math.floor((now + SOONEST_S - late_s) / MINUTE_S) + 1
    return periods * MINUTE_S + late_s


def own_times(deployment: Deployment) -> tuple[float, ...]:
    """Times at which the step itself can end, whatever the metrics say; not while it is paused."""
    if deployment.over or deployment.paused_at is not None:
        return ()
    since = deployment.entered_at
    waits_s = _waits_s(deployment.step)
    return (*(since + wait_s for wait_s in waits_s), deployment.due_at + SOONEST_S)


def _waits_s(step: Step) -> tuple[float, ...]:
    """Seconds from a step's entry at which it may end by itself."""
    if isinstance(step, Bake):
        return step.bake_s, step.patience_s
    if isinstance(step, Soak):
        return step.soak_s, step.patience_s
    return (step.least_s, step.linger_s) if isinstance(step, Linger) else ()


def stretched(stretch: float, chance: float, *, throttled: bool) -> float:
    """How much longer than usual to rest from now on, 1 to `MOST_STRETCH`.

    About twice as long after each look that AWS has throttled, a tenth shorter after each other one;
    `chance`, 0 to 1, keeps those who were throttled together from coming back together.
    """
    if throttled:
        return min(MOST_STRETCH, stretch * (1.5 + chance))
    return max(1.0, stretch * 0.9)
