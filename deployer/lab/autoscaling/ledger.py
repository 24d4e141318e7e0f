"""The scaling activities: what was done, why, how far it is, and how it ended. Newest first.

Source: autoscaling API model, `Activity` and `ScalingActivityStatusCode`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import uuid4

from deployer.lab.autoscaling.model import Group, Subnet

KEPT = 2000  # AWS keeps six weeks
FINAL = frozenset({"Successful", "Failed", "Cancelled"})


@dataclass(frozen=True, slots=True)
class Activity:
    """One activity; times in epoch s, `progress` in percent, `member` the instance it is about."""

    id: str
    group: str
    group_arn: str
    member: str
    description: str
    cause: str
    start: float
    status: str
    details: str
    end: float | None = None
    progress: int = 0
    message: str = ""


class Ledger:
    """All activities of all groups, those of deleted groups included; the caller holds the lock."""

    def __init__(self) -> None:
        self._by_id: dict[str, Activity] = {}

    def open(
        self, group: Group, member: str, what: str, cause: str, now: float, *, place: Subnet | None
    ) -> str:
        """Begin an activity; its id."""
        details = {"Subnet ID": place.id, "Availability Zone": place.zone} if place else {}
        activity = Activity(
            id=str(uuid4()),
            group=group.name,
            group_arn=group.arn,
            member=member,
            description=what,
            cause=cause,
            start=now,
            status="InProgress",
            details=json.dumps(details, separators=(",", ":")),
        )
        self._by_id[activity.id] = activity
        if len(self._by_id) > KEPT:
            del self._by_id[next(iter(self._by_id))]
        return activity.id

    def note(self, activity: str, status: str, progress: int, message: str = "") -> None:
        """How far it is now."""
        held = self._by_id.get(activity)
        if held is not None and held.status not in FINAL:
            self._by_id[activity] = replace(
                held, status=status, progress=max(progress, held.progress), message=message
            )

    def close(self, activity: str, status: str, now: float, message: str = "") -> None:
        """It ended: Successful, Failed or Cancelled. Closing it again changes nothing."""
        held = self._by_id.get(activity)
        if held is not None and held.status not in FINAL:
            self._by_id[activity] = replace(
                held, status=status, end=now, progress=100, message=message
            )

    def get(self, activity: str) -> Activity | None:
        return self._by_id.get(activity)

    def newest_first(self) -> Iterator[Activity]:
        return reversed(self._by_id.values())

    def unfinished(self, group: str) -> bool:
        """Whether the group has an activity in progress."""
        return any(a.group == group and a.status not in FINAL for a in self._by_id.values())
