"""Public holidays: whole days, by the calendars of the library `holidays` (countries, their parts, markets).

The library is an extra: it is imported where [windows] names a place, and nowhere else.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holidays import HolidayBase

LACKING = 'windows.holidays needs the calendars: pip install "deployer[holidays]"'


@dataclass(frozen=True)
class DaysOff:
    """places: `KR`, `DE-BE` (a country, or a part of it), `XNYS` (a stock exchange)."""

    places: tuple[str, ...] = ()

    def name(self, day: date) -> str:
        """`Christmas Day (holiday in DE-BE)`; empty: it is none."""
        for place, calendar in self._calendars.items():
            if said := calendar.get(day):
                return f"{said} (holiday in {place})"
        return ""

    @cached_property
    def _calendars(self) -> "dict[str, HolidayBase]":
        return {place: calendar_of(place) for place in self.places}


def calendar_of(place: str) -> "HolidayBase":
    """The holidays of a place; years are filled in as they are asked for.

    Raises:
        ValueError: there is no such place, or the library is not installed; says what to do.
    """
    try:
        import holidays  # noqa: PLC0415  0.05 s and an extra: only where a place is named
    except ImportError:
        raise ValueError(LACKING) from None
    country, _, part = place.partition("-")
    try:
        if country in holidays.list_supported_financial():
            return holidays.financial_holidays(country)
        return holidays.country_holidays(country, subdiv=part or None, language=_english(country))
    except NotImplementedError:
        raise ValueError(_unknown(country, part)) from None


def _english(country: str) -> str | None:
    """Its names in English where there are such; else in its own language."""
    import holidays  # noqa: PLC0415  as above

    known = holidays.list_localized_countries().get(country, [])
    return next((language for language in ("en_US", "en_GB") if language in known), None)


def _unknown(country: str, part: str) -> str:
    import holidays  # noqa: PLC0415  as above

    parts = holidays.list_supported_countries().get(country)
    if parts is None:
        return (
            f"there is no calendar of {country}: write a country such as KR, or XNYS for a market"
        )
    return f"{country} has no part {part}: it has {', '.join(parts) or 'none'}"
