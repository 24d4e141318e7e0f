"""The whole chain once: template, group, target group, Envoy, processes; requests in flight live."""

import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deployer.lab import actions, home, server
from deployer.lab.autoscaling.component import Fleet
from deployer.lab.balancer.component import Balancer
from deployer.lab.beats import Beats
from deployer.lab.context import Context
from deployer.process.clock import ScaledClock
from tests.lab_autoscaling.living import Site, packed, until

pytestmark = pytest.mark.lab

SHOP = Path(__file__).parents[2] / "examples" / "app" / "app.py"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    server.reset()
    network, guard = home.claim_network()
    context = Context(
        directory=tmp_path,
        network=network,
        endpoint="http://localhost:5999",
        clock=ScaledClock(time.time(), 10.0),
    )
    actions.install(context)
    with (
        guard,
        closing(Balancer(context)) as balancer,
        closing(Fleet(context)) as fleet,
        closing(Beats(context, (fleet, balancer))) as beats,
    ):
        made = Site(context, fleet)
        made.build()
        for release in ("v1", "v2"):
            made.upload(release, packed(SHOP.read_text(encoding="utf-8")))
        beats.start()
        yield made
        assert not beats.broken.is_set()


def entrance(site: Site) -> tuple[str, str]:
    """(url, target group) of a new load balancer that forwards everything."""
    elb = site.client("elbv2")
    group = elb.create_target_group(
        Name="web",
        Protocol="HTTP",
        Port=8080,
        VpcId=site.vpc,
        TargetType="instance",
        HealthCheckPath="/health",
        HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=2,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=2,
    )["TargetGroups"][0]["TargetGroupArn"]
    elb.modify_target_group_attributes(
        TargetGroupArn=group,
        Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "10"}],
    )
    balancer = elb.create_load_balancer(
        Name="front", Subnets=site.subnets.split(","), Type="application"
    )["LoadBalancers"][0]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=8000,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )
    told = elb.describe_load_balancers(LoadBalancerArns=[balancer["LoadBalancerArn"]])
    return f"http://{told['LoadBalancers'][0]['DNSName']}:8000/", str(group)


def health(site: Site, group: str) -> Counter[str]:
    told = site.client("elbv2").describe_target_health(TargetGroupArn=group)
    return Counter(one["TargetHealth"]["State"] for one in told["TargetHealthDescriptions"])


class Load(threading.Thread):
    """One client that asks again and again; counts the answers by release, or by failure."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.seen: Counter[str] = Counter()
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.01):
            self.seen[self._ask()] += 1

    def _ask(self) -> str:
        try:
            with urllib.request.urlopen(self.url, timeout=5) as answer:  # noqa: S310  our own http
                return str(answer.headers["X-Release"])
        except OSError as error:
            return f"failed: {error}"

    def end(self) -> Counter[str]:
        self.ended.set()
        self.join()
        return self.seen


def test_a_group_grows_changes_release_and_shrinks_without_losing_a_request(site: Site) -> None:
    url, target_group = entrance(site)
    template = site.template()
    site.release(template, "v1")
    settings: dict[str, Any] = {"HealthCheckType": "ELB", "HealthCheckGracePeriod": 60}
    name = site.group(template, 2, TargetGroupARNs=[target_group], **settings)
    until(lambda: health(site, target_group) == {"healthy": 2})
    load = Load(url)
    load.start()
    site.release(template, "v2")
    site.resize(name, 4)
    until(lambda: health(site, target_group) == {"healthy": 4})
    site.resize(name, 2)
    until(lambda: health(site, target_group)["draining"] == 2)
    draining = [row for row in site.rows(name) if row["lifecycle"] == "Terminating"]
    assert {row["process"] for row in draining} == {"running"}
    until(lambda: len(site.rows(name)) == 2)
    assert {row["release"] for row in site.rows(name)} == {"v2"}
    seen = load.end()
    assert set(seen) == {"v1", "v2"}, seen
    states = site.client("autoscaling").describe_load_balancer_target_groups(
        AutoScalingGroupName=name
    )["LoadBalancerTargetGroups"]
    assert [one["State"] for one in states] == ["InService"]


def test_an_application_that_hangs_is_replaced_by_elb_health_checks(site: Site) -> None:
    _, target_group = entrance(site)
    template = site.template()
    site.release(template, "v1")
    settings: dict[str, Any] = {"HealthCheckType": "ELB", "HealthCheckGracePeriod": 10}
    name = site.group(template, 2, TargetGroupARNs=[target_group], **settings)
    until(lambda: health(site, target_group) == {"healthy": 2})
    victim = site.rows(name)[0]["instance"]
    site.fleet.pause(victim)
    until(lambda: victim not in {row["instance"] for row in site.rows(name)})
    until(lambda: health(site, target_group)["healthy"] == 2)
    told = site.client("autoscaling").describe_scaling_activities(AutoScalingGroupName=name)
    assert any("ELB system health check failure" in one["Cause"] for one in told["Activities"])
