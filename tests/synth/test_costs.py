"""docs/costs.md: every sum is right, and counts what the templates really make."""

import re
from collections import Counter
from typing import Any

import pytest

from deployer.model import Slot
from deployer.operations.price_table import AS_OF
from deployer.operations.prices import tabled
from deployer.topology import Mark
from stacks.assembly import HERE
from tests.synth.conftest import Templates

HOURS = 730
TEXT = (HERE / "docs" / "costs.md").read_text(encoding="utf-8")
README = (HERE / "README.md").read_text(encoding="utf-8")
Reckoning = Counter[str]
# Paid for by use, or not at all.
FREE = {
    "AutoScaling::AutoScalingGroup", "DynamoDB::GlobalTable", "EC2::FlowLog",
    "EC2::InternetGateway", "EC2::LaunchTemplate", "EC2::Route", "EC2::RouteTable",
    "EC2::SecurityGroup", "EC2::SecurityGroupEgress", "EC2::SecurityGroupIngress", "EC2::Subnet",
    "EC2::SubnetRouteTableAssociation", "EC2::VPC", "EC2::VPCEndpoint",
    "EC2::VPCGatewayAttachment", "ElasticLoadBalancingV2::Listener",
    "ElasticLoadBalancingV2::ListenerRule", "ElasticLoadBalancingV2::TargetGroup",
    "IAM::InstanceProfile", "IAM::Policy", "IAM::Role", "Lambda::EventInvokeConfig",
    "Lambda::Function", "Logs::LogGroup", "S3::Bucket", "S3::BucketPolicy", "SQS::Queue",
    "SQS::QueuePolicy", "Scheduler::Schedule", "SNS::Topic", "SNS::TopicPolicy", "SSM::Parameter",
    "StepFunctions::StateMachine",
}  # fmt: skip


def rows(heading: str) -> list[list[str]]:
    section = TEXT.split(f"## {heading}\n", 1)[1].split("\n## ")[0]
    table = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in table[2:]]


def prices() -> dict[str, float]:
    """Dollars a month of one of each."""
    return {
        what: float(price.strip("$")) * (HOURS if per == "hour" else 1)
        for what, price, per in rows("Prices")
    }


INSTANCES = [row for row in rows("Prices") if re.fullmatch(r"[a-z]\d\w*\.\w+", row[0])]


@pytest.mark.parametrize("row", INSTANCES, ids=lambda row: row[0])
def test_instances_cost_what_estimates_take_them_to_cost(row: list[str]) -> None:
    kind, price, per = row
    assert (float(price.strip("$")), per) == (tabled(kind), "hour")


def test_the_page_says_of_when_the_table_is() -> None:
    assert f"of {AS_OF}, as in the [table]" in TEXT
    assert len(INSTANCES) > 3


def counted(reckoning: str) -> Reckoning:
    """`2 × NAT gateway + 1 × dashboard`."""
    parts = [re.fullmatch(r"(\d+) × (.+)", part.strip()) for part in reckoning.split(" + ")]
    return Counter({part[2]: int(part[1]) for part in parts if part})


SUMS = [
    row
    for heading in ("Each stack, in two zones", "Each instance, with its volume", "All of it")
    for row in rows(heading)
]


@pytest.mark.parametrize("row", SUMS, ids=lambda row: " ".join(row[:-2]))
def test_every_sum_is_right(row: list[str]) -> None:
    *_, reckoning, said = row
    parts = counted(reckoning)
    assert len(parts) == reckoning.count("×")
    total = sum(prices()[what] * number for what, number in parts.items())
    assert said == f"${total + 1e-9:.2f}"


def made(templates: Templates, environment: str = "lab") -> dict[str, Reckoning]:
    """What is paid for in each stack."""

    def number(part: str, kind: str) -> int:
        return len(templates.of_type(part, kind, environment))

    gateways = number("network", "EC2::NatGateway")
    return {
        "network": +Counter(
            {
                "NAT gateway": gateways,
                "public IPv4 address": number("network", "EC2::EIP"),
                "interface endpoint": sum(
                    len(each["Properties"]["SubnetIds"])
                    for each in templates.of_type(
                        "network", "EC2::VPCEndpoint", environment
                    ).values()
                    if each["Properties"]["VpcEndpointType"] == "Interface"
                ),
            }
        ),
        "service": Counter(
            {
                "load balancer": number("service", "ElasticLoadBalancingV2::LoadBalancer"),
                "public IPv4 address": sum(
                    len(each["Subnets"])
                    for each in templates.properties(
                        "service", "ElasticLoadBalancingV2::LoadBalancer", environment
                    )
                ),
                "alarm metric": sum(
                    _metrics(each)
                    for each in templates.properties("service", "CloudWatch::Alarm", environment)
                ),
            }
        ),
        "monitoring": +Counter(
            {
                "composite alarm": number("monitoring", "CloudWatch::CompositeAlarm"),
                "dashboard": number("monitoring", "CloudWatch::Dashboard"),
                "custom metric": len(Slot) + len(Mark),
            }
        ),
    }


def _metrics(alarm: dict[str, Any]) -> int:
    return sum("MetricStat" in each for each in alarm.get("Metrics", ())) or 1


def stacks() -> dict[tuple[str, str], Reckoning]:
    return {(row[0], row[1]): +counted(row[2]) for row in rows("Each stack, in two zones")}


def test_the_default_stacks_are_what_is_reckoned(templates: Templates) -> None:
    found, said = made(templates), stacks()
    assert found["network"] == said["network", '`way_out = "s3"` (default)']
    assert found["service"] == said["service", "always"]
    assert found["monitoring"] == said["monitoring", "default"]


def test_the_ways_out_are_what_is_reckoned(shapes: Templates) -> None:
    said = stacks()
    endpoints = said["network", '`way_out = "endpoints"`']
    assert made(shapes, "warm")["network"] == endpoints
    in_two = said["network", '`way_out = "nat"`']
    in_three = made(shapes, "secure")["network"]
    assert {what: number * 3 // 2 for what, number in in_two.items()} == in_three


def runner(templates: Templates) -> Reckoning:
    """Of an environment that has one: the sample's lab has none."""
    alarms = templates.properties("runner", "CloudWatch::Alarm", "prod")
    return Counter({"alarm metric": sum(map(_metrics, alarms))})


def test_the_runner_is_what_is_reckoned(templates: Templates) -> None:
    assert runner(templates) == stacks()["runner", "default"]


def test_the_whole_is_the_sum_of_its_stacks(templates: Templates) -> None:
    (default, reckoning, said), *_ = rows("All of it")
    assert default == "the defaults, two t3.micro"
    fleet = Counter({"t3.micro": 2, "gp3 GB": 16})
    assert counted(reckoning) == sum(made(templates).values(), fleet) + runner(templates)
    assert f"about ${float(said.strip('$')):.0f} a month" in README


def test_nothing_else_in_the_stacks_is_paid_by_the_hour(templates: Templates) -> None:
    """What else there is costs nothing while it is not used; a new kind has to be looked at."""
    kinds = {
        each["Type"].removeprefix("AWS::")
        for part in ("network", "control", "service", "monitoring", "runner")
        for each in templates.template(part, "prod")["Resources"].values()
    }
    paid = {
        "ElasticLoadBalancingV2::LoadBalancer", "CloudWatch::Alarm", "CloudWatch::CompositeAlarm",
        "CloudWatch::Dashboard",
    }  # fmt: skip
    assert kinds == paid | FREE
