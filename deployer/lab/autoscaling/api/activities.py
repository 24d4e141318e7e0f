"""Scaling activities and suspended processes."""

from dataclasses import replace

from deployer.lab.autoscaling import paging, present, validate
from deployer.lab.autoscaling.api.desk import Answer, Desk, Params


def describe(desk: Desk, params: Params) -> Answer:
    """DescribeScalingActivities, newest first, 100 to a page."""
    known = {
        "ActivityIds",
        "AutoScalingGroupName",
        "IncludeDeletedGroups",
        "MaxRecords",
        "NextToken",
    }
    validate.only("DescribeScalingActivities", params, known)
    name, ids = params.get("AutoScalingGroupName"), params.get("ActivityIds")
    living, deleted = desk.store.groups, bool(params.get("IncludeDeletedGroups"))
    if name and not deleted:
        desk.group(name)
    shown = [
        present.activity(one, deleted=_of_deleted(desk, one.group, one.group_arn))
        for one in desk.store.ledger.newest_first()
        if (not name or one.group == name)
        and (not ids or one.id in ids)
        and (deleted or one.group in living)
    ]
    return paging.page(shown, params, "Activities", default=100, most=100)


def _of_deleted(desk: Desk, name: str, arn: str) -> bool:
    group = desk.store.groups.get(name)
    return group is None or group.arn != arn


def suspend(desk: Desk, params: Params) -> Answer:
    """SuspendProcesses; no process named means all of them."""
    group = desk.open_group(params)
    asked = validate.processes(params.get("ScalingProcesses") or ())
    desk.store.put(replace(group, suspended=group.suspended | asked))
    return {}


def resume(desk: Desk, params: Params) -> Answer:
    group = desk.open_group(params)
    asked = validate.processes(params.get("ScalingProcesses") or ())
    desk.store.put(replace(group, suspended=group.suspended - asked))
    return {}
