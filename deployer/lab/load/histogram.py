"""Durations counted in buckets one per cent wide: percentiles of millions of requests in 10 KB."""

import math
from collections import Counter

_GROWTH = math.log(1.01)
_SMALLEST_MS = 0.001


class Histogram:
    """Durations in milliseconds; percentiles are off by at most 1 %, the maximum is exact."""

    __slots__ = ("_buckets", "count", "max_ms")

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self.count = 0
        self.max_ms = 0.0

    def add(self, duration_ms: float) -> None:
        duration_ms = max(duration_ms, _SMALLEST_MS)
        self._buckets[math.ceil(math.log(duration_ms) / _GROWTH)] += 1
        self.count += 1
        self.max_ms = max(self.max_ms, duration_ms)

    def percentile(self, percent: float) -> float | None:
        """The smallest duration (ms) that `percent` of all do not exceed; None without any."""
        if not self.count:
            return None
        rank = max(1, math.ceil(self.count * percent / 100))
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= rank:
                return min(math.exp(bucket * _GROWTH), self.max_ms)
        raise AssertionError("the buckets hold fewer durations than were counted")

    def summary(self) -> dict[str, float | None]:
        """`{"p50", "p95", "p99", "max"}` in ms, rounded to microseconds; None without any."""
        if not self.count:
            return dict.fromkeys(("p50", "p95", "p99", "max"))
        values = [*(self.percentile(percent) for percent in (50, 95, 99)), self.max_ms]
        return {
            name: round(value, 3)
            for name, value in zip(("p50", "p95", "p99", "max"), values, strict=True)
            if value is not None
        }
