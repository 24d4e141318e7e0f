"""What surrounds an environment's groups: stack operations, refreshes, suspensions, stickiness.

Eight calls, before a deployment begins and never while it runs: DescribeAutoScalingGroups (both),
DescribeInstanceRefreshes (each), DescribeStacks (network, service, control),
DescribeTargetGroupAttributes (each); on a listener of others also DescribeRules.
"""

from __future__ import annotations

from collections.abc import Iterable

from deployer.aws import asg, front
from deployer.aws.alb import ProductionRule
from deployer.aws.failures import asking, code_of
from deployer.aws.needs import Need, Resource
from deployer.aws.published import Published
from deployer.aws.session import Aws
from deployer.errors import DeployError
from deployer.model import Slot
from deployer.planning.preflight import REFRESH_OVER, Surroundings
from deployer.topology import PARTS, stack_name

NEEDS = (
    Need("autoscaling:DescribeInstanceRefreshes", Resource.ANY),
    Need("cloudformation:DescribeStacks", Resource.STACKS),
    Need("elasticloadbalancing:DescribeTargetGroupAttributes", Resource.ANY),
)


def read(aws: Aws, published: Published, service: str, environment: str) -> Surroundings:
    """One reading.

    Raises:
        NotFound: a group is gone.
        CloudUnavailable, AccessProblem: as `failures.asking`.
    """
    names = [published.slots[slot].group for slot in Slot]
    groups = asg.read(aws, names)
    return Surroundings(
        stacks=stacks(aws, (stack_name(service, environment, part) for part in PARTS)),
        refreshes={name: status for name in names for status in refreshes(aws, name)},
        suspended={
            name: tuple(each["ProcessName"] for each in group.get("SuspendedProcesses", ()))
            for name, group in groups.items()
        },
        sticky=tuple(
            arn.split("/")[-2]
            for arn in (published.slots[slot].target_group for slot in Slot)
            if sticks(aws, arn)
        ),
        astray=astray(aws, published) if published.front else (),
    )


def astray(aws: Aws, published: Published) -> tuple[Slot, ...]:
    """Slots that a smoke request does not reach by itself, on a listener of others. One call.

    Raises:
        CloudUnavailable, AccessProblem, NotFound: as `failures.asking`.
    """
    targets = {slot: published.slots[slot].target_group for slot in Slot}
    rules = ProductionRule(aws, published.test_listener, targets, {}).rules()
    own = published.front.priority - 1 if published.front else 0
    here = published.test_listener == published.listener
    first = [r for r in rules if not r.get("IsDefault") and (not here or int(r["Priority"]) < own)]
    first.sort(key=lambda rule: -int(rule["Priority"]))  # of two for a slot the smaller one counts
    led = {front.slot_tested(rule): front.forwarded(rule.get("Actions", ())) for rule in first}
    return tuple(slot for slot in Slot if set(led.get(slot, ())) != {targets[slot]})


def sticks(aws: Aws, target_group: str) -> bool:
    """The target group keeps a client with one target, by whatever cookie (aws-facts 1.3).

    Raises:
        CloudUnavailable, AccessProblem, NotFound: as `failures.asking`.
    """
    with asking("elasticloadbalancing:DescribeTargetGroupAttributes", target_group):
        found = aws.elbv2.describe_target_group_attributes(TargetGroupArn=target_group)
    return {"Key": "stickiness.enabled", "Value": "true"} in found["Attributes"]


def stacks(aws: Aws, names: Iterable[str]) -> dict[str, str]:
    """Status of those that exist: an environment that somebody else made has none of them."""
    found = {name: stack_status(aws, name) for name in names}
    return {name: status for name, status in found.items() if status is not None}


def stack_status(aws: Aws, name: str) -> str | None:
    """None: there is no such stack. CloudFormation calls that a ValidationError.

    Raises:
        CloudUnavailable, AccessProblem: as `failures.asking`.
    """
    try:
        with asking("cloudformation:DescribeStacks", name):
            found = aws.cloudformation.describe_stacks(StackName=name)
    except DeployError as error:
        if code_of(error) == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    return found["Stacks"][0]["StackStatus"]


def refreshes(aws: Aws, group: str) -> list[str]:
    """Status of the group's instance refreshes that are not over: one at most at a time.

    It is among the newest, which come first; six weeks of them are kept (aws-facts 3.1).

    Raises:
        CloudUnavailable, AccessProblem, NotFound: as `failures.asking`.
    """
    with asking("autoscaling:DescribeInstanceRefreshes", group):
        found = aws.autoscaling.describe_instance_refreshes(AutoScalingGroupName=group)
    statuses = [str(each["Status"]) for each in found["InstanceRefreshes"]]
    return [status for status in statuses if status not in REFRESH_OVER]
