"""Auto Scaling groups: their instances, their failed launches, and how many they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from deployer.aws.failures import asking, changing
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.changes import Terminate
from deployer.errors import ChangeRefused, CloudUnavailable, NotFound
from deployer.model import LaunchFailure, WarmPool

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import (
        ActivityTypeDef,
        AutoScalingGroupTypeDef,
        InstanceTypeDef,
    )

NEEDS = (
    Need("autoscaling:DescribeAutoScalingGroups", Resource.ANY),
    Need("autoscaling:DescribeScalingActivities", Resource.ANY),
    Need("autoscaling:UpdateAutoScalingGroup", Resource.GROUP),
    Need("autoscaling:TerminateInstanceInAutoScalingGroup", Resource.GROUP),
    Need("autoscaling:SuspendProcesses", Resource.GROUP),
    Need("autoscaling:ResumeProcesses", Resource.GROUP),
)
# One page, newest first: a group that cannot launch keeps trying, so its last failure is there.
ACTIVITIES = 20
AT_ONCE = 100  # instances that one TerminateInstanceInAutoScalingGroup takes (aws-facts 3.2)
UNSET = -1  # MaxGroupPreparedCapacity that somebody has taken back
LAUNCH = "Launching a new EC2 instance"  # how the Description of a launch begins


def read(aws: Aws, names: Iterable[str]) -> dict[str, AutoScalingGroupTypeDef]:
    """The groups by name. One call, or one per page: AWS may answer with fewer than it was asked for.

    Raises:
        NotFound: a group does not exist.
        CloudUnavailable, AccessProblem: as `failures.asking`.
    """
    wanted = tuple(names)
    with asking("autoscaling:DescribeAutoScalingGroups", ", ".join(wanted)):
        pages = aws.autoscaling.get_paginator("describe_auto_scaling_groups").paginate(
            AutoScalingGroupNames=wanted
        )
        found = [group for page in pages for group in page["AutoScalingGroups"]]
    groups = {group["AutoScalingGroupName"]: group for group in found}
    for name in wanted:
        if name not in groups:
            raise NotFound(f"Auto Scaling group {name} is gone: deploy the service stack")
    return groups


def short(group: AutoScalingGroupTypeDef) -> bool:
    """Whether it has fewer instances in service than it should: only then are failures news."""
    in_service = sum(i["LifecycleState"] == "InService" for i in group.get("Instances", ()))
    return in_service < group["DesiredCapacity"]


def launch_failures(aws: Aws, name: str) -> tuple[LaunchFailure, ...]:
    """Failed launches among the group's newest activities, newest first. One call.

    Launches fail here and nowhere else: asking for capacity succeeds (aws-facts 3.2).

    Raises:
        CloudUnavailable, AccessProblem, NotFound: as `failures.asking`.
    """
    with asking("autoscaling:DescribeScalingActivities", name):
        found = aws.autoscaling.describe_scaling_activities(
            AutoScalingGroupName=name, MaxRecords=ACTIVITIES
        )
    failed = [failure_of(each) for each in found["Activities"] if is_failed_launch(each)]
    return tuple(sorted(failed, key=lambda failure: -failure.at))


def is_failed_launch(activity: ActivityTypeDef) -> bool:
    """A launch that ended in `Failed`; one that was cancelled is nobody's fault."""
    return activity["StatusCode"] == "Failed" and activity.get("Description", "").startswith(LAUNCH)


def failure_of(activity: ActivityTypeDef) -> LaunchFailure:
    """When the launch was tried, and why it failed in AWS's words, on one line."""
    said = activity.get("StatusMessage") or activity.get("Cause") or "no reason given"
    return LaunchFailure(activity["StartTime"].timestamp(), " ".join(said.split()))


def version_of(instance: InstanceTypeDef) -> tuple[str, int] | None:
    """Launch template and numeric version that an instance was launched from; None: from neither."""
    template = instance.get("LaunchTemplate", {})
    number = template.get("Version", "")
    return (template.get("LaunchTemplateId", ""), int(number)) if number.isdecimal() else None


def set_desired(aws: Aws, name: str, desired: int, live: int | None = None) -> None:
    """Ask the group for `desired` instances; MinSize gives way in the same call. Two calls.

    live: what it must be asked for now; None: whatever.

    Raises:
        ChangeRefused: more than MaxSize; nothing was changed.
        CloudUnavailable: no answer, a scaling activity is in progress, or somebody has sized the
                          group since it was read.
        NotFound, AccessProblem: as above.
    """
    group = read(aws, [name])[name]
    if desired > group["MaxSize"]:
        raise ChangeRefused(
            f"{name} may have {group['MaxSize']} instances at most, {desired} are needed: raise "
            "max_instances in deployer.toml and deploy the stacks"
        )
    if group["DesiredCapacity"] == desired >= group["MinSize"]:
        return
    if live is not None and group["DesiredCapacity"] != live:
        raise CloudUnavailable(f"{name} has changed since it was read: looking again")
    with changing("autoscaling:UpdateAutoScalingGroup", name):
        aws.autoscaling.update_auto_scaling_group(
            AutoScalingGroupName=name,
            MinSize=min(group["MinSize"], desired),
            DesiredCapacity=desired,
        )


