"""Hooks, processes, attachments, tags, activities through boto3; and what is not there."""

from itertools import pairwise
from typing import Any

import pytest

from deployer.lab.autoscaling.api.table import ANSWERED, action_names
from deployer.lab.autoscaling.model import LAUNCHING, PROCESSES, TERMINATING
from tests.lab_autoscaling.test_api_groups import refused, shown
from tests.lab_autoscaling.world import BLUE, GREEN, World

WEB = {"AutoScalingGroupName": "web"}


def hook(world: World, name: str, transition: str, **settings: Any) -> None:
    world.api.put_lifecycle_hook(
        **WEB, LifecycleHookName=name, LifecycleTransition=transition, **settings
    )


def complete(world: World, name: str, result: str, instance: str = "i-1") -> None:
    world.api.complete_lifecycle_action(
        **WEB, LifecycleHookName=name, LifecycleActionResult=result, InstanceId=instance
    )


@pytest.fixture
def warming(world: World) -> World:
    """One instance in Pending:Wait for two hooks."""
    world.create(
        LifecycleHookSpecificationList=[
            {"LifecycleHookName": "warm", "LifecycleTransition": LAUNCHING, "HeartbeatTimeout": 60}
        ]
    )
    hook(world, "check", LAUNCHING, HeartbeatTimeout=100, DefaultResult="CONTINUE")
    world.api.set_desired_capacity(**WEB, DesiredCapacity=1)
    world.pass_time(8)
    assert world.states() == {"i-1": "Pending:Wait"}
    return world


def test_a_launch_waits_for_all_its_hooks(warming: World) -> None:
    complete(warming, "warm", "CONTINUE")
    warming.pass_time(2)
    assert warming.states() == {"i-1": "Pending:Wait"}
    complete(warming, "check", "CONTINUE")
    assert warming.states() == {"i-1": "Pending:Proceed"}
    warming.pass_time(1)
    assert warming.states() == {"i-1": "InService"}


def test_an_abandoned_launch_is_undone_and_tried_again(warming: World) -> None:
    complete(warming, "warm", "ABANDON")
    warming.pass_time(3)
    assert "i-1" not in warming.states()
    assert list(warming.states()) == ["i-2"]
    assert "Cancelled" in {one["StatusCode"] for one in warming.activities()}


def test_a_hook_that_hears_nothing_takes_its_default(warming: World) -> None:
    complete(warming, "check", "CONTINUE")
    warming.pass_time(40)
    heartbeat = {"LifecycleHookName": "warm", "InstanceId": "i-1"}
    warming.api.record_lifecycle_action_heartbeat(**WEB, **heartbeat)
    warming.pass_time(40)
    assert warming.states()["i-1"] == "Pending:Wait"
    warming.pass_time(25)
    assert "i-1" not in warming.states()


def test_a_hook_is_completed_by_token_once(warming: World) -> None:
    member = warming.group().members[0]
    wait = next(one for one in member.waits if one.hook == "warm")
    asked = {
        **WEB,
        "LifecycleHookName": "warm",
        "LifecycleActionResult": "CONTINUE",
        "LifecycleActionToken": wait.token,
    }
    warming.api.complete_lifecycle_action(**asked)
    again = refused(warming.api.complete_lifecycle_action, **asked)
    assert again[0] == "ValidationError"
    assert "No active Lifecycle Action found with token" in again[1]


def test_deleting_a_launch_hook_abandons_what_waits_for_it(warming: World) -> None:
    warming.api.delete_lifecycle_hook(**WEB, LifecycleHookName="warm")
    assert warming.states()["i-1"] == "Terminating"
    names = [
        h["LifecycleHookName"]
        for h in warming.api.describe_lifecycle_hooks(**WEB)["LifecycleHooks"]
    ]
    assert names == ["check"]


