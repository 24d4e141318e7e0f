"""CodeDeploy and ECS: a canary of 10 % for 5 minutes, then everything, under CloudWatch alarms.

An alarm rings when M of the last N minutes breach it; missing data does not breach. Alarms are heard only
while the deployment goes on (aws-facts 6.1; peers.md 2.4), and ring one evaluation later.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.analysis.peers.policy import Act, Seen

WARM_UP = 2  # minutes that peers are granted where their settings are swept
EVALUATION = 1


@dataclass(frozen=True)
class CodeDeploy:
    """Rings from `count` failures, or, where that is None, from `rate` on, in `m` minutes of the last `m`."""

    count: int | None = 1
    rate: float = 0.01
    m: int = 1
    share: int = 100
    minutes: int = 5
    warm_up: int = 0

    def act(self, now: int, seen: Sequence[Seen]) -> Act:
        heard = seen[self.warm_up : max(self.warm_up, len(seen) - EVALUATION)]
        if any(
            all(map(self._breach, heard[at : at + self.m])) for at in range(len(heard) - self.m + 1)
        ):
            return Act(0, ended=True, aborted=True)
        return Act(1000, ended=True) if now >= self.minutes else Act(self.share)

    def _breach(self, minute: Seen) -> bool:
        served = minute.candidate
        if self.count is not None:
            return served.failed >= self.count
        return served.requests > 0 and served.failed / served.requests > self.rate
