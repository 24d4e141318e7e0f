"""Spinnaker with Kayenta: a canary of fixed weight, scored every so often over a growing window.

Fails at once at a score up to `marginal`; the last must reach `passing` (orca's defaults 50 and 75;
peers.md 2.3). Two metrics, each a share per minute, direction `increase`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

from deployer.analysis.peers.codedeploy import WARM_UP
from deployer.analysis.peers.kayenta import Label, Rules, Scored, mann_whitney, score
from deployer.analysis.peers.policy import Act, Kind, Seen, Served

# (share, minutes seen) -> per metric the class, and how many times the baseline's mean.
Labels = dict[tuple[int, int], tuple[Label, Label]]


@dataclass
class Spinnaker:
    """Kayenta's judge; `labels` are those that a run of the same stream has worked out already."""

    labels: Labels = field(default_factory=dict)
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


def label(window: Sequence[Seen], name: Kind) -> Label:
    """One metric's class."""
    own = [share(minute.candidate, name) for minute in window]
    other = [share(minute.stable, name) for minute in window]
    return mann_whitney(own, other, Rules(direction="increase"), Even())


class Even:
    """Normal numbers spread as evenly as can be (van der Corput 1935), in the place of Kayenta's noise.

    Its own differs each time; these are the same, so that the same minutes get the same score.
    """

    def __init__(self) -> None:
        self._drawn = 0

    def gauss(self, mu: float, sigma: float, /) -> float:
        """The next one; `sigma` may be 0."""
        self._drawn += 1
        left, place, uniform = self._drawn, 0.5, 0.0
        while left:
            uniform += place * (left & 1)
            left, place = left >> 1, place / 2
        return mu + sigma * NormalDist().inv_cdf(uniform)


def share(served: Served, name: Kind) -> float:
    return served.bad(name) / served.requests if served.requests else math.nan
