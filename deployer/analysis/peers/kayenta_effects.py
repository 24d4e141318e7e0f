"""Kayenta's statistics: effect sizes, percentiles and outliers.

kayenta-judge: EffectSizes.scala, DescriptiveStatistics.scala, IQRDetector.scala, KSigmaDetector.scala.
"""

import math
from collections.abc import Callable, Sequence
from statistics import fmean, pstdev, variance

Values = Sequence[float]


def mean_ratio(experiment: Values, control: Values) -> float:
    """Mean over mean; NaN where either is zero, 1 where both are."""
    own, other = fmean(experiment), fmean(control)
    if own == other:
        return 1.0
    return own / other if own and other else math.nan


def cohen_d(experiment: Values, control: Values) -> float:
    """Difference of the means in pooled standard deviations."""
    m, n = len(experiment), len(control)
    pooled = ((m - 1) * variance(experiment) + (n - 1) * variance(control)) / (m + n - 2)
    return (fmean(experiment) - fmean(control)) / math.sqrt(pooled)


def common_language(experiment: Values, control: Values) -> float:
    """Probability that a value of the experiment is larger; ties count half (McGraw & Wong 1992)."""
    larger = sum((x > y) + 0.5 * (x == y) for x in experiment for y in control)
    return larger / (len(experiment) * len(control))


EFFECTS: dict[str, Callable[[Values, Values], float]] = {
    "meanRatio": mean_ratio,
    "cohenD": cohen_d,
    "cles": common_language,
}


def percentile(data: Values, p: float) -> float:
    """The p-th percentile, 0..100, by linear interpolation (type 7 of Hyndman & Fan 1996)."""
    ordered = sorted(data)
    place = (len(ordered) - 1) * p / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def outside_quartiles(data: Values, factor: float) -> list[bool]:
    """Which values are beyond the quartiles by `factor` times their distance."""
    if not data:
        return []
    first, third = percentile(data, 25), percentile(data, 75)
    reach = factor * (third - first)
    return [value < first - reach or value > third + reach for value in data]


def outside_deviations(data: Values, factor: float) -> list[bool]:
    """Which values are further than `factor` standard deviations from the mean."""
    if not data:
        return []
    mean, deviation = fmean(data), pstdev(data)
    return [abs(value - mean) > factor * deviation for value in data]
