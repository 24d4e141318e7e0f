"""Metrics as CloudWatch keeps them: one datapoint per metric, unit and minute. Pure.

A datapoint holds the count of each value, so that percentiles and trimmed statistics are exact
for what was put in.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

MINUTE_S = 60
# AWS keeps minutes for 15 days; a lab lives for minutes of wall time.
RETENTION_S = 12 * 3600


class Metric(NamedTuple):
    """`dimensions` as (name, value), sorted by name: another set of dimensions, another metric."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Datapoint:
    """What was put for a span of time.

    values: value -> how often; None if only a statistic set is known, so that neither percentiles
            nor trimmed statistics can be had (CloudWatch: Statistics-definitions, Requirements).
    """

    count: float
    total: float
    low: float
    high: float
    values: Mapping[float, float] | None

    @classmethod
    def of(cls, values: Mapping[float, float]) -> "Datapoint":
        """From value -> count; counts are above zero, and there is at least one."""
        return cls(
            sum(values.values()),
            sum(value * count for value, count in values.items()),
            min(values),
            max(values),
            values,
        )


def merge(points: Iterable[Datapoint]) -> Datapoint | None:
    """All of them as one; None if there is none."""
    found = list(points)
    if len(found) < 2:
        return found[0] if found else None
    values: dict[float, float] = {}
    for point in found:
        for value, count in (point.values or {}).items():
            values[value] = values.get(value, 0.0) + count
    return Datapoint(
        sum(point.count for point in found),
        sum(point.total for point in found),
        min(point.low for point in found),
        max(point.high for point in found),
        None if any(point.values is None for point in found) else values,
    )


@dataclass(slots=True)
class _Series:
    """One metric in one unit: minute (epoch s) -> datapoint."""

    minutes: dict[int, Datapoint] = field(default_factory=dict)

    def add(self, minute: int, point: Datapoint) -> None:
        present = self.minutes.get(minute)
        merged = point if present is None else merge((present, point))
        self.minutes[minute] = merged or point
        if len(self.minutes) > 2 * RETENTION_S // MINUTE_S:
            oldest = max(self.minutes) - RETENTION_S
            self.minutes = {at: kept for at, kept in self.minutes.items() if at >= oldest}


class Store:
    """Every metric of the lab."""

    def __init__(self) -> None:
        self._metrics: dict[Metric, dict[str, _Series]] = {}
        self._first_seen: dict[Metric, float] = {}

    def put(self, metric: Metric, at: float, point: Datapoint, unit: str, now: float) -> None:
        """Add `point` to the minute of `at` (epoch s); `now`: when it was published."""
        series = self._metrics.setdefault(metric, {}).setdefault(unit, _Series())
        series.add(int(at // MINUTE_S) * MINUTE_S, point)
        self._first_seen.setdefault(metric, now)

    def read(
        self, metric: Metric, start: int, end: int, period_s: int, unit: str | None = None
    ) -> dict[int, Datapoint]:
        """Datapoints of minutes in [start, end), merged over periods that begin at `start`.

        `start` is a whole minute. Periods without data are absent. Units are merged if none is
        named (CloudWatch returns data of any unit then).
        """
        units = self._metrics.get(metric, {})
        chosen = units.values() if unit is None else [units[unit]] if unit in units else []
        periods: dict[int, list[Datapoint]] = {}
        for series in chosen:
            for minute, point in _between(series.minutes, start, end):
                periods.setdefault(start + (minute - start) // period_s * period_s, []).append(
                    point
                )
        merged = ((at, merge(points)) for at, points in sorted(periods.items()))
        return {at: point for at, point in merged if point is not None}

    def unit(self, metric: Metric) -> str:
        """The unit the metric was put in; `None` (CloudWatch's word) if nothing is known."""
        return next(iter(self._metrics.get(metric, {})), "None")

    def metrics(self) -> Iterator[tuple[Metric, float]]:
        """Every metric with the time of its first datapoint's publication."""
        yield from self._first_seen.items()

    def newest(self, metric: Metric) -> int | None:
        """Its newest minute."""
        series = self._metrics.get(metric, {}).values()
        return max((max(one.minutes) for one in series if one.minutes), default=None)


def _between(
    minutes: Mapping[int, Datapoint], start: int, end: int
) -> Iterator[tuple[int, Datapoint]]:
    """Asks minute by minute, or looks at all there is: whichever is less."""
    if (end - start) // MINUTE_S < len(minutes):
        for minute in range(start, end, MINUTE_S):
            point = minutes.get(minute)
            if point is not None:
                yield minute, point
    else:
        yield from ((at, point) for at, point in minutes.items() if start <= at < end)
