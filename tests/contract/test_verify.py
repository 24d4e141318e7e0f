"""What `verify` and `init` read: paged, read-only, declared; and what they make of missing permissions."""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.stub import Stubber

from deployer.aws.pacing import Pacing
from deployer.aws.published import so_far
from deployer.aws.session import Aws
from deployer.aws.verify import adopting, reading, simulation
from deployer.aws.verify.look import Look
from deployer.cli import adoption
from deployer.errors import NotFound
from deployer.lab.context import REGION, Context
from deployer.model import Slot
from tests.adoption.world import settings
from tests.contract.conftest import ManualClock

Admin = Callable[[str], Any]
# What the lab does not simulate, and what its telemetry does, which is not set up here.
NOT_HERE = {simulation.ACTION, "cloudwatch:GetMetricData"}
SERVICES = {"elbv2": "elasticloadbalancing"}


@pytest.fixture
def seen() -> set[str]:
    """IAM actions that were called."""
    return set()


@pytest.fixture
def reader(context: Context, seen: set[str], monkeypatch: pytest.MonkeyPatch) -> Aws:
    """An Aws that notes what it calls."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "lab",
        "AWS_ENDPOINT_URL": context.endpoint, "AWS_CONFIG_FILE": os.devnull,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    made = Aws(REGION, Pacing(ManualClock()))

    def note(model: Any, params: Mapping[str, Any], **_event: object) -> None:
        service = model.service_model.service_name
        seen.add(f"{SERVICES.get(service, service)}:{model.name}")

    made._session.events.register("provide-client-params.*.*", note)
    return made


@pytest.fixture
def theirs(admin: Admin, fresh: str) -> str:
    """A load balancer of others and a group behind it that a stack has made, by one name."""
    ec2, elb, scaling = admin("ec2"), admin("elbv2"), admin("autoscaling")
    vpc = ec2.create_vpc(CidrBlock="10.4.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.4.{n}.0/24", AvailabilityZone=f"us-east-1{zone}"
        )["Subnet"]["SubnetId"]
        for n, zone in enumerate("ab")
    ]
    balancer = elb.create_load_balancer(Name=fresh, Subnets=subnets)["LoadBalancers"][0]
    target_group = elb.create_target_group(Name=fresh, Protocol="HTTP", Port=80, VpcId=vpc)
    arn = target_group["TargetGroups"][0]["TargetGroupArn"]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}],
    )  # fmt: skip
    elb.add_tags(ResourceArns=[arn], Tags=[{"Key": reading.STACK, "Value": "web"}])
    data = {"ImageId": "ami-12345678", "InstanceType": "t3.micro"}
    made = ec2.create_launch_template(LaunchTemplateName=fresh, LaunchTemplateData=data)
    template = made["LaunchTemplate"]["LaunchTemplateId"]
    for number in range(3):
        ec2.create_launch_template_version(
            LaunchTemplateId=template, LaunchTemplateData=data,
            VersionDescription="deployer:v1 from 1" if number else "theirs",
        )  # fmt: skip
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=fresh, MinSize=0, MaxSize=3, DesiredCapacity=0,
        LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
        VPCZoneIdentifier=",".join(subnets), TargetGroupARNs=[arn],
    )  # fmt: skip
    return fresh


def named(look: Look, name: str) -> dict[str, Any]:
    found = adopting.adopt(adoption.running_on(look, name), adopting.Choice(blue=name))
    return {**found.values, **{f"green_{key}": "" for key in ("target_group", "group")}}


def test_everything_that_is_read_is_declared(
    reader: Aws, theirs: str, seen: set[str], admin: Admin
) -> None:
    admin("dynamodb").create_table(
        TableName=f"{theirs}-journal", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )  # fmt: skip
    values = named(Look(reader), theirs) | {"journal_table": f"{theirs}-journal"}
    chosen = settings(**{**values, "green_launch_template": "", "artifact_bucket": ""})
    assert chosen.existing is not None
    facts = reading.read(reader, chosen, so_far(chosen.existing), ManualClock())
    assert seen - {"sts:GetCallerIdentity"} == {need.action for need in reading.NEEDS}
    blue, green = facts.slots[Slot.BLUE], facts.slots[Slot.GREEN]
    assert blue.group is not None
    assert blue.source is not None
    assert (blue.source["VersionNumber"], blue.group["MaxSize"]) == (2, 3)
    assert (green.group, green.target_group, green.source) == (None, None, None)
    assert facts.recovery is False
    assert facts.owners[0].stack == "web"
    assert facts.owners[0].template is None
    assert set(facts.unread) == NOT_HERE


def test_what_is_gone_is_none_and_ends_nothing(reader: Aws) -> None:
    chosen = settings()
    assert chosen.existing is not None
    facts = reading.read(reader, chosen, so_far(chosen.existing), ManualClock())
    assert facts.balancer is None
    assert facts.table is None
    assert [each.group or each.target_group for each in facts.slots.values()] == [None, None]
    assert set(facts.unread) <= NOT_HERE


def test_a_permission_that_is_missing_is_noted(reader: Aws, faults: Any, theirs: str) -> None:
    look = Look(reader)
    with Stubber(reader.elbv2) as stub:
        stub.add_client_error("describe_rules", "AccessDenied", http_status_code=403)
        assert look.rules("arn:listener") == ()
    assert "is not allowed" in look.unread["elasticloadbalancing:DescribeRules"]


def test_only_application_load_balancers_are_adopted(reader: Aws) -> None:
    with pytest.raises(NotFound):
        adoption.running_on(Look(reader), "nobody")


@pytest.mark.parametrize(
    ("caller", "principal"),
    [
        ("arn:aws:sts::1:assumed-role/Deploy/me", "arn:aws:iam::1:role/Deploy"),
        ("arn:aws:iam::1:user/alice", "arn:aws:iam::1:user/alice"),
        ("arn:aws:iam::1:root", None),
    ],
)
def test_whose_policies_count(caller: str, principal: str | None) -> None:
    assert simulation.principal(caller) == principal


def test_what_iam_would_refuse_is_told_with_its_place(reader: Aws) -> None:
    pages = [
        {"EvalActionName": "elasticloadbalancing:CreateRule", "EvalResourceName": "arn:l", "EvalDecision": "implicitDeny"},
        {"EvalActionName": "elasticloadbalancing:DescribeRules", "EvalDecision": "allowed"},
    ]  # fmt: skip
    with Stubber(reader.iam) as stub:
        stub.add_response(
            "simulate_principal_policy", {"EvaluationResults": pages, "IsTruncated": False}
        )
        found = simulation.simulated(
            Look(reader),
            "arn:aws:iam::123456789012:role/Deploy",
            ["elasticloadbalancing:CreateRule"],
            ["*"],
            {"aws:RequestTag/a": "b"},
        )
    assert found == [("elasticloadbalancing:CreateRule", "arn:l")]
    chosen = settings()
    assert chosen.existing is not None
    places = simulation.places(chosen, so_far(chosen.existing), {})
    assert json.dumps(places)
    assert all(places.values())
