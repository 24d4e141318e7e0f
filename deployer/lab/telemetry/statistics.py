"""CloudWatch's statistics of a datapoint: Sum to PR(:0.3). Pure.

Source: CloudWatch user guide, Statistics-definitions. Percentiles are nearest-rank (AWS does not
say how it interpolates). Fixed bounds exclude the lower and include the upper end; percentage
bounds cut between samples, so that TM(25%:75%) of 10 samples takes half of the third.
"""

import math
import re
from collections.abc import Callable
from itertools import pairwise

from deployer.lab.telemetry.store import Datapoint

Statistic = Callable[[Datapoint], float | None]

_BASIC: dict[str, Statistic] = {
    "SampleCount": lambda point: point.count,
    "Sum": lambda point: point.total,
    "Average": lambda point: point.total / point.count if point.count else None,
    "Minimum": lambda point: point.low,
    "Maximum": lambda point: point.high,
}
_NUMBER = r"\d+(?:\.\d{1,10})?"
_PERCENTILE = re.compile(rf"p({_NUMBER})")
_SHORT = re.compile(rf"(tm|tc|ts)({_NUMBER})")
_RANGE = re.compile(rf"(TM|TC|TS|PR)\(({_NUMBER}%?)?:({_NUMBER}%?)?\)")
_WINSORIZED = re.compile(r"(wm|WM).*")


class UnknownStatistic(ValueError):
    """Not a statistic of CloudWatch."""


class NotSimulated(ValueError):
    """A statistic of CloudWatch that the lab does not have."""


def statistic(text: str) -> Statistic:
    """`"Sum"`, `"p99.9"`, `"tm99"`, `"TC(0.005:0.030)"`, `"PR(:0.3)"`, ... as a function.

    The function gives None where the statistic does not exist: the datapoint was put as a
    statistic set whose values are unknown, or a value is negative.

    Raises:
        UnknownStatistic, NotSimulated: with the words for the caller.
    """
    if text in _BASIC:
        return _BASIC[text]
    if text == "IQM":
        return _trimmed("TM", 0.25, 0.75)
    if match := _PERCENTILE.fullmatch(text):
        share = _share(text, match[1])
        return _of_values(lambda values: _percentile(values, share))
    if match := _SHORT.fullmatch(text):
        return _trimmed(match[1].upper(), 0.0, _share(text, match[2]))
    if match := _RANGE.fullmatch(text):
        return _ranged(text, match[1], match[2], match[3])
    if _WINSORIZED.fullmatch(text):
        raise NotSimulated(f"the lab does not simulate the statistic {text} (winsorized mean)")
    raise UnknownStatistic(f"The value {text} for parameter Stat is not supported.")


Values = list[tuple[float, float]]  # (value, count), ascending


def _of_values(compute: Callable[[Values], float | None]) -> Statistic:
    def apply(point: Datapoint) -> float | None:
        values = point.values
        if values is None and point.low == point.high:
            values = {point.low: point.count}
        if not values or point.low < 0:
            return None
        return compute(sorted(values.items()))

    return apply


def _share(text: str, number: str) -> float:
    share = float(number) / 100
    if share > 1:
        raise UnknownStatistic(f"The value {text} for parameter Stat is not supported.")
    return share


def _percentile(values: Values, share: float) -> float:
    """Nearest rank: the smallest value that `share` of the samples do not exceed."""
    rank = share * sum(count for _, count in values)
    seen = 0.0
    for value, count in values:
        seen += count
        if seen >= rank - 1e-9:
            return value
    return values[-1][0]


def _trimmed(kind: str, low: float, high: float) -> Statistic:
    """TM, TC or TS between two shares of the samples."""

    def compute(values: Values) -> float | None:
        total = sum(count for _, count in values)
        edges = [0.0]
        for _, count in values:
            edges.append(edges[-1] + count)
        kept = [
            (value, max(0.0, min(end, high * total) - max(begin, low * total)))
            for (value, _), (begin, end) in zip(values, pairwise(edges), strict=True)
        ]
        return _summed(kind, kept)

    return _of_values(compute)


def _ranged(text: str, kind: str, low: str | None, high: str | None) -> Statistic:
    bounds = [bound for bound in (low, high) if bound]
    percent = [bound.endswith("%") for bound in bounds]
    if not bounds or (any(percent) and (not all(percent) or kind == "PR")):
        raise UnknownStatistic(f"The value {text} for parameter Stat is not supported.")
    if all(percent):
        shares = [_share(text, bound.rstrip("%")) if bound else None for bound in (low, high)]
        least, most = shares[0] or 0.0, 1.0 if shares[1] is None else shares[1]
        if least >= most:
            raise UnknownStatistic(f"The value {text} for parameter Stat is not supported.")
        return _trimmed(kind, least, most)
    above = float(low) if low else -math.inf
    upto = float(high) if high else math.inf
    return _of_values(lambda values: _within(kind, values, above, upto))


def _within(kind: str, values: Values, above: float, upto: float) -> float | None:
    kept = [(value, count) for value, count in values if above < value <= upto]
    if kind == "PR":
        total = sum(count for _, count in values)
        return 100 * sum(count for _, count in kept) / total
    return _summed(kind, kept)


def _summed(kind: str, kept: Values) -> float | None:
    count = sum(weight for _, weight in kept)
    if kind == "TC":
        return count
    total = sum(value * weight for value, weight in kept)
    if kind == "TS":
        return total
    return total / count if count else None
