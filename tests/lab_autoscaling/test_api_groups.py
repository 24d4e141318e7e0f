"""Groups through boto3: create, change, delete, describe, set the size, and every refusal."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deployer.lab.autoscaling.model import Lifecycle
from tests.lab_autoscaling.world import BLUE, GREEN, World


def refused(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    """(code, message) of the error that the call must answer."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def shown(world: World) -> dict[str, Any]:
    return dict(world.api.describe_auto_scaling_groups()["AutoScalingGroups"][0])


def test_a_group_comes_to_life_and_serves(world: World) -> None:
    world.create(DesiredCapacity=2, TargetGroupARNs=[BLUE])
    assert world.states() == {}
    world.pass_time(1)
    assert set(world.states().values()) == {"Pending"}
    world.pass_time(5)
    assert set(world.states().values()) == {"InService"}
    assert world.cloud.targets[BLUE] == {"i-1": "initial", "i-2": "initial"}


def test_everything_that_was_asked_for_is_shown(world: World) -> None:
    world.create(
        MinSize=1,
        DesiredCapacity=1,
        TargetGroupARNs=[BLUE],
        TrafficSources=[{"Identifier": GREEN, "Type": "elbv2"}],
        HealthCheckType="ELB",
        HealthCheckGracePeriod=60,
        DefaultCooldown=30,
        DefaultInstanceWarmup=20,
        TerminationPolicies=["OldestInstance", "Default"],
        NewInstancesProtectedFromScaleIn=True,
        InstanceMaintenancePolicy={"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150},
        Tags=[{"Key": "team", "Value": "shop", "PropagateAtLaunch": True}],
        CapacityRebalance=False,
        DeletionProtection="none",
    )
    world.settle()
    group = shown(world)
    assert group["MinSize"] == 1
    assert group["HealthCheckType"] == "ELB"
    assert group["HealthCheckGracePeriod"] == 60
    assert group["DefaultCooldown"] == 30
    assert group["DefaultInstanceWarmup"] == 20
    assert group["TerminationPolicies"] == ["OldestInstance", "Default"]
    assert group["TargetGroupARNs"] == [BLUE]
    assert group["TrafficSources"] == [
        {"Identifier": BLUE, "Type": "elbv2"},
        {"Identifier": GREEN, "Type": "elbv2"},
    ]
    assert group["VPCZoneIdentifier"] == "subnet-a,subnet-b"
    assert group["AvailabilityZones"] == ["us-east-1a", "us-east-1b"]
    assert group["InstanceMaintenancePolicy"]["MaxHealthyPercentage"] == 150
    assert group["LaunchTemplate"]["Version"] == "$Default"
    assert group["Tags"][0]["ResourceId"] == "web"
    assert group["Instances"][0]["ProtectedFromScaleIn"] is True
    assert world.cloud.tags["i-1"] == {"team": "shop", "aws:autoscaling:groupName": "web"}


def test_without_a_desired_capacity_it_is_the_minimum(world: World) -> None:
    world.create(MinSize=2)
    assert shown(world)["DesiredCapacity"] == 2


def test_zones_without_subnets_mean_the_default_subnets(world: World) -> None:
    world.create(VPCZoneIdentifier=None, AvailabilityZones=["us-east-1c"])
    assert shown(world)["VPCZoneIdentifier"] == "subnet-c"


def test_the_version_is_resolved_at_launch_and_told_as_a_number(world: World) -> None:
    world.create(DesiredCapacity=1)
    world.settle()
    world.cloud.versions |= {"$Default": "7", "$Latest": "9"}
    world.api.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=2)
    world.settle()
    template = {"LaunchTemplateId": "lt-1", "Version": "$Latest"}
    world.api.update_auto_scaling_group(AutoScalingGroupName="web", LaunchTemplate=template)
    world.api.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=3)
    world.settle()
    versions = [one["LaunchTemplate"]["Version"] for one in shown(world)["Instances"]]
    assert sorted(versions) == ["1", "7", "9"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"MinSize": 3, "MaxSize": 2}, "must be greater than or equal to min bound"),
        ({"DesiredCapacity": 11}, "Desired capacity:11 must be between"),
        ({"MinSize": -1}, "must not be negative"),
        ({"VPCZoneIdentifier": None}, "At least one Availability Zone or VPC Subnet is required"),
        ({"VPCZoneIdentifier": "subnet-x"}, "The subnet ID 'subnet-x' does not exist"),
        ({"AvailabilityZones": ["us-east-1c"]}, "do not match"),
        ({"LaunchTemplate": {"LaunchTemplateId": "lt-9"}}, "lt-9 does not exist"),
        ({"LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "44"}}, "version 44 does not"),
        ({"LaunchTemplate": {"Version": "1"}}, "either launchTemplateId or LaunchTemplateName"),
        ({"LaunchTemplate": {}}, "must contain either a launch template"),
        ({"TargetGroupARNs": ["arn:nothing"]}, "Provided Target Groups may not be valid"),
        ({"TerminationPolicies": ["Default", "OldestInstance"]}, "must be the last one"),
        ({"HealthCheckGracePeriod": -1}, "HealthCheckGracePeriod must be between"),
        ({"InstanceMaintenancePolicy": {"MinHealthyPercentage": 90}}, "specify both"),
        (
            {
                "InstanceMaintenancePolicy": {
                    "MinHealthyPercentage": 50,
                    "MaxHealthyPercentage": 200,
                }
            },
            "exceeds 100",
        ),
        ({"Tags": [{"Key": "aws:x", "Value": ""}]}, "may not begin with aws:"),
    ],
)
def test_what_makes_no_group_is_a_validation_error(
    world: World, settings: dict[str, Any], message: str
) -> None:
    code, told = refused(world.create, **settings)
    assert code == "ValidationError"
    assert message in told
    assert world.fleet.store.groups == {}


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"LaunchConfigurationName": "old"}, "LaunchConfigurationName"),
        ({"LoadBalancerNames": ["classic"]}, "LoadBalancerNames"),
        ({"DeletionProtection": "prevent-all-deletion"}, "DeletionProtection"),
        ({"MaxInstanceLifetime": 86400}, "MaxInstanceLifetime"),
        ({"HealthCheckType": "EBS"}, "HealthCheckType EBS"),
        ({"TerminationPolicies": ["OldestLaunchConfiguration"]}, "OldestLaunchConfiguration"),
    ],
)
def test_what_is_not_simulated_is_refused_by_name(
    world: World, settings: dict[str, Any], name: str
) -> None:
    code, told = refused(world.create, **settings)
    assert code == "NotImplemented"
    assert name in told


