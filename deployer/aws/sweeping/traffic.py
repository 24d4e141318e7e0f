"""Requests of many load balancers at once: up to 166 of them in one GetMetricData.

Three metrics each, by {LoadBalancer}: RequestCount (requests for which a target was chosen: what a
listener answers by itself, such as the 503 of a sleeping environment, is not in it), its targets'
answers 4xx (scanners), and ConsumedLCUs, which is "always reported": where RequestCount is missing
beside it there were no requests; where both are missing nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from deployer.aws import metric_data
from deployer.aws.metric_data import MOST_QUERIES, Periods, Series, query
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.operations.idle.ports import Span

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

NEEDS = (Need("cloudwatch:GetMetricData", Resource.ANY),)
LATE_S = 120.0  # a minute is published so long after its end
METRICS = {  # short name in a query's Id -> metric and statistic
    "all": ("RequestCount", "Sum"),
    "refused": ("HTTPCode_Target_4XX_Count", "Sum"),
    "witness": ("ConsumedLCUs", "Maximum"),
}
AT_ONCE = MOST_QUERIES // len(METRICS)


@dataclass(frozen=True, slots=True)
class Flow:
    """Requests that were use: in each whole window, the newest last, and since; None: unknown."""

    windows: tuple[float | None, ...]
    recent: float | None


@dataclass(frozen=True, slots=True)
class Looked:
    """What one question spans: starts of its windows, epoch seconds; the last one is not over."""

    starts: range

    @classmethod
    def back(cls, window_s: int, windows: int, now: float) -> Looked:
        """The last `windows` whole windows whose metrics are published, and what came since."""
        end = int((now - LATE_S) // window_s) * window_s
        return cls(range(end - windows * window_s, int(now) + 1, window_s))

    @property
    def window_s(self) -> int:
        """One window."""
        return self.starts.step


def read(
    aws: Aws, balancers: Mapping[str, str], spans: Mapping[str, Span], now: float
) -> dict[str, Flow]:
    """Requests of each environment in `balancers` (name -> ARN of its load balancer).

    One call for each 166 of those whose windows are equally long; one more for each further page.

    Raises:
        CloudUnavailable: no answer, or not a complete one.
        AccessProblem: the permission is missing.
    """
    found: dict[str, Flow] = {}
    for window_s in sorted({spans[name].window_s for name in balancers}):
        names = iter(name for name in balancers if spans[name].window_s == window_s)
        while batch := tuple(islice(names, AT_ONCE)):
            looked = Looked.back(window_s, max(spans[name].windows for name in batch), now)
            queries = [*_queries(batch, balancers, looked.window_s)]
            span = Periods(looked.starts.start, int(now) + 1, looked.window_s)
            answer = metric_data.read(aws, [queries], span, "the load balancers' metrics")
            for n, name in enumerate(batch):
                series = {short: answer.of(f"{short}_{n}") for short in METRICS}
                found[name] = flow(series, looked, spans[name].windows, now)
    return found


def flow(series: Mapping[str, Series], looked: Looked, windows: int, now: float) -> Flow:
    """What the series of one load balancer say. Pure."""
    counted = {start: used(series, start) for start in looked.starts}
    end = int((now - LATE_S) // looked.window_s) * looked.window_s
    whole = [counted[start] for start in looked.starts if start < end]
    since = [c for start, c in counted.items() if start >= end and c is not None]
    return Flow(tuple(whole[-windows:]), sum(since) if since else None)


def used(series: Mapping[str, Series], start: int) -> float | None:
    """Requests in one window, without those that a target refused; None: no metric of it exists."""
    requests = series["all"].get(start)
    if requests is None:
        return 0.0 if start in series["witness"] else None
    return max(0.0, requests - series["refused"].get(start, 0.0))


def _queries(
    names: Sequence[str], balancers: Mapping[str, str], period_s: int
) -> Iterator[MetricDataQueryTypeDef]:
    for n, name in enumerate(names):
        where = {"LoadBalancer": balancers[name].partition("loadbalancer/")[2]}
        for short, (metric, statistic) in METRICS.items():
            yield query(f"{short}_{n}", metric, statistic, where, period_s)
