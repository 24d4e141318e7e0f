"""The port `Cloud`: one reading put together, each change handed on, and what it all may do."""

from collections.abc import Callable
from dataclasses import replace as altered
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from botocore.stub import Stubber
from msgspec.structs import replace

from deployer.aws import permissions, preflight
from deployer.aws import published as publishing
from deployer.aws.alarms import CloudWatchAlarms
from deployer.aws.artifacts import Artifacts
from deployer.aws.board import CloudWatchBoard
from deployer.aws.cloudwatch import CloudWatchMetrics
from deployer.aws.dynamodb import DynamoJournal
from deployer.aws.environment import AwsCloud
from deployer.aws.hook_runs import FunctionRun
from deployer.aws.needs import Resource
from deployer.aws.pages import S3Pages
from deployer.aws.published import Published, PublishedSlot, PublishedSlots
from deployer.aws.session import Aws
from deployer.aws.tail import Tail
from deployer.changes import (
    Freeze,
    PinRelease,
    ResumeProcesses,
    SetCohort,
    SetDesired,
    SetFloor,
    SetWeights,
    Suspend,
    Terminate,
    Thaw,
)
from deployer.cohort import Cohort
from deployer.engine.marks import Reading
from deployer.errors import (
    AccessProblem,
    ChangeRefused,
    CloudUnavailable,
    Halted,
    NotFound,
    WeightsMoved,
)
from deployer.journal import Lease
from deployer.lab import actions
from deployer.lab.context import Context
from deployer.model import (
    Admitted,
    Health,
    Instance,
    LaunchFailure,
    Release,
    Slot,
    SlotState,
    WarmPool,
    Weights,
)
from deployer.plan import Status
from deployer.ports import Clock, Cloud, Metrics
from deployer.topology import topology_parameter
from tests.contract.conftest import ManualClock, connected, published
from tests.contract.test_journal import deployment

Admin = Callable[[str], Any]
AMI = "ami-0c101f26f147fa7fd"
V2 = Release("v2", "s3://artifacts/shop/v2.tar.gz")
BLUE = Weights(1000, 0)


@pytest.fixture
def shop(admin: Admin, fresh: str) -> Published:
    """What the stacks make for the environment `fresh`, without instances."""
    client = admin
    ec2, elbv2 = client("ec2"), client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.2.{n}.0/24", AvailabilityZone=zone)["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate(("us-east-1a", "us-east-1b"))
    ]
    balancer = elbv2.create_load_balancer(Name=fresh, Subnets=subnets)["LoadBalancers"][0]
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
    listeners = [
        elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=port,
            DefaultActions=[fixed],
        )["Listeners"][0]["ListenerArn"]
        for port in (80, 8080)
    ]
    slots = {slot.value: made_slot(client, slot, fresh, vpc, subnets) for slot in Slot}
    made = published(
        listener=listeners[0],
        test_listener=listeners[1],
        load_balancer=balancer["LoadBalancerArn"],
        slots=PublishedSlots(**slots),
    )
    client("ssm").put_parameter(
        Name=topology_parameter("shop", fresh),
        Value=msgspec.json.encode(made).decode(),
        Type="String",
    )
    return made


def made_slot(client: Admin, slot: Slot, name: str, vpc: str, subnets: list[str]) -> PublishedSlot:
    template = client("ec2").create_launch_template(
        LaunchTemplateName=f"{name}-{slot}",
        LaunchTemplateData={"ImageId": AMI, "InstanceType": "t3.micro"},
    )["LaunchTemplate"]["LaunchTemplateId"]
    group = client("elbv2").create_target_group(
        Name=f"{name}-{slot}", Protocol="HTTP", Port=80, VpcId=vpc
    )["TargetGroups"][0]["TargetGroupArn"]
    client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=f"{name}-{slot}",
        LaunchTemplate={"LaunchTemplateId": template, "Version": "$Default"},
        MinSize=0,
        MaxSize=4,
        VPCZoneIdentifier=",".join(subnets),
        TargetGroupARNs=[group],
    )
    return PublishedSlot(group, f"{name}-{slot}", template)


@pytest.fixture
def cloud(aws: Aws, shop: Published, clock: ManualClock) -> AwsCloud:
    return AwsCloud(aws, shop, "shop", "prod", clock)


