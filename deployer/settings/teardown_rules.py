"""Rules across the settings of the teardown. Pure."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from deployer.settings.objection import Objection
from deployer.settings.schema import Settings
from deployer.settings.teardown import TeardownSettings


def objections(settings: Settings) -> Iterator[Objection]:
    """Everything in [teardown] and [sweep] that contradicts something else."""
    teardown, sweep = settings.teardown, settings.sweep
    if teardown.ephemeral:
        yield from _ephemeral(settings)
    for key, duration in (("teardown.window", teardown.window_s), ("sweep.every", sweep.every_s)):
        if duration % 60:
            yield Objection(key, "whole minutes such as 1h")
    yield from _calendar(teardown)


def _ephemeral(settings: Settings) -> Iterator[Objection]:
    if settings.environment.protected:
        yield Objection(
            "teardown.ephemeral", "false where protected is true (as it is unless said)"
        )
    if settings.existing is not None:
        yield Objection(
            "teardown.ephemeral", "false where others made the environment: nothing of it is tagged"
        )


def _calendar(teardown: TeardownSettings) -> Iterator[Objection]:
    opening, _, closing = teardown.office_hours.rpartition(" ")[2].partition("-")
    if teardown.office_hours and opening >= closing:
        yield Objection("teardown.office_hours", "hours of one day, such as 08:00-19:00")
    if not known(teardown.time_zone):
        yield Objection(
            "teardown.time_zone", 'a time zone of the IANA database such as "Europe/Berlin"'
        )
    if teardown.expires_at and not is_moment(teardown.expires_at):
        yield Objection("teardown.expires_at", "a moment that there is, such as 2026-12-24T18:00Z")


def known(zone: str) -> bool:
    """Whether the IANA database that Python has here knows the time zone."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def is_moment(text: str) -> bool:
    """Whether there is such a day and time."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
