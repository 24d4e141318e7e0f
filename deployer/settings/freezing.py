"""[windows]: when something may begin, and when nothing does (docs/windows.md)."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, Struct

from deployer.process.zones import zone_of
from deployer.settings.kinds import Line
from deployer.settings.objection import Objection
from deployer.settings.teardown import ZoneName
from deployer.windows.calendar import Calendar
from deployer.windows.days_off import DaysOff, calendar_of
from deployer.windows.forms import FORMS, parse

Times = Annotated[
    tuple[Line, ...], Meta(max_length=50, description=f"a list of times, each such as {FORMS}")
]
Place = Annotated[str, Meta(pattern=r"^[A-Z]{2,4}(-[A-Za-z0-9 ]{1,40})?$")]
Places = Annotated[
    tuple[Place, ...],
    Meta(max_length=20, description='a list such as ["KR", "DE-BE", "XNYS"]: countries, parts, markets'),
]  # fmt: skip


class WindowsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[windows]: freezes. Rollback is possible in all of them.

    time_zone: whose clock on the wall the times are of.
    allowed:   something may begin then alone; empty: always.
    forbidden: nothing begins then, whatever is allowed.
    holidays:  nothing begins on the public holidays of these places.
    """

    time_zone: ZoneName = "UTC"
    allowed: Times = ()
    forbidden: Times = ()
    holidays: Places = ()


def calendar(windows: WindowsSettings) -> Calendar:
    """What the settings say, over a real calendar."""
    return Calendar(
        windows.time_zone,
        tuple(map(parse, windows.allowed)),
        tuple(map(parse, windows.forbidden)),
        DaysOff(windows.holidays),
    )


def objections(windows: WindowsSettings) -> Iterator[Objection]:
    """What is no time, no time zone, or no place with holidays."""
    try:
        zone_of(windows.time_zone)
    except ValueError:
        yield Objection(
            "windows.time_zone", 'a time zone of the IANA database such as "Europe/Berlin"'
        )
    for key, times in (("allowed", windows.allowed), ("forbidden", windows.forbidden)):
        for text in times:
            try:
                parse(text)
            except ValueError as error:
                yield Objection(f"windows.{key}", f"times ({error})")
    for place in windows.holidays:
        try:
            calendar_of(place)
        except ValueError as error:
            yield Objection("windows.holidays", f"places with a calendar ({error})")
