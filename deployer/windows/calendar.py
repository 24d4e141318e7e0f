"""The times of [windows] as they come: frozen or not at a moment, and when that changes next.

It changes only where the clock on the wall comes to what is written, or jumps: those moments are looked
at one by one, and what holds just then decides. So no rule about changes of the clocks is needed twice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cached_property
from itertools import islice

from deployer.freezes import Freeze
from deployer.process.zones import Zones, zone_of
from deployer.windows.days_off import DaysOff
from deployer.windows.forms import DAY, Time, midnight

LOOK_AHEAD = 400  # days: longer than a year, so that what comes once a year is found
MOST_LOOKS = 4_000  # moments that are looked at for one answer: a second's work with many times


@dataclass(frozen=True)
class Calendar:
    """The port `Freezes` of one environment.

    allowed:   something may begin then alone; none: always.
    forbidden: nothing begins then, whatever is allowed.
    days_off:  nothing begins on these days either.
    zone:      whose clock on the wall counts.
    """

    zone: str = "UTC"
    allowed: Sequence[Time] = ()
    forbidden: Sequence[Time] = ()
    days_off: DaysOff = field(default_factory=DaysOff)

    def now(self, at: float) -> Freeze | None:
        """The freeze that is on at that moment, and until when."""
        why = self.why(at)
        return self._freeze(at, why) if why else None

    def ahead(self, at: float, until: float) -> Freeze | None:
        """The first that begins after `at`, and by `until` at the latest."""
        for moment, why in self.changes(at):
            if moment > until:
                return None
            if why:
                return self._freeze(moment, why)
        return None

    def changes(self, at: float) -> Iterator[tuple[float, str]]:
        """Each moment after `at` at which it changes whether something may begin; empty: it may."""
        before = bool(self.why(at))
        for moment in islice(self._edges(at), MOST_LOOKS):
            why = self.why(moment)
            if bool(why) is not before:
                before = bool(why)
                yield moment, why

    def why(self, at: float) -> str:
        """What forbids it at that moment, in words; empty: nothing."""
        if not self._bounded:
            return ""
        there = datetime.fromtimestamp(at, UTC).astimezone(self._zone)
        if found := next((time for time in self.forbidden if time.form.holds(there)), None):
            return str(found)
        if holiday := self.days_off.name(there.date()):
            return holiday
        if self.allowed and not any(time.form.holds(there) for time in self.allowed):
            return f"outside {', '.join(map(str, self.allowed))}"
        return ""

    def spell(self, at: float) -> str:
        """Such as `Fri 2026-11-27 15:00 CET`."""
        return Zones().spell(at, self.zone)

    def _freeze(self, begins: float, why: str) -> Freeze:
        ends = next((moment for moment, held in self.changes(begins) if not held), None)
        until = self.spell(ends) if ends is not None else ""
        return Freeze(why, begins, ends, self.spell(begins), until)

    @property
    def _bounded(self) -> bool:
        return bool(self.allowed or self.forbidden or self.days_off.places)

    @cached_property
    def _zone(self) -> tzinfo:
        return zone_of(self.zone)

    def _edges(self, at: float) -> Iterator[float]:
        """Moments after `at`, in order, at which something may change."""
        if not self._bounded:
            return
        day = datetime.fromtimestamp(at, UTC).astimezone(self._zone).date() - DAY
        end, last, days = day + LOOK_AHEAD * DAY, at, 4
        while day < end:
            upto = midnight(day + days * DAY, self._zone).timestamp()
            for moment in sorted(set(self._of_days(day, days + 1))):
                if last < moment <= upto:  # a day more: an edge may be of the day beside
                    last = moment
                    yield moment
            day, days = day + days * DAY, min(2 * days, 64)

    def _of_days(self, first: date, days: int) -> Iterator[float]:
        zone = self._zone
        for time in (*self.allowed, *self.forbidden):
            for edge in time.form.edges(first - DAY, days + 1, zone):
                yield from _both(edge)
        for day in (first + n * DAY for n in range(days)):
            begin = midnight(day, zone)
            yield from _both(begin)
            yield from _jump(begin.timestamp(), midnight(day + DAY, zone).timestamp(), zone)


def _both(moment: datetime) -> Iterator[float]:
    """A time on the wall comes twice where the clocks go back."""
    yield moment.replace(fold=0).timestamp()
    yield moment.replace(fold=1).timestamp()


def _jump(since: float, until: float, zone: tzinfo) -> Iterator[float]:
    """The moment in between at which the clocks change, if they do."""
    low, high = int(since), int(until)
    if _offset(low, zone) == _offset(high, zone):
        return
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(middle, zone) == _offset(int(since), zone):
            low = middle
        else:
            high = middle
    yield float(high)


def _offset(at: int, zone: tzinfo) -> timedelta | None:
    return datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset()