def freeze(aws: Aws, name: str, floor: int) -> None:
    """The group keeps at least `floor` instances, or as many as it is asked for. Two calls.

    Raises:
        CloudUnavailable, ChangeRefused, NotFound, AccessProblem: as above.
    """
    group = read(aws, [name])[name]
    floor = min(floor, group["DesiredCapacity"])  # a higher MinSize would launch (aws-facts 3.2)
    if group["MinSize"] < floor:
        set_minimum(aws, name, floor)


def thaw(aws: Aws, name: str, floor: int, raised: int) -> None:
    """The group may be as small as `floor` again. Two calls.

    raised: the minimum that it was given meanwhile: whoever has made it less, or more, is right.

    Raises:
        CloudUnavailable, ChangeRefused, NotFound, AccessProblem: as above.
    """
    if floor < read(aws, [name])[name]["MinSize"] <= raised:
        set_minimum(aws, name, floor)


def set_minimum(aws: Aws, name: str, minimum: int) -> None:
    """MinSize alone; the rest of the group stays as it is. One call."""
    with changing("autoscaling:UpdateAutoScalingGroup", name):
        aws.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=minimum)


def suspended(group: AutoScalingGroupTypeDef) -> frozenset[str]:
    """The processes that the group does not run."""
    return frozenset(each["ProcessName"] for each in group.get("SuspendedProcesses", ()))


def warm_pool(group: AutoScalingGroupTypeDef) -> WarmPool | None:
    """What the group keeps ready, of which no instance is among its own; None: nothing.

    Its size is what is prepared in all less what the group is asked for, and at least the pool's
    own minimum; unless somebody said otherwise, MaxSize is prepared (PutWarmPool; aws-facts 3.2).
    One that is being deleted fills up no more.
    """
    size, found = group.get("WarmPoolSize", 0), group.get("WarmPoolConfiguration")
    if not found:
        return WarmPool(group["AutoScalingGroupName"], size, 0) if size else None
    prepared = found.get("MaxGroupPreparedCapacity", UNSET)
    filled = group["MaxSize"] if prepared == UNSET else prepared
    deleted = found.get("Status") == "PendingDelete"
    return WarmPool(
        group["AutoScalingGroupName"],
        size,
        0 if deleted else max(found.get("MinSize", 0), filled),
        bool(found.get("InstanceReusePolicy", {}).get("ReuseOnScaleIn", False)) and not deleted,
    )


def terminate(aws: Aws, name: str, change: Terminate) -> None:
    """Let these members go; they drain first. Two calls for a hundred instances.

    The call has no token, and made twice it would take two (aws-facts 4.2): so it is made only if
    the group is what the change says, and not if those are gone already.

    Raises:
        CloudUnavailable: the group has changed since it was read, no answer, or a scaling activity
                          is in progress; of several hundred some may be leaving.
        ChangeRefused: for good.
        NotFound, AccessProblem: as above.
    """
    group = read(aws, [name])[name]
    there = [i["InstanceId"] for i in group.get("Instances", ()) if stays(i)]
    gone = not set(there) & set(change.instances)
    if gone and not (change.shrink and group["DesiredCapacity"] == change.desired):
        return  # but if their places are still there, others have come to them
    if set(there) != change.members or group["DesiredCapacity"] != change.desired:
        raise CloudUnavailable(f"{name} has changed since it was read: looking again")
    for start in range(0, len(change.instances), AT_ONCE):
        with changing("autoscaling:TerminateInstanceInAutoScalingGroup", name):
            aws.autoscaling.terminate_instance_in_auto_scaling_group(
                AutoScalingGroupName=name,
                InstanceIds=list(change.instances[start : start + AT_ONCE]),
                ShouldDecrementDesiredCapacity=change.shrink,
            )


def stays(instance: InstanceTypeDef) -> bool:
    """Whether the group counts it: it is neither leaving nor on standby."""
    return instance["LifecycleState"].startswith(("InService", "Pending"))


def suspend(aws: Aws, name: str, processes: Sequence[str]) -> None:
    """The group stops running these. One call; it may be repeated.

    Raises:
        CloudUnavailable, ChangeRefused, AccessProblem: as above.
    """
    require_some(processes)
    with changing("autoscaling:SuspendProcesses", name):
        aws.autoscaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=processes)


def resume(aws: Aws, name: str, processes: Sequence[str]) -> None:
    """The group runs these again. One call; it may be repeated.

    Raises:
        CloudUnavailable, ChangeRefused, AccessProblem: as above.
    """
    require_some(processes)
    with changing("autoscaling:ResumeProcesses", name):
        aws.autoscaling.resume_processes(AutoScalingGroupName=name, ScalingProcesses=processes)


def require_some(processes: Sequence[str]) -> None:
    """To AWS no process at all means every one of them (aws-facts 3.2)."""
    if not processes:
        raise ValueError("name the processes: none would mean all")
