"""Spinnaker with Kayenta: a canary of fixed weight, scored every so often over a growing window.

Fails at once at a score up to `marginal`; the last must reach `passing` (orca's defaults 50 and 75;
peers.md 2.3). Two metrics, each a share per minute, direction `increase`.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.analysis.peers.codedeploy import WARM_UP
from benchmarks.analysis.peers.kayenta import Label, Rules, Scored, mann_whitney, score
from benchmarks.analysis.play import Act
from benchmarks.analysis.stream import Seen, Served

# (share, minutes seen) -> per metric the class, and how many times the baseline's mean.
Labels = dict[tuple[int, int], tuple[Label, Label]]


@dataclass
class Spinnaker:
    """Kayenta's judge; `labels` are those that a run of the same stream has worked out already."""

    labels: Labels
    share: int = 100
    every: int = 20
    lifetime: int = 60
    critical: bool = False
    increase: float = 1.0
    passing: float = 75
    marginal: float = 50

    def act(self, now: int, seen: Sequence[Seen]) -> Act:
        if now == 0 or now % self.every:
            return Act(self.share)
        names = (self._allowed(label) for label in self._labels(seen))
        scored = score([Scored(name, critical=self.critical) for name in names], {})
        if scored <= self.marginal or (now >= self.lifetime and scored < self.passing):
            return Act(0, ended=True, aborted=True)
        return Act(1000, ended=True) if now >= self.lifetime else Act(self.share)

    def _allowed(self, label: Label) -> str:
        """Its class, if the effect is as large as `allowedIncrease`; an unknown one counts as large."""
        small = label.name == "High" and label.deviation < self.increase
        return "Pass" if small else label.name

    def _labels(self, seen: Sequence[Seen]) -> tuple[Label, Label]:
        key = (self.share, len(seen))
        if key not in self.labels:
            window = seen[WARM_UP:]
            self.labels[key] = (label(window, "failed"), label(window, "slow"))
        return self.labels[key]


def label(window: Sequence[Seen], name: str) -> Label:
    """One metric's class."""
    own = [share(minute.candidate, name) for minute in window]
    other = [share(minute.stable, name) for minute in window]
    dice = random.Random(1)  # noqa: S311 - Kayenta's own noise, where both sides are constant
    return mann_whitney(own, other, Rules(direction="increase"), dice)


def share(served: Served, name: str) -> float:
    return getattr(served, name) / served.requests if served.requests else math.nan
