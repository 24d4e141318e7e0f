"""Groups, members and activities as the Describe actions show them. Pure."""

from datetime import UTC, datetime
from typing import Any

from deployer.lab.autoscaling import mixing
from deployer.lab.autoscaling.ledger import Activity
from deployer.lab.autoscaling.model import Group, Hook, Member, Tag, TemplateRef, WarmPool


def moment(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)


def template(ref: TemplateRef) -> dict[str, str]:
    return {
        "LaunchTemplateId": ref.id,
        "LaunchTemplateName": ref.name,
        "Version": ref.version,
    }


def tag(group: str, one: Tag) -> dict[str, Any]:
    return {
        "ResourceId": group,
        "ResourceType": "auto-scaling-group",
        "Key": one.key,
        "Value": one.value,
        "PropagateAtLaunch": one.propagate,
    }


def group(one: Group, *, instances: bool = True) -> dict[str, Any]:
    """DescribeAutoScalingGroups; a target group that is being removed is no longer named."""
    attached = [held for held in one.attachments if held.state != "Removing"]
    shown: dict[str, Any] = {
        "AutoScalingGroupName": one.name,
        "AutoScalingGroupARN": one.arn,
        "MinSize": one.minimum,
        "MaxSize": one.maximum,
        "DesiredCapacity": one.desired,
        "DefaultCooldown": one.cooldown_s,
        "AvailabilityZones": list(one.zones),
        "LoadBalancerNames": [],
        "TargetGroupARNs": [held.arn for held in attached if held.family == "target-group"],
        "HealthCheckType": one.health_check_type,
        "HealthCheckGracePeriod": one.grace_s,
        "CreatedTime": moment(one.created_at),
        "SuspendedProcesses": [
            {"ProcessName": name, "SuspensionReason": "User suspended at the API"}
            for name in sorted(one.suspended)
        ],
        "VPCZoneIdentifier": ",".join(subnet.id for subnet in one.subnets),
        "EnabledMetrics": [],
        "Tags": [tag(one.name, held) for held in one.tags],
        "TerminationPolicies": list(one.policies),
        "NewInstancesProtectedFromScaleIn": one.protect_new,
        "TrafficSources": [{"Identifier": held.arn, "Type": "elbv2"} for held in attached],
        "CapacityRebalance": one.rebalances,
        **_launches(one),
    }
    if instances:
        shown["Instances"] = [member(held) for held in one.members if not held.pooled]
    if one.pool or one.pooled:
        shown["WarmPoolSize"] = len(one.pooled)
    if one.pool:
        shown["WarmPoolConfiguration"] = pool(one.pool)
    if one.status:
        shown["Status"] = one.status
    if one.warmup_s is not None:
        shown["DefaultInstanceWarmup"] = one.warmup_s
    if one.service_role:
        shown["ServiceLinkedRoleARN"] = one.service_role
    if one.maintenance:
        shown["InstanceMaintenancePolicy"] = {
            "MinHealthyPercentage": one.maintenance.min_healthy,
            "MaxHealthyPercentage": one.maintenance.max_healthy,
        }
    return shown


def _launches(one: Group) -> dict[str, Any]:
    """What it launches: of a launch template and a mixed instances policy a group has one."""
    if one.mixture is None:
        return {"LaunchTemplate": template(one.template)}
    return {"MixedInstancesPolicy": mixing.described(one.mixture, template(one.template))}


def pool(one: WarmPool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "MinSize": one.minimum,
        "PoolState": "Running" if one.running else "Stopped",
        "InstanceReusePolicy": {"ReuseOnScaleIn": one.reuses},
    }
    if one.prepared is not None:
        shown["MaxGroupPreparedCapacity"] = one.prepared
    if one.deleted:
        shown["Status"] = "PendingDelete"
    return shown


def member(one: Member) -> dict[str, Any]:
    """An instance within its group; the template's version is the number that it runs."""
    return {
        "InstanceId": one.id,
        "InstanceType": one.instance_type,
        "AvailabilityZone": one.subnet.zone,
        "LifecycleState": one.lifecycle.value,
        "HealthStatus": one.health,
        "LaunchTemplate": template(one.template),
        "ProtectedFromScaleIn": one.protected,
    }


def instance(group_name: str, one: Member) -> dict[str, Any]:
    """DescribeAutoScalingInstances (where, unlike elsewhere, health is in capitals)."""
    shown = member(one)
    return {**shown, "AutoScalingGroupName": group_name, "HealthStatus": one.health.upper()}


def hook(group_name: str, one: Hook) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "AutoScalingGroupName": group_name,
        "LifecycleHookName": one.name,
        "LifecycleTransition": one.transition,
        "HeartbeatTimeout": one.heartbeat_s,
        "GlobalTimeout": min(48 * 3600, 100 * one.heartbeat_s),
        "DefaultResult": one.default_result,
    }
    if one.metadata:
        shown["NotificationMetadata"] = one.metadata
    if one.role_arn:
        shown["RoleARN"] = one.role_arn
    return shown


def activity(one: Activity, *, deleted: bool = False) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "ActivityId": one.id,
        "AutoScalingGroupName": one.group,
        "AutoScalingGroupARN": one.group_arn,
        "Description": one.description,
        "Cause": one.cause,
        "StartTime": moment(one.start),
        "StatusCode": one.status,
        "Progress": one.progress,
        "Details": one.details,
    }
    if one.end is not None:
        shown["EndTime"] = moment(one.end)
    if one.message:
        shown["StatusMessage"] = one.message
    if deleted:
        shown["AutoScalingGroupState"] = "Deleted"
    return shown
