"""Static reachability over the synthesized resources: who can talk to whom, and nobody else."""

import dataclasses
from typing import Any

import pytest

from tests.synth import reachability as reach
from tests.synth.conftest import PARTS
from tests.synth.conftest import Templates as Assembly

FRONT, BEHIND = "EntranceDoors6376178D", "EntranceInstances6747968D"
ALL = [("templates", "lab"), ("templates", "prod"), ("shapes", "secure"), ("shapes", "warm")]
everywhere = pytest.mark.parametrize("which", ALL, ids=[name for _, name in ALL])


@pytest.fixture(name="found")
def _found(request: pytest.FixtureRequest, which: tuple[str, str]) -> reach.Templates:
    fixture, environment = which
    assembly: Assembly = request.getfixturevalue(fixture)
    return reach.joined(*(assembly.template(part, environment) for part in PARTS))


def subnets_of(found: reach.Templates, kind: str, key: str) -> set[str]:
    """Subnets that resources of a type are in."""
    return {found.identity(one) for item in found.of(kind).values() for one in item[key]}


def ports_checked(found: reach.Templates) -> set[int]:
    groups = found.of("ElasticLoadBalancingV2::TargetGroup").values()
    checks = [group.get("HealthCheckPort", "traffic-port") for group in groups]
    return {
        group["Port"] if check == "traffic-port" else int(check)
        for group, check in zip(groups, checks, strict=True)
    }


@everywhere
def test_the_load_balancer_reaches_the_service_and_its_health_check(found: reach.Templates) -> None:
    groups = found.of("ElasticLoadBalancingV2::TargetGroup").values()
    for port in {group["Port"] for group in groups} | ports_checked(found):
        assert reach.connects(found, FRONT, BEHIND, port)


@everywhere
def test_load_balancer_and_instances_wear_those_groups(found: reach.Templates) -> None:
    for balancer in found.of("ElasticLoadBalancingV2::LoadBalancer").values():
        assert [found.identity(one) for one in balancer["SecurityGroups"]] == [FRONT]
    for template in found.of("EC2::LaunchTemplate").values():
        worn = template["LaunchTemplateData"]["SecurityGroupIds"]
        assert [found.identity(one) for one in worn] == [BEHIND]


@everywhere
def test_the_internet_reaches_the_load_balancer_and_only_it(found: reach.Templates) -> None:
    public = subnets_of(found, "ElasticLoadBalancingV2::LoadBalancer", "Subnets")
    assert {reach.way_out(found, subnet) for subnet in public} == {"internet"}
    for balancer in found.of("ElasticLoadBalancingV2::LoadBalancer").values():
        assert balancer["Scheme"] == "internet-facing"
    instances = subnets_of(found, "AutoScaling::AutoScalingGroup", "VPCZoneIdentifier")
    assert instances.isdisjoint(public)
    assert "internet" not in {reach.way_out(found, subnet) for subnet in instances}
    for template in found.of("EC2::LaunchTemplate").values():
        assert "NetworkInterfaces" not in template["LaunchTemplateData"]


@everywhere
def test_nobody_but_the_load_balancer_gets_in(found: reach.Templates) -> None:
    into = [rule for rule in reach.rules(found, "Ingress") if rule.group == BEHIND]
    assert {(rule.peer, rule.low, rule.high, rule.protocol) for rule in into} == {
        (FRONT, 8080, 8080, "tcp")
    }
    listening = {
        listener["Port"] for listener in found.of("ElasticLoadBalancingV2::Listener").values()
    }
    opened = {rule for rule in reach.rules(found, "Ingress") if rule.group == FRONT}
    assert {rule.low for rule in opened} == {rule.high for rule in opened} == listening


@everywhere
def test_instances_reach_what_the_settings_promise(
    found: reach.Templates, which: tuple[str, str]
) -> None:
    beyond = {"lab": set(), "prod": set(), "secure": {"nat"}, "warm": {"endpoints"}}[which[1]]
    instances = subnets_of(found, "AutoScaling::AutoScalingGroup", "VPCZoneIdentifier")
    assert len(instances) >= 2
    for subnet in instances:
        assert reach.reaches(found, subnet, BEHIND, "s3")
        for service in ("ssm", "ssmmessages", "monitoring", "logs"):
            assert reach.reaches(found, subnet, BEHIND, service) is bool(beyond), service


