"""The z-test of two proportions, looked at every minute: what many home-made canaries do.

Cumulative counts of both slots; failures or slowness beyond `z` standard deviations abort.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from deployer.analysis.peers.codedeploy import WARM_UP
from deployer.analysis.peers.policy import KINDS, Act, Kind, Seen

STEPS, STEP_MIN = (50, 250, 500, 950), 10


@dataclass(frozen=True)
class ZTest:
    """The same steps as ours with fixed weights."""

    z: float = 1.96

    def act(self, now: int, seen: Sequence[Seen]) -> Act:
        if any(deviation(seen[WARM_UP:], name) > self.z for name in KINDS):
            return Act(0, ended=True, aborted=True)
        if now >= STEP_MIN * len(STEPS):
            return Act(1000, ended=True)
        return Act(STEPS[now // STEP_MIN])


def deviation(seen: Sequence[Seen], name: Kind) -> float:
    """Standard deviations between the two slots' pooled shares."""
    own = sum(minute.candidate.requests for minute in seen)
    other = sum(minute.stable.requests for minute in seen)
    bad_own = sum(minute.candidate.bad(name) for minute in seen)
    bad = bad_own + sum(minute.stable.bad(name) for minute in seen)
    if not own or not other or not bad:
        return 0.0
    p = bad / (own + other)
    variance = p * (1 - p) * (1 / own + 1 / other)
    return (bad_own / own - (bad - bad_own) / other) / math.sqrt(variance) if variance else 0.0