def test_a_termination_hook_comes_after_the_draining(world: World) -> None:
    world.create(DesiredCapacity=1, TargetGroupARNs=[BLUE])
    world.settle()
    hook(world, "bye", TERMINATING)
    world.api.set_desired_capacity(**WEB, DesiredCapacity=0)
    world.pass_time(5)
    assert world.states() == {"i-1": "Terminating"}
    world.cloud.drained()
    world.pass_time(2)
    assert world.states() == {"i-1": "Terminating:Wait"}
    assert world.activities()[0]["StatusCode"] == "MidLifecycleAction"
    assert world.cloud.acts("terminate") == []
    complete(world, "bye", "CONTINUE")
    assert world.states() == {"i-1": "Terminating:Proceed"}
    world.pass_time(2)
    assert world.states() == {}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"LifecycleTransition": "autoscaling:NOTHING"}, "ValidationError"),
        ({}, "ValidationError"),
        ({"LifecycleTransition": LAUNCHING, "HeartbeatTimeout": 29}, "ValidationError"),
        ({"LifecycleTransition": LAUNCHING, "DefaultResult": "MAYBE"}, "ValidationError"),
        ({"LifecycleTransition": LAUNCHING, "NotificationTargetARN": "arn:q"}, "NotImplemented"),
    ],
)
def test_bad_hooks_are_refused(world: World, asked: dict[str, Any], code: str) -> None:
    world.create()
    told = refused(world.api.put_lifecycle_hook, **WEB, LifecycleHookName="h", **asked)
    assert told[0] == code


def test_hooks_keep_what_is_not_given_anew(world: World) -> None:
    world.create()
    hook(world, "warm", LAUNCHING, HeartbeatTimeout=90, NotificationMetadata="{}")
    world.api.put_lifecycle_hook(**WEB, LifecycleHookName="warm", DefaultResult="CONTINUE")
    told = world.api.describe_lifecycle_hooks(**WEB, LifecycleHookNames=["warm"])["LifecycleHooks"]
    assert told[0]["HeartbeatTimeout"] == 90
    assert told[0]["GlobalTimeout"] == 9000
    assert told[0]["DefaultResult"] == "CONTINUE"
    assert refused(world.api.delete_lifecycle_hook, **WEB, LifecycleHookName="x")[0] == (
        "ValidationError"
    )


def test_processes_are_suspended_and_resumed(world: World) -> None:
    world.create(DesiredCapacity=1)
    world.api.suspend_processes(**WEB, ScalingProcesses=["Launch"])
    world.settle()
    assert world.states() == {}
    told = shown(world)["SuspendedProcesses"]
    assert told == [{"ProcessName": "Launch", "SuspensionReason": "User suspended at the API"}]
    world.api.suspend_processes(**WEB)
    assert len(shown(world)["SuspendedProcesses"]) == len(PROCESSES)
    world.api.resume_processes(**WEB)
    world.settle()
    assert world.states() == {"i-1": "InService"}
    code, _ = refused(world.api.suspend_processes, **WEB, ScalingProcesses=["Sleep"])
    assert code == "ValidationError"


def test_suspended_terminate_keeps_a_surplus(world: World) -> None:
    world.create(DesiredCapacity=2)
    world.settle()
    world.api.suspend_processes(**WEB, ScalingProcesses=["Terminate"])
    world.api.set_desired_capacity(**WEB, DesiredCapacity=0)
    world.settle()
    assert len(world.states()) == 2


def test_suspended_registration_serves_without_the_load_balancer(world: World) -> None:
    world.create(TargetGroupARNs=[BLUE])
    world.api.suspend_processes(**WEB, ScalingProcesses=["AddToLoadBalancer"])
    world.api.set_desired_capacity(**WEB, DesiredCapacity=1)
    world.settle()
    world.api.resume_processes(**WEB)
    world.settle()
    assert world.states() == {"i-1": "InService"}
    assert world.cloud.targets[BLUE] == {}


def attachments(world: World) -> dict[str, str]:
    told = world.api.describe_load_balancer_target_groups(**WEB)["LoadBalancerTargetGroups"]
    return {one["LoadBalancerTargetGroupARN"]: one["State"] for one in told}


