"""Create, change, delete and describe groups, and set their size."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import uuid4

from deployer.lab.actions import Refused
from deployer.lab.autoscaling import hands, mixing, paging, present, validate
from deployer.lab.autoscaling.api.desk import Answer, Desk, Params
from deployer.lab.autoscaling.model import (
    DELETING,
    ENDING,
    Attachment,
    Group,
    Subnet,
    TemplateRef,
)

_BOTH = frozenset({
    "AutoScalingGroupName", "LaunchTemplate", "MinSize", "MaxSize", "DesiredCapacity",
    "DefaultCooldown", "AvailabilityZones", "HealthCheckType", "HealthCheckGracePeriod",
    "VPCZoneIdentifier", "TerminationPolicies", "NewInstancesProtectedFromScaleIn",
    "ServiceLinkedRoleARN", "DefaultInstanceWarmup", "InstanceMaintenancePolicy",
    "MixedInstancesPolicy", "CapacityRebalance",
})  # fmt: skip
_CREATE = _BOTH | {"TargetGroupARNs", "TrafficSources", "LifecycleHookSpecificationList", "Tags"}
_ROLE = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
# Given explicitly, the default of something that is not simulated changes nothing.
_HARMLESS = {"DeletionProtection": "none", "DesiredCapacityType": "units"}


def create(desk: Desk, params: Params) -> Answer:
    """Raises Refused: AlreadyExists, ValidationError, NotImplemented."""
    _refuse_the_rest("CreateAutoScalingGroup", params, _CREATE)
    name, now = params["AutoScalingGroupName"], desk.now()
    if name in desk.store.groups:
        raise Refused(
            "AlreadyExists",
            "AutoScalingGroup by this name already exists - A group with the name"
            f" {name} already exists",
        )
    desired = params.get("DesiredCapacity", params["MinSize"])
    validate.sizes(params["MinSize"], params["MaxSize"], desired)
    if bool(params.get("LaunchTemplate")) == bool(params.get("MixedInstancesPolicy")):
        raise validate.invalid(
            "Valid requests must contain either a launch template or a mixed instances policy"
        )
    bare = Group(
        name=name,
        arn=_arn(desk, name),
        minimum=params["MinSize"],
        maximum=params["MaxSize"],
        desired=desired,
        template=_template(desk, _specified(params)),
        subnets=_subnets(desk, params, ()),
        created_at=now,
        attachments=_attachments(desk, params, now),
        tags=validate.tags(params.get("Tags") or ()),
        hooks=tuple(map(validate.hook, params.get("LifecycleHookSpecificationList") or ())),
        service_role=f"arn:aws:iam::{desk.account}:{_ROLE}",
        reason=_reason(now, "created an AutoScalingGroup", 0, desired),
    )
    desk.store.put(_settings(bare, params))
    return {}


def update(desk: Desk, params: Params) -> Answer:
    """Raises Refused: ValidationError, NotImplemented."""
    _refuse_the_rest("UpdateAutoScalingGroup", params, _BOTH)
    group, now = desk.open_group(params), desk.now()
    low, high, desired = validate.resized(group.minimum, group.maximum, group.desired, params)
    reason = group.reason
    if desired != group.desired:
        what = (
            f"update of AutoScalingGroup constraints to min: {low}, max: {high}, desired: {desired}"
        )
        reason = _reason(now, what, group.desired, desired)
    template, mixture = group.template, group.mixture
    if params.get("LaunchTemplate") or params.get("MixedInstancesPolicy"):
        template = _template(desk, _specified(params))
        mixture = mixture if params.get("MixedInstancesPolicy") else None
    changed = replace(
        group,
        minimum=low,
        maximum=high,
        desired=desired,
        reason=reason,
        template=template,
        mixture=mixture,
        subnets=_subnets(desk, params, group.subnets),
    )
    desk.store.put(_settings(_fresh_start(changed, group), params))
    return {}


def _settings(group: Group, params: Params) -> Group:
    """What create and update have in common; what is not given stays."""
    maintenance = group.maintenance
    if "InstanceMaintenancePolicy" in params:
        maintenance = validate.maintenance(params["InstanceMaintenancePolicy"])
    policies = group.policies
    if params.get("TerminationPolicies"):
        policies = validate.policies(params["TerminationPolicies"])
    mixture = group.mixture
    if params.get("MixedInstancesPolicy"):
        if group.pool is not None:
            raise Refused(
                "NotImplemented",
                "the lab does not simulate a MixedInstancesPolicy with a warm pool",
            )
        mixture = mixing.mixture(params["MixedInstancesPolicy"], mixture)
    grace = params.get("HealthCheckGracePeriod", group.grace_s)
    warmup = params.get("DefaultInstanceWarmup", group.warmup_s)
    return replace(
        group,
        health_check_type=validate.health_check_type(
            params.get("HealthCheckType") or group.health_check_type
        ),
        grace_s=validate.within("HealthCheckGracePeriod", grace, 0, 2**31),
        cooldown_s=params.get("DefaultCooldown", group.cooldown_s),
        warmup_s=None if warmup == -1 else warmup,
        policies=policies,
        maintenance=maintenance,
        protect_new=params.get("NewInstancesProtectedFromScaleIn", group.protect_new),
        service_role=params.get("ServiceLinkedRoleARN") or group.service_role,
        mixture=mixture,
        rebalances=params.get("CapacityRebalance", group.rebalances),
    )


def _specified(params: Params) -> Params:
    """The launch template that is named, directly or by a mixed instances policy."""
    if params.get("LaunchTemplate") and params.get("MixedInstancesPolicy"):
        raise validate.invalid(
            "A group has a launch template or a mixed instances policy, not both"
        )
    policy = params.get("MixedInstancesPolicy")
    return mixing.specification(policy) if policy else params["LaunchTemplate"]


def _fresh_start(changed: Group, before: Group) -> Group:
    """After a change of what is launched, or how much, the next launch is tried at once."""
    keys = ("template", "subnets", "desired")
    same = all(getattr(changed, key) == getattr(before, key) for key in keys)
    return changed if same else replace(changed, failures=0, retry_at=0.0)


def _refuse_the_rest(action: str, params: Params, known: Iterable[str]) -> None:
    asked = {key: value for key, value in params.items() if _HARMLESS.get(key) != value}
    validate.only(action, asked, known)


def _arn(desk: Desk, name: str) -> str:
    place = f"arn:aws:autoscaling:{desk.region}:{desk.account}"
    return f"{place}:autoScalingGroup:{uuid4()}:autoScalingGroupName/{name}"


def _template(desk: Desk, asked: Params) -> TemplateRef:
    """The template must exist, and so must the version named now."""
    given = [key for key in ("LaunchTemplateId", "LaunchTemplateName") if asked.get(key)]
    if len(given) != 1:
        raise validate.invalid(
            "Valid requests must contain either launchTemplateId or LaunchTemplateName"
        )
    try:
        return desk.hands.cloud.template(
            asked.get("LaunchTemplateId") or "",
            asked.get("LaunchTemplateName") or "",
            asked.get("Version") or "$Default",
        )
    except LookupError as error:
        raise validate.invalid(str(error)) from error


def _subnets(desk: Desk, params: Params, old: tuple[Subnet, ...]) -> tuple[Subnet, ...]:
    ids = [part.strip() for part in (params.get("VPCZoneIdentifier") or "").split(",") if part]
    zones = params.get("AvailabilityZones") or []
    if not ids and not zones and old:
        return old
    if not ids and not zones:
        raise validate.invalid("At least one Availability Zone or VPC Subnet is required.")
    try:
        found = desk.hands.cloud.subnets(ids, zones)
    except LookupError as error:
        raise validate.invalid(str(error)) from error
    if zones and {subnet.zone for subnet in found} != set(zones):
        raise validate.invalid(
            "The availability zones of the specified subnets and the Auto Scaling group do not match"
        )
    return found


def _attachments(desk: Desk, params: Params, now: float) -> tuple[Attachment, ...]:
    plain = list(dict.fromkeys(params.get("TargetGroupARNs") or ()))
    sources = [source["Identifier"] for source in params.get("TrafficSources") or ()]
    require_target_groups(desk, [*plain, *sources])
    return (
        *(Attachment(arn, since=now) for arn in plain),
        *(Attachment(arn, "traffic-source", since=now) for arn in sources if arn not in plain),
    )


def require_target_groups(desk: Desk, arns: list[str]) -> None:
    """Raises Refused (ValidationError) if one does not exist."""
    if desk.hands.cloud.missing_target_groups(arns):
        raise validate.invalid(
            "Provided Target Groups may not be valid. Please ensure they exist and try again."
        )


def _reason(now: float, what: str, before: int, after: int) -> str:
    change = f"changing the desired capacity from {before} to {after}."
    return hands.at(now, "", f"a user request {what} {change}")


def set_desired(desk: Desk, params: Params) -> Answer:
    """Raises Refused: ValidationError, ScalingActivityInProgress."""
    group, wanted = desk.open_group(params), params["DesiredCapacity"]
    validate.new_desired(group.minimum, group.maximum, wanted)
    if params.get("HonorCooldown") and desk.store.ledger.unfinished(group.name):
        raise Refused(
            "ScalingActivityInProgress",
            f"Scaling activity is in progress and blocks this action: {group.name}",
        )
    if wanted != group.desired:
        what = "explicitly set group desired capacity"
        reason = _reason(desk.now(), what, group.desired, wanted)
        desk.store.put(replace(group, desired=wanted, reason=reason, failures=0, retry_at=0.0))
    return {}


def delete(desk: Desk, params: Params) -> Answer:
    """Raises Refused: ResourceInUse, ScalingActivityInProgress, ValidationError."""
    group = desk.group(params["AutoScalingGroupName"])
    if params.get("ForceDelete"):
        _delete_all(desk, group)
    elif group.members:
        raise Refused(
            "ResourceInUse",
            "You cannot delete an AutoScalingGroup while there are instances or pending Spot"
            " instance request(s) still in the group.",
        )
    else:
        desk.hands.forget(group)
    return {}


def _delete_all(desk: Desk, group: Group) -> None:
    now = desk.now()
    what = f"a user request deleted AutoScalingGroup {group.name}, changing the desired capacity"
    reason = hands.at(now, "", f"{what} from {group.desired} to 0.")
    desk.store.put(replace(group, status=DELETING, minimum=0, maximum=0, desired=0, reason=reason))
    for member in group.members:
        current = desk.store.groups[group.name]
        if member.lifecycle in ENDING:
            hurried = replace(member, waits=(), quick=True, returns=False)
            desk.store.put(current.put(hurried))
        else:
            cause = "an instance was taken out of service in response to a user request."
            desk.hands.retire(current, member, cause, now, quick=True)


def describe(desk: Desk, params: Params) -> Answer:
    """Names that do not exist are absent from the answer, as on AWS."""
    validate.only(
        "DescribeAutoScalingGroups",
        params,
        {"AutoScalingGroupNames", "IncludeInstances", "NextToken", "MaxRecords", "Filters"},
    )
    names = params.get("AutoScalingGroupNames") or ()
    filters = params.get("Filters") or ()
    for one in filters:
        if one["Name"] not in ("tag-key", "tag-value") and not one["Name"].startswith("tag:"):
            raise validate.invalid(
                f"Filter {one['Name']} is not valid: use tag-key, tag-value or tag:KEY"
            )
    shown = [
        present.group(group, instances=params.get("IncludeInstances", True))
        for group in desk.store.groups.values()
        if (not names or group.name in names) and all(_passes(group, one) for one in filters)
    ]
    return paging.page(shown, params, "AutoScalingGroups", default=50, most=100)


def _passes(group: Group, asked: dict[str, Any]) -> bool:
    """`tag-key`, `tag-value` and `tag:KEY`."""
    name, values = asked["Name"], asked.get("Values") or ()
    if name == "tag-key":
        return any(tag.key in values for tag in group.tags)
    if name == "tag-value":
        return any(tag.value in values for tag in group.tags)
    key = name.removeprefix("tag:")
    return any(tag.key == key and tag.value in values for tag in group.tags)
