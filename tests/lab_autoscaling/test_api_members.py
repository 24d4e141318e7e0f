"""Single instances through boto3: terminate, protect, health, standby, detach, replace."""

from typing import Any

import pytest

from tests.lab_autoscaling.test_api_groups import refused, shown
from tests.lab_autoscaling.world import BLUE, World


@pytest.fixture
def served(world: World) -> World:
    """Two instances in service behind a target group; bounds 1..3."""
    world.create(MinSize=1, MaxSize=3, DesiredCapacity=2, TargetGroupARNs=[BLUE])
    world.settle()
    world.cloud.told.clear()
    return world


def end(world: World, instance: str, *, decrement: bool) -> dict[str, Any]:
    answer = world.api.terminate_instance_in_auto_scaling_group(
        InstanceId=instance, ShouldDecrementDesiredCapacity=decrement
    )
    return dict(answer["Activity"])


def test_an_ended_instance_is_drained_then_terminated_then_gone(served: World) -> None:
    activity = end(served, "i-1", decrement=True)
    assert activity["StatusCode"] == "WaitingForELBConnectionDraining"
    served.pass_time(10)
    assert served.states()["i-1"] == "Terminating"
    assert served.cloud.told == [("deregister", "i-1", BLUE)]
    served.cloud.drained()
    served.cloud.instantly = False
    served.pass_time(2)
    assert served.cloud.told[-1] == ("terminate", "i-1")
    assert served.states()["i-1"] == "Terminating"
    served.cloud.instances["i-1"] = "terminated"
    served.pass_time(1)
    assert served.states() == {"i-2": "InService"}
    newest = served.activities()[0]
    assert (newest["StatusCode"], newest["Progress"]) == ("Successful", 100)
    assert "shrinking the capacity from 2 to 1" in newest["Cause"]


def test_without_decrement_it_is_replaced(served: World) -> None:
    end(served, "i-1", decrement=False)
    served.settle()
    assert served.states() == {"i-2": "InService", "i-3": "InService"}
    assert shown(served)["DesiredCapacity"] == 2


def test_ending_it_again_does_not_decrement_again(served: World) -> None:
    first = end(served, "i-1", decrement=True)
    assert end(served, "i-1", decrement=True)["ActivityId"] == first["ActivityId"]
    assert shown(served)["DesiredCapacity"] == 1


def end_several(served: World, *instances: str, decrement: bool) -> list[str]:
    answer = served.api.terminate_instance_in_auto_scaling_group(
        AutoScalingGroupName="web",
        InstanceIds=list(instances),
        ShouldDecrementDesiredCapacity=decrement,
    )
    return [activity["ActivityId"] for activity in answer["Activities"]]


def test_several_are_ended_in_one_call(served: World) -> None:
    activities = end_several(served, "i-1", "i-2", decrement=False)
    assert len(set(activities)) == 2
    assert served.states()["i-1"] == served.states()["i-2"] == "Terminating"
    assert end_several(served, "i-1", "i-2", decrement=True) == activities
    assert shown(served)["DesiredCapacity"] == 2


def test_several_beyond_the_minimum_are_refused_all_of_them(served: World) -> None:
    code, message = refused(
        served.api.terminate_instance_in_auto_scaling_group,
        AutoScalingGroupName="web",
        InstanceIds=["i-1", "i-2"],
        ShouldDecrementDesiredCapacity=True,
    )
    assert code == "ValidationError"
    assert "minSize (1)" in message
    assert set(served.states().values()) == {"InService"}


@pytest.mark.parametrize(
    "asked",
    [
        {"InstanceIds": ["i-1"], "InstanceId": "i-2", "AutoScalingGroupName": "web"},
        {"InstanceIds": ["i-1", "i-9"], "AutoScalingGroupName": "web"},
        {"InstanceIds": [f"i-{n}" for n in range(101)], "AutoScalingGroupName": "web"},
    ],
)
def test_several_are_named_properly(served: World, asked: dict[str, Any]) -> None:
    code, _ = refused(
        served.api.terminate_instance_in_auto_scaling_group,
        **asked,
        ShouldDecrementDesiredCapacity=False,
    )
    assert code == "ValidationError"
    assert set(served.states().values()) == {"InService"}


def test_the_minimum_holds(served: World) -> None:
    end(served, "i-1", decrement=True)
    code, message = refused(
        served.api.terminate_instance_in_auto_scaling_group,
        InstanceId="i-2",
        ShouldDecrementDesiredCapacity=True,
    )
    assert code == "ValidationError"
    assert "desiredSize equals minSize (1)" in message
    assert served.states()["i-2"] == "InService"


def test_an_instance_of_nobody_is_refused(served: World) -> None:
    told = refused(
        served.api.terminate_instance_in_auto_scaling_group,
        InstanceId="i-99",
        ShouldDecrementDesiredCapacity=False,
    )
    message = "Instance Id not found - No managed instance found for instance ID: i-99"
    assert told == ("ValidationError", message)


def test_an_instance_terminated_from_outside_is_replaced(served: World) -> None:
    served.cloud.instances["i-1"] = "terminated"
    served.settle()
    assert served.states() == {"i-2": "InService", "i-3": "InService"}
    assert any("EC2 health check" in one["Cause"] for one in served.activities())


def test_the_protected_are_not_scaled_in(served: World) -> None:
    served.api.set_instance_protection(
        AutoScalingGroupName="web", InstanceIds=["i-1", "i-2"], ProtectedFromScaleIn=True
    )
    served.api.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
    served.settle()
    assert len(served.states()) == 2
    served.api.set_instance_protection(
        AutoScalingGroupName="web", InstanceIds=["i-2"], ProtectedFromScaleIn=False
    )
    served.settle()
    assert served.states() == {"i-1": "InService"}