def test_a_name_is_taken_once(world: World) -> None:
    world.create()
    assert refused(world.create)[0] == "AlreadyExists"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (5, "New SetDesiredCapacity value 5 is above max value 4 for the AutoScalingGroup."),
        (0, "New SetDesiredCapacity value 0 is below min value 1 for the AutoScalingGroup."),
    ],
)
def test_desired_outside_the_bounds_is_refused(world: World, wanted: int, message: str) -> None:
    world.create(MinSize=1, MaxSize=4)
    call = world.api.set_desired_capacity
    told = refused(call, AutoScalingGroupName="web", DesiredCapacity=wanted)
    assert told == ("ValidationError", message)
    assert shown(world)["DesiredCapacity"] == 1


def test_honouring_the_cooldown_refuses_while_something_is_going_on(world: World) -> None:
    world.create(DesiredCapacity=1)
    world.pass_time(1)
    wanted = {"AutoScalingGroupName": "web", "DesiredCapacity": 2}
    code, _ = refused(world.api.set_desired_capacity, **wanted, HonorCooldown=True)
    assert code == "ScalingActivityInProgress"
    world.api.set_desired_capacity(**wanted)
    assert shown(world)["DesiredCapacity"] == 2


@pytest.mark.parametrize(
    ("asked", "after"),
    [
        ({"MaxSize": 2}, (1, 2, 2)),
        ({"MinSize": 4}, (4, 5, 4)),
        ({"MinSize": 4, "MaxSize": 9, "DesiredCapacity": 9}, (4, 9, 9)),
        ({"HealthCheckGracePeriod": 5}, (1, 5, 3)),
    ],
)
def test_a_bound_moves_the_desired_capacity_along(
    world: World, asked: dict[str, int], after: tuple[int, int, int]
) -> None:
    world.create(MinSize=1, MaxSize=5, DesiredCapacity=3)
    world.api.update_auto_scaling_group(AutoScalingGroupName="web", **asked)
    group = shown(world)
    assert (group["MinSize"], group["MaxSize"], group["DesiredCapacity"]) == after


@pytest.mark.parametrize(
    "asked", [{"MinSize": 6}, {"DesiredCapacity": 9}, {"MinSize": 2, "DesiredCapacity": 1}]
)
def test_bounds_that_contradict_are_refused(world: World, asked: dict[str, int]) -> None:
    world.create(MinSize=1, MaxSize=5, DesiredCapacity=3)
    call = world.api.update_auto_scaling_group
    assert refused(call, AutoScalingGroupName="web", **asked)[0] == "ValidationError"
    assert shown(world)["DesiredCapacity"] == 3


def test_an_update_keeps_the_instances(world: World) -> None:
    world.create(DesiredCapacity=2)
    world.settle()
    before = world.states()
    world.api.update_auto_scaling_group(
        AutoScalingGroupName="web",
        LaunchTemplate={"LaunchTemplateName": "web", "Version": "2"},
        HealthCheckType="ELB",
        InstanceMaintenancePolicy={"MinHealthyPercentage": -1, "MaxHealthyPercentage": -1},
        DefaultInstanceWarmup=-1,
    )
    world.settle()
    assert world.states() == before
    assert shown(world)["LaunchTemplate"]["Version"] == "2"
    assert "InstanceMaintenancePolicy" not in shown(world)


