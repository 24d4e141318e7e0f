"""Warm pools: put, delete, describe."""

from dataclasses import replace

from deployer.lab.actions import Refused
from deployer.lab.autoscaling import paging, present, validate
from deployer.lab.autoscaling.api.desk import Answer, Desk, Params
from deployer.lab.autoscaling.model import WarmPool

_PUT = (
    "AutoScalingGroupName",
    "MaxGroupPreparedCapacity",
    "MinSize",
    "PoolState",
    "InstanceReusePolicy",
)
_UNSET = -1  # MaxGroupPreparedCapacity: follow MaxSize again


def put(desk: Desk, params: Params) -> Answer:
    """PutWarmPool creates one, or changes what is given of it.

    Raises:
        Refused: ValidationError; NotImplemented for hibernation and for mixed groups.
    """
    validate.only("PutWarmPool", params, _PUT)
    group = desk.open_group(params)
    if group.mixture is not None:
        raise Refused(
            "NotImplemented", "the lab does not simulate a warm pool with a MixedInstancesPolicy"
        )
    old = group.pool or WarmPool()
    state = params.get("PoolState") or ("Running" if old.running else "Stopped")
    if state == "Hibernated":
        raise Refused("NotImplemented", "the lab does not simulate PoolState Hibernated")
    if old.deleted:
        raise validate.invalid(f"The warm pool of {group.name} is pending delete")
    made = WarmPool(
        minimum=validate.within("MinSize", params.get("MinSize", old.minimum), 0, 2**31),
        prepared=_prepared(params, old),
        running=state == "Running",
        reuses=params.get("InstanceReusePolicy", {"ReuseOnScaleIn": old.reuses}).get(
            "ReuseOnScaleIn", False
        ),
    )
    desk.store.put(replace(group, pool=made))
    return {}


def _prepared(params: Params, old: WarmPool) -> int | None:
    asked: int | None = params.get("MaxGroupPreparedCapacity")
    if asked is None:
        return old.prepared
    return None if asked == _UNSET else asked


def delete(desk: Desk, params: Params) -> Answer:
    """DeleteWarmPool; with instances in it only by force, which ends them.

    Raises:
        Refused: ValidationError, no such pool; ResourceInUse, it is not empty.
    """
    validate.only("DeleteWarmPool", params, ("AutoScalingGroupName", "ForceDelete"))
    group = desk.group(params["AutoScalingGroupName"])
    if group.pool is None:
        raise validate.invalid(f"No warm pool found for AutoScalingGroup {group.name}")
    if group.pooled and not params.get("ForceDelete"):
        raise Refused(
            "ResourceInUse",
            "You cannot delete a warm pool while there are instances in it: use force delete",
        )
    desk.store.put(replace(group, pool=replace(group.pool, deleted=True)))
    cause = "an instance was taken out of the warm pool in response to a user request."
    for member in group.pooled:
        current = desk.store.groups[group.name]
        desk.hands.retire(current, member, cause, desk.now(), quick=True)
    return {}


def describe(desk: Desk, params: Params) -> Answer:
    """DescribeWarmPool, 50 instances to a page."""
    validate.only("DescribeWarmPool", params, ("AutoScalingGroupName", "MaxRecords", "NextToken"))
    group = desk.group(params["AutoScalingGroupName"])
    shown = [present.member(one) for one in group.members if one.pooled]
    told = paging.page(shown, params, "Instances", default=50, most=50)
    if group.pool is not None:
        told["WarmPoolConfiguration"] = present.pool(group.pool)
    return told
