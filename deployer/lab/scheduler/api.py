"""EventBridge Scheduler's API: schedules and groups, made, read, changed, listed, deleted.

Creating twice with one ClientToken is creating once; with another token the name is taken.
[M:scheduler]
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from deployer.lab.actions import Call
from deployer.lab.scheduler.book import DEFAULT, Book, Group, Schedule
from deployer.lab.scheduler.delivery import Courier
from deployer.lab.scheduler.expressions import Once
from deployer.lab.scheduler.requests import invalid, require_name, settings_of, times_of
from deployer.lab.wire import Refused

PAGE = 100
Params = Mapping[str, Any]
Answer = dict[str, Any]


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _taken(what: str, name: str) -> Refused:
    return Refused("ConflictException", f"{what} {name} already exists.", 409)


class Api:
    """The service's actions over `book`. Under the lab's lock."""

    def __init__(self, book: Book, courier: Courier) -> None:
        self.book, self._courier = book, courier

    def create_schedule(self, call: Call, params: Params) -> Answer:
        """Raises Refused: taken, not valid, not simulated, or a role that does not trust us."""
        settings, group = settings_of(params), self.book.group(params.get("GroupName") or DEFAULT)
        name, now = params["Name"], call.context.clock.now()
        known = self.book.schedules.get((group.name, name))
        if known is not None:
            if known.token and known.token == params.get("ClientToken"):
                return {"ScheduleArn": known.arn}
            raise _taken("Schedule", name)
        arn = self.book.arn("schedule", f"{group.name}/{name}")
        made = Schedule(
            name=name, group=group.name, arn=arn, settings=settings, times=times_of(settings, now),
            next_at=None, created_at=now, changed_at=now, token=params.get("ClientToken") or "",
        )  # fmt: skip
        self._begin(made, now)
        self.book.schedules[group.name, name] = made
        return {"ScheduleArn": arn}

    def _begin(self, schedule: Schedule, now: float) -> None:
        """Raises Refused: it can never be carried out."""
        try:
            self._courier.trusted(schedule.settings["Target"]["RoleArn"], schedule.arn)
        except Refused as error:
            raise invalid(
                "The execution role you provide must allow AWS EventBridge Scheduler to assume "
                f"the role. ({error.message})"
            ) from error
        schedule.begin(now)
        if isinstance(schedule.times, Once) and schedule.next_at is None:
            raise invalid(f"{schedule.settings['ScheduleExpression']} is in the past.")

    def update_schedule(self, call: Call, params: Params) -> Answer:
        """Everything that is not said becomes the default again. Raises Refused, as creating does."""
        settings, now = settings_of(params), call.context.clock.now()
        known = self.book.schedule(params.get("GroupName") or DEFAULT, params["Name"])
        changed = Schedule(
            name=known.name, group=known.group, arn=known.arn, settings=settings,
            times=times_of(settings, now), next_at=None, created_at=known.created_at,
            changed_at=now, token=known.token,
        )  # fmt: skip
        self._begin(changed, now)
        self.book.schedules[known.group, known.name] = changed
        return {"ScheduleArn": known.arn}

    def get_schedule(self, _call: Call, params: Params) -> Answer:
        """Raises Refused: there is none."""
        found = self.book.schedule(params.get("GroupName") or DEFAULT, params["Name"])
        return {**_summary(found), **found.settings}

    def delete_schedule(self, _call: Call, params: Params) -> Answer:
        """Raises Refused: there is none."""
        found = self.book.schedule(params.get("GroupName") or DEFAULT, params["Name"])
        del self.book.schedules[found.group, found.name]
        return {}

    def list_schedules(self, _call: Call, params: Params) -> Answer:
        """By group, prefix and state; a page at a time."""
        if params.get("GroupName"):
            self.book.group(params["GroupName"])
        found = [
            {**_summary(each), "Target": {"Arn": each.settings["Target"]["Arn"]}}
            for each in self.book.schedules.values()
            if params.get("GroupName") in (None, each.group)
            and each.name.startswith(params.get("NamePrefix") or "")
            and params.get("State") in (None, each.settings["State"])
        ]
        return _paged("Schedules", found, params)

    def create_group(self, call: Call, params: Params) -> Answer:
        """Raises Refused: taken, or not a name."""
        name = params["Name"]
        require_name(name)
        known = self.book.groups.get(name)
        if known is not None and not (known.token and known.token == params.get("ClientToken")):
            raise _taken("Schedule group", name)
        tags = {tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()}
        arn, now = self.book.arn("schedule-group", name), call.context.clock.now()
        made = known or Group(name, arn, now, tags, params.get("ClientToken") or "")
        self.book.groups[name] = made
        return {"ScheduleGroupArn": made.arn}

    def get_group(self, _call: Call, params: Params) -> Answer:
        """Raises Refused: there is none."""
        return _group(self.book.group(params["Name"]))

    def delete_group(self, _call: Call, params: Params) -> Answer:
        """Raises Refused: there is none, or it is everybody's."""
        if params["Name"] == DEFAULT:
            raise invalid("The default schedule group cannot be deleted.")
        self.book.delete_group(params["Name"])
        return {}

    def list_groups(self, _call: Call, params: Params) -> Answer:
        """By prefix; a page at a time."""
        prefix = params.get("NamePrefix") or ""
        found = [_group(each) for each in self.book.groups.values() if each.name.startswith(prefix)]
        return _paged("ScheduleGroups", found, params)

    def tag(self, _call: Call, params: Params) -> Answer:
        """Groups have tags; schedules have none. Raises Refused: no such group."""
        group = self._by_arn(params["ResourceArn"])
        group.tags.update({tag["Key"]: tag["Value"] for tag in params["Tags"]})
        return {}

    def untag(self, _call: Call, params: Params) -> Answer:
        """Raises Refused: no such group."""
        group = self._by_arn(params["ResourceArn"])
        for key in params["TagKeys"]:
            group.tags.pop(key, None)
        return {}

    def tags(self, _call: Call, params: Params) -> Answer:
        """Raises Refused: no such group."""
        group = self._by_arn(params["ResourceArn"])
        return {"Tags": [{"Key": key, "Value": value} for key, value in group.tags.items()]}

    def _by_arn(self, arn: str) -> Group:
        return self.book.group(arn.rpartition("schedule-group/")[2])


def _summary(schedule: Schedule) -> Answer:
    return {
        "Arn": schedule.arn, "GroupName": schedule.group, "Name": schedule.name,
        "State": schedule.settings["State"], "CreationDate": _moment(schedule.created_at),
        "LastModificationDate": _moment(schedule.changed_at),
    }  # fmt: skip


def _group(group: Group) -> Answer:
    return {
        "Arn": group.arn, "Name": group.name, "State": "ACTIVE",
        "CreationDate": _moment(group.created_at), "LastModificationDate": _moment(group.created_at),
    }  # fmt: skip


def _paged(key: str, found: Sequence[Any], params: Params) -> Answer:
    """One page, with the token of the next.

    Raises:
        Refused: a token that is none.
    """
    size, token = int(params.get("MaxResults") or PAGE), params.get("NextToken") or "0"
    if not 1 <= size <= PAGE or not token.isdigit():
        raise invalid(f"MaxResults is 1 to {PAGE}, and a NextToken is one that was given.")
    end = int(token) + size
    more = {"NextToken": str(end)} if end < len(found) else {}
    return {key: list(found[int(token) : end]), **more}
