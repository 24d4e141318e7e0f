"""AWS::AutoScaling::*: groups, their scaling policies and warm pools.

A group is changed in place, never at the cost of an instance.
Sizes are sent as AWS sends them (aws-facts 5): with IgnoreUnmodifiedGroupSizeProperties only when
the template's own value changed, otherwise with every update.
"""

from typing import Any

from deployer.lab.cloudformation.kinds import Kind, Work, kind

_SIZES = ("MinSize", "MaxSize", "DesiredCapacity")
_SAME = (
    "LaunchTemplate MixedInstancesPolicy AvailabilityZones HealthCheckType HealthCheckGracePeriod "
    "TerminationPolicies NewInstancesProtectedFromScaleIn MaxInstanceLifetime CapacityRebalance "
    "DefaultInstanceWarmup InstanceMaintenancePolicy"
)
_POLICY = "PolicyType TargetTrackingConfiguration EstimatedInstanceWarmup"
_POOL = "MaxGroupPreparedCapacity MinSize PoolState InstanceReusePolicy"


def _settings(work: Work) -> dict[str, Any]:
    """What create and update have in common, in the API's names."""
    params = work.pick(*_SAME.split())
    zones = work.get("VPCZoneIdentifier")
    if zones is not None:
        params["VPCZoneIdentifier"] = ",".join(zones) if isinstance(zones, list) else zones
    if "Cooldown" in work.properties:
        params["DefaultCooldown"] = work.get("Cooldown")
    return params


def _tags(work: Work) -> list[dict[str, Any]]:
    own = {tag["Key"]: tag for tag in work.get("Tags", [])}
    stack = {key: {"Key": key, "Value": value} for key, value in work.tags.items()}
    return [
        {
            "ResourceId": work.id,
            "ResourceType": "auto-scaling-group",
            "Key": key,
            "Value": str(tag["Value"]),
            "PropagateAtLaunch": tag.get("PropagateAtLaunch", True) in (True, "true"),
        }
        for key, tag in (stack | own).items()
    ]


def _create(work: Work) -> None:
    name = work.get("AutoScalingGroupName") or work.name()
    # Known before the call, not after: tags name the group that they are for.
    work.physical_id = name
    tags = _tags(work)
    work.physical_id = None
    work.api(
        "autoscaling",
        "create_auto_scaling_group",
        AutoScalingGroupName=name,
        Tags=tags or None,
        **_settings(work),
        **work.pick(*_SIZES, "TargetGroupARNs", "LifecycleHookSpecificationList"),
    )
    work.physical_id = name


def _update(work: Work) -> None:
    if work.changed("LifecycleHookSpecificationList"):
        raise work.refuse("an update of LifecycleHookSpecificationList")
    work.api(
        "autoscaling",
        "update_auto_scaling_group",
        AutoScalingGroupName=work.id,
        **_settings(work),
        **_sizes(work),
    )
    _retarget(work)
    tags = _tags(work)
    if tags:
        work.api("autoscaling", "create_or_update_tags", Tags=tags)
    gone = work.removed_tags()
    if gone:
        keys = [
            {"ResourceId": work.id, "ResourceType": "auto-scaling-group", "Key": key}
            for key in gone
        ]
        work.api("autoscaling", "delete_tags", Tags=keys)


def _sizes(work: Work) -> dict[str, Any]:
    scheduled = work.policy.get("AutoScalingScheduledAction", {})
    ignored = scheduled.get("IgnoreUnmodifiedGroupSizeProperties") in (True, "true")
    return work.pick(*(name for name in _SIZES if not ignored or work.changed(name)))


def _retarget(work: Work) -> None:
    old, new = (set(each.get("TargetGroupARNs", [])) for each in (work.before, work.properties))
    if new - old:
        work.api(
            "autoscaling",
            "attach_load_balancer_target_groups",
            AutoScalingGroupName=work.id,
            TargetGroupARNs=sorted(new - old),
        )
    if old - new:
        work.api(
            "autoscaling",
            "detach_load_balancer_target_groups",
            AutoScalingGroupName=work.id,
            TargetGroupARNs=sorted(old - new),
        )


