"""Target groups of a group: attach, detach, describe, by either of AWS's two families of actions."""

from collections.abc import Iterable
from dataclasses import replace

from deployer.lab.actions import Refused
from deployer.lab.autoscaling import paging, validate
from deployer.lab.autoscaling.api.desk import Answer, Desk, Params
from deployer.lab.autoscaling.api.groups import require_target_groups
from deployer.lab.autoscaling.model import Attachment, Group, Lifecycle

PLAIN, SOURCE = "target-group", "traffic-source"
_MOST_AT_ONCE = 10


def attach_target_groups(desk: Desk, params: Params) -> Answer:
    """AttachLoadBalancerTargetGroups, at most 10 at once."""
    return _attach(desk, params, params["TargetGroupARNs"], PLAIN)


def attach_sources(desk: Desk, params: Params) -> Answer:
    """AttachTrafficSources; only target groups (`elbv2`)."""
    known = {"AutoScalingGroupName", "TrafficSources"}
    validate.only("AttachTrafficSources", params, known)
    return _attach(desk, params, _identifiers(params), SOURCE)


def detach_target_groups(desk: Desk, params: Params) -> Answer:
    """DetachLoadBalancerTargetGroups: the group's instances begin to drain."""
    return _detach(desk, params, params["TargetGroupARNs"], PLAIN)


def detach_sources(desk: Desk, params: Params) -> Answer:
    return _detach(desk, params, _identifiers(params), SOURCE)


def _identifiers(params: Params) -> list[str]:
    for source in params["TrafficSources"]:
        if source.get("Type", "elbv2") != "elbv2":
            raise Refused(
                "NotImplemented",
                f"the lab does not simulate traffic sources of type {source['Type']}",
            )
    return [source["Identifier"] for source in params["TrafficSources"]]


def _attach(desk: Desk, params: Params, arns: list[str], family: str) -> Answer:
    group = desk.open_group(params)
    validate.within("The number of target groups", len(arns), 1, _MOST_AT_ONCE)
    require_target_groups(desk, arns)
    for arn in dict.fromkeys(arns):
        if arn not in group.target_groups:
            group = _with(desk, group, arn, family)
    desk.store.put(group)
    return {}


def _with(desk: Desk, group: Group, arn: str, family: str) -> Group:
    """The group with this target group; the members in service are registered at once."""
    others = tuple(held for held in group.attachments if held.arn != arn)
    made = Attachment(arn, family, since=desk.now())
    group = replace(group, attachments=(*others, made))
    if not group.runs("AddToLoadBalancer"):
        return group
    for member in _serving(group):
        desk.hands.cloud.register(arn, [member])
        held = group.member(member)
        if held is not None:
            group = group.put(replace(held, targets=held.targets | {arn}))
    return group


def _serving(group: Group) -> Iterable[str]:
    return [m.id for m in group.members if m.lifecycle is Lifecycle.IN_SERVICE]


def _detach(desk: Desk, params: Params, arns: list[str], family: str) -> Answer:
    group, now = desk.open_group(params), desk.now()
    mine = {held.arn for held in group.attachments if held.family == family}
    if set(arns) - (mine & group.target_groups):
        raise validate.invalid("Trying to remove Target Groups that are not part of the group")
    for arn in arns:
        registered = [m.id for m in group.members if arn in m.targets]
        if registered:
            desk.hands.cloud.deregister(arn, registered)
    attachments = tuple(
        replace(held, state="Removing", since=now) if held.arn in arns else held
        for held in group.attachments
    )
    desk.store.put(replace(group, attachments=attachments))
    return {}


def describe_target_groups(desk: Desk, params: Params) -> Answer:
    group = desk.group(params["AutoScalingGroupName"])
    shown = [
        {"LoadBalancerTargetGroupARN": held.arn, "State": held.state}
        for held in group.attachments
        if held.family == PLAIN
    ]
    return paging.page(shown, params, "LoadBalancerTargetGroups", default=100, most=100)


def describe_sources(desk: Desk, params: Params) -> Answer:
    group = desk.group(params["AutoScalingGroupName"])
    kind = params.get("TrafficSourceType") or "elbv2"
    shown = [
        {"TrafficSource": held.arn, "Identifier": held.arn, "Type": "elbv2", "State": held.state}
        for held in group.attachments
        if kind == "elbv2"
    ]
    return paging.page(shown, params, "TrafficSources", default=50, most=50)
