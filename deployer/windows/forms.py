"""How a time is written in [windows], and whether it holds at a moment. Pure.

    mon-fri 09:00-17:00                      days and hours, by the clock on the wall
    sat,sun                                  whole days
    mon-thu 22:00-06:00                      into the next morning
    2026-12-20 to 2027-01-02                 whole days, the last one included; or one day alone
    2026-12-24T14:00 to 2026-12-27T08:00     from one moment on the wall to another
    0 18 * * FRI for 62h                     cron (minute hour day month weekday), and for how long
    payday: 0 6 25 * * for 12h               each with a name, that people read

What counts is the clock on the wall of the time zone: a day with a change of the clocks has its hours
when the people have theirs. A cron expression's time that the change leaves out comes right after it,
one that comes twice is the first (as Debian's cron has it), and lasts as long as a watch tells.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import islice, takewhile
from typing import Protocol

from cronsim import CronSim, CronSimError

from deployer.durations import seconds

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FORMS = (
    '"mon-fri 09:00-17:00", "sat,sun", "2026-12-20 to 2027-01-02" or "0 18 * * FRI for 62h", perhaps '
    'with a name: "payday: 0 6 25 * * for 12h"'
)
LONGEST_S = 366 * 86_400.0
MOST_A_DAY = 24
DAY = timedelta(days=1)
_DAYS = rf"(?:{'|'.join(DAYS)})(?:[-,](?:{'|'.join(DAYS)}))*"
_WEEKLY = re.compile(rf"(?P<days>{_DAYS})(?: (?P<opens>\d\d:\d\d)-(?P<closes>\d\d:\d\d))?")
_MOMENT = r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d)?"
_DATED = re.compile(rf"(?P<first>{_MOMENT})(?: to (?P<last>{_MOMENT}))?")
_CRON = re.compile(r"(?P<cron>\S+ \S+ \S+ \S+ \S+) for (?P<for>\S+)")
_NAMED = re.compile(r"(?P<name>[^:]+): (?P<rest>.+)")


class Form(Protocol):
    """One way to write a time."""

    def holds(self, at: datetime) -> bool:
        """Whether that moment, which knows its zone, is in it."""
        ...

    def edges(self, first: date, days: int, zone: tzinfo) -> Iterator[datetime]:
        """Moments of these days, or of days beside them, at which it may begin or end."""
        ...


@dataclass(frozen=True, slots=True)
class Time:
    """A time as it was written.

    text: without the name.
    """

    form: Form
    text: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.text})" if self.name else self.text


@dataclass(frozen=True, slots=True)
class Weekly:
    """From `opens` to `closes` (minutes from midnight; not after `opens`: the next day's) on `days`."""

    days: frozenset[int]
    opens: int = 0
    closes: int = 1440

    def holds(self, at: datetime) -> bool:
        minute, today = at.hour * 60 + at.minute, at.weekday()
        if self.opens < self.closes:
            return today in self.days and self.opens <= minute < self.closes
        yesterday = (today - 1) % 7
        return (today in self.days and minute >= self.opens) or (
            yesterday in self.days and minute < self.closes
        )

    def edges(self, first: date, days: int, zone: tzinfo) -> Iterator[datetime]:
        for n in range(days):
            for minute in (self.opens, self.closes):
                yield midnight(first + n * DAY, zone) + timedelta(minutes=minute)


@dataclass(frozen=True, slots=True)
class Dated:
    """From `first` until before `last`, by the clock on the wall (no zones)."""

    first: datetime
    last: datetime

    def holds(self, at: datetime) -> bool:
        return self.first <= at.replace(tzinfo=None) < self.last

    def edges(self, first: date, days: int, zone: tzinfo) -> Iterator[datetime]:
        ends = (self.first, self.last)
        until = first + days * DAY
        yield from (each.replace(tzinfo=zone) for each in ends if first <= each.date() < until)


@dataclass(frozen=True, slots=True)
class Cron:
    """`for_s` seconds from each moment that `expression` names."""

    expression: str
    for_s: float

    def holds(self, at: datetime) -> bool:
        began = next(self._since(at, self.for_s), None)
        return began is not None and began <= at

    def edges(self, first: date, days: int, zone: tzinfo) -> Iterator[datetime]:
        until = midnight(first + days * DAY, zone).astimezone(UTC)
        for back_s in (0.0, self.for_s):
            for began in self._since(midnight(first, zone), back_s):
                moment = began.astimezone(UTC) + timedelta(seconds=back_s)
                if moment > until:
                    break
                yield moment.astimezone(zone)

    def _since(self, at: datetime, back_s: float) -> Iterator[datetime]:
        """Its moments after that many seconds before `at`."""
        begin = (at.astimezone(UTC) - timedelta(seconds=back_s)).astimezone(at.tzinfo)
        yield from CronSim(self.expression, begin)


def midnight(day: date, zone: tzinfo) -> datetime:
    """The beginning of a day, by the clock on the wall."""
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def parse(text: str) -> Time:
    """A time as [windows] has it.

    Raises:
        ValueError: it is written in none of the ways, or it never comes; says which are known.
    """
    bare, name = text.strip(), ""
    if (found := _NAMED.fullmatch(bare)) and not _CRON.fullmatch(bare):
        name, bare = found["name"].strip(), found["rest"].strip()
    if found := _WEEKLY.fullmatch(bare):
        return Time(_weekly(found, bare), bare, name)
    if found := _DATED.fullmatch(bare):
        return Time(_dated(found, bare), bare, name)
    if found := _CRON.fullmatch(bare):
        return Time(_cron(found, bare), bare, name)
    raise ValueError(f'"{text}" is no time: write {FORMS}')


def _weekly(found: re.Match[str], text: str) -> Weekly:
    days = frozenset(_days(found["days"]))
    if found["opens"] is None:
        return Weekly(days)
    opens, closes = _minute(found["opens"], text), _minute(found["closes"], text)
    if opens in (closes, 1440):
        raise ValueError(f'"{text}" has no length: its hours begin and end at the same time')
    return Weekly(days, opens, closes)


def _days(text: str) -> Iterator[int]:
    """fri-mon is four days."""
    for part in text.split(","):
        first, *_, last = part.split("-") if "-" in part else (part, part)
        begin = DAYS.index(first)
        span = (DAYS.index(last) - begin) % 7 + 1
        yield from ((begin + n) % 7 for n in range(span))


def _minute(text: str, whole: str) -> int:
    hours, minutes = map(int, text.split(":"))
    minute = hours * 60 + minutes
    if minutes > 59 or minute > 1440:
        raise ValueError(f'"{whole}": there is no {text}; hours are 00:00 to 24:00')
    return minute


def _dated(found: re.Match[str], text: str) -> Dated:
    first, last = found["first"], found["last"] or found["first"]
    if "T" in first and not found["last"]:
        raise ValueError(f'"{text}" has no end: write "{first} to ..."')
    try:
        begin, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
    except ValueError as error:
        raise ValueError(f'"{text}": {error}') from None
    end += timedelta() if "T" in last else DAY
    if begin >= end:
        raise ValueError(f'"{text}" ends before it begins')
    return Dated(begin, end)


def _cron(found: re.Match[str], text: str) -> Cron:
    length_s = seconds(found["for"])
    if not 60.0 <= length_s <= LONGEST_S:
        raise ValueError(f'"{text}" lasts from 1m to 366d, not {found["for"]}')
    try:
        coming = CronSim(found["cron"], datetime(2026, 1, 1, tzinfo=UTC))
        first = next(coming)
    except CronSimError as error:
        raise ValueError(f'"{text}": {error} (minute hour day month weekday)') from None
    except StopIteration:
        raise ValueError(f'"{text}" never comes') from None
    if len(list(islice(takewhile(lambda at: at < first + DAY, coming), MOST_A_DAY))) == MOST_A_DAY:
        raise ValueError(f'"{text}" begins more than {MOST_A_DAY} times a day: write hours instead')
    return Cron(found["cron"], length_s)