def test_a_target_group_is_attached_added_in_service_and_removed(world: World) -> None:
    world.create(DesiredCapacity=1)
    world.settle()
    world.api.attach_load_balancer_target_groups(**WEB, TargetGroupARNs=[BLUE])
    assert attachments(world) == {BLUE: "Adding"}
    assert world.cloud.targets[BLUE] == {"i-1": "initial"}
    world.pass_time(1)
    assert attachments(world) == {BLUE: "Added"}
    world.cloud.all_healthy()
    world.pass_time(1)
    assert attachments(world) == {BLUE: "InService"}
    world.api.detach_load_balancer_target_groups(**WEB, TargetGroupARNs=[BLUE])
    assert shown(world)["TargetGroupARNs"] == []
    world.pass_time(3)
    assert attachments(world) == {BLUE: "Removing"}
    world.cloud.drained()
    world.pass_time(1)
    assert attachments(world) == {}
    assert world.states() == {"i-1": "InService"}


def test_what_one_family_attached_the_other_cannot_detach(world: World) -> None:
    world.create(TargetGroupARNs=[BLUE])
    source = [{"Identifier": GREEN, "Type": "elbv2"}]
    world.api.attach_traffic_sources(**WEB, TrafficSources=source)
    detach = world.api.detach_load_balancer_target_groups
    assert refused(detach, **WEB, TargetGroupARNs=[GREEN])[0] == "ValidationError"
    blue = [{"Identifier": BLUE}]
    assert refused(world.api.detach_traffic_sources, **WEB, TrafficSources=blue)[0] == (
        "ValidationError"
    )
    world.api.detach_traffic_sources(**WEB, TrafficSources=source)
    world.pass_time(1)
    left = world.api.describe_traffic_sources(**WEB)["TrafficSources"]
    assert [one["Identifier"] for one in left] == [BLUE]


def test_only_target_groups_that_exist_are_attached(world: World) -> None:
    world.create()
    attach = world.api.attach_load_balancer_target_groups
    assert refused(attach, **WEB, TargetGroupARNs=["arn:none"])[0] == "ValidationError"
    assert refused(attach, **WEB, TargetGroupARNs=[BLUE] * 11)[0] == "ValidationError"
    classic = [{"Identifier": "c", "Type": "elb"}]
    assert refused(world.api.attach_traffic_sources, **WEB, TrafficSources=classic)[0] == (
        "NotImplemented"
    )


def test_a_launch_without_its_target_group_is_taken_back(world: World) -> None:
    world.create(DesiredCapacity=1, TargetGroupARNs=[BLUE])
    del world.cloud.targets[BLUE]
    world.pass_time(8)
    failed = [one for one in world.activities() if one["StatusCode"] == "Failed"]
    assert "target groups not found" in failed[-1]["StatusMessage"]
    assert "InService" not in world.states().values()


def test_tags_of_groups(world: World) -> None:
    world.create()
    tag = {"ResourceId": "web", "ResourceType": "auto-scaling-group", "Key": "k"}
    made = {**tag, "Value": "v", "PropagateAtLaunch": True}
    world.api.create_or_update_tags(Tags=[made])
    world.api.create_or_update_tags(Tags=[{**made, "Value": "w"}])
    assert world.api.describe_tags()["Tags"] == [{**made, "Value": "w"}]
    for name, value in (
        ("auto-scaling-group", "web"),
        ("key", "k"),
        ("value", "w"),
        ("propagate-at-launch", "true"),
    ):
        for wanted, count in ((value, 1), ("other", 0)):
            asked = [{"Name": name, "Values": [wanted]}]
            assert len(world.api.describe_tags(Filters=asked)["Tags"]) == count
    world.api.delete_tags(Tags=[{**tag, "Value": "not this"}])
    assert len(world.api.describe_tags()["Tags"]) == 1
    world.api.delete_tags(Tags=[tag])
    assert world.api.describe_tags()["Tags"] == []
    nobody = {**made, "ResourceId": "nobody"}
    assert refused(world.api.create_or_update_tags, Tags=[nobody])[0] == "ValidationError"
    unknown = [{"Name": "colour", "Values": ["red"]}]
    assert refused(world.api.describe_tags, Filters=unknown)[0] == "ValidationError"


