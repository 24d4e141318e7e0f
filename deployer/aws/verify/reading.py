"""Reads what the checks look at: paged, read-only, and on where a permission is missing.

About twenty calls, none of which grows with the number of instances but DescribeTargetHealth's answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployer.aws.cloudwatch import CloudWatchMetrics
from deployer.aws.needs import Need, Resource
from deployer.aws.published import Published
from deployer.aws.session import Aws
from deployer.aws.verify import simulation
from deployer.aws.verify.facts import Facts, Owner, SlotFacts
from deployer.aws.verify.look import Look
from deployer.model import Slot
from deployer.operations import usual
from deployer.operations.usual import Past
from deployer.ports import Clock, History, Metrics
from deployer.settings.schema import Settings
from deployer.settings.terms import wish_of

if TYPE_CHECKING:
    pass

# For whoever runs `verify` and `init`: a person, seldom. Not of the deployer's own role, which has
# no use for them; docs/adoption.md has the policy, a test compares the two.
NEEDS = (
    Need("autoscaling:DescribeAutoScalingGroups", Resource.ANY),
    Need("autoscaling:DescribeLifecycleHooks", Resource.ANY),
    Need("cloudformation:GetTemplate", Resource.STACKS),
    Need("cloudwatch:GetMetricData", Resource.ANY),
    Need("dynamodb:DescribeContinuousBackups", Resource.JOURNAL),
    Need("dynamodb:DescribeTable", Resource.JOURNAL),
    Need("ec2:DescribeLaunchTemplateVersions", Resource.ANY),
    Need("elasticloadbalancing:DescribeListeners", Resource.ANY),
    Need("elasticloadbalancing:DescribeLoadBalancers", Resource.ANY),
    Need("elasticloadbalancing:DescribeRules", Resource.ANY),
    Need("elasticloadbalancing:DescribeTags", Resource.ANY),
    Need("elasticloadbalancing:DescribeTargetGroupAttributes", Resource.ANY),
    Need("elasticloadbalancing:DescribeTargetGroups", Resource.ANY),
    Need("elasticloadbalancing:DescribeTargetHealth", Resource.ANY),
    Need("iam:SimulatePrincipalPolicy", Resource.ANY),
)
STACK, LOGICAL = "aws:cloudformation:stack-name", "aws:cloudformation:logical-id"
LOOK_BACK_S = 900.0


def read(aws: Aws, settings: Settings, names: Published, clock: Clock) -> Facts:
    """Everything that the checks look at.

    Raises:
        CloudUnavailable, AccessProblem: as `Look.ask`.
    """
    look = Look(aws)
    listeners = look.listeners(names.load_balancer)
    table, recovery = look.table(names.journal_table)
    slots = {slot: look.slot(names.slots[slot]) for slot in Slot}
    rules = {arn: look.rules(arn) for arn in listeners}
    lately = requests(look, names, clock)
    return Facts(
        settings=settings,
        names=names,
        balancer=look.balancer(names.load_balancer),
        listeners=listeners,
        rules=rules,
        slots=slots,
        table=table,
        recovery=recovery,
        denied=simulation.denied(look, settings, names, slots),
        requests=lately,
        past=past(look, settings, names, clock, lately)
        if lately and any(lately.values())
        else None,
        owners=tuple(owners(look, names, slots)),
        unread=look.unread,
    )


def requests(look: Look, names: Published, clock: Clock) -> dict[Slot, int] | None:
    """What each slot's metrics say of the last minutes."""
    now = clock.now()
    traffic = look.ask(
        "cloudwatch:GetMetricData",
        names.load_balancer,
        lambda: CloudWatchMetrics(look.aws, names).traffic(now - LOOK_BACK_S, now),
        None,
    )
    if traffic is None:
        return None
    return {slot: int(sum(minute.requests or 0 for minute in traffic[slot])) for slot in Slot}


@dataclass(frozen=True, slots=True)
class Ground:
    """What was before is read by; as `operations.usual` wants it."""

    metrics: Metrics
    history: History
    clock: Clock


def past(
    look: Look, settings: Settings, names: Published, clock: Clock, lately: Mapping[Slot, int]
) -> Past | None:
    """The last day of the slot that most users have."""
    cloudwatch = CloudWatchMetrics(look.aws, names)
    ground = Ground(cloudwatch, cloudwatch, clock)
    slot = max(lately, key=lambda each: lately[each])
    return look.ask(
        "cloudwatch:GetMetricData",
        names.load_balancer,
        lambda: usual.of_slot(ground, slot, wish_of(settings.analysis)),
        None,
    )


def owners(look: Look, names: Published, slots: dict[Slot, SlotFacts]) -> Iterator[Owner]:
    """The stacks that have something of the environment, as the tags of CloudFormation tell."""
    behind = names.front.behind if names.front else ""
    arns = (names.listener, behind, *(names.slots[slot].target_group for slot in Slot))
    tagged = look.tags(arns)
    for slot in Slot:
        group = slots[slot].group
        if group:
            tags = {tag["Key"]: tag.get("Value", "") for tag in group.get("Tags", ())}
            tagged[group["AutoScalingGroupName"]] = tags
    ids: dict[str, dict[str, str]] = {}
    for name, tags in tagged.items():
        if STACK in tags:
            ids.setdefault(tags[STACK], {})[name] = tags.get(LOGICAL, "")
    for stack, logical in ids.items():
        yield Owner(stack, look.template(stack), logical)
