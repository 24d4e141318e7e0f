"""The metrics that an Application Load Balancer publishes for a minute, from its counters. Pure.

Source: ELB user guide, load-balancer-cloudwatch-metrics; aws-facts 2. Counts are reported only
when they are not zero, except RequestCount of a load balancer ("always reported"), the numbers of
hosts, and RequestCountPerTarget, which "emits zeros for periods with no associated data" (Auto
Scaling user guide, target tracking) as long as there are targets. Errors that the load balancer makes itself (HTTPCode_ELB_*) have no TargetGroup dimension,
so nobody can attribute them to a target group. There is no AvailabilityZone dimension in the lab.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from deployer.lab.telemetry.store import Datapoint, Metric, merge
from deployer.lab.traffic import BalancerTraffic, GroupTraffic, Traffic

NAMESPACE = "AWS/ApplicationELB"
CLASSES = ("2XX", "3XX", "4XX", "5XX")
ELB_CODES = ("500", "502", "503", "504")
K = TypeVar("K", str, float)


@dataclass(frozen=True, slots=True)
class Sample:
    """One datapoint of one metric, for one minute."""

    metric: Metric
    point: Datapoint
    unit: str


@dataclass(slots=True)
class Hosts:
    """Numbers of healthy and unhealthy targets seen during a minute: number -> how often."""

    healthy: Counter[int]
    unhealthy: Counter[int]


def difference(before: Traffic, after: Traffic) -> Traffic:
    """What flowed between two readings of cumulative counters.

    A counter that went down was begun anew: all it shows is new.
    """
    old_balancers = {one.load_balancer: one for one in before.balancers}
    old_groups = {(one.load_balancer, one.target_group): one for one in before.groups}
    return Traffic(
        tuple(
            _balancer_since(old_balancers.get(new.load_balancer), new) for new in after.balancers
        ),
        tuple(
            _group_since(old_groups.get((new.load_balancer, new.target_group)), new)
            for new in after.groups
        ),
    )


def _since(old: int, new: int) -> int:
    return new - old if new >= old else new


def _map_since(old: Mapping[K, int], new: Mapping[K, int]) -> dict[K, int]:
    return {key: _since(old.get(key, 0), count) for key, count in new.items()}


def _balancer_since(old: BalancerTraffic | None, new: BalancerTraffic) -> BalancerTraffic:
    old = old or BalancerTraffic(new.load_balancer)
    return BalancerTraffic(
        new.load_balancer,
        _since(old.requests, new.requests),
        _map_since(old.elb_5xx, new.elb_5xx),
        _since(old.fixed_responses, new.fixed_responses),
    )


def _group_since(old: GroupTraffic | None, new: GroupTraffic) -> GroupTraffic:
    old = old or GroupTraffic(new.load_balancer, new.target_group)
    return GroupTraffic(
        load_balancer=new.load_balancer,
        target_group=new.target_group,
        requests=_since(old.requests, new.requests),
        responses=_map_since(old.responses, new.responses),
        connection_errors=_since(old.connection_errors, new.connection_errors),
        latency=_map_since(old.latency, new.latency),
        fail_open=_since(old.fail_open, new.fail_open),
        healthy=new.healthy,
        unhealthy=new.unhealthy,
    )


def share(count: int, parts: int, part: int) -> int:
    """The share of part number `part` of `parts` when `count` is spread evenly; sums to `count`."""
    return count * (part + 1) // parts - count * part // parts


def spread(traffic: Traffic, parts: int) -> list[Traffic]:
    """Traffic that was read over several minutes at once, one piece for each; nothing is lost."""
    if parts == 1:
        return [traffic]

    def piece(part: int) -> Traffic:
        def cut(count: int) -> int:
            return share(count, parts, part)

        return Traffic(
            tuple(
                BalancerTraffic(
                    one.load_balancer,
                    cut(one.requests),
                    {code: cut(count) for code, count in one.elb_5xx.items()},
                    cut(one.fixed_responses),
                )
                for one in traffic.balancers
            ),
            tuple(
                GroupTraffic(
                    load_balancer=one.load_balancer,
                    target_group=one.target_group,
                    requests=cut(one.requests),
                    responses={kind: cut(count) for kind, count in one.responses.items()},
                    connection_errors=cut(one.connection_errors),
                    latency={bound: cut(count) for bound, count in one.latency.items()},
                    fail_open=cut(one.fail_open),
                    healthy=one.healthy,
                    unhealthy=one.unhealthy,
                )
                for one in traffic.groups
            ),
        )

    return [piece(part) for part in range(parts)]


def samples(traffic: Traffic, hosts: Mapping[tuple[str, str], Hosts]) -> list[Sample]:
    """Everything that is published for one minute in which `traffic` flowed.

    hosts: by (load balancer, target group).
    """
    found: list[Sample] = []
    for balancer in traffic.balancers:
        groups = [one for one in traffic.groups if one.load_balancer == balancer.load_balancer]
        found.extend(_of_balancer(balancer, groups))
    for group in traffic.groups:
        seen = hosts.get((group.load_balancer, group.target_group))
        found.extend(_of_group(group, seen))
    return found


def _of_balancer(balancer: BalancerTraffic, groups: list[GroupTraffic]) -> Iterator[Sample]:
    where = (("LoadBalancer", balancer.load_balancer),)
    total = balancer.requests
    zero = Datapoint(1.0, 0.0, 0.0, 0.0, {0.0: 1.0})
    yield Sample(_metric("RequestCount", where), _ones(total) or zero, "Count")
    yield from _counted("HTTP_Fixed_Response_Count", where, balancer.fixed_responses)
    yield from _counted("HTTPCode_ELB_5XX_Count", where, sum(balancer.elb_5xx.values()))
    for code in ELB_CODES:
        name = f"HTTPCode_ELB_{code}_Count"
        yield from _counted(name, where, balancer.elb_5xx.get(code, 0))
    yield from _of_targets(where, groups)


def _of_group(group: GroupTraffic, hosts: Hosts | None) -> Iterator[Sample]:
    where = (("LoadBalancer", group.load_balancer), ("TargetGroup", group.target_group))
    yield from _counted("RequestCount", where, group.requests)
    yield from _of_targets(where, [group])
    targets = group.healthy + group.unhealthy
    if targets:
        each = group.requests / targets
        for dimensions in (where, where[1:]):
            point = Datapoint.of({each: 1.0})
            yield Sample(_metric("RequestCountPerTarget", dimensions), point, "Count")
    seen = hosts or Hosts(Counter({group.healthy: 1}), Counter({group.unhealthy: 1}))
    for name, numbers in (
        ("HealthyHostCount", seen.healthy),
        ("UnHealthyHostCount", seen.unhealthy),
    ):
        values = {float(number): float(times) for number, times in numbers.items()}
        yield Sample(_metric(name, where), Datapoint.of(values), "Count")


def _of_targets(where: tuple[tuple[str, str], ...], groups: list[GroupTraffic]) -> Iterator[Sample]:
    """What is published both for a target group and, summed, for its load balancer."""
    for kind in CLASSES:
        count = sum(group.responses.get(kind, 0) for group in groups)
        yield from _counted(f"HTTPCode_Target_{kind}_Count", where, count)
    errors = sum(group.connection_errors for group in groups)
    yield from _counted("TargetConnectionErrorCount", where, errors)
    fail_open = sum(group.fail_open for group in groups)
    yield from _counted("UnhealthyRoutingRequestCount", where, fail_open)
    times = merge([point for group in groups if (point := _times(group.latency))])
    if times:
        yield Sample(_metric("TargetResponseTime", where), times, "Seconds")


def _times(latency: Mapping[float, int]) -> Datapoint | None:
    """Each response counts as the upper bound of its bucket, the last (endless) as its lower."""
    finite = [bound for bound in latency if bound != float("inf")]
    values: dict[float, float] = {}
    for bound, count in latency.items():
        value = min(bound, max(finite, default=0.0))
        if count:
            values[value] = values.get(value, 0.0) + count
    return Datapoint.of(values) if values else None


def _counted(name: str, where: tuple[tuple[str, str], ...], count: int) -> Iterator[Sample]:
    """Reporting criterion: there is a nonzero value."""
    point = _ones(count)
    if point:
        yield Sample(_metric(name, where), point, "Count")


def _ones(count: int) -> Datapoint | None:
    """`count` samples of 1: Minimum, Maximum and Average return 1, Sum is what is wanted."""
    return Datapoint.of({1.0: float(count)}) if count else None


def _metric(name: str, where: tuple[tuple[str, str], ...]) -> Metric:
    return Metric(NAMESPACE, name, where)