def test_the_first_reading_and_the_first_changes(
    cloud: AwsCloud, clock: ManualClock, admin: Admin, shop: Published
) -> None:
    first = cloud.observe()
    assert first.at == clock.now()
    assert first.weights is None
    assert first.blue == SlotState(
        Slot.BLUE, min_size=0, max_size=4, desired=0, stack_image=AMI, version=1
    )
    assert first.green.empty
    cloud.apply(PinRelease(Slot.GREEN, V2))
    cloud.apply(SetWeights(BLUE, None))
    cloud.apply(SetDesired(Slot.GREEN, 2))
    after = cloud.observe()
    assert after.weights == BLUE
    assert after.green.boots_exactly(V2)
    assert (after.green.boots, after.green.desired) == (altered(V2, image=AMI), 2)
    assert (after.blue.boots, after.blue.desired) == (None, 0)
    rules = admin("elbv2").describe_rules(ListenerArn=shop.listener)["Rules"]
    made = next(rule["RuleArn"] for rule in rules if rule["Priority"] == "49000")
    tags = admin("elbv2").describe_tags(ResourceArns=[made])["TagDescriptions"][0]["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {
        "deployer:service": "shop",
        "deployer:environment": "prod",
    }


def test_a_reading_takes_five_calls_once_versions_are_known(cloud: AwsCloud) -> None:
    cloud.observe()
    before = len(actions.calls(external=True))
    cloud.observe()
    made = [call.action for call in actions.calls(external=True)[before:]]
    assert made == [
        "DescribeLaunchTemplates",
        "DescribeAutoScalingGroups",
        "DescribeTargetHealth",
        "DescribeTargetHealth",
        "DescribeRules",
    ]


def group(slot: Slot, desired: int, *instances: tuple[str, str, str]) -> dict[str, Any]:
    """`instances`: id, lifecycle, launch-template version."""
    return {
        "AutoScalingGroupName": f"shop-{slot}",
        "MinSize": 0,
        "MaxSize": 4,
        "DesiredCapacity": desired,
        "DefaultCooldown": 300,
        "AvailabilityZones": ["us-east-1a"],
        "HealthCheckType": "ELB",
        "CreatedTime": datetime.fromtimestamp(0, UTC),
        "Instances": [
            {
                "InstanceId": identifier,
                "AvailabilityZone": "us-east-1a",
                "LifecycleState": lifecycle,
                "HealthStatus": "Healthy",
                "ProtectedFromScaleIn": False,
                "LaunchTemplate": {"LaunchTemplateId": f"lt-{slot}", "Version": version},
            }
            for identifier, lifecycle, version in instances
        ],
    }


def version(number: int, release: str | None) -> dict[str, Any]:
    tags = [{"Key": "deployer:release", "Value": release}] if release else []
    return {
        "VersionNumber": number,
        "VersionDescription": f"deployer:{release} from 1" if release else "",
        "LaunchTemplateData": {
            "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}],
        },
    }


def healths(**states: str) -> dict[str, Any]:
    return {
        "TargetHealthDescriptions": [
            {"Target": {"Id": name.replace("_", "-")}, "TargetHealth": {"State": state}}
            for name, state in states.items()
        ]
    }


def test_instances_carry_release_health_and_zone(aws: Aws, clock: ManualClock) -> None:
    cloud = AwsCloud(aws, published(), "shop", "prod", clock)
    blue = group(Slot.BLUE, 2, ("i-1", "InService", "2"), ("i-2", "InService", "3"))
    green = group(Slot.GREEN, 2, ("i-3", "InService", "2"), ("i-4", "Pending", "2"))
    green["WarmPoolConfiguration"] = {"MinSize": 1, "MaxGroupPreparedCapacity": 1}
    templates = [
        {"LaunchTemplateId": f"lt-{slot}", "DefaultVersionNumber": n, "LatestVersionNumber": n}
        for slot, n in ((Slot.BLUE, 3), (Slot.GREEN, 2))
    ]
    rows = [version(1, None), version(2, "v1"), version(3, "v2")]
    failed = {
        "ActivityId": "a",
        "AutoScalingGroupName": "shop-green",
        "Cause": "a request",
        "StartTime": datetime.fromtimestamp(100, UTC),
        "StatusCode": "Failed",
        "Description": "Launching a new EC2 instance",
        "StatusMessage": "no capacity",
    }
    with Stubber(aws.ec2) as ec2, Stubber(aws.autoscaling) as scaling, Stubber(aws.elbv2) as elbv2:
        ec2.add_response("describe_launch_templates", {"LaunchTemplates": templates})
        ec2.add_response("describe_launch_template_versions", {"LaunchTemplateVersions": rows})
        ec2.add_response("describe_launch_template_versions", {"LaunchTemplateVersions": rows[:2]})
        scaling.add_response("describe_auto_scaling_groups", {"AutoScalingGroups": [green, blue]})
        scaling.add_response("describe_scaling_activities", {"Activities": [failed]})
        elbv2.add_response("describe_target_health", healths(i_1="healthy", i_9="draining"))
        elbv2.add_response("describe_target_health", healths(i_3="initial"))
        elbv2.add_response("describe_rules", {"Rules": []})
        seen = cloud.observe()
        for stub in (ec2, scaling, elbv2):
            stub.assert_no_pending_responses()
    zone = "us-east-1a"
    assert seen.blue == SlotState(
        Slot.BLUE,
        min_size=0,
        max_size=4,
        desired=2,
        instances=(
            Instance("i-1", "InService", "v1", Health.HEALTHY, zone, version=2),
            Instance("i-2", "InService", "v2", None, zone, version=3),
        ),
        boots=Release("v2"),
        draining=1,
        version=3,
        known=(Release("v1"), Release("v2")),
    )
    assert seen.green.instances == (
        Instance("i-3", "InService", "v1", Health.INITIAL, zone, version=2),
        Instance("i-4", "Pending", "v1", None, zone, version=2),
    )
    assert seen.green.launch_failures == (LaunchFailure(100, "no capacity"),)
    assert (seen.green.boots, seen.green.stale) == (Release("v1"), False)
    assert seen.green.pool == WarmPool("shop-green", 0, 1)


