"""What a slot served before, by zone: the adapter meets the lab's CloudWatch over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from deployer.aws.cloudwatch import CloudWatchMetrics, middle
from deployer.aws.published import Published
from deployer.aws.session import Aws
from deployer.errors import CloudUnavailable
from deployer.lab import actions
from deployer.lab.context import Context
from deployer.lab.telemetry import alb
from deployer.lab.telemetry.telemetry import Telemetry
from deployer.lab.traffic import BalancerTraffic, GroupTraffic, Traffic
from deployer.model import Slot
from tests.contract.conftest import published

NOON = 1_700_000_040
A, B = "us-east-1a", "us-east-1b"
Part = tuple[str, str, int, int, dict[float, int]]  # slot, zone, answered, failed, times


class Silence:
    """A TrafficSource through which nothing flows: the test puts the minutes in."""

    def read(self) -> Traffic:
        return Traffic()


@pytest.fixture(scope="module")
def telemetry(context: Context) -> Telemetry:
    return Telemetry(context, Silence())


@pytest.fixture
def shop(admin: Callable[[str], Any], fresh: str) -> Published:
    """A load balancer in two zones; its groups need not exist."""
    ec2, elbv2 = admin("ec2"), admin("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.2.{n}.0/24", AvailabilityZone=zone)
        for n, zone in enumerate((B, A))
    ]
    made = elbv2.create_load_balancer(
        Name=fresh, Subnets=[s["Subnet"]["SubnetId"] for s in subnets]
    )
    return published(load_balancer=made["LoadBalancers"][0]["LoadBalancerArn"])


@pytest.fixture
def served(telemetry: Telemetry, shop: Published) -> Callable[..., None]:
    """Publishes one minute: `served(0, ("blue", A, 90, 10, {0.1: 100}), elb=3)`."""
    balancer = shop.load_balancer.partition("loadbalancer/")[2]

    def put(minute: int, *parts: Part, elb: int = 0) -> None:
        groups = tuple(
            GroupTraffic(
                balancer,
                f"targetgroup/{slot}/1",
                requests=answered + failed,
                responses={"2XX": answered, "5XX": failed},
                latency=times,
                zone=zone,
            )
            for slot, zone, answered, failed, times in parts
        )
        requests = sum(group.requests for group in groups)
        made = Traffic((BalancerTraffic(balancer, requests, {"502": elb}),), groups)
        for sample in alb.samples(made, {}):
            at = NOON + 60 * minute
            telemetry.store.put(sample.metric, at, sample.point, sample.unit, at)

    return put


def asked() -> int:
    return len(actions.calls("cloudwatch", "GetMetricData", external=True))


def test_zones_are_told_apart(aws: Aws, shop: Published, served: Callable[..., None]) -> None:
    served(0, ("blue", A, 90, 10, {0.1: 80, 2.0: 20}), ("blue", B, 50, 0, {0.1: 50}))
    served(1, ("blue", B, 40, 4, {0.1: 44}), ("green", A, 5, 0, {0.1: 5}))
    metrics, before = CloudWatchMetrics(aws, shop), asked()
    found = metrics.zones(Slot.BLUE, NOON, NOON + 120, slow_s=0.5)
    assert asked() == before + 1  # all zones and metrics at once
    assert set(found) == {A, B}
    assert [(m.requests, m.failures, m.slow) for m in found[A]] == [(100, 10, 20), (None, 0, None)]
    assert [(m.requests, m.failures, m.slow) for m in found[B]] == [(50, 0, 0), (44, 4, 0)]
    assert [m.answers for m in found[A]] == [100, 0]
    assert set(metrics.zones(Slot.GREEN, NOON, NOON + 120)) == {A}  # the other said nothing
    known = len(actions.calls("elasticloadbalancing", "DescribeLoadBalancers", external=True))
    metrics.zones(Slot.GREEN, NOON, NOON + 120)
    assert known == len(
        actions.calls("elasticloadbalancing", "DescribeLoadBalancers", external=True)
    )


def test_the_whole_is_the_sum_of_its_zones(
    aws: Aws, shop: Published, served: Callable[..., None]
) -> None:
    served(0, ("blue", A, 90, 10, {0.1: 80, 2.0: 20}), ("blue", B, 50, 0, {0.1: 50}))
    metrics = CloudWatchMetrics(aws, shop)
    (whole,) = metrics.traffic(NOON, NOON + 60, slow_s=0.5)[Slot.BLUE]
    zones = metrics.zones(Slot.BLUE, NOON, NOON + 60, slow_s=0.5)
    assert whole.requests == sum(minutes[0].requests or 0 for minutes in zones.values()) == 150
    assert whole.slow == sum(minutes[0].slow or 0 for minutes in zones.values()) == 20


def test_how_quick_a_slot_answers(aws: Aws, shop: Published, served: Callable[..., None]) -> None:
    for minute in range(10):
        served(minute, ("blue", A, 100, 0, {0.1: 98, 1.0: 2}))
    metrics = CloudWatchMetrics(aws, shop)
    assert metrics.response_s(Slot.BLUE, NOON, NOON + 600, 0.95) == 0.1
    assert metrics.response_s(Slot.BLUE, NOON, NOON + 600, 0.99) == 1.0
    assert metrics.response_s(Slot.GREEN, NOON, NOON + 600, 0.99) is None
    assert metrics.response_s(Slot.BLUE, NOON, NOON + 59, 0.99) is None


def test_an_incident_is_not_what_is_usual(
    aws: Aws, shop: Published, served: Callable[..., None]
) -> None:
    for minute in range(20):
        slow = {2.0: 100} if 5 <= minute < 12 else {0.1: 98, 1.0: 2}
        served(minute, ("blue", A, 100, 0, slow))
    metrics = CloudWatchMetrics(aws, shop)
    assert metrics.response_s(Slot.BLUE, NOON, NOON + 1200, 0.99) == 1.0


def test_what_is_usual_holds_in_the_stretches_of_half_of_the_answers() -> None:
    assert middle({}, {}) is None
    assert middle({0: 0.2, 300: 0.3, 600: 9.0}, {0: 10, 300: 10, 600: 10}) == 0.3
    assert middle({0: 0.2, 300: 9.0}, {0: 1, 300: 1000}) == 9.0


def test_what_the_load_balancer_made_itself_is_no_slots(
    aws: Aws, shop: Published, served: Callable[..., None]
) -> None:
    served(0, ("blue", A, 5, 0, {0.1: 5}), elb=3)
    served(2, ("blue", A, 5, 0, {0.1: 5}), elb=4)
    metrics = CloudWatchMetrics(aws, shop)
    assert metrics.balancer_5xx(NOON, NOON + 180) == 7
    assert metrics.balancer_5xx(NOON + 60, NOON + 120) == 0
    assert metrics.balancer_5xx(NOON, NOON + 30) == 0


def test_no_whole_minute_asks_nobody(aws: Aws, shop: Published) -> None:
    metrics, before = CloudWatchMetrics(aws, shop), asked()
    assert metrics.zones(Slot.BLUE, NOON + 1, NOON + 119) == {}
    assert metrics.balancer_5xx(NOON + 1, NOON + 119) == 0
    assert asked() == before


def test_a_load_balancer_that_does_not_answer_has_no_known_zones(aws: Aws, shop: Published) -> None:
    metrics = CloudWatchMetrics(aws, shop)
    with Stubber(aws.elbv2) as stub:
        stub.add_client_error("describe_load_balancers", "Throttling")
        with pytest.raises(CloudUnavailable, match="DescribeLoadBalancers"):
            metrics.zones(Slot.BLUE, NOON, NOON + 60)
    assert metrics.zones(Slot.BLUE, NOON, NOON + 60) == {}
