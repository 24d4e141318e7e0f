"""Argo Rollouts: 20, 40, 60, 80 %, ten minutes each, and the success-rate template of its docs.

docs/features/analysis.md: every 5 minutes over the last 5, at least 95 %; fails when more than
`failureLimit` measurements have (analysis/analysis.go:667). An empty vector is an error, five in a row
abort. In the background it runs beside all steps; inline each step is one measurement, and none may fail.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from deployer.analysis.peers.policy import Act, Seen

STEPS = (200, 400, 600, 800, 1000)
WINDOW = 5
ERRORS_MOST = 4


@dataclass
class Argo:
    """`limit` failures are forgiven; a step lasts `step_min`."""

    success: float = 0.95
    limit: int = 3
    step_min: int = 10
    warm_up: int = 0
    failed: int = field(default=0, init=False)
    errors: int = field(default=0, init=False)

    def act(self, now: int, seen: Sequence[Seen]) -> Act:
        if now and now % WINDOW == 0:
            self._measure(seen[max(self.warm_up, len(seen) - WINDOW) :])
        if self.failed > self.limit or self.errors > ERRORS_MOST:
            return Act(0, ended=True, aborted=True)
        share = STEPS[min(now // self.step_min, len(STEPS) - 1)]
        return Act(share, ended=share == STEPS[-1])

    def _measure(self, window: Sequence[Seen]) -> None:
        requests = sum(minute.candidate.requests for minute in window)
        if not requests:
            self.errors += 1
            return
        self.errors = 0
        good = 1 - sum(minute.candidate.failed for minute in window) / requests
        self.failed += good < self.success
