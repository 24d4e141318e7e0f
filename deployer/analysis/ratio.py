"""How many times as often the candidate fails, with an interval that holds at every look.

A ratio is in the interval as long as the average ratio explains the counts less than 1/alpha times as
well (confidence sequence by the method of mixtures: Robbins 1970; Howard et al. 2021). Minutes multiply,
each with its own share of the traffic, so nothing is pooled over weights (Simpson's paradox).
"""

import math
from dataclasses import dataclass
from operator import add

from deployer.analysis.counts import Usable
from deployer.analysis.figures import figure
from deployer.analysis.split import Beside, log_mean

SIDE = 30
# ln of the ratios, closer together around 1: e^-7 .. e^7.
GRID = tuple(7 * step * abs(step) / SIDE**2 for step in range(-SIDE, SIDE + 1))
RATIOS = tuple(math.exp(log) for log in GRID)
EQUAL = Beside.of(1.0, RATIOS)


@dataclass(frozen=True, slots=True)
class Interval:
    """A ratio with what it may be; `best` is None before the first failure."""

    low: float
    best: float | None
    high: float

    def __str__(self) -> str:
        if self.best is None:
            return "unknown ratio"
        most = RATIOS[-1]
        over = "over " if self.best >= most else ""
        best = f"{over}{figure(min(self.best, most))}x"
        high = "any" if self.high >= most else f"{figure(self.high)}x"
        low = "0x" if self.low <= RATIOS[0] else f"{figure(self.low)}x"
        return f"{best} stable's rate ({low} to {high})"


@dataclass(frozen=True, slots=True)
class Profile:
    """Log of the likelihood per ratio of the grid, over that of ratio 1."""

    logs: tuple[float, ...] = (0.0,) * len(GRID)

    def after(self, minute: Usable, phi: float) -> "Profile":
        if not minute.bad:
            return self
        gains = EQUAL.gains(minute.candidate.bad / phi, minute.bad / phi, minute.theta)
        return Profile(tuple(map(add, self.logs, gains)))

    def interval(self, alpha: float) -> Interval:
        """The ratios that cannot be excluded at `alpha`, widened to the next of the grid."""
        bound = log_mean(self.logs) - math.log(1 / alpha)
        kept = [n for n, log in enumerate(self.logs) if log > bound]
        low, high = max(kept[0] - 1, 0), min(kept[-1] + 1, len(GRID) - 1)
        return Interval(RATIOS[low], self.best, RATIOS[high])

    @property
    def best(self) -> float | None:
        """The likeliest ratio; None before the first failure."""
        return None if max(self.logs) - min(self.logs) < 1e-12 else math.exp(self._peak())

    def _peak(self) -> float:
        """Log of the most likely ratio: the top of the parabola through the best three points."""
        at = self.logs.index(max(self.logs))
        if at in (0, len(GRID) - 1):
            return GRID[at]
        (left, here, right), (low, top, high) = GRID[at - 1 : at + 2], self.logs[at - 1 : at + 2]
        down, up = (here - left) * (top - high), (here - right) * (top - low)
        return here - ((here - left) * down - (here - right) * up) / (2 * (down - up))


def upper_rate(bad: float, requests: float) -> float:
    """At most this share is bad, 0..1, at about 99 % confidence; 1 without any request.

    (k + a + sqrt(a^2 + 2ak)) / n with a = 2.5: the Poisson tail's Chernoff bound, solved for the rate.
    """
    if requests <= 0:
        return 1.0
    a = 2.5
    return min(1.0, (bad + a + math.sqrt(a * a + 2 * a * bad)) / requests)