def test_a_foreign_rule_halts_a_reading_and_counts_as_moved_for_a_change(
    cloud: AwsCloud, admin: Admin, shop: Published
) -> None:
    admin("elbv2").create_rule(
        ListenerArn=shop.listener,
        Priority=49_000,
        Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": shop.slots.blue.target_group}],
    )
    with pytest.raises(Halted, match="49000"):
        cloud.observe()
    with pytest.raises(WeightsMoved, match="49000"):
        cloud.apply(SetWeights(BLUE, None))


@pytest.mark.parametrize(
    "change",
    [PinRelease(Slot.BLUE, V2), SetDesired(Slot.BLUE, 1), SetWeights(BLUE, None)],
)
def test_a_change_to_what_is_gone_is_refused(
    aws: Aws, clock: ManualClock, change: Any, fresh: str
) -> None:
    cloud = AwsCloud(aws, published(), "shop", fresh, clock)
    with pytest.raises(ChangeRefused):
        cloud.apply(change)


def test_a_reading_of_what_is_gone_names_it(aws: Aws, clock: ManualClock) -> None:
    with pytest.raises(NotFound):
        AwsCloud(aws, published(), "shop", "prod", clock).observe()


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("Throttling", 400, CloudUnavailable),
        ("ServiceUnavailable", 503, CloudUnavailable),
        ("AccessDenied", 403, AccessProblem),
        ("ExpiredToken", 403, AccessProblem),
    ],
)
def test_a_reading_that_fails_says_so(
    aws: Aws, cloud: AwsCloud, code: str, status: int, kind: type[Exception]
) -> None:
    with Stubber(aws.autoscaling) as stub:
        stub.add_client_error("describe_auto_scaling_groups", code, http_status_code=status)
        with pytest.raises(kind, match="DescribeAutoScalingGroups"):
            cloud.observe()


def test_the_adapters_are_the_ports(aws: Aws, shop: Published, clock: ManualClock) -> None:
    """mypy judges; that they can be made from what is published is shown here."""
    the_clock: Clock = clock
    cloud: Cloud = AwsCloud(aws, shop, "shop", "prod", the_clock)
    metrics: Metrics = CloudWatchMetrics(aws, shop)
    assert cloud.observe().blue.slot is Slot.BLUE
    assert metrics.traffic(0, 30) == {Slot.BLUE: (), Slot.GREEN: ()}


def journal_table(admin: Admin, name: str) -> None:
    admin("dynamodb").create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )


