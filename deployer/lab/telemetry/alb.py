"""The metrics that an Application Load Balancer publishes for a minute, from its counters. Pure.

Source: ELB user guide, load-balancer-cloudwatch-metrics; aws-facts 2. Counts are reported only
when they are not zero, except RequestCount of a load balancer ("always reported"), the numbers of
hosts, and RequestCountPerTarget, which "emits zeros for periods with no associated data" (Auto
Scaling user guide, target tracking) as long as there are targets. Errors that the load balancer
makes itself (HTTPCode_ELB_*) have no TargetGroup dimension, so nobody can attribute them to a target
group. The zone of the dimension AvailabilityZone is the target's: AWS does not say whose it is, and
the lab's load balancer has one node, in no zone. What AWS publishes besides is refused
(`deployer.lab.telemetry.unpublished`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
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


Dimensions = tuple[tuple[str, str], ...]  # sorted by name
Place = tuple[str, str, str]  # load balancer, target group, and zone or "" for all of them


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
    old_groups = {place(one): one for one in before.groups}
    return Traffic(
        tuple(
            _balancer_since(old_balancers.get(new.load_balancer), new) for new in after.balancers
        ),
        tuple(_group_since(old_groups.get(place(new)), new) for new in after.groups),
    )


def place(group: GroupTraffic) -> Place:
    return group.load_balancer, group.target_group, group.zone


def by_group(groups: Iterable[GroupTraffic]) -> list[list[GroupTraffic]]:
    """The zones of each target group together."""
    found: dict[Place, list[GroupTraffic]] = {}
    for one in groups:
        found.setdefault((one.load_balancer, one.target_group, ""), []).append(one)
    return list(found.values())


def hosts(traffic: Traffic) -> Iterator[tuple[Place, int, int]]:
    """Healthy and unhealthy targets of each target group, and of each of its zones."""
    for parts in by_group(traffic.groups):
        healthy, unhealthy = (sum(counts) for counts in zip(*map(_targets, parts), strict=True))
        yield (parts[0].load_balancer, parts[0].target_group, ""), healthy, unhealthy
        yield from ((place(one), one.healthy, one.unhealthy) for one in parts if one.zone)


def _targets(group: GroupTraffic) -> tuple[int, int]:
    return group.healthy, group.unhealthy


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
        zone=new.zone,
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
                    zone=one.zone,
                )
                for one in traffic.groups
            ),
        )

    return [piece(part) for part in range(parts)]


def samples(traffic: Traffic, seen: Mapping[Place, Hosts]) -> list[Sample]:
    """Everything that is published for one minute in which `traffic` flowed.

    seen: numbers of hosts, of whichever places were looked at.
    """
    found: list[Sample] = []
    for balancer in traffic.balancers:
        groups = [one for one in traffic.groups if one.load_balancer == balancer.load_balancer]
        found.extend(_of_balancer(balancer, groups))
    for parts in by_group(traffic.groups):
        found.extend(_of_group(parts, "", seen))
        for one in parts:
            found.extend(_of_group([one], one.zone, seen) if one.zone else ())
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
    for zone in sorted({one.zone for one in groups} - {""}):
        parts = [one for one in groups if one.zone == zone]
        there = (("AvailabilityZone", zone), *where)
        yield from _counted("RequestCount", there, sum(one.requests for one in parts))
        yield from _of_targets(there, parts)


def _of_group(
    parts: list[GroupTraffic], zone: str, seen: Mapping[Place, Hosts]
) -> Iterator[Sample]:
    """Of one target group, in one zone or in all of them; `parts`: its entries there."""
    balancer, group = parts[0].load_balancer, parts[0].target_group
    where: Dimensions = (("LoadBalancer", balancer), ("TargetGroup", group))
    where = (("AvailabilityZone", zone), *where) if zone else where
    requests = sum(one.requests for one in parts)
    yield from _counted("RequestCount", where, requests)
    yield from _of_targets(where, parts)
    fail_open = sum(one.fail_open for one in parts)
    yield from _counted("UnhealthyRoutingRequestCount", where, fail_open)
    healthy, unhealthy = sum(one.healthy for one in parts), sum(one.unhealthy for one in parts)
    yield from _per_target(where, requests, healthy + unhealthy)
    now = Hosts(Counter({healthy: 1}), Counter({unhealthy: 1}))
    counted = seen.get((balancer, group, zone), now)
    for name, numbers in (
        ("HealthyHostCount", counted.healthy),
        ("UnHealthyHostCount", counted.unhealthy),
    ):
        values = {float(number): float(times) for number, times in numbers.items()}
        yield Sample(_metric(name, where), Datapoint.of(values), "Count")


def _per_target(where: Dimensions, requests: int, targets: int) -> Iterator[Sample]:
    """Also without the load balancer, which a target group has one of at most."""
    if targets:
        point = Datapoint.of({requests / targets: 1.0})
        for dimensions in (where, tuple(one for one in where if one[0] != "LoadBalancer")):
            yield Sample(_metric("RequestCountPerTarget", dimensions), point, "Count")


def _of_targets(where: Dimensions, groups: list[GroupTraffic]) -> Iterator[Sample]:
    """What is published both for a target group and, summed, for its load balancer."""
    for kind in CLASSES:
        count = sum(group.responses.get(kind, 0) for group in groups)
        yield from _counted(f"HTTPCode_Target_{kind}_Count", where, count)
    errors = sum(group.connection_errors for group in groups)
    yield from _counted("TargetConnectionErrorCount", where, errors)
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


def _counted(name: str, where: Dimensions, count: int) -> Iterator[Sample]:
    """Reporting criterion: there is a nonzero value."""
    point = _ones(count)
    if point:
        yield Sample(_metric(name, where), point, "Count")


def _ones(count: int) -> Datapoint | None:
    """`count` samples of 1: Minimum, Maximum and Average return 1, Sum is what is wanted."""
    return Datapoint.of({1.0: float(count)}) if count else None


def _metric(name: str, where: Dimensions) -> Metric:
    return Metric(NAMESPACE, name, where)
