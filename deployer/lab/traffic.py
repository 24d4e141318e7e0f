"""What flowed through the load balancer: counted by the data plane, read by the metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class GroupTraffic:
    """Cumulative counts of one target group behind one load balancer in one zone, since the lab began.

    load_balancer, target_group: CloudWatch dimension values (`app/NAME/ID`, `targetgroup/NAME/ID`).
    requests:          requests for which a target was chosen, answered or not.
    responses:         answers made by targets, by class: `{"2XX": 17, "5XX": 1}`.
    connection_errors: connections to a target that could not be made.
    latency:           response times of targets: upper bound of the bucket in seconds -> count in
                       that bucket alone (not cumulative over buckets).
    fail_open:         requests routed while no target of the group was healthy.
    healthy, unhealthy: targets now.
    zone:              of the targets; empty: unknown, or there is none.
    """

    load_balancer: str
    target_group: str
    requests: int = 0
    responses: Mapping[str, int] = field(default_factory=dict)
    connection_errors: int = 0
    latency: Mapping[float, int] = field(default_factory=dict)
    fail_open: int = 0
    healthy: int = 0
    unhealthy: int = 0
    zone: str = ""


@dataclass(frozen=True, slots=True)
class BalancerTraffic:
    """Cumulative counts of one load balancer; `elb_5xx` by code: `{"502": 3, "503": 1}`."""

    load_balancer: str
    requests: int = 0
    elb_5xx: Mapping[str, int] = field(default_factory=dict)
    fixed_responses: int = 0


@dataclass(frozen=True, slots=True)
class Traffic:
    """One reading of everything; of a target group there is one entry for each zone."""

    balancers: tuple[BalancerTraffic, ...] = ()
    groups: tuple[GroupTraffic, ...] = ()


class TrafficSource(Protocol):
    """Implemented by the balancer, consumed by the metrics."""

    def read(self) -> Traffic: ...
