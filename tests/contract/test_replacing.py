"""What a replacement asks of a group: let members go, suspend processes and resume them."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from deployer.aws import asg
from deployer.aws.environment import AwsCloud
from deployer.aws.session import Aws
from deployer.changes import ResumeProcesses, Suspend, Terminate
from deployer.errors import ChangeRefused, CloudUnavailable
from deployer.model import Slot

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


def leave(*instances: str, members: Iterable[str], desired: int, shrink: bool = False) -> Terminate:
    return Terminate(Slot.BLUE, instances, shrink, frozenset(members), desired)


MIXED = described(i_1="InService", i_2="Terminating:Wait", i_3="Pending", i_4="Standby")


@pytest.mark.parametrize("shrink", [True, False])
def test_the_chosen_are_let_go(aws: Aws, shrink: bool) -> None:
    with Stubber(aws.autoscaling) as stub:
        stub.add_response("describe_auto_scaling_groups", MIXED)
        stub.add_response(
            "terminate_instance_in_auto_scaling_group", {}, expected(["i-3", "i-1"], shrink=shrink)
        )
        change = leave("i-3", "i-1", members=["i-1", "i-3"], desired=4, shrink=shrink)
        asg.terminate(aws, "shop", change)
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("members", "desired"),
    [(["i-1"], 4), (["i-1", "i-2", "i-3"], 4), (["i-1", "i-3"], 3), (["i-1", "i-5"], 4)],
    ids=["one has come", "one has gone", "another size", "one was replaced"],
)
def test_a_group_that_is_not_what_it_was_keeps_everybody(
    aws: Aws, members: list[str], desired: int
) -> None:
    """A reading from before an earlier change would take a second one."""
    with Stubber(aws.autoscaling) as stub:
        stub.add_response("describe_auto_scaling_groups", MIXED)
        with pytest.raises(CloudUnavailable, match="has changed since it was read"):
            asg.terminate(aws, "shop", leave("i-1", members=members, desired=desired))
        stub.assert_no_pending_responses()


def test_the_same_change_again_takes_nobody(aws: Aws) -> None:
    """After a reply that was lost."""
    with Stubber(aws.autoscaling) as stub:
        stub.add_response("describe_auto_scaling_groups", MIXED)
        change = leave("i-2", members=["i-1", "i-2", "i-3"], desired=5, shrink=True)
        asg.terminate(aws, "shop", change)
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
        asg.terminate(aws, "shop", leave(*ids, members=ids, desired=250))
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
            asg.terminate(aws, "shop", leave("i-1", members=["i-1"], desired=1))


def test_a_group_that_somebody_else_has_sized_is_left_alone(aws: Aws, group: str) -> None:
    asg.set_desired(aws, group, 2, live=0)
    with pytest.raises(CloudUnavailable, match="has changed since it was read"):
        asg.set_desired(aws, group, 1, live=3)
    assert asg.read(aws, [group])[group]["DesiredCapacity"] == 2
    asg.set_desired(aws, group, 2, live=0)  # the same again, after a reply that was lost
    asg.set_desired(aws, group, 1)
    assert asg.read(aws, [group])[group]["DesiredCapacity"] == 1


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