def test_what_is_called_is_what_is_declared(
    shop: Published, clock: ManualClock, context: Context, admin: Admin, fresh: str
) -> None:
    """One round through every adapter; the other tests check that nothing else is called."""
    called: set[str] = set()
    aws = connected(context, called)
    journal_table(admin, "rounds")
    publishing.read(aws, "shop", fresh)
    with pytest.raises(NotFound):
        publishing.read(aws, "shop", "nowhere")
    with pytest.raises(NotFound):
        Artifacts(aws, lambda name: f"s3://nowhere/{name}").resolve("v1")
    with pytest.raises(ChangeRefused):
        S3Pages(aws, "nowhere", "shop").put("prod", "d1", "<p>")
    cloud = AwsCloud(aws, shop, "shop", "prod", clock)
    cloud.observe()
    cloud.apply(PinRelease(Slot.BLUE, V2))
    cloud.apply(SetDesired(Slot.BLUE, 1))
    cloud.apply(SetWeights(BLUE, None))
    cloud.apply(SetWeights(Weights(0, 1000), BLUE))
    group_rule = Admitted(Cohort.parse("header:X-Beta=yes"), Slot.BLUE)
    cloud.apply(SetCohort(group_rule, None))
    assert cloud.observe().cohort == group_rule
    cloud.apply(SetCohort(None, group_rule))
    cloud.apply(Suspend(Slot.BLUE, ("AZRebalance",)))
    cloud.apply(ResumeProcesses(Slot.BLUE, ("AZRebalance",)))
    with Stubber(aws.autoscaling) as stub:
        found = {
            **group(Slot.BLUE, 1, ("i-1", "InService", "1")),
            "AutoScalingGroupName": shop.slots.blue.group,
        }
        stub.add_response("describe_auto_scaling_groups", {"AutoScalingGroups": [found]})
        stub.add_response("terminate_instance_in_auto_scaling_group", {})
        cloud.apply(Terminate(Slot.BLUE, ("i-1",), False, frozenset({"i-1"}), 1))
    cloud.observe()
    with Stubber(aws.cloudwatch) as stub:
        stub.add_client_error("get_metric_data", "Throttling")
        with pytest.raises(CloudUnavailable):
            CloudWatchMetrics(aws, shop).zones(Slot.BLUE, 0, 60)
    with Stubber(aws.cloudwatch) as stub:
        stub.add_response("put_metric_data", {})
        board = CloudWatchBoard(aws, "shop", "prod", clock)
        board.show([Reading("Weight", 1.0, clock.now())])
        board.close()
    assert CloudWatchAlarms(aws, clock).ringing(["fatal"]) == {"fatal": "does not exist"}
    assert preflight.read(aws, shop, "shop", "prod").stacks == {}
    hook = FunctionRun(aws.functions(1.0), "smoke-test", {}, 1.0)
    assert "lambda" in str(hook.run(Tail()))  # which the lab refuses
    journal = DynamoJournal(aws, "rounds", "shop", clock)
    lease = Lease("me", clock.now() + 60)
    begun = journal.begin(deployment("prod", clock), lease)
    saved = journal.save(begun, lease)
    journal.active("prod")
    journal.history("prod", 1)
    journal.save(replace(saved, status=Status.SHIPPED, finished_at=clock.now()), lease)
    assert called == {need.action for need in permissions.NEEDS}


def test_permissions_are_narrow_where_iam_allows() -> None:
    wide = set(permissions.actions(Resource.ANY))
    assert not [a for a in wide if not a.partition(":")[2].startswith(("Describe", "Get"))]
    assert permissions.actions(Resource.RULE) == ("elasticloadbalancing:ModifyRule",)
    assert permissions.actions(Resource.COHORT_RULE) == ("elasticloadbalancing:DeleteRule",)
    assert permissions.actions(Resource.PAGE_RULE) == ("elasticloadbalancing:DeleteRule",)
    changing = {need.action for need in permissions.NEEDS - permissions.READS}
    assert changing == {
        "autoscaling:ResumeProcesses",
        "autoscaling:SuspendProcesses",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
        "autoscaling:UpdateAutoScalingGroup",
        "cloudwatch:PutMetricData",
        "dynamodb:DeleteItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "ec2:CreateLaunchTemplateVersion",
        "ec2:ModifyLaunchTemplate",
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateRule",
        "elasticloadbalancing:DeleteRule",
        "elasticloadbalancing:ModifyRule",
        "lambda:InvokeFunction",
        "s3:PutObject",
    }


def test_a_slot_is_frozen_and_set_free(cloud: AwsCloud) -> None:
    cloud.apply(SetDesired(Slot.BLUE, 2))
    cloud.apply(Freeze(Slot.BLUE, 2, 0))
    assert (cloud.observe().blue.min_size, cloud.observe().blue.desired) == (2, 2)
    cloud.apply(Thaw(Slot.BLUE, 0, 2))
    assert (cloud.observe().blue.min_size, cloud.observe().blue.desired) == (0, 2)


def test_a_floor_is_never_above_what_is_asked_for_and_goes_when_the_slot_is_emptied(
    cloud: AwsCloud,
) -> None:
    cloud.apply(SetDesired(Slot.BLUE, 2))
    for floor, minimum in ((1, 1), (3, 2), (1, 2)):
        cloud.apply(SetFloor(Slot.BLUE, floor))
        assert (cloud.observe().blue.min_size, cloud.observe().blue.desired) == (minimum, 2)
    cloud.apply(SetDesired(Slot.BLUE, 0))
    assert (cloud.observe().blue.min_size, cloud.observe().blue.desired) == (0, 0)