def test_other_subnets_move_the_instances(world: World) -> None:
    world.create(DesiredCapacity=2)
    world.settle()
    world.api.update_auto_scaling_group(AutoScalingGroupName="web", VPCZoneIdentifier="subnet-c")
    for _ in range(3):
        world.settle()
    zones = {one["AvailabilityZone"] for one in shown(world)["Instances"]}
    assert zones == {"us-east-1c"}


def test_a_group_with_instances_is_in_use(world: World) -> None:
    world.create(DesiredCapacity=1)
    world.settle()
    code, _ = refused(world.api.delete_auto_scaling_group, AutoScalingGroupName="web")
    assert code == "ResourceInUse"
    world.api.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=0)
    world.settle()
    world.api.delete_auto_scaling_group(AutoScalingGroupName="web")
    assert world.api.describe_auto_scaling_groups()["AutoScalingGroups"] == []


def test_force_delete_drains_ends_and_vanishes(world: World) -> None:
    world.create(DesiredCapacity=3, TargetGroupARNs=[BLUE])
    world.settle()
    world.api.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    world.pass_time(3)
    assert shown(world)["Status"] == "Delete in progress"
    assert set(world.states().values()) == {Lifecycle.TERMINATING}
    assert world.cloud.acts("terminate") == []
    pending = refused(world.api.set_desired_capacity, AutoScalingGroupName="web", DesiredCapacity=1)
    assert pending == ("ValidationError", "AutoScalingGroup 'web' is pending delete")
    world.cloud.drained()
    world.pass_time(3)
    assert world.api.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    assert len(world.cloud.acts("terminate")) == 3


def test_force_delete_does_not_wait_for_hooks(world: World) -> None:
    world.create(DesiredCapacity=2)
    world.settle()
    world.api.put_lifecycle_hook(
        AutoScalingGroupName="web",
        LifecycleHookName="bye",
        LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
    )
    world.api.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
    world.pass_time(2)
    assert "Terminating:Wait" in world.states().values()
    world.api.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    world.pass_time(5)
    assert world.fleet.store.groups == {}


def test_deleted_groups_live_on_in_the_activities(world: World) -> None:
    world.create(DesiredCapacity=1)
    world.settle()
    world.api.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    world.pass_time(3)
    describe = world.api.describe_scaling_activities
    assert refused(describe, AutoScalingGroupName="web")[0] == "ValidationError"
    found = describe(AutoScalingGroupName="web", IncludeDeletedGroups=True)["Activities"]
    assert {one["AutoScalingGroupState"] for one in found} == {"Deleted"}


def test_groups_are_found_by_name_and_tag_a_page_at_a_time(world: World) -> None:
    for name, team in (("one", "a"), ("two", "b"), ("three", "a")):
        world.create(
            AutoScalingGroupName=name,
            Tags=[{"Key": "team", "Value": team, "PropagateAtLaunch": False}],
        )

    def names(**asked: Any) -> list[str]:
        pages = world.api.get_paginator("describe_auto_scaling_groups").paginate(**asked)
        return [one["AutoScalingGroupName"] for page in pages for one in page["AutoScalingGroups"]]

    assert names(PaginationConfig={"PageSize": 1}) == ["one", "two", "three"]
    assert names(AutoScalingGroupNames=["two", "nobody"]) == ["two"]
    assert names(Filters=[{"Name": "tag:team", "Values": ["a"]}]) == ["one", "three"]
    assert names(Filters=[{"Name": "tag-key", "Values": ["team"]}]) == ["one", "two", "three"]
    assert names(Filters=[{"Name": "tag-value", "Values": ["b"]}]) == ["two"]
    describe = world.api.describe_auto_scaling_groups
    assert refused(describe, Filters=[{"Name": "colour"}])[0] == "ValidationError"
    assert refused(describe, NextToken="nonsense")[0] == "InvalidNextToken"
    assert refused(describe, MaxRecords=101)[0] == "ValidationError"
    assert describe(IncludeInstances=False)["AutoScalingGroups"][0].get("Instances", []) == []


@pytest.mark.parametrize(
    "call",
    ["update_auto_scaling_group", "delete_auto_scaling_group", "suspend_processes"],
)
def test_an_unknown_group_is_a_validation_error(world: World, call: str) -> None:
    told = refused(getattr(world.api, call), AutoScalingGroupName="nobody")
    assert told == (
        "ValidationError",
        "AutoScalingGroup name not found - AutoScalingGroup 'nobody' not found",
    )
