"""Kayenta's Mann-Whitney test: the interval of the shift between two samples (peers.md 2.3).

kayenta-mannwhitney/.../MannWhitney.scala: normal approximation, corrected for continuity and ties.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from deployer.analysis.peers.brent import root

TOLERANCE = 1e-4


@dataclass(frozen=True)
class Shift:
    """How much larger the experiment is than the control; `low` may exceed `high` in ties."""

    low: float
    high: float
    best: float


def ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1; equal values share their mean rank."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in order[start : end + 1]:
            found[place] = (start + end) / 2 + 1
        start = end + 1
    return found


def wilcoxon(
    shift: float, quantile: float, experiment: Sequence[float], control: Sequence[float]
) -> float:
    """The standardised rank sum of the experiment less `shift`, less `quantile`.

    Raises:
        ValueError: all observations are tied.
    """
    m, n = len(experiment), len(control)
    found = ranks([value - shift for value in experiment] + list(control))
    ties = sum(count**3 - count for count in Counter(found).values())
    excess = math.fsum(found[:m]) - m * (m + 1) / 2 - m * n / 2
    variance = m * n / 12 * ((m + n + 1) - ties / ((m + n) * (m + n - 1)))
    if variance <= 0:
        raise ValueError("all observations are tied")
    continuity = math.copysign(0.5, excess) if excess else 0.0
    return (excess - continuity) / math.sqrt(variance) - quantile


def shift(experiment: Sequence[float], control: Sequence[float], confidence: float) -> Shift:
    """Its interval at `confidence` and its best value."""
    low, high = min(experiment) - max(control), max(experiment) - min(control)
    quantile = NormalDist().inv_cdf((1 - confidence) / 2)

    def standing(mu: float, z: float) -> float:
        return wilcoxon(mu, z, experiment, control)

    def between(z: float) -> float:
        return root(lambda mu: standing(mu, z), low, high, TOLERANCE)

    def bound(z: float) -> float:
        if standing(low, z) <= 0:
            return low
        return high if standing(high, z) >= 0 else between(z)

    return Shift(bound(-quantile), bound(quantile), between(0.0))