def _delete(work: Work) -> None:
    """Instances first, with their draining, then the group."""
    if not _groups(work):
        return
    work.api(
        "autoscaling",
        "update_auto_scaling_group",
        AutoScalingGroupName=work.id,
        MinSize=0,
        DesiredCapacity=0,
    )
    work.api.wait(
        lambda: not any(group["Instances"] for group in _groups(work)),
        f"the instances of {work.id} are terminated",
    )
    work.api(
        "autoscaling", "delete_auto_scaling_group", AutoScalingGroupName=work.id, ForceDelete=True
    )
    work.api.wait(lambda: not _groups(work), f"{work.id} is deleted")


def _groups(work: Work) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = work.api(
        "autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=[work.id]
    )["AutoScalingGroups"]
    return found


def _read(work: Work) -> dict[str, Any]:
    return {"AutoScalingGroupARN": _groups(work)[0]["AutoScalingGroupARN"]}


def _put_policy(work: Work) -> None:
    made = work.api(
        "autoscaling",
        "put_scaling_policy",
        AutoScalingGroupName=work.need("AutoScalingGroupName"),
        PolicyName=_policy_name(work),
        **work.pick(*_POLICY.split()),
    )
    work.physical_id = made["PolicyARN"]


def _policy_name(work: Work) -> str:
    """The template cannot say it: it is made up, and stays."""
    return work.id.rpartition("policyName/")[2] if work.physical_id else work.name()


def _delete_policy(work: Work) -> None:
    if _policies(work):
        work.api("autoscaling", "delete_policy", PolicyName=work.id)


def _policies(work: Work) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = work.api(
        "autoscaling", "describe_policies", PolicyNames=[work.id]
    )["ScalingPolicies"]
    return found


def _read_policy(work: Work) -> dict[str, Any]:
    return {"Arn": work.id, "PolicyName": _policy_name(work)}


def _put_pool(work: Work) -> None:
    name = work.need("AutoScalingGroupName")
    work.api("autoscaling", "put_warm_pool", AutoScalingGroupName=name, **work.pick(*_POOL.split()))
    work.physical_id = name


def _update_pool(work: Work) -> None:
    gone = [one for one in _POOL.split() if one in work.before and one not in work.properties]
    if gone:
        raise work.refuse(f"an update of a warm pool that drops {', '.join(gone)}")
    _put_pool(work)


def _delete_pool(work: Work) -> None:
    if any("WarmPoolConfiguration" in group for group in _groups(work)):
        work.api("autoscaling", "delete_warm_pool", AutoScalingGroupName=work.id, ForceDelete=True)
        work.api.wait(
            lambda: not any("WarmPoolConfiguration" in group for group in _groups(work)),
            f"the warm pool of {work.id} is deleted",
        )


KINDS: list[Kind] = [
    kind(
        "AWS::AutoScaling::AutoScalingGroup",
        f"{_SAME} MinSize MaxSize DesiredCapacity VPCZoneIdentifier Cooldown TargetGroupARNs "
        "LifecycleHookSpecificationList Tags",
        fixed="AutoScalingGroupName",
        create=_create,
        update=_update,
        delete=_delete,
        read=_read,
        policies="AutoScalingScheduledAction",
    ),
    kind(
        "AWS::AutoScaling::ScalingPolicy",
        _POLICY,
        fixed="AutoScalingGroupName",
        create=_put_policy,
        update=_put_policy,
        delete=_delete_policy,
        read=_read_policy,
    ),
    kind(
        "AWS::AutoScaling::WarmPool",
        _POOL,
        fixed="AutoScalingGroupName",
        create=_put_pool,
        update=_update_pool,
        delete=_delete_pool,
    ),
]
