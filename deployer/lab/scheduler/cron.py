"""Cron expressions of EventBridge Scheduler: six fields, local time, days of the week from SUN = 1. Pure.

Source: EventBridge Scheduler User Guide, "Schedule types", "Cron-based schedules". The wildcards L, W
and # are not simulated, and refused by name.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
LOOKED_AHEAD = timedelta(days=366 * 9)  # the longest pause of any date: 1896 to 1904


class BadExpression(ValueError):
    """AWS would not take it; the text says why."""


class NotSimulated(BadExpression):
    """AWS would take it; the lab does not know what it means."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field's name and range, and words that stand for its numbers."""

    name: str
    least: int
    most: int
    words: tuple[str, ...] = ()

    def read(self, text: str) -> frozenset[int]:
        """The numbers that it allows.

        Raises:
            BadExpression: not a list of numbers, ranges and steps within the field's range.
        """
        found = frozenset(n for part in text.upper().split(",") for n in self._part(part))
        if not all(self.least <= n <= self.most for n in found):
            raise BadExpression(f"{self.name} is {self.least} to {self.most}, not {text}")
        return found

    def _part(self, part: str) -> range:
        span, _, step = part.partition("/")
        if span in ("*", "?"):
            first, last = self.least, self.most
        else:
            low, _, high = span.partition("-")
            first = self._number(low)
            last = self._number(high) if high else (self.most if step else first)
        if step and not (step.isdigit() and int(step)):
            raise BadExpression(f"{part} in {self.name}: after / comes a positive number")
        if last < first:
            raise BadExpression(f"{part} in {self.name} runs backwards")
        return range(first, last + 1, int(step or 1))

    def _number(self, text: str) -> int:
        if text in self.words:
            return self.words.index(text) + self.least
        if not text.isdigit():
            raise BadExpression(f"{text!r} in {self.name} is not understood")
        return int(text)


FIELDS = (
    Field("minutes", 0, 59),
    Field("hours", 0, 23),
    Field("day-of-month", 1, 31),
    Field("month", 1, 12, tuple(MONTHS)),
    Field("day-of-week", 1, 7, tuple(DAYS)),
    Field("year", 1970, 2199),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """When it is due, as local times of `zone`."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    years: frozenset[int]
    zone: ZoneInfo

    def after(self, moment: float) -> float | None:
        """The first time later than `moment` (epoch seconds); None: never again.

        A local time that does not exist (clocks go forward) is skipped; one that exists twice
        counts once, the first time.
        """
        now = datetime.fromtimestamp(moment, self.zone)
        for day in self._days(now.date()):
            for at in self._times(day):
                if at > moment:
                    return at
        return None

    def _days(self, first: date) -> Iterator[date]:
        day = max(first, date(min(self.years), 1, 1))
        end = day + LOOKED_AHEAD
        while day <= end and day.year <= max(self.years):
            if (
                day.day in self.days
                and day.month in self.months
                and day.isoweekday() % 7 + 1 in self.weekdays
                and day.year in self.years
            ):
                yield day
            day += timedelta(days=1)

    def _times(self, day: date) -> Iterator[float]:
        for hour in sorted(self.hours):
            for minute in sorted(self.minutes):
                at = moment_of(datetime(day.year, day.month, day.day, hour, minute), self.zone)  # noqa: DTZ001  local on purpose: the zone comes next
                if at is not None:
                    yield at


def moment_of(local: datetime, zone: ZoneInfo) -> float | None:
    """Epoch seconds of a local time, the first one if there are two; None: there is none."""
    at = local.replace(tzinfo=zone)
    if at.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
        return None
    return at.timestamp()


def parse(text: str, zone: ZoneInfo) -> Cron:
    """`0 8 ? * MON-FRI *`.

    Raises:
        BadExpression: not six fields, or a field that is not understood.
        NotSimulated: L, W or #.
    """
    parts = text.split()
    if len(parts) != len(FIELDS):
        raise BadExpression("a cron expression has six fields")
    if [parts[2], parts[4]].count("?") != 1:
        raise BadExpression("one of day-of-month and day-of-week is ?, and only one")
    if any("?" in parts[index] for index in (0, 1, 3, 5)):
        raise BadExpression("? stands for day-of-month or day-of-week only")
    for part in (parts[2], parts[4]):
        if "#" in part or re.search(r"\d[LW]|^L|W", _without_words(part)):
            raise NotSimulated(f"the lab does not simulate {part} in a cron expression")
    read = {each.name: each.read(part) for each, part in zip(FIELDS, parts, strict=True)}
    return _made(read, zone)


def _without_words(part: str) -> str:
    return re.sub("|".join(DAYS), "", part.upper())


def _made(read: Mapping[str, frozenset[int]], zone: ZoneInfo) -> Cron:
    return Cron(
        read["minutes"], read["hours"], read["day-of-month"], read["month"],
        read["day-of-week"], read["year"], zone,
    )  # fmt: skip
