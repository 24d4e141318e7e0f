"""Auto Scaling groups and target health."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from deployer.aws import asg, targets
from deployer.aws.session import Aws
from deployer.aws.targets import Targets
from deployer.errors import AccessProblem, ChangeRefused, CloudUnavailable, NotFound
from deployer.lab import actions
from deployer.model import Health, LaunchFailure, WarmPool

Admin = Callable[[str], Any]
ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/blue/1"


@pytest.fixture
def group(admin: Admin, fresh: str) -> str:
    """A group of 0 to 4 instances, MinSize 0, that nobody lets grow."""
    ec2 = admin("ec2")
    template = ec2.create_launch_template(
        LaunchTemplateName=fresh,
        LaunchTemplateData={"ImageId": "ami-0c101f26f147fa7fd", "InstanceType": "t3.micro"},
    )["LaunchTemplate"]["LaunchTemplateId"]
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    admin("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=fresh,
        LaunchTemplate={"LaunchTemplateId": template, "Version": "$Default"},
        MinSize=0,
        MaxSize=4,
        VPCZoneIdentifier=subnet,
    )
    return fresh


def sizes(aws: Aws, name: str) -> tuple[int, int, int]:
    found = asg.read(aws, [name])[name]
    return found["MinSize"], found["DesiredCapacity"], found["MaxSize"]


def test_desired_rises_within_the_bounds(aws: Aws, group: str) -> None:
    asg.set_desired(aws, group, 3)
    assert sizes(aws, group) == (0, 3, 4)


def test_the_same_again_asks_nothing(aws: Aws, group: str) -> None:
    asg.set_desired(aws, group, 3)
    before = len(actions.calls("autoscaling", "UpdateAutoScalingGroup"))
    asg.set_desired(aws, group, 3)
    assert len(actions.calls("autoscaling", "UpdateAutoScalingGroup")) == before


def test_more_than_the_most_is_refused_before_asking(aws: Aws, group: str) -> None:
    with pytest.raises(ChangeRefused, match="max_instances"):
        asg.set_desired(aws, group, 5)
    assert sizes(aws, group) == (0, 0, 4)


def test_a_frozen_group_keeps_what_it_is_asked_for_and_launches_nothing(
    aws: Aws, group: str
) -> None:
    asg.set_desired(aws, group, 2)
    asg.freeze(aws, group, 3)
    assert sizes(aws, group) == (2, 2, 4)
    before = len(actions.calls("autoscaling", "UpdateAutoScalingGroup"))
    asg.freeze(aws, group, 1)
    asg.freeze(aws, group, 2)
    assert len(actions.calls("autoscaling", "UpdateAutoScalingGroup")) == before
    assert sizes(aws, group) == (2, 2, 4)


def test_a_thawed_group_may_be_as_small_as_before_and_never_larger_for_it(
    aws: Aws, group: str
) -> None:
    asg.set_desired(aws, group, 3)
    asg.freeze(aws, group, 3)
    asg.thaw(aws, group, 1, 2)
    assert sizes(aws, group) == (3, 3, 4)  # that minimum is not the one that it was given
    asg.thaw(aws, group, 1, 3)
    assert sizes(aws, group) == (1, 3, 4)
    asg.set_desired(aws, group, 0)
    asg.thaw(aws, group, 1, 3)
    assert sizes(aws, group) == (0, 0, 4)


def test_a_retired_group_need_not_be_thawed_first(aws: Aws, group: str) -> None:
    asg.set_desired(aws, group, 2)
    asg.freeze(aws, group, 2)
    asg.set_desired(aws, group, 0)
    assert sizes(aws, group) == (0, 0, 4)


def test_the_least_gives_way_in_the_same_call(aws: Aws, group: str, admin: Admin) -> None:
    admin("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=group, MinSize=2, DesiredCapacity=3
    )
    before = len(actions.calls("autoscaling", "UpdateAutoScalingGroup"))
    asg.set_desired(aws, group, 0)
    assert sizes(aws, group) == (0, 0, 4)
    assert len(actions.calls("autoscaling", "UpdateAutoScalingGroup")) == before + 1


def test_a_group_that_is_gone_is_named(aws: Aws, group: str) -> None:
    with pytest.raises(NotFound, match="no-such-group"):
        asg.read(aws, [group, "no-such-group"])
    with pytest.raises(NotFound, match="no-such-group"):
        asg.set_desired(aws, "no-such-group", 1)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ScalingActivityInProgress", CloudUnavailable),
        ("ResourceContention", CloudUnavailable),
        ("Throttling", CloudUnavailable),
        ("ValidationError", ChangeRefused),
        ("AccessDenied", AccessProblem),
    ],
)
def test_refusals_of_a_new_size(aws: Aws, code: str, kind: type[Exception]) -> None:
    with Stubber(aws.autoscaling) as stub:
        stub.add_response("describe_auto_scaling_groups", {"AutoScalingGroups": [shape(desired=1)]})
        stub.add_client_error("update_auto_scaling_group", code)
        with pytest.raises(kind, match="UpdateAutoScalingGroup"):
            asg.set_desired(aws, "g", 2)


def shape(*states: str, desired: int) -> Any:
    return {
        "AutoScalingGroupName": "g",
        "MinSize": 0,
        "MaxSize": 4,
        "DesiredCapacity": desired,
        "DefaultCooldown": 300,
        "AvailabilityZones": ["us-east-1a"],
        "HealthCheckType": "ELB",
        "CreatedTime": datetime.fromtimestamp(0, UTC),
        "Instances": [
            {
                "InstanceId": f"i-{number}",
                "AvailabilityZone": "us-east-1a",
                "LifecycleState": state,
                "HealthStatus": "Healthy",
                "ProtectedFromScaleIn": False,
            }
            for number, state in enumerate(states)
        ],
    }


def test_only_a_group_that_is_short_is_asked_for_failures() -> None:
    assert asg.short(shape("InService", desired=2))
    assert asg.short(shape("InService", "Pending", desired=2))
    assert not asg.short(shape("InService", "InService", desired=2))
    assert not asg.short(shape("Terminating", desired=0))


def activity(start: float, status: str, description: str, **more: str) -> dict[str, Any]:
    return {
        "ActivityId": str(start),
        "AutoScalingGroupName": "g",
        "Cause": "a user request",
        "StartTime": datetime.fromtimestamp(start, UTC),
        "StatusCode": status,
        "Description": description,
        **more,
    }


def test_failed_launches_are_told_newest_first_in_one_line(aws: Aws) -> None:
    launch = "Launching a new EC2 instance: i-1"
    found = [
        activity(50, "InProgress", launch),
        activity(20, "Failed", launch, StatusMessage="no\ncapacity  in us-east-1a"),
        activity(40, "Failed", "Launching a new EC2 instance.  Status Reason: vCPU"),
        activity(30, "Failed", "Terminating EC2 instance: i-2", StatusMessage="no"),
        activity(10, "Cancelled", launch),
        activity(5, "Successful", launch),
    ]
    with Stubber(aws.autoscaling) as stub:
        stub.add_response(
            "describe_scaling_activities",
            {"Activities": found},
            {"AutoScalingGroupName": "g", "MaxRecords": 20},
        )
        assert asg.launch_failures(aws, "g") == (
            LaunchFailure(40, "a user request"),
            LaunchFailure(20, "no capacity in us-east-1a"),
        )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "12"}}, ("lt-1", 12)),
        ({"LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "$Default"}}, None),
        ({"LaunchConfigurationName": "old"}, None),
        ({}, None),
    ],
)
def test_the_numeric_version_is_what_an_instance_was_launched_from(
    given: Any, expected: tuple[str, int] | None
) -> None:
    assert asg.version_of(given) == expected


def health(*states: tuple[str, str]) -> Any:
    return [{"Target": {"Id": i}, "TargetHealth": {"State": state}} for i, state in states]


def test_every_state_of_a_target_is_understood() -> None:
    states = [state.value for state in Health]
    found = targets.understood(health(*((state, state) for state in states)))
    assert found.health == {state: Health(state) for state in states}
    assert found.draining == 1


@pytest.mark.parametrize("state", ["unhealthy.draining", "a new one", ""])
def test_a_state_that_is_not_known_is_not_healthy(state: str) -> None:
    assert targets.understood(health(("i-1", state))).health == {"i-1": Health.UNAVAILABLE}


def test_on_several_ports_the_least_fit_speaks() -> None:
    for order in (1, -1):
        rows = health(("i-1", "healthy"), ("i-1", "unhealthy"), ("i-2", "healthy"))[::order]
        assert targets.understood(rows).health == {
            "i-1": Health.UNHEALTHY,
            "i-2": Health.HEALTHY,
        }


def test_targets_that_drain_are_counted_whoever_knows_them() -> None:
    found = targets.understood(health(("i-1", "draining"), ("i-2", "draining"), ("i-3", "initial")))
    assert found.draining == 2


def test_a_target_group_is_read_in_one_call(aws: Aws) -> None:
    with Stubber(aws.elbv2) as stub:
        stub.add_response(
            "describe_target_health",
            {"TargetHealthDescriptions": health(("i-1", "healthy"))},
            {"TargetGroupArn": ARN},
        )
        assert targets.understood(targets.read(aws, ARN)) == Targets({"i-1": Health.HEALTHY}, 0)
        stub.add_client_error("describe_target_health", "TargetGroupNotFound")
        with pytest.raises(NotFound, match=ARN):
            targets.read(aws, ARN)


@pytest.mark.parametrize(
    ("said", "pool"),
    [
        ({}, None),
        ({"WarmPoolSize": 0}, None),
        ({"WarmPoolSize": 2}, WarmPool("shop", 2, 0)),
        ({"WarmPoolConfiguration": {}, "WarmPoolSize": 0}, None),
        ({"WarmPoolConfiguration": {"PoolState": "Stopped"}}, WarmPool("shop", 0, 8)),
        (
            {"WarmPoolConfiguration": {"MinSize": 1, "MaxGroupPreparedCapacity": -1}},
            WarmPool("shop", 0, 8),
        ),
        (
            {"WarmPoolConfiguration": {"MinSize": 3, "MaxGroupPreparedCapacity": 3}, "WarmPoolSize": 3},
            WarmPool("shop", 3, 3),
        ),
        (
            {"WarmPoolConfiguration": {"MinSize": 4, "MaxGroupPreparedCapacity": 2}},
            WarmPool("shop", 0, 4),
        ),
        (
            {"WarmPoolConfiguration": {"InstanceReusePolicy": {"ReuseOnScaleIn": True}}},
            WarmPool("shop", 0, 8, reuses=True),
        ),
        (
            {"WarmPoolConfiguration": {"MinSize": 5, "Status": "PendingDelete"}, "WarmPoolSize": 1},
            WarmPool("shop", 1, 0),
        ),
    ],
)  # fmt: skip
def test_a_warm_pool_is_read_off_the_groups_own_answer(
    aws: Aws, said: dict[str, Any], pool: WarmPool | None
) -> None:
    group = {
        "AutoScalingGroupName": "shop", "MinSize": 0, "MaxSize": 8, "DesiredCapacity": 3,
        "DefaultCooldown": 300, "AvailabilityZones": ["us-east-1a"], "HealthCheckType": "ELB",
        "CreatedTime": datetime.fromtimestamp(0, UTC),
    }  # fmt: skip
    with Stubber(aws.autoscaling) as stub:
        stub.add_response(
            "describe_auto_scaling_groups", {"AutoScalingGroups": [{**group, **said}]}
        )
        assert asg.warm_pool(asg.read(aws, ["shop"])["shop"]) == pool