def test_protection_is_for_members_and_at_most_fifty(served: World) -> None:
    protect = served.api.set_instance_protection
    asked = {"AutoScalingGroupName": "web", "ProtectedFromScaleIn": True}
    assert refused(protect, InstanceIds=["i-9"], **asked)[0] == "ValidationError"
    assert refused(protect, InstanceIds=["i-1"] * 51, **asked)[0] == "ValidationError"


def test_an_instance_called_unhealthy_is_replaced(served: World) -> None:
    served.api.set_instance_health(InstanceId="i-1", HealthStatus="Unhealthy")
    assert (
        served.api.describe_auto_scaling_instances(InstanceIds=["i-1"])["AutoScalingInstances"][0][
            "HealthStatus"
        ]
        == "UNHEALTHY"
    )
    served.settle()
    assert set(served.states()) == {"i-2", "i-3"}


def test_within_the_grace_period_it_is_spared(served: World) -> None:
    served.api.update_auto_scaling_group(AutoScalingGroupName="web", HealthCheckGracePeriod=100_000)
    unwell = {"InstanceId": "i-1", "HealthStatus": "Unhealthy"}
    served.api.set_instance_health(**unwell)
    assert shown(served)["Instances"][0]["HealthStatus"] == "Healthy"
    served.api.set_instance_health(**unwell, ShouldRespectGracePeriod=False)
    assert shown(served)["Instances"][0]["HealthStatus"] == "Unhealthy"
    served.api.set_instance_health(InstanceId="i-1", HealthStatus="Healthy")
    assert shown(served)["Instances"][0]["HealthStatus"] == "Healthy"
    code, _ = refused(served.api.set_instance_health, InstanceId="i-1", HealthStatus="Tired")
    assert code == "ValidationError"


def test_what_the_load_balancer_calls_unhealthy_is_replaced_after_the_grace(served: World) -> None:
    served.api.update_auto_scaling_group(
        AutoScalingGroupName="web", HealthCheckType="ELB", HealthCheckGracePeriod=60
    )
    served.cloud.targets[BLUE]["i-1"] = "unhealthy"
    served.pass_time(20)
    assert served.states()["i-1"] == "InService"
    served.pass_time(60)
    served.settle()
    assert set(served.states()) == {"i-2", "i-3"}
    assert any("ELB system health check failure" in one["Cause"] for one in served.activities())


def test_standby_and_back(served: World) -> None:
    asked = {"AutoScalingGroupName": "web", "InstanceIds": ["i-1"]}
    told = served.api.enter_standby(**asked, ShouldDecrementDesiredCapacity=True)
    assert told["Activities"][0]["Description"] == "Moving EC2 instance to Standby: i-1"
    assert served.states()["i-1"] == "EnteringStandby"
    served.cloud.drained()
    served.pass_time(2)
    assert served.states() == {"i-1": "Standby", "i-2": "InService"}
    assert "i-1" not in served.cloud.targets[BLUE]
    served.api.exit_standby(**asked)
    assert shown(served)["DesiredCapacity"] == 2
    served.pass_time(1)
    assert served.states() == {"i-1": "InService", "i-2": "InService"}
    assert served.cloud.targets[BLUE]["i-1"] == "initial"
    assert served.cloud.acts("terminate", "launch") == []


def test_standby_without_decrement_is_filled_up(served: World) -> None:
    served.api.enter_standby(
        AutoScalingGroupName="web", InstanceIds=["i-1"], ShouldDecrementDesiredCapacity=False
    )
    served.settle()
    assert served.states() == {"i-1": "Standby", "i-2": "InService", "i-3": "InService"}
    served.api.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=3)
    code, message = refused(
        served.api.exit_standby, AutoScalingGroupName="web", InstanceIds=["i-1"]
    )
    assert code == "ValidationError"
    assert "max-size=3" in message


@pytest.mark.parametrize("call", ["enter_standby", "detach_instances"])
def test_stepping_aside_respects_the_minimum_and_the_state(served: World, call: str) -> None:
    asked = {"AutoScalingGroupName": "web", "ShouldDecrementDesiredCapacity": True}
    both = refused(getattr(served.api, call), InstanceIds=["i-1", "i-2"], **asked)
    assert both[0] == "ValidationError"
    assert "min-size=1" in both[1]
    end(served, "i-1", decrement=True)
    assert "is not in" in refused(getattr(served.api, call), InstanceIds=["i-1"], **asked)[1]
    assert refused(getattr(served.api, call), InstanceIds=[], **asked)[0] == "ValidationError"
    assert refused(getattr(served.api, call), InstanceIds=["i-7"], **asked)[0] == "ValidationError"


def test_a_detached_instance_lives_on_alone(served: World) -> None:
    served.api.detach_instances(
        AutoScalingGroupName="web", InstanceIds=["i-1"], ShouldDecrementDesiredCapacity=True
    )
    assert served.states()["i-1"] == "Detaching"
    served.settle()
    assert served.states() == {"i-2": "InService"}
    assert served.cloud.instances["i-1"] == "running"
    assert served.cloud.acts("terminate") == []


def test_instances_are_told_across_groups_a_page_at_a_time(served: World) -> None:
    pages = served.api.get_paginator("describe_auto_scaling_instances").paginate(
        PaginationConfig={"PageSize": 1}
    )
    found = [one for page in pages for one in page["AutoScalingInstances"]]
    assert [one["InstanceId"] for one in found] == ["i-1", "i-2"]
    assert found[0]["AutoScalingGroupName"] == "web"
    assert found[0]["LaunchTemplate"]["Version"] == "1"
    assert (
        served.api.describe_auto_scaling_instances(InstanceIds=["i-9"])["AutoScalingInstances"]
        == []
    )
