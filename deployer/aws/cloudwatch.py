"""What each slot served, minute by minute: one GetMetricData for both slots.

ALB publishes per minute, and nothing when there is nothing: a missing RequestCount is unknown,
a missing error count is zero only beside a RequestCount (aws-facts 2). Only closed minutes are read;
how long after its end a minute is complete, the caller says by `until` (`analysis.metrics_delay`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from deployer.aws.failures import asking
from deployer.aws.further import NOTHING_FURTHER, Further
from deployer.aws.metric_data import Answer, Group, Periods, Series, query, read, whole_minutes
from deployer.aws.needs import Need, Resource
from deployer.aws.published import Published
from deployer.aws.session import Aws
from deployer.aws.settled import Settled
from deployer.errors import AccessProblem, CloudUnavailable, DeployError
from deployer.model import Minute, Slot
from deployer.operations.counting import joined

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

NEEDS = (
    Need("cloudwatch:GetMetricData", Resource.ANY),
    Need("elasticloadbalancing:DescribeLoadBalancers", Resource.ANY),
)
SUBJECT = "the load balancer's metrics"
TIMES = "TargetResponseTime"
# Short name in a query's Id -> metric and statistic.
METRICS = {
    "requests": ("RequestCount", "Sum"),
    "target_5xx": ("HTTPCode_Target_5XX_Count", "Sum"),
    "target_4xx": ("HTTPCode_Target_4XX_Count", "Sum"),
    "connection_errors": ("TargetConnectionErrorCount", "Sum"),
    "failed_open": ("UnhealthyRoutingRequestCount", "Sum"),
    "p99": (TIMES, "p99"),
}
WHOLE = ("failed_open", "p99")  # not asked for by zone: nobody reads them there
ANSWERED = {  # by zone only, to tell what was taken and never answered
    "target_2xx": ("HTTPCode_Target_2XX_Count", "Sum"),
    "target_3xx": ("HTTPCode_Target_3XX_Count", "Sum"),
}
IN_TIME = "in_time"  # percent of the answers that took no longer than asked about
# What is usual is what holds for most such stretches: an incident of ten minutes in a day is more
# than the slowest 0.5 % of its answers, and would be what the next release is measured by.
STRETCH_S = 300

Wanted = Mapping[str, tuple[str, str]]


class CloudWatchMetrics:
    """The ports `Metrics` and `History`."""

    def __init__(self, aws: Aws, published: Published, further: Further = NOTHING_FURTHER) -> None:
        self._aws = aws
        self._further = further
        self._arn = published.load_balancer
        self._balancer = {"LoadBalancer": published.load_balancer.partition("loadbalancer/")[2]}
        self._where = {
            slot: {
                **self._balancer,
                "TargetGroup": published.slots[slot].target_group.rpartition(":")[2],
            }
            for slot in Slot
        }
        self._zone_names: tuple[str, ...] = ()
        self._settled = Settled()

    def traffic(
        self, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[Slot, Sequence[Minute]]:
        """Every whole minute within `since`..`until` (epoch seconds); as the port says.

        One call, unless the answer does not fit into one, or something is wrong with further metrics; of
        a long span only what may have changed since it was read before.

        Raises:
            CloudUnavailable: no answer, or not a complete one.
            AccessProblem: the permission is missing.
        """
        starts = whole_minutes(since, until)
        unread = self._settled.unread(starts, slow_s)
        return self._settled.joined(starts, self._slots(unread, wanted(slow_s)))

    def _slots(self, starts: range, metrics: Wanted) -> dict[Slot, tuple[Minute, ...]]:
        """Both slots' minutes, all from one question, with what the settings ask for besides."""
        if not starts:
            return dict.fromkeys(Slot, ())
        own = [queries_of(str(slot), self._where[slot], metrics) for slot in Slot]
        question = self._further.question()
        answer, why = self._with_further(own, question.groups, starts)
        seen = {slot: minutes_of(answer, str(slot), starts, metrics) for slot in Slot}
        return joined(seen, question.told(answer, starts, why))

    def _with_further(
        self, own: Sequence[Group], further: Mapping[str, Group], starts: range
    ) -> tuple[Answer, Mapping[str, str]]:
        """The answer, and of which of `further` there is none, and why.

        What CloudWatch refuses because of one of them is asked for one by one, so that the others are
        heard; one that was refused by itself is not asked for like that again.

        Raises:
            CloudUnavailable, AccessProblem: there is none to `own`.
        """
        span = Periods(starts.start, starts.stop)
        try:
            return read(self._aws, [*own, *further.values()], span, SUBJECT), {}
        except DeployError as error:
            if not further:
                raise
            answer, late = read(self._aws, own, span, SUBJECT), error
        if isinstance(late, CloudUnavailable):
            return answer, dict.fromkeys(further, str(late))
        why: dict[str, str] = {}
        for name, group in further.items():
            try:
                answer.join(read(self._aws, [group], span, SUBJECT))
            except (CloudUnavailable, AccessProblem) as error:
                why[name] = str(error)
            except DeployError as error:
                why[name] = self._further.refused(name, group, str(error))
        return answer, why

    def zones(
        self, slot: Slot, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[str, Sequence[Minute]]:
        """As the port says. AWS does not say whose zone it is: docs/analysis.md, "By zone".

        Raises:
            CloudUnavailable, AccessProblem: as `traffic`.
        """
        starts = whole_minutes(since, until)
        if not starts:
            return {}
        names = self._zones()
        places = {
            f"zone{n}": {"AvailabilityZone": name, **self._where[slot]}
            for n, name in enumerate(names)
        }
        asked = {**wanted(slow_s), **ANSWERED}
        metrics = {name: what for name, what in asked.items() if name not in WHOLE}
        found = self._minutes(places, starts, metrics)
        by_name = dict(zip(names, found.values(), strict=True))
        return {name: minutes for name, minutes in by_name.items() if any(map(published, minutes))}

    def response_s(self, slot: Slot, since: float, until: float, quantile: float) -> float | None:
        """As the port says; of more than a stretch, what holds in the stretches of half of the answers.

        Raises:
            CloudUnavailable, AccessProblem: as `traffic`.
        """
        starts = whole_minutes(since, until)
        if not starts:
            return None
        span = Periods(starts.start, starts.stop, STRETCH_S)
        asked = (("time", percentile(quantile)), ("answers", "SampleCount"))
        queries = [
            query(name, TIMES, statistic, self._where[slot], span.period_s)
            for name, statistic in asked
        ]
        answer = read(self._aws, [queries], span, SUBJECT)
        return middle(answer.of("time"), answer.of("answers"))

    def balancer_5xx(self, since: float, until: float) -> int:
        """As the port says. They have no target group, nor has what a connection error became.

        Raises:
            CloudUnavailable, AccessProblem: as `traffic`.
        """
        starts = whole_minutes(since, until)
        if not starts:
            return 0
        asked = [query("made", "HTTPCode_ELB_5XX_Count", "Sum", self._balancer)]
        answer = read(self._aws, [asked], Periods(starts.start, starts.stop), SUBJECT)
        return round(sum(answer.of("made").values()))

    def _minutes(
        self, places: Mapping[str, Mapping[str, str]], starts: range, metrics: Wanted
    ) -> dict[str, tuple[Minute, ...]]:
        """The minutes of each place, all from one question; `places`: dimensions by name."""
        if not starts:
            return dict.fromkeys(places, ())
        groups = [queries_of(name, where, metrics) for name, where in places.items()]
        answer = read(self._aws, groups, Periods(starts.start, starts.stop), SUBJECT)
        return {name: minutes_of(answer, name, starts, metrics) for name in places}

    def _zones(self) -> tuple[str, ...]:
        """The load balancer's zones, asked for once."""
        if not self._zone_names:
            with asking("elasticloadbalancing:DescribeLoadBalancers", self._arn):
                found = self._aws.elbv2.describe_load_balancers(LoadBalancerArns=[self._arn])
            zones = found["LoadBalancers"][0].get("AvailabilityZones", ())
            self._zone_names = tuple(sorted(zone["ZoneName"] for zone in zones))
        return self._zone_names


def wanted(slow_s: float | None) -> Wanted:
    """Metrics and statistics to ask for; `slow_s` None: without the slow ones."""
    if slow_s is None:
        return METRICS
    return {**METRICS, IN_TIME: (TIMES, f"PR(:{decimal(slow_s)})")}


def percentile(quantile: float) -> str:
    """As CloudWatch writes it: 0.999 -> p99.9."""
    return f"p{decimal(quantile * 100)}"


def decimal(number: float) -> str:
    """A number as CloudWatch writes it in a statistic: no exponent, at most ten digits."""
    return f"{number:.10f}".rstrip("0").rstrip(".")


def queries_of(
    name: str, where: Mapping[str, str], metrics: Wanted
) -> list[MetricDataQueryTypeDef]:
    """Everything that is asked about one place."""
    return [
        query(f"{name}_{short}", metric, statistic, where)
        for short, (metric, statistic) in metrics.items()
    ]


def minutes_of(answer: Answer, name: str, starts: range, metrics: Wanted) -> tuple[Minute, ...]:
    """The minutes of one place, every one of them."""
    own = {short: answer.of(f"{name}_{short}") for short in metrics}
    return tuple(minute(start, own) for start in starts)


def minute(start: int, series: Mapping[str, Series]) -> Minute:
    """One minute out of the series by short name."""
    requests = series["requests"].get(start)
    counted = None if requests is None else round(requests)
    answers = [series.get(f"target_{kind}xx", {}).get(start, 0) for kind in "2345"]
    return Minute(
        start=float(start),
        requests=counted,
        target_5xx=round(series["target_5xx"].get(start, 0)),
        connection_errors=round(series["connection_errors"].get(start, 0)),
        target_4xx=round(series["target_4xx"].get(start, 0)),
        p99_s=series.get("p99", {}).get(start),
        slow=slow(counted, series.get(IN_TIME, {}).get(start)),
        failed_open=round(series.get("failed_open", {}).get(start, 0)),
        answers=round(sum(answers)) if ANSWERED.keys() <= series.keys() else None,
    )


def slow(requests: int | None, in_time_percent: float | None) -> int | None:
    """Requests that took longer, from the percentile rank; it is interpolated, so it is rounded.

    None: unknown. Where no target has answered, nothing is known of how long it takes: such requests
    are failures, and none of them is quick.
    """
    if requests is None or in_time_percent is None:
        return None
    return min(requests, max(0, round(requests * (1 - in_time_percent / 100))))


def published(minute: Minute) -> bool:
    """Whether anything at all is known of it."""
    return minute.requests is not None or minute.failures > 0


def middle(times: Series, answers: Series) -> float | None:
    """The time that holds for half of the answers, of periods that have their own; None: no data."""
    known = sorted((times[at], answers.get(at, 0.0)) for at in times)
    left = sum(count for _, count in known) / 2
    for value, count in known:
        left -= count
        if left <= 0:
            return value
    return None
