"""What can be asked of single instances: terminate, protect, call unhealthy, standby, detach."""

from dataclasses import replace

from deployer.lab.actions import Refused
from deployer.lab.autoscaling import hands, paging, present, validate
from deployer.lab.autoscaling.api.desk import Answer, Desk, Params
from deployer.lab.autoscaling.model import ENDING, Group, Lifecycle, Member

_MOST_AT_ONCE = 20
_MOST_PROTECTED = 50
_MOST_ENDED = 100


def describe(desk: Desk, params: Params) -> Answer:
    """DescribeAutoScalingInstances; ids of no group are absent, as on AWS."""
    validate.only(
        "DescribeAutoScalingInstances", params, {"InstanceIds", "MaxRecords", "NextToken"}
    )
    ids = params.get("InstanceIds") or ()
    shown = [
        present.instance(group.name, member)
        for group in desk.store.groups.values()
        for member in group.members
        if not ids or member.id in ids
    ]
    return paging.page(shown, params, "AutoScalingInstances", default=50, most=50)


def terminate(desk: Desk, params: Params) -> Answer:
    """TerminateInstanceInAutoScalingGroup, of one instance or of up to 100 of one group.

    One that is ending already is not counted twice.

    Raises:
        Refused: ValidationError: not a member, or the group would be below its minimum; then
                 nothing was done.
    """
    known = {"InstanceId", "InstanceIds", "ShouldDecrementDesiredCapacity", "AutoScalingGroupName"}
    validate.only("TerminateInstanceInAutoScalingGroup", params, known)
    shrink = params["ShouldDecrementDesiredCapacity"]
    several = params.get("InstanceIds") or ()
    if not several:
        told = _end(desk, params.get("InstanceId") or "", shrink=shrink)
        return {"Activity": told} if told else {}
    if params.get("InstanceId"):
        raise validate.invalid("InstanceId and InstanceIds are two ways to say it: give one")
    group = desk.open_group(params)
    validate.within("The number of InstanceIds", len(several), 1, _MOST_ENDED)
    leaving = [m for m in desk.members(group, several) if m.lifecycle not in ENDING]
    if shrink and group.desired - len(leaving) < group.minimum:
        raise _too_small(group)
    ended = [_end(desk, instance, shrink=shrink) for instance in several]
    return {"Activities": [told for told in ended if told]}


def _end(desk: Desk, instance: str, *, shrink: bool) -> Answer | None:
    group, member = desk.member(instance)
    activity = member.activity
    if member.pooled and shrink:
        raise Refused(
            "NotImplemented",
            "the lab does not simulate ShouldDecrementDesiredCapacity for an instance of the warm pool",
        )
    if member.lifecycle not in ENDING:
        cause = "an instance was taken out of service in response to a user request"
        if shrink:
            cause += f", shrinking the capacity from {group.desired} to {group.desired - 1}"
            group = _smaller_by_one(desk, group)
        activity = desk.hands.retire(group, member, f"{cause}.", desk.now())
    told = desk.store.ledger.get(activity)
    return present.activity(told) if told else None


def _smaller_by_one(desk: Desk, group: Group) -> Group:
    if group.desired <= group.minimum:
        raise _too_small(group)
    return desk.store.put(replace(group, desired=group.desired - 1))


def _too_small(group: Group) -> Refused:
    return validate.invalid(
        f"Currently, desiredSize equals minSize ({group.minimum}). Terminating instance without"
        " replacement will violate group's min size constraint. Either set"
        " shouldDecrementDesiredCapacity flag to false or lower group's min size."
    )


def protect(desk: Desk, params: Params) -> Answer:
    """SetInstanceProtection, at most 50 at once."""
    group = desk.open_group(params)
    ids = params["InstanceIds"]
    validate.within("The number of InstanceIds", len(ids), 1, _MOST_PROTECTED)
    for member in desk.members(group, ids):
        group = group.put(replace(member, protected=params["ProtectedFromScaleIn"]))
    desk.store.put(group)
    return {}


