"""A slot's alarms: errors, slowness, unhealthy instances, fail-open. Names are for people.

Both slots have the same four. One that rings on the idle slot, or on a candidate, is about what no
user has seen, or few: the environment's own alarm (stacks.monitoring) is the one that wakes people.
"""

from dataclasses import dataclass

from aws_cdk import Duration, aws_cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from deployer.durations import percent, spell
from deployer.settings.schema import Settings
from deployer.topology import alarm_name

MINUTE = Duration.minutes(1)
Missing = aws_cloudwatch.TreatMissingData


@dataclass(frozen=True, slots=True)
class Watched:
    """The target group of `slot` behind its load balancer."""

    slot: str
    target_group: elbv2.ApplicationTargetGroup

    def metric(self, name: str, statistic: str) -> aws_cloudwatch.Metric:
        """A metric of {LoadBalancer, TargetGroup}, by the minute."""
        return self.target_group.metrics.custom(name, statistic=statistic, period=MINUTE)


class SlotAlarms(Construct):
    """`errors`, `slow`, `unhealthy` and `open` of one slot."""

    def __init__(self, scope: Construct, name: str, watched: Watched, settings: Settings) -> None:
        super().__init__(scope, name)
        self._watched, self._settings = watched, settings
        monitoring = settings.monitoring
        self.errors = self._alarm(
            "Errors",
            error_share(watched, monitoring.min_requests),
            monitoring.errors / 10,
            f"more than {percent(monitoring.errors)} of the requests fail",
        )
        self.slow = self._alarm(
            "Slow",
            watched.metric("TargetResponseTime", "p99"),
            monitoring.slow_s,
            f"the slowest hundredth of the answers takes more than {spell(monitoring.slow_s)}",
            few_samples="ignore",
        )
        self.unhealthy = self._alarm(
            "Unhealthy",
            watched.metric("UnHealthyHostCount", "Minimum"),
            0,
            "an instance is unhealthy",
        )
        self.open = self._alarm(
            "Open",
            watched.metric("UnhealthyRoutingRequestCount", "Sum"),
            0,
            "no instance is healthy, and requests go to the unhealthy ones",
            minutes=1,
        )

    @property
    def all(self) -> tuple[aws_cloudwatch.Alarm, ...]:
        """The four of them."""
        return self.errors, self.slow, self.unhealthy, self.open

    def _alarm(
        self,
        name: str,
        metric: aws_cloudwatch.IMetric,
        threshold: float,
        what: str,
        *,
        minutes: int | None = None,
        few_samples: str | None = None,
    ) -> aws_cloudwatch.Alarm:
        settings, slot = self._settings, self._watched.slot
        service, environment = settings.service.name, settings.environment.name
        return aws_cloudwatch.Alarm(
            self,
            name,
            alarm_name=alarm_name(service, environment, slot, name),
            alarm_description=f"{slot} of {service}/{environment}: {what}. `deployer status` says "
            "what it serves.",
            metric=metric,
            threshold=threshold,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=minutes or settings.monitoring.minutes,
            # Nothing is reported where nothing flows: silence is no alarm (aws-facts 2).
            treat_missing_data=Missing.NOT_BREACHING,
            evaluate_low_sample_count_percentile=few_samples,
        )


def error_share(watched: Watched, least: int) -> aws_cloudwatch.MathExpression:
    """Percent of the requests that failed in each minute, 0 where there were fewer than `least`.

    Failed: answers 5xx of the targets, and connections that never became a request.
    """
    return aws_cloudwatch.MathExpression(
        label="failed, percent",
        expression=f"IF(requests >= {least}, 100 * (FILL(answers, 0) + FILL(broken, 0)) / requests, 0)",
        using_metrics={
            "requests": watched.metric("RequestCount", "Sum"),
            "answers": watched.metric("HTTPCode_Target_5XX_Count", "Sum"),
            "broken": watched.metric("TargetConnectionErrorCount", "Sum"),
        },
        period=MINUTE,
    )
