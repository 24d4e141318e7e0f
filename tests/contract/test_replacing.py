"""What a replacement asks of a group: let members go, suspend processes and resume them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from deployer.aws import asg
from deployer.aws.environment import AwsCloud
from deployer.aws.session import Aws
from deployer.errors import ChangeRefused, CloudUnavailable
from deployer.model import Slot
from deployer.ports import ResumeProcesses, Suspend

from .conftest import ManualClock, published
from .test_groups import group

Admin = Callable[[str], Any]
__all__ = ["group"]  # the fixture


def described(**members: str) -> dict[str, Any]:
    """DescribeAutoScalingGroups of one group: lifecycle by instance (`i_1` is i-1)."""
    found = [
        {
            "InstanceId": name.replace("_", "-"), "AvailabilityZone": "us-east-1a",
            "LifecycleState": lifecycle, "HealthStatus": "Healthy", "ProtectedFromScaleIn": False,
        }
        for name, lifecycle in members.items()
    ]  # fmt: skip
    row = {
        "AutoScalingGroupName": "shop", "MinSize": 0, "MaxSize": 400, "DefaultCooldown": 300,
        "DesiredCapacity": len(found), "AvailabilityZones": ["us-east-1a"],
        "HealthCheckType": "ELB", "CreatedTime": datetime.fromtimestamp(0, UTC),
        "Instances": found,
    }  # fmt: skip
    return {"AutoScalingGroups": [row]}


def expected(instances: list[str], *, shrink: bool) -> Mapping[str, Any]:
    return {
        "AutoScalingGroupName": "shop",
        "InstanceIds": instances,
        "ShouldDecrementDesiredCapacity": shrink,
    }


@pytest.mark.parametrize("shrink", [True, False])
def test_only_members_that_stay_are_let_go(aws: Aws, shrink: bool) -> None:
    """So a repeated change, after a reply that was lost, shrinks the group no further."""
    found = described(i_1="InService", i_2="Terminating:Wait", i_3="Pending", i_4="Standby")
    with Stubber(aws.autoscaling) as stub:
        stub.add_response("describe_auto_scaling_groups", found)
        stub.add_response(
            "terminate_instance_in_auto_scaling_group", {}, expected(["i-1", "i-3"], shrink=shrink)
        )
        asg.terminate(aws, "shop", ["i-3", "i-2", "i-1", "i-4", "i-9"], shrink=shrink)
        stub.assert_no_pending_responses()


def test_nobody_left_to_let_go_asks_nothing(aws: Aws) -> None:
    with Stubber(aws.autoscaling) as stub:
        stub.add_response("describe_auto_scaling_groups", described(i_1="Terminating"))
        asg.terminate(aws, "shop", ["i-1"], shrink=True)
        stub.assert_no_pending_responses()


def test_a_hundred_go_in_one_call(aws: Aws) -> None:
    members = {f"i_{n:03}": "InService" for n in range(250)}
    ids = [name.replace("_", "-") for name in members]
    with Stubber(aws.autoscaling) as stub:
        stub.add_response("describe_auto_scaling_groups", described(**members))
        for start in (0, 100, 200):
            stub.add_response(
                "terminate_instance_in_auto_scaling_group",
                {},
                expected(ids[start : start + 100], shrink=False),
            )
        asg.terminate(aws, "shop", ids, shrink=False)
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "error"),
    [("ScalingActivityInProgress", CloudUnavailable), ("ValidationError", ChangeRefused)],
)
def test_a_group_that_refuses(aws: Aws, code: str, error: type[Exception]) -> None:
    with Stubber(aws.autoscaling) as stub:
        stub.add_response("describe_auto_scaling_groups", described(i_1="InService"))
        stub.add_client_error("terminate_instance_in_auto_scaling_group", code)
        with pytest.raises(error):
            asg.terminate(aws, "shop", ["i-1"], shrink=True)


@pytest.mark.usefixtures("clock")
def test_processes_stop_and_run_again_and_twice_is_once(aws: Aws, group: str) -> None:
    before = asg.suspended(asg.read(aws, [group])[group])
    for _ in range(2):
        asg.suspend(aws, group, ["AZRebalance"])
        assert asg.suspended(asg.read(aws, [group])[group]) == before | {"AZRebalance"}
    for _ in range(2):
        asg.resume(aws, group, ["AZRebalance"])
        assert asg.suspended(asg.read(aws, [group])[group]) == before


def test_no_process_never_means_all_of_them(aws: Aws, group: str, clock: ManualClock) -> None:
    cloud = AwsCloud(aws, published(), "shop", "prod", clock)
    for change in (Suspend(Slot.BLUE, ()), ResumeProcesses(Slot.BLUE, ())):
        with pytest.raises(ValueError, match="none would mean all"):
            cloud.apply(change)
    assert not asg.suspended(asg.read(aws, [group])[group])
