"""Freezes: stretches of time in which nothing begins. The port; deployer.windows has the calendar. Pure."""

from dataclasses import dataclass
from typing import Final, Protocol


@dataclass(frozen=True, slots=True)
class Freeze:
    """A stretch of time in which nothing begins; moments in epoch seconds.

    why:    the window's name, or what it says, for people.
    begins: as far as it was looked for; in a freeze that is on, the moment that was asked about.
    ends:   when something may begin again; None: not as far as anybody looks, a year at most.
    since, until: the same as people have it: `Fri 2026-11-27 15:00 CET`; `until` empty: no end in sight.
    """

    why: str
    begins: float
    ends: float | None
    since: str
    until: str

    @property
    def words(self) -> str:
        """`Friday afternoon (fri 15:00-24:00), until Mon 2026-11-30 09:00 CET`."""
        return f"{self.why}, {f'until {self.until}' if self.until else 'with no end in sight'}"


class Freezes(Protocol):
    """The freezes of one environment."""

    def now(self, at: float) -> Freeze | None:
        """The one that is on at that moment; None: something may begin."""
        ...

    def why(self, at: float) -> str:
        """What forbids something to begin at that moment, for people; empty: nothing. Quick."""
        ...

    def ahead(self, at: float, until: float) -> Freeze | None:
        """The first that begins after `at`, and by `until` at the latest."""
        ...

    def spell(self, at: float) -> str:
        """A moment as people there have it."""
        ...


class NoFreezes:
    """Where nobody has said of any: something may always begin."""

    def now(self, _at: float) -> Freeze | None:
        return None

    def why(self, _at: float) -> str:
        return ""

    def ahead(self, _at: float, _until: float) -> Freeze | None:
        return None

    def spell(self, at: float) -> str:
        return f"{at:.0f}"


NO_FREEZES: Final = NoFreezes()
