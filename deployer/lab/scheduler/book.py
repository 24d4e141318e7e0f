"""Schedules and their groups, as they are kept. Under the lab's lock."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from deployer.lab.scheduler.expressions import Once, Times
from deployer.lab.wire import Refused

DEFAULT = "default"


def not_found(what: str, name: str) -> Refused:
    """As the service says it."""
    return Refused("ResourceNotFoundException", f"{what} {name} does not exist.", 404)


@dataclass(slots=True)
class Schedule:
    """One schedule.

    settings:   as they were given, with defaults: the members of GetSchedule.
    times:      when it is due.
    next_at:    when next, epoch seconds; None: never again.
    token:      of the call that made it.
    """

    name: str
    group: str
    arn: str
    settings: dict[str, Any]
    times: Times
    next_at: float | None
    created_at: float
    changed_at: float
    token: str = ""

    @property
    def enabled(self) -> bool:
        return bool(self.settings["State"] == "ENABLED")

    @property
    def goes(self) -> bool:
        """It is deleted once it is never due again."""
        return bool(self.settings["ActionAfterCompletion"] == "DELETE")

    def within(self, at: float | None) -> float | None:
        """`at`, unless that is after the schedule's end (which one-time schedules ignore)."""
        end = self.settings.get("EndDate")
        late = end is not None and at is not None and at >= end.timestamp()
        return None if late and not isinstance(self.times, Once) else at

    def begin(self, now: float) -> None:
        """Due from now on, or from its start on."""
        start = self.settings.get("StartDate")
        began = -math.inf if start is None else start.timestamp()
        if isinstance(self.times, Once):
            began = -math.inf
        # A rate's first time is its origin, which is `now` itself.
        self.next_at = self.within(self.times.after(math.nextafter(max(now, began), -math.inf)))

    def take(self, now: float) -> float | None:
        """The time for which it is due by now, if it is: of several the last one."""
        due = self.next_at
        if due is None or due > now:
            return None
        while self.next_at is not None and self.next_at <= now:
            due = self.next_at
            self.next_at = self.within(self.times.after(due))
        return due


@dataclass(slots=True)
class Group:
    """A group of schedules; `tags` by key."""

    name: str
    arn: str
    created_at: float
    tags: dict[str, str] = field(default_factory=dict)
    token: str = ""


@dataclass(slots=True)
class Book:
    """All of them; `where`: `REGION:ACCOUNT`, for their ARNs."""

    where: str
    now: float
    groups: dict[str, Group] = field(default_factory=dict)
    schedules: dict[tuple[str, str], Schedule] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.groups[DEFAULT] = Group(DEFAULT, self.arn("schedule-group", DEFAULT), self.now)

    def arn(self, kind: str, name: str) -> str:
        return f"arn:aws:scheduler:{self.where}:{kind}/{name}"

    def group(self, name: str) -> Group:
        """The group of this name.

        Raises:
            Refused: there is none.
        """
        if name not in self.groups:
            raise not_found("Schedule group", name)
        return self.groups[name]

    def schedule(self, group: str, name: str) -> Schedule:
        """The schedule of this name.

        Raises:
            Refused: there is none.
        """
        if (group, name) not in self.schedules:
            raise not_found("Schedule", name)
        return self.schedules[group, name]

    def delete_group(self, name: str) -> None:
        """The group and every schedule in it."""
        del self.groups[self.group(name).name]
        for key in [key for key in self.schedules if key[0] == name]:
            del self.schedules[key]

    def due(self, now: float) -> Iterator[tuple[Schedule, float]]:
        """Every schedule that is due by now, with the time for which it is."""
        for schedule in list(self.schedules.values()):
            at = schedule.take(now) if schedule.enabled else None
            if at is None:
                continue
            if schedule.next_at is None and schedule.goes:
                del self.schedules[schedule.group, schedule.name]
            yield schedule, at
