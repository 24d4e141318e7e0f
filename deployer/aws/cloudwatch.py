"""What each slot served, minute by minute: one GetMetricData for both slots.

ALB publishes per minute, and nothing when there is nothing: a missing RequestCount is unknown,
a missing error count is zero only beside a RequestCount (aws-facts 2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deployer.aws.failures import asking
from deployer.aws.needs import Need, Resource
from deployer.aws.published import Published
from deployer.aws.session import Aws
from deployer.errors import AccessProblem, CloudUnavailable
from deployer.model import Minute, Slot

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef, MetricDataResultTypeDef

NEEDS = (Need("cloudwatch:GetMetricData", Resource.ANY),)
PERIOD_S = 60
PAGES = 20  # of 100,800 values each: far more than the longest bake
# Short name in a query's Id -> metric and statistic.
METRICS = {
    "requests": ("RequestCount", "Sum"),
    "target_5xx": ("HTTPCode_Target_5XX_Count", "Sum"),
    "target_4xx": ("HTTPCode_Target_4XX_Count", "Sum"),
    "connection_errors": ("TargetConnectionErrorCount", "Sum"),
    "p99": ("TargetResponseTime", "p99"),
}

Series = dict[int, float]  # minute's start, epoch seconds -> value


class CloudWatchMetrics:
    """The port `Metrics`."""

    def __init__(self, aws: Aws, published: Published) -> None:
        self._aws = aws
        balancer = published.load_balancer.partition("loadbalancer/")[2]
        self._queries = [
            query(slot, short, balancer, published.slots[slot].target_group.rpartition(":")[2])
            for slot in Slot
            for short in METRICS
        ]

    def traffic(
        self,
        since: float,
        until: float,
        slow_s: float | None = None,  # noqa: ARG002
    ) -> Mapping[Slot, Sequence[Minute]]:
        """Every whole minute within `since`..`until` (epoch seconds). One call per page.

        Raises:
            CloudUnavailable: no answer, or not a complete one.
            AccessProblem: the permission is missing.
        """
        starts = whole_minutes(since, until)
        if not starts:
            return dict.fromkeys(Slot, ())
        answer = Answer()
        token = ""
        for _ in range(PAGES):
            token = self._page(starts, token, answer)
            if not token:
                break
        answer.require_complete([query["Id"] for query in self._queries], more=bool(token))
        return {slot: answer.minutes(slot, starts) for slot in Slot}

    def _page(self, starts: range, token: str, answer: Answer) -> str:
        onward: dict[str, Any] = {"NextToken": token} if token else {}
        with asking("cloudwatch:GetMetricData", "the load balancer's metrics"):
            page = self._aws.cloudwatch.get_metric_data(
                MetricDataQueries=self._queries,
                StartTime=datetime.fromtimestamp(starts.start, UTC),
                EndTime=datetime.fromtimestamp(starts.stop, UTC),  # exclusive
                ScanBy="TimestampAscending",
                **onward,
            )
        answer.add(page["MetricDataResults"])
        return page.get("NextToken", "")


@dataclass(slots=True)
class Answer:
    """What the pages of one question came to, by query Id: values, and the last status."""

    series: dict[str, Series] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)

    def add(self, results: Iterable[MetricDataResultTypeDef]) -> None:
        """One page; PartialData is ordinary while another page follows."""
        for result in results:
            name = result["Id"]
            self.statuses[name] = result.get("StatusCode", "")
            values = zip(result.get("Timestamps", ()), result.get("Values", ()), strict=True)
            self.series.setdefault(name, {}).update(
                (round(moment.timestamp()), value) for moment, value in values
            )

    def require_complete(self, names: Iterable[str], *, more: bool) -> None:
        """Data that is known to be missing must not look like silence.

        Raises:
            AccessProblem: CloudWatch forbids a metric.
            CloudUnavailable: a metric is missing, incomplete, or has pages that were not read.
        """
        wanting = {name: status for name in names if (status := self._status(name)) != "Complete"}
        if "Forbidden" in wanting.values():
            raise AccessProblem(
                "CloudWatch forbids the load balancer's metrics: allow cloudwatch:GetMetricData "
                "to the role that runs deployer"
            )
        if wanting or more:
            said = ", ".join(f"{name}: {status}" for name, status in wanting.items())
            raise CloudUnavailable(f"CloudWatch did not answer completely ({said or 'more pages'})")

    def _status(self, name: str) -> str:
        return self.statuses.get(name, "no answer")

    def minutes(self, slot: Slot, starts: range) -> tuple[Minute, ...]:
        """The slot's minutes, every one of them."""
        own = {short: self.series.get(f"{slot}_{short}", {}) for short in METRICS}
        return tuple(minute(start, own) for start in starts)


def minute(start: int, series: Mapping[str, Series]) -> Minute:
    """One minute out of the series by short name."""
    requests = series["requests"].get(start)
    return Minute(
        start=float(start),
        requests=None if requests is None else round(requests),
        target_5xx=round(series["target_5xx"].get(start, 0)),
        connection_errors=round(series["connection_errors"].get(start, 0)),
        target_4xx=round(series["target_4xx"].get(start, 0)),
        p99_s=series["p99"].get(start),
    )


def whole_minutes(since: float, until: float) -> range:
    """Starts of the minutes that began at or after `since` and ended by `until`."""
    first = -int(-since // PERIOD_S) * PERIOD_S
    last = int(until // PERIOD_S) * PERIOD_S
    return range(first, max(first, last), PERIOD_S)


def query(slot: Slot, short: str, balancer: str, target_group: str) -> MetricDataQueryTypeDef:
    """One metric of one slot; `balancer` and `target_group` are the tails of their ARNs.

    Exactly these two dimensions: each combination is a metric of its own (aws-facts 2).
    """
    name, statistic = METRICS[short]
    return {
        "Id": f"{slot}_{short}",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/ApplicationELB",
                "MetricName": name,
                "Dimensions": [
                    {"Name": "LoadBalancer", "Value": balancer},
                    {"Name": "TargetGroup", "Value": target_group},
                ],
            },
            "Period": PERIOD_S,
            "Stat": statistic,
        },
        "ReturnData": True,
    }