def test_a_failed_launch_is_an_activity_and_a_pause(world: World) -> None:
    world.create()
    reason = "We currently do not have sufficient t3.micro capacity in the Availability Zone."
    world.fleet.store.launch_faults["web"] = (reason, 2)
    world.api.set_desired_capacity(**WEB, DesiredCapacity=2)
    world.pass_time(10)
    (failed,) = world.activities()
    assert failed["StatusCode"] == "Failed"
    assert failed["StatusMessage"] == f"{reason} Launching EC2 instance failed."
    assert failed["Description"].startswith("Launching a new EC2 instance.  Status Reason: We")
    assert "a user request explicitly set group desired capacity" in failed["Cause"]
    world.pass_time(10)
    assert len(world.activities()) == 2
    world.pass_time(60)
    assert set(world.states().values()) == {"InService"}


def test_a_version_that_has_gone_fails_the_launch(world: World) -> None:
    world.create()
    world.cloud.versions["$Default"] = "9"
    del world.cloud.versions["$Default"]
    world.api.set_desired_capacity(**WEB, DesiredCapacity=1)
    world.pass_time(2)
    assert "does not exist" in world.activities()[0]["StatusMessage"]


def test_activities_are_newest_first_and_paged(world: World) -> None:
    world.create(DesiredCapacity=3)
    world.settle()
    world.api.set_desired_capacity(**WEB, DesiredCapacity=2)
    world.settle()
    pages = world.api.get_paginator("describe_scaling_activities").paginate(
        **WEB, PaginationConfig={"PageSize": 3}
    )
    found = [one for page in pages for one in page["Activities"]]
    assert len(found) == 4
    assert found[0]["Description"].startswith("Terminating EC2 instance: i-")
    assert found == sorted(found, key=lambda one: one["StartTime"], reverse=True)
    assert all(one["EndTime"] >= one["StartTime"] for one in found)
    one = found[2]["ActivityId"]
    by_id = world.api.describe_scaling_activities(ActivityIds=[one])["Activities"]
    assert [a["ActivityId"] for a in by_id] == [one]


def test_fixed_answers(world: World) -> None:
    world.create()
    assert world.api.describe_account_limits()["NumberOfAutoScalingGroups"] == 1
    processes = world.api.describe_scaling_process_types()["Processes"]
    assert [one["ProcessName"] for one in processes] == list(PROCESSES)
    assert "Default" in world.api.describe_termination_policy_types()["TerminationPolicyTypes"]
    assert world.api.describe_instance_refreshes(**WEB)["InstanceRefreshes"] == []
    assert world.api.describe_policies(**WEB)["ScalingPolicies"] == []
    assert world.api.describe_scheduled_actions(**WEB)["ScheduledUpdateGroupActions"] == []
    assert world.api.describe_warm_pool(**WEB)["Instances"] == []
    nobody = {"AutoScalingGroupName": "nobody"}
    assert refused(world.api.describe_policies, **nobody)[0] == "ValidationError"


@pytest.mark.parametrize(
    ("call", "asked"),
    [
        ("start_instance_refresh", WEB),
        ("execute_policy", {**WEB, "PolicyName": "p"}),
        ("attach_instances", {**WEB, "InstanceIds": ["i-1"]}),
        ("create_launch_configuration", {"LaunchConfigurationName": "old"}),
    ],
)
def test_the_rest_is_refused_by_name(world: World, call: str, asked: dict[str, Any]) -> None:
    world.create()
    code, message = refused(getattr(world.api, call), **asked)
    assert code == "NotImplemented"
    assert "".join(part.capitalize() for part in call.split("_")) in message


def test_every_answered_action_exists() -> None:
    assert set(ANSWERED) < set(action_names())


def test_each_failure_in_a_row_doubles_the_pause(world: World) -> None:
    world.create()
    world.fleet.store.launch_faults["web"] = ("no capacity", 4)
    world.api.set_desired_capacity(**WEB, DesiredCapacity=1)
    world.pass_time(200)
    failed = [one["StartTime"] for one in world.activities() if one["StatusCode"] == "Failed"]
    pauses = [(one - before).total_seconds() for before, one in pairwise(reversed(failed))]
    assert pauses == [15, 30, 60]