def set_health(desk: Desk, params: Params) -> Answer:
    """SetInstanceHealth; within the grace period `Unhealthy` is passed over unless told not to."""
    group, member = desk.member(params["InstanceId"])
    status = params["HealthStatus"]
    if status not in ("Healthy", "Unhealthy"):
        raise validate.invalid(f"Health status {status} is not Healthy or Unhealthy")
    if not member.counted:
        raise validate.invalid(f"The instance {member.id} is in state {member.lifecycle}")
    serving = member.lifecycle is Lifecycle.IN_SERVICE
    graceful = not serving or desk.now() - member.since < group.grace_s
    spared = graceful and group.grace_s > 0 and params.get("ShouldRespectGracePeriod", True)
    if status == "Healthy" or not spared:
        complaint = "a user health-check" if status == "Unhealthy" else ""
        desk.store.put(group.put(replace(member, health=status, complaint=complaint)))
    return {}


def enter_standby(desk: Desk, params: Params) -> Answer:
    """Deregistered, no longer counted, still running."""
    return _aside(desk, params, Lifecycle.ENTERING_STANDBY, (Lifecycle.IN_SERVICE,))


def detach(desk: Desk, params: Params) -> Answer:
    """DetachInstances: deregistered and, once drained, no member any more."""
    states = (Lifecycle.IN_SERVICE, Lifecycle.STANDBY)
    return _aside(desk, params, Lifecycle.DETACHING, states)


def _aside(desk: Desk, params: Params, to: Lifecycle, allowed: tuple[Lifecycle, ...]) -> Answer:
    group, now = desk.open_group(params), desk.now()
    members = desk.members(group, params.get("InstanceIds") or ())
    validate.within("The number of InstanceIds", len(members), 1, _MOST_AT_ONCE)
    for member in members:
        _require(member, allowed)
    cause = "instance was moved to standby in response to a user request"
    if to is Lifecycle.DETACHING:
        cause = "instance was detached in response to a user request"
    if params["ShouldDecrementDesiredCapacity"]:
        group, change = _resize(desk, group, -len(members))
        cause += change
    told = []
    for member in members:
        current = desk.store.groups[group.name]
        told.append(desk.hands.step_aside(current, member, to, f"{cause}.", now))
    return _activities(desk, told)


def exit_standby(desk: Desk, params: Params) -> Answer:
    """Back into service: registered again; no lifecycle hook runs (aws-facts 3.2)."""
    group, now = desk.open_group(params), desk.now()
    members = desk.members(group, params.get("InstanceIds") or ())
    for member in members:
        _require(member, (Lifecycle.STANDBY,))
    group, change = _resize(desk, group, len(members))
    cause = f"instance was moved out of standby in response to a user request{change}."
    told = []
    for member in members:
        activity = desk.store.ledger.open(
            group,
            member.id,
            f"Moving EC2 instance out of Standby: {member.id}",
            hands.at(now, "", cause),
            now,
            place=member.subnet,
        )
        told.append(activity)
        back = replace(member.enter(Lifecycle.PENDING, now), quick=True, activity=activity)
        group = desk.store.put(group.put(back))
    return _activities(desk, told)


def _require(member: Member, allowed: tuple[Lifecycle, ...]) -> None:
    if member.lifecycle not in allowed:
        raise validate.invalid(f"The instance {member.id} is not in {' or '.join(allowed)}.")


def _resize(desk: Desk, group: Group, by: int) -> tuple[Group, str]:
    """The group with its desired capacity changed, and the words for it."""
    desired = group.desired + by
    if not group.minimum <= desired <= group.maximum:
        what = "place into standby or detach" if by < 0 else "take out of standby"
        raise validate.invalid(
            f"AutoScalingGroup {group.name} has min-size={group.minimum}, max-size={group.maximum},"
            f" and desired-size={group.desired}. To {what} {abs(by)} instance, please update the"
            " AutoScalingGroup sizes appropriately."
        )
    verb = "increasing" if by > 0 else "shrinking"
    change = f", {verb} the capacity from {group.desired} to {desired}"
    return desk.store.put(replace(group, desired=desired)), change


def _activities(desk: Desk, ids: list[str]) -> Answer:
    found = filter(None, map(desk.store.ledger.get, ids))
    return {"Activities": [present.activity(one) for one in found]}