@everywhere
def test_instances_and_load_balancer_are_in_the_same_zones(found: reach.Templates) -> None:
    zones = [
        {
            found.of("EC2::Subnet")[subnet]["AvailabilityZone"]
            for subnet in subnets_of(found, *where)
        }
        for where in (
            ("ElasticLoadBalancingV2::LoadBalancer", "Subnets"),
            ("AutoScaling::AutoScalingGroup", "VPCZoneIdentifier"),
        )
    ]
    assert zones[0] == zones[1]


def instance_statements(found: reach.Templates) -> list[dict[str, Any]]:
    """What the instance profile's role is allowed."""
    worn = {
        found.identity(template["LaunchTemplateData"]["IamInstanceProfile"]["Arn"])
        for template in found.of("EC2::LaunchTemplate").values()
    }
    profiles = found.of("IAM::InstanceProfile")
    roles = {found.identity(role) for name in worn for role in profiles[name]["Roles"]}
    (role,) = (found.of("IAM::Role")[name] for name in roles)
    assert "ManagedPolicyArns" not in role
    assert not found.of("IAM::ManagedPolicy")
    own = [
        policy
        for policy in found.of("IAM::Policy").values()
        if {found.identity(one) for one in policy["Roles"]} & roles
    ]
    return [
        statement
        for policy in (*own, *role.get("Policies", ()))
        for statement in policy["PolicyDocument"]["Statement"]
    ]


@everywhere
def test_the_instance_profile_reads_exactly_the_artifact_bucket(found: reach.Templates) -> None:
    storage = [
        statement
        for statement in instance_statements(found)
        if any(action.startswith(("s3:", "*")) for action in actions_of(statement))
    ]
    (statement,) = storage
    assert actions_of(statement) == ["s3:GetObject"]
    between, (bucket, below) = statement["Resource"]["Fn::Join"]
    assert (between, found.identity(bucket), below) == ("", "Artifacts82DD59A1", "/shop/*")


def actions_of(statement: dict[str, Any]) -> list[str]:
    action = statement["Action"]
    return [action] if isinstance(action, str) else list(action)


def without(found: reach.Templates, kind: str) -> reach.Templates:
    """The same with one kind of resource gone: the checks above must notice."""
    left = {name: item for name, item in found.resources.items() if item["Type"] != f"AWS::{kind}"}
    return dataclasses.replace(found, resources=left)


@pytest.mark.parametrize("which", [("shapes", "warm")])
def test_the_model_notices_what_is_missing(found: reach.Templates) -> None:
    instances = subnets_of(found, "AutoScaling::AutoScalingGroup", "VPCZoneIdentifier")
    subnet = min(instances)
    assert not reach.reaches(without(found, "EC2::VPCEndpoint"), subnet, BEHIND, "s3")
    assert not reach.connects(without(found, "EC2::SecurityGroupIngress"), FRONT, BEHIND, 8080)
    assert not reach.connects(without(found, "EC2::SecurityGroupEgress"), FRONT, BEHIND, 8080)
    assert not reach.connects(found, FRONT, BEHIND, 8081)
    nowhere = without(found, "EC2::SubnetRouteTableAssociation")
    assert not reach.reaches(nowhere, subnet, BEHIND, "s3")
    assert reach.way_out(nowhere, subnet) == "nowhere"


@pytest.mark.parametrize("which", [("shapes", "secure")])
def test_a_nat_gateway_needs_a_way_out_of_its_own(found: reach.Templates) -> None:
    instances = subnets_of(found, "AutoScaling::AutoScalingGroup", "VPCZoneIdentifier")
    left = {
        name: item
        for name, item in found.resources.items()
        if "GatewayId" not in item.get("Properties", {}) or item["Type"] != "AWS::EC2::Route"
    }
    cut = dataclasses.replace(found, resources=left)
    assert {reach.way_out(cut, subnet) for subnet in instances} == {"nowhere"}
    assert not reach.reaches(cut, min(instances), BEHIND, "ssm")
