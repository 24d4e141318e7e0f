"""AWS::Scheduler::Schedule and AWS::Scheduler::ScheduleGroup. Names and shapes are the API's own."""

from typing import Any

from deployer.lab.cloudformation.kinds import Kind, Work, kind

_SCHEDULE = (
    "Description EndDate FlexibleTimeWindow KmsKeyArn ScheduleExpression "
    "ScheduleExpressionTimezone StartDate State Target"
)


def _create_schedule(work: Work) -> None:
    name = work.get("Name") or work.name(64)
    given = work.pick("GroupName", *_SCHEDULE.split())
    work.api("scheduler", "create_schedule", Name=name, **given)
    work.physical_id = name


def _update_schedule(work: Work) -> None:
    given = work.pick("GroupName", *_SCHEDULE.split())
    work.api("scheduler", "update_schedule", Name=work.id, **given)


def _where(work: Work) -> dict[str, Any]:
    return {"Name": work.id, **work.pick("GroupName")}


def _delete_schedule(work: Work) -> None:
    work.api("scheduler", "delete_schedule", **_where(work))


def _read_schedule(work: Work) -> dict[str, Any]:
    return {"Arn": work.api("scheduler", "get_schedule", **_where(work))["Arn"]}


def _create_group(work: Work) -> None:
    name = work.get("Name") or work.name(64)
    work.api("scheduler", "create_schedule_group", Name=name, Tags=work.all_tags() or None)
    work.physical_id = name


def _read_group(work: Work) -> dict[str, Any]:
    found = work.api("scheduler", "get_schedule_group", Name=work.id)
    return {
        "Arn": found["Arn"],
        "State": found["State"],
        "CreationDate": found["CreationDate"].isoformat(),
        "LastModificationDate": found["LastModificationDate"].isoformat(),
    }


def _update_group(work: Work) -> None:
    arn = _read_group(work)["Arn"]
    if work.all_tags():
        work.api("scheduler", "tag_resource", ResourceArn=arn, Tags=work.all_tags())
    if work.removed_tags():
        work.api("scheduler", "untag_resource", ResourceArn=arn, TagKeys=work.removed_tags())


def _delete_group(work: Work) -> None:
    work.api("scheduler", "delete_schedule_group", Name=work.id)


KINDS: list[Kind] = [
    kind(
        "AWS::Scheduler::Schedule",
        _SCHEDULE,
        fixed="Name",
        frozen="GroupName",
        create=_create_schedule,
        update=_update_schedule,
        delete=_delete_schedule,
        read=_read_schedule,
    ),
    kind(
        "AWS::Scheduler::ScheduleGroup",
        "Tags",
        fixed="Name",
        create=_create_group,
        update=_update_group,
        delete=_delete_group,
        read=_read_group,
    ),
]
