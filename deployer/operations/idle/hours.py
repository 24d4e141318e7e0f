"""Office hours: when people work, nothing is torn down. Pure; the wall's clock comes from a port.

What counts is the clock on the wall in the time zone: a day with a change of the clocks has its
office hours when the people have theirs.
"""

from dataclasses import dataclass

from deployer.operations.idle.ports import Calendar, Local

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
QUARTER_S = 900
WEEK_QUARTERS = 7 * 24 * 4 + 8  # and two hours, for a change of the clocks


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """From `opens` to `closes` (minutes from midnight, exclusive) on `days` (0 is Monday)."""

    days: frozenset[int]
    opens: int
    closes: int

    @classmethod
    def parse(cls, text: str) -> "OfficeHours | None":
        """`mon-fri 08:00-19:00`, `sat 10:00-12:00`; None for "".

        Raises:
            ValueError: it is none of these.
        """
        if not text:
            return None
        days, _, hours = text.partition(" ")
        first, _, last = days.partition("-")
        opens, _, closes = hours.partition("-")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        span = (end - begin) % 7 + 1  # fri-mon is four days
        return cls(
            frozenset((begin + n) % 7 for n in range(span)), _minutes(opens), _minutes(closes)
        )

    def hold(self, local: Local) -> bool:
        """Whether people work at this moment."""
        return local.weekday in self.days and self.opens <= local.minute < self.closes

    @property
    def always(self) -> bool:
        """They never end, but for less than what is looked for: nothing would ever be torn down."""
        free_s = (1440 - (self.closes - self.opens)) * 60
        return len(self.days) == 7 and free_s < QUARTER_S


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def working(hours: OfficeHours | None, calendar: Calendar, zone: str, now: float) -> bool:
    """Whether it is one of the office hours."""
    return hours is not None and hours.hold(calendar.local(now, zone))


def first_free(hours: OfficeHours | None, calendar: Calendar, zone: str, moment: float) -> float:
    """`moment`, or the first quarter of an hour after it that is none of the office hours."""
    if not working(hours, calendar, zone, moment):
        return moment
    quarter = moment // QUARTER_S * QUARTER_S
    for step in range(1, WEEK_QUARTERS):
        if not working(hours, calendar, zone, quarter + step * QUARTER_S):
            return quarter + step * QUARTER_S
    return moment
