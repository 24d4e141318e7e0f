"""The rule DeploymentWindow: whether a moment is inside a cron expression. Pure.

Only what a window of days and whole hours needs is read: `* * 9-16 ? * MON,TUE *`. Anything else is
refused. Source: CodePipeline User Guide, "DeploymentWindow".
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


@dataclass(frozen=True, slots=True)
class Hours:
    """hours: of the day; days: 0 is Monday; zone: whose day."""

    hours: frozenset[int]
    days: frozenset[int]
    zone: str

    @classmethod
    def parse(cls, cron: str, zone: str) -> Self:
        """Seconds, minutes, hours, day of the month, month, day of the week, perhaps a year.

        Raises:
            ValueError: not read here.
        """
        fields = cron.split()
        known = len(fields) in (6, 7) and fields[:2] == ["*", "*"] and fields[3:5] == ["?", "*"]
        if not known or fields[6:] not in ([], ["*"]):
            raise ValueError(f"the window {cron!r}: only hours and days of the week")
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"the time zone {zone!r}") from error
        names = {name: number for number, name in enumerate(_DAYS)}
        hours = {str(number): number for number in range(24)}
        return cls(_set(fields[2], hours), _set(fields[5], names), zone)

    def open_at(self, now: float) -> bool:
        """Whether `now` (epoch seconds) is inside."""
        local = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(self.zone))
        return local.hour in self.hours and local.weekday() in self.days


def _set(text: str, names: dict[str, int]) -> frozenset[int]:
    if text in ("*", "?"):
        return frozenset(names.values())
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in names or (last and last not in names):
            raise ValueError(f"the field {text!r} of a window")
        found |= set(range(names[first], names[last or first] + 1))
    return frozenset(found)
