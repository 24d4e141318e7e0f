"""GetMetricData, whatever is asked of it: every page, every series complete, or an error.

Up to 500 queries and 100,800 values go into one call [M:cloudwatch.GetMetricData]; more become
several. A call is cut so that its answer fits: with metric math among the queries AWS gives no token
to go on with. What comes back partial without a token is asked for again, a few times.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deployer.aws.failures import asking
from deployer.aws.session import Aws
from deployer.errors import AccessProblem, CloudUnavailable

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef, MetricDataResultTypeDef

PERIOD_S = 60
MOST_QUERIES = 500  # of one call
MOST_VALUES = 100_800
PAGES = 20  # of one call; it is cut so that one should do
ATTEMPTS = 3

Series = dict[int, float]  # start of a period, epoch seconds -> value
Group = Sequence[
    "MetricDataQueryTypeDef"
]  # queries that need each other: an expression and its parts


@dataclass(frozen=True, slots=True)
class Periods:
    """From `start` up to, not including, `end` (epoch seconds), in periods of `period_s`."""

    start: int
    end: int
    period_s: int = PERIOD_S

    def cut(self, series: int) -> Iterator[Periods]:
        """The same in pieces of which `series` series fit into one answer."""
        step = max(1, MOST_VALUES // max(series, 1)) * self.period_s
        for start in range(self.start, self.end, step):
            yield Periods(start, min(self.end, start + step), self.period_s)


def whole_minutes(since: float, until: float) -> range:
    """Starts of the minutes that began at or after `since` and ended by `until`."""
    first = -int(-since // PERIOD_S) * PERIOD_S
    last = int(until // PERIOD_S) * PERIOD_S
    return range(first, max(first, last), PERIOD_S)


def query(
    name: str,
    metric: str,
    statistic: str,
    dimensions: Mapping[str, str],
    period_s: int = PERIOD_S,
) -> MetricDataQueryTypeDef:
    """One metric of a load balancer: exactly these dimensions, each combination is its own (aws-facts 2)."""
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/ApplicationELB",
                "MetricName": metric,
                "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            },
            "Period": period_s,
            "Stat": statistic,
        },
        "ReturnData": True,
    }


def read(aws: Aws, groups: Iterable[Group], span: Periods, subject: str) -> Answer:
    """Every returned series of `groups` over `span`.

    groups:  their Ids are all different; a group is never spread over two calls.
    subject: of what the question is, in words, for errors.

    Raises:
        CloudUnavailable: no answer, or not a complete one.
        AccessProblem: the permission is missing.
    """
    whole = Answer()
    for queries in batches(groups):
        for piece in span.cut(len(queries)):
            whole.join(_insist(aws, queries, piece, subject))
    return whole


def batches(groups: Iterable[Group]) -> Iterator[list[MetricDataQueryTypeDef]]:
    """As few calls as there must be; every group whole in one of them."""
    batch: list[MetricDataQueryTypeDef] = []
    for group in groups:
        if batch and len(batch) + len(group) > MOST_QUERIES:
            yield batch
            batch = []
        batch.extend(group)
    if batch:
        yield batch


def _insist(aws: Aws, queries: list[MetricDataQueryTypeDef], span: Periods, subject: str) -> Answer:
    names = [one["Id"] for one in queries if one.get("ReturnData", True)]
    answer = Answer()
    for _ in range(ATTEMPTS):
        answer = _pages(aws, queries, span, subject)
        if not answer.worth_another(names):
            break
    answer.require_complete(names, subject)
    return answer


def _pages(aws: Aws, queries: list[MetricDataQueryTypeDef], span: Periods, subject: str) -> Answer:
    answer = Answer()
    for _ in range(PAGES):
        onward: dict[str, Any] = {"NextToken": answer.token} if answer.token else {}
        with asking("cloudwatch:GetMetricData", subject):
            page = aws.cloudwatch.get_metric_data(
                MetricDataQueries=queries,
                StartTime=datetime.fromtimestamp(span.start, UTC),
                EndTime=datetime.fromtimestamp(span.end, UTC),  # exclusive
                ScanBy="TimestampAscending",
                **onward,
            )
        answer.add(page["MetricDataResults"])
        answer.token = page.get("NextToken", "")
        if not answer.token:
            break
    return answer


@dataclass(slots=True)
class Answer:
    """What the pages of one question came to, by query Id: values, and the last status.

    token:   of a page that was not read; empty: there is none.
    several: queries with more than one series: whatever they were asked for, it is not that.
    """

    series: dict[str, Series] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    token: str = ""
    several: set[str] = field(default_factory=set)

    def add(self, results: Iterable[MetricDataResultTypeDef]) -> None:
        """One page; PartialData is ordinary while another page follows."""
        here: set[str] = set()
        for result in results:
            name = result["Id"]
            if name in here:
                self.several.add(name)
            here.add(name)
            self.statuses[name] = result.get("StatusCode", "")
            values = zip(result.get("Timestamps", ()), result.get("Values", ()), strict=True)
            self.series.setdefault(name, {}).update(
                (round(moment.timestamp()), value) for moment, value in values
            )

    def join(self, other: Answer) -> None:
        """The answer to a further call, of other series or of other times."""
        self.several |= other.several
        for name, series in other.series.items():
            self.series.setdefault(name, {}).update(series)

    def of(self, name: str) -> Series:
        """One series; empty if nothing was published."""
        return self.series.get(name, {})

    def worth_another(self, names: Iterable[str]) -> bool:
        """Whether something is missing that another try may bring; a refusal will be the same again."""
        found = self._wanting(names).values()
        return bool(found) and "Forbidden" not in found and not self.token

    def require_complete(self, names: Iterable[str], subject: str) -> None:
        """Data that is known to be missing must not look like silence.

        Raises:
            AccessProblem: CloudWatch forbids a metric.
            CloudUnavailable: a metric is missing, incomplete, or has pages that were not read.
        """
        wanting = self._wanting(names)
        if "Forbidden" in wanting.values():
            raise AccessProblem(
                f"CloudWatch forbids {subject}: allow cloudwatch:GetMetricData "
                "to the role that runs deployer"
            )
        if wanting or self.token:
            said = ", ".join(f"{name}: {status}" for name, status in wanting.items())
            raise CloudUnavailable(f"CloudWatch did not answer completely ({said or 'more pages'})")

    def _wanting(self, names: Iterable[str]) -> dict[str, str]:
        found = {name: self.statuses.get(name) or "no answer" for name in names}
        return {name: status for name, status in found.items() if status != "Complete"}
