"""Scaling policies: put, delete, describe; only target tracking."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

from deployer.lab.actions import Refused
from deployer.lab.autoscaling import paging, tracking, validate
from deployer.lab.autoscaling.api.desk import Answer, Desk, Params
from deployer.lab.autoscaling.model import Group
from deployer.lab.autoscaling.tracking import CPU, HIGH, LOW, REQUESTS, Policy

TRACKING = "TargetTrackingScaling"
_PUT = (
    "AutoScalingGroupName",
    "PolicyName",
    "PolicyType",
    "TargetTrackingConfiguration",
    "EstimatedInstanceWarmup",
    "Enabled",
)
_CONFIGURATION = ("PredefinedMetricSpecification", "TargetValue", "DisableScaleIn")
_PARTS = 6  # of a resource label: app/NAME/ID/targetgroup/NAME/ID


def put(desk: Desk, params: Params) -> Answer:
    """PutScalingPolicy, and the alarms that go with it.

    Raises:
        Refused: ValidationError; NotImplemented for all but target tracking on the two metrics that
                 the lab has.
    """
    group = desk.open_group(params)
    kind = params.get("PolicyType") or "SimpleScaling"
    if kind != TRACKING:
        raise Refused("NotImplemented", f"the lab does not simulate PolicyType {kind}")
    validate.only("PutScalingPolicy", params, _PUT)
    if params.get("Enabled") is False:
        raise Refused("NotImplemented", "the lab does not simulate scaling policies that are off")
    name = params["PolicyName"]
    old = next((one for one in group.scaling if one.name == name), None)
    made = _policy(desk, group, params, old)
    others = tuple(one for one in group.scaling if one.name != name)
    if any((one.metric, one.label) == (made.metric, made.label) for one in others):
        raise validate.invalid(
            "Only one TargetTrackingScaling policy for a given metric specification is allowed."
        )
    for alarm in tracking.watches(made, group.name):
        desk.hands.cloud.watch(alarm)
    gone = set(old.alarms.values()) - set(made.alarms.values()) if old else set()
    if gone:
        desk.hands.cloud.unwatch(sorted(gone))
    desk.store.put(replace(group, scaling=(*others, made)))
    return {"PolicyARN": made.arn, "Alarms": _alarms(desk, made)}


def _policy(desk: Desk, group: Group, params: Params, old: Policy | None) -> Policy:
    asked = params.get("TargetTrackingConfiguration")
    if not asked:
        raise validate.invalid("TargetTrackingConfiguration is required for TargetTrackingScaling")
    validate.only("TargetTrackingConfiguration", asked, _CONFIGURATION)
    metric, label = _metric(desk, group, asked.get("PredefinedMetricSpecification") or {})
    if asked["TargetValue"] <= 0:
        raise validate.invalid("TargetValue must be greater than 0")
    shrinks = not asked.get("DisableScaleIn", False)
    place = f"arn:aws:autoscaling:{desk.region}:{desk.account}:scalingPolicy"
    name = params["PolicyName"]
    known = old.alarms if old else {}
    return Policy(
        name=name,
        arn=old.arn
        if old
        else f"{place}:{uuid4()}:autoScalingGroupName/{group.name}:policyName/{name}",
        metric=metric,
        label=label,
        target=float(asked["TargetValue"]),
        shrinks=shrinks,
        warmup_s=params.get("EstimatedInstanceWarmup"),
        alarms={
            edge: known.get(edge) or f"TargetTracking-{group.name}-{edge}-{uuid4()}"
            for edge in ((HIGH, LOW) if shrinks else (HIGH,))
        },
    )


def _metric(desk: Desk, group: Group, asked: Mapping[str, Any]) -> tuple[str, str]:
    kind, label = asked.get("PredefinedMetricType"), asked.get("ResourceLabel") or ""
    if kind not in (CPU, REQUESTS):
        raise Refused("NotImplemented", f"the lab does not simulate target tracking on {kind}")
    if kind == CPU:
        return CPU, ""
    parts = label.split("/")
    if len(parts) != _PARTS or (parts[0], parts[3]) != ("app", "targetgroup"):
        raise validate.invalid(f"The resource label {label!r} is not app/…/targetgroup/…")
    ending = ":" + "/".join(parts[3:])
    arn = next((one for one in group.target_groups if one.endswith(ending)), None)
    if arn is None:
        raise validate.invalid(f"The target group of {label} is not attached to the group")
    if not any(one.endswith("/".join(parts[:3])) for one in desk.hands.cloud.balancers(arn)):
        raise validate.invalid(
            f"The load balancer does not route traffic to the target group: {label}"
        )
    return REQUESTS, label


def delete(desk: Desk, params: Params) -> Answer:
    """DeletePolicy, by name or ARN; its alarms go with it."""
    name = params["PolicyName"]
    for group in list(desk.store.groups.values()):
        if params.get("AutoScalingGroupName") not in (None, group.name):
            continue
        found = next((one for one in group.scaling if name in (one.name, one.arn)), None)
        if found is not None:
            desk.hands.cloud.unwatch(sorted(found.alarms.values()))
            kept = tuple(one for one in group.scaling if one is not found)
            desk.store.put(replace(group, scaling=kept))
            return {}
    raise validate.invalid(f"No scaling policy found with name {name}")


def describe(desk: Desk, params: Params) -> Answer:
    """DescribePolicies; unknown names are passed over, as on AWS."""
    names, kinds = params.get("PolicyNames") or (), params.get("PolicyTypes") or ()
    if params.get("AutoScalingGroupName"):
        desk.group(params["AutoScalingGroupName"])
    shown = [
        _shown(desk, group, one)
        for group in desk.store.groups.values()
        if params.get("AutoScalingGroupName") in (None, group.name)
        for one in group.scaling
        if (not names or one.name in names or one.arn in names) and (not kinds or TRACKING in kinds)
    ]
    return paging.page(shown, params, "ScalingPolicies", default=50, most=100)


def _shown(desk: Desk, group: Group, one: Policy) -> dict[str, Any]:
    metric = {"PredefinedMetricType": one.metric}
    if one.label:
        metric["ResourceLabel"] = one.label
    shown: dict[str, Any] = {
        "AutoScalingGroupName": group.name,
        "PolicyName": one.name,
        "PolicyARN": one.arn,
        "PolicyType": TRACKING,
        "StepAdjustments": [],
        "Alarms": _alarms(desk, one),
        "TargetTrackingConfiguration": {
            "PredefinedMetricSpecification": metric,
            "TargetValue": one.target,
            "DisableScaleIn": not one.shrinks,
        },
        "Enabled": True,
    }
    if one.warmup_s is not None:
        shown["EstimatedInstanceWarmup"] = one.warmup_s
    return shown


def _alarms(desk: Desk, one: Policy) -> list[dict[str, str]]:
    place = f"arn:aws:cloudwatch:{desk.region}:{desk.account}:alarm"
    return [{"AlarmName": name, "AlarmARN": f"{place}:{name}"} for name in one.alarms.values()]
