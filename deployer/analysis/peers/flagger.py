"""Flagger: one tick a minute checks, and goes on or counts a failure; failures are never forgiven.

pkg/controller/scheduler.go (peers.md 2.2). Roll-back comes on the tick after the threshold. p99 above the
limit is more than 1 % of the requests above it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from deployer.analysis.peers.policy import Act, Seen

SLOW_MOST = 0.01


@dataclass
class Flagger:
    """The tutorial's policy: 99 %, threshold 5, step 10 % to 50 %, then promotion."""

    success: float = 0.99
    threshold: int = 5
    step: int = 100
    most: int = 500
    latency: bool = True
    warm_up: int = 0
    failed: int = field(default=0, init=False)
    share: int = field(default=0, init=False)

    def act(self, now: int, seen: Sequence[Seen]) -> Act:
        if self.failed >= self.threshold:
            return Act(0, ended=True, aborted=True)
        if now == 0:
            self.share = self.step
        elif len(seen) > self.warm_up:
            if not self._good(seen[-1]):
                self.failed += 1
            elif self.share >= self.most:
                return Act(1000, ended=True)
            else:
                self.share += self.step
        return Act(self.share)

    def _good(self, minute: Seen) -> bool:
        served = minute.candidate
        if not served.requests:
            return False  # no value: a failed check
        slow = self.latency and served.slow > SLOW_MOST * served.requests
        return 1 - served.failed / served.requests >= self.success and not slow
