"""Target tracking: what a policy makes of its metric, and the alarms that it keeps. Pure.

Sources: Auto Scaling user guide, "Target tracking scaling policies" and "Set the default instance
warmup"; autoscaling API model, `PutScalingPolicyType`. How AWS computes the new capacity is not
documented beyond "proportionally" and "rounding up": the lab takes what would bring the metric to
its target. Nor are the alarms: three minutes above the target, fifteen below nine tenths of it, is
what AWS is seen to make.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

HIGH, LOW = "AlarmHigh", "AlarmLow"
CPU, REQUESTS = "ASGAverageCPUUtilization", "ALBRequestCountPerTarget"
MINUTES: Final = {HIGH: 3, LOW: 15}
LOW_SHARE = 0.9
_MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Policy:
    """A target tracking policy.

    metric:   CPU or REQUESTS; `label`: the target group that REQUESTS are counted of, as the API
              writes it (`app/NAME/ID/targetgroup/NAME/ID`).
    shrinks:  whether it also scales in.
    warmup_s: its own; None: the group's.
    alarms:   name by HIGH and LOW; without `shrinks` there is no LOW.
    """

    name: str
    arn: str
    metric: str
    label: str
    target: float
    shrinks: bool
    warmup_s: int | None
    alarms: Mapping[str, str]

    @property
    def target_group(self) -> str:
        """The target group's part of the label: the end of its ARN."""
        return "/".join(self.label.split("/")[3:])

    @property
    def balancer(self) -> str:
        """The load balancer's part of the label: the end of its ARN."""
        return "/".join(self.label.split("/")[:3])

    def warmup(self, warmup_s: int | None, cooldown_s: int) -> int:
        """Its own, else the group's default instance warm-up, else the default cooldown."""
        own = self.warmup_s if self.warmup_s is not None else warmup_s
        return own if own is not None else cooldown_s


@dataclass(frozen=True, slots=True)
class Strength:
    """A group as a policy sees it.

    warm:    instances in service that have warmed up: whose load the metric is about.
    coming:  others on their way or warming up.
    leaving: those that terminate; they count as long as they are there when it scales in.
    """

    desired: int
    minimum: int
    maximum: int
    warm: int
    coming: int
    leaving: int

    def within(self, wanted: int) -> int:
        return max(self.minimum, min(self.maximum, wanted))


def grown(group: Strength, policy: Policy, points: Sequence[float]) -> int:
    """The capacity that the newest point asks for: never less than what is asked for already.

    Instances that still warm up are no capacity yet, so one rise is not answered twice.
    """
    wanted = ceil(_rounded(group.warm * points[-1] / policy.target))
    return max(group.desired, group.within(wanted))


def shrunk(group: Strength, ready: Sequence[tuple[Policy, Sequence[float]]]) -> int:
    """The capacity that all policies can do with, by the highest point of each.

    Nothing while instances come or warm up: a scale-in does not begin during a scale-out.
    """
    if group.coming or not ready:
        return group.desired
    there = group.warm + group.leaving
    wanted = max(ceil(_rounded(there * max(points) / one.target)) for one, points in ready)
    return min(group.desired, group.within(wanted))


def _rounded(value: float) -> float:
    """Without what floating point adds: 2 * 45 / 30 is 3, not a little more."""
    return round(value, 6)


def watches(policy: Policy, group: str) -> list[dict[str, Any]]:
    """The alarms as PutMetricAlarm takes them."""
    return [_alarm(policy, group, edge) for edge in (HIGH, LOW) if edge in policy.alarms]


def _alarm(policy: Policy, group: str, edge: str) -> dict[str, Any]:
    high = edge == HIGH
    return {
        "AlarmName": policy.alarms[edge],
        "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
        "AlarmActions": [policy.arn],
        **_metric(policy, group),
        "Period": _MINUTE_S,
        "EvaluationPeriods": MINUTES[edge],
        "ComparisonOperator": "GreaterThanThreshold" if high else "LessThanThreshold",
        "Threshold": policy.target if high else round(policy.target * LOW_SHARE, 6),
    }


def _metric(policy: Policy, group: str) -> dict[str, Any]:
    if policy.metric == CPU:
        return {
            "Namespace": "AWS/EC2",
            "MetricName": "CPUUtilization",
            "Dimensions": [{"Name": "AutoScalingGroupName", "Value": group}],
            "Statistic": "Average",
        }
    return {
        "Namespace": "AWS/ApplicationELB",
        "MetricName": "RequestCountPerTarget",
        "Dimensions": [
            {"Name": "LoadBalancer", "Value": policy.balancer},
            {"Name": "TargetGroup", "Value": policy.target_group},
        ],
        "Statistic": "Sum",
    }
