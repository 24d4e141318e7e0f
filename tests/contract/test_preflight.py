"""What surrounds the groups: suspensions, instance refreshes and stacks, as their APIs tell them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from deployer.aws import preflight
from deployer.aws.published import Published, PublishedSlot, PublishedSlots
from deployer.aws.session import Aws
from deployer.errors import CloudUnavailable, NotFound
from deployer.lab import actions
from deployer.lab.chaos import Fault, Kind
from deployer.lab.cloudformation import api
from deployer.lab.context import Context
from tests.contract.conftest import published
from tests.lab_core.stacks import Cloud, parameter, template

Admin = Callable[[str], Any]


@pytest.fixture(scope="module")
def cloud(context: Context) -> Iterator[Cloud]:
    engine = api.install(context)
    yield Cloud(context, engine)
    engine.close()


@pytest.fixture(autouse=True)
def _with_cloudformation(cloud: Cloud) -> None:
    """Every test meets the lab's CloudFormation, not moto's."""


@pytest.fixture
def groups(admin: Admin, fresh: str) -> Published:
    """Two groups without instances, and nothing else."""
    template = admin("ec2").create_launch_template(
        LaunchTemplateName=fresh, LaunchTemplateData={"ImageId": "ami-0c101f26f147fa7fd"}
    )["LaunchTemplate"]["LaunchTemplateId"]
    for colour in ("blue", "green"):
        admin("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=f"{fresh}-{colour}", MinSize=0, MaxSize=1,
            LaunchTemplate={"LaunchTemplateId": template, "Version": "$Default"},
            AvailabilityZones=["us-east-1a"],
        )  # fmt: skip
    vpc = admin("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    arns = {
        colour: admin("elbv2").create_target_group(
            Name=f"{fresh}-{colour}", Protocol="HTTP", Port=80, VpcId=vpc
        )["TargetGroups"][0]["TargetGroupArn"]
        for colour in ("blue", "green")
    }
    slots = {colour: PublishedSlot(arn, f"{fresh}-{colour}", "") for colour, arn in arns.items()}
    return published(slots=PublishedSlots(**slots))


@pytest.fixture
def refreshing(context: Context) -> Iterator[Callable[..., None]]:
    """The lab has no instance refreshes: `refreshing("Baking", "Failed")` answers for it."""
    gate = actions.gate()
    before = gate.replaced["autoscaling", "DescribeInstanceRefreshes"]

    def answer(*statuses: str) -> None:
        told = [
            {"InstanceRefreshId": f"r{n}", "Status": status, "StartTime": datetime.now(UTC)}
            for n, status in enumerate(statuses)
        ]
        actions.replace(
            "autoscaling", "DescribeInstanceRefreshes", lambda _c, _p: {"InstanceRefreshes": told}
        )

    yield answer
    gate.replaced["autoscaling", "DescribeInstanceRefreshes"] = before


def test_quiet_surroundings(aws: Aws, groups: Published, fresh: str) -> None:
    before = len(actions.calls(external=True))
    found = preflight.read(aws, groups, "shop", fresh)
    assert found.stacks == {}
    assert found.refreshes == {}
    assert found.suspended == {f"{fresh}-blue": (), f"{fresh}-green": ()}
    assert found.sticky == ()
    assert len(actions.calls(external=True)) == before + 8


def test_a_target_group_that_sticks_is_named(
    aws: Aws, admin: Admin, groups: Published, fresh: str
) -> None:
    admin("elbv2").modify_target_group_attributes(
        TargetGroupArn=groups.slots.green.target_group,
        Attributes=[{"Key": "stickiness.enabled", "Value": "true"}],
    )
    assert preflight.read(aws, groups, "shop", fresh).sticky == (f"{fresh}-green",)


def test_suspended_processes_are_told_of_the_group_that_has_them(
    aws: Aws, admin: Admin, groups: Published, fresh: str
) -> None:
    admin("autoscaling").suspend_processes(
        AutoScalingGroupName=f"{fresh}-green", ScalingProcesses=["Launch", "AZRebalance"]
    )
    found = preflight.read(aws, groups, "shop", fresh).suspended
    assert found[f"{fresh}-blue"] == ()
    assert set(found[f"{fresh}-green"]) == {"Launch", "AZRebalance"}


@pytest.mark.parametrize("status", ["Pending", "InProgress", "Cancelling", "Baking"])
def test_a_refresh_that_is_not_over_is_told(
    aws: Aws, groups: Published, refreshing: Callable[..., None], fresh: str, status: str
) -> None:
    refreshing(status, "Failed", "Successful")
    found = preflight.read(aws, groups, "shop", fresh).refreshes
    assert found == {f"{fresh}-blue": status, f"{fresh}-green": status}


def test_refreshes_that_are_over_are_not(
    aws: Aws, groups: Published, refreshing: Callable[..., None], fresh: str
) -> None:
    refreshing("Successful", "Failed", "Cancelled", "RollbackSuccessful", "RollbackFailed")
    assert preflight.read(aws, groups, "shop", fresh).refreshes == {}


def test_stacks_are_told_as_they_stand_and_missing_ones_are_left_out(
    aws: Aws, cloud: Cloud, groups: Published, fresh: str
) -> None:
    taken = template({"Taken": parameter(f"/{fresh}", "x")})
    cloud.create(f"shop-{fresh}-network", taken)
    cloud.create(f"shop-{fresh}-service", taken, OnFailure="DO_NOTHING")
    assert preflight.read(aws, groups, "shop", fresh).stacks == {
        f"shop-{fresh}-network": "CREATE_COMPLETE",
        f"shop-{fresh}-service": "CREATE_FAILED",
    }


def test_no_answer_is_no_all_clear(hasty: Aws, groups: Published, faults: Any, fresh: str) -> None:
    faults.add(Fault(Kind.THROTTLE, "cloudformation", "DescribeStacks", times=1))
    with pytest.raises(CloudUnavailable, match="DescribeStacks"):
        preflight.read(hasty, groups, "shop", fresh)


def test_a_group_that_is_gone_is_named(aws: Aws, fresh: str) -> None:
    slots = {colour: PublishedSlot("", f"{fresh}-{colour}", "") for colour in ("blue", "green")}
    with pytest.raises(NotFound, match=f"{fresh}-blue is gone"):
        preflight.read(aws, published(slots=PublishedSlots(**slots)), "shop", fresh)
