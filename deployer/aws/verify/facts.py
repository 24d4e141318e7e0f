"""Everything that the checks look at, as AWS told it; None where there is no such thing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deployer.aws.published import Published, PublishedSlot
from deployer.model import Slot
from deployer.operations.usual import Past
from deployer.settings.schema import Settings

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import AutoScalingGroupTypeDef, LifecycleHookTypeDef
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef
    from mypy_boto3_ec2.type_defs import LaunchTemplateVersionTypeDef
    from mypy_boto3_elbv2.type_defs import (
        ListenerTypeDef,
        LoadBalancerTypeDef,
        RuleTypeDef,
        TargetGroupTypeDef,
    )

    from deployer.aws.targets import Targets


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """One slot; `names` are what the settings say, empty where they say nothing.

    source: the newest version of its launch template that its owner made: the next release's.
    """

    names: PublishedSlot
    target_group: TargetGroupTypeDef | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    targets: Targets | None = None
    group: AutoScalingGroupTypeDef | None = None
    hooks: tuple[LifecycleHookTypeDef, ...] = ()
    source: LaunchTemplateVersionTypeDef | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """What of ours a stack has: its template's resources, by the logical id that tags tell."""

    stack: str
    template: Mapping[str, Any] | None
    logical_ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Facts:
    """One environment.

    listeners: all of the load balancer's, by ARN, with their rules.
    denied:    actions that the caller may not do, each with where; None: nobody could say.
    requests:  of each slot in the last minutes; None: nobody could say.
    past:      of the slot that has the users, in the last day; None: nobody could say.
    owners:    CloudFormation stacks of others that have something of the environment.
    unread:    what could not be read: action -> why.
    """

    settings: Settings
    names: Published
    balancer: LoadBalancerTypeDef | None = None
    listeners: Mapping[str, ListenerTypeDef] = field(default_factory=dict)
    rules: Mapping[str, tuple[RuleTypeDef, ...]] = field(default_factory=dict)
    slots: Mapping[Slot, SlotFacts] = field(default_factory=dict)
    table: TableDescriptionTypeDef | None = None
    recovery: bool | None = None
    denied: tuple[tuple[str, str], ...] | None = None
    requests: Mapping[Slot, int] | None = None
    past: Past | None = None
    owners: tuple[Owner, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def own(self) -> tuple[RuleTypeDef, ...]:
        """The rules of the production listener."""
        return self.rules.get(self.names.listener, ())

    @property
    def live(self) -> Slot:
        """The slot that has instances; blue where both have, or none."""
        sizes = {slot: size_of(self.slots[slot]) for slot in Slot}
        return Slot.GREEN if sizes[Slot.GREEN] > sizes[Slot.BLUE] == 0 else Slot.BLUE


def size_of(slot: SlotFacts) -> int:
    """How many instances its group is asked for."""
    return slot.group["DesiredCapacity"] if slot.group else 0


def short(arn: str) -> str:
    """`targetgroup/NAME/ID` of an ARN as people call it: NAME."""
    parts = arn.split("/")
    return parts[-2] if len(parts) > 2 else arn
