"""Rules across the settings of the teardown. Pure."""

from collections.abc import Iterator

from deployer.operations.idle.hours import OfficeHours
from deployer.process.zones import epoch, zone_of
from deployer.settings.kinds import DAY_S
from deployer.settings.objection import Objection
from deployer.settings.schema import Settings
from deployer.settings.teardown import TeardownSettings

LONGEST_LOOK_S = 14 * DAY_S


def objections(settings: Settings) -> Iterator[Objection]:
    """Everything in [teardown] and [sweep] that contradicts something else."""
    teardown, sweep = settings.teardown, settings.sweep
    if teardown.ephemeral:
        yield from _ephemeral(settings)
    for key, duration in (("teardown.window", teardown.window_s), ("sweep.every", sweep.every_s)):
        if duration % 60:
            yield Objection(key, "whole minutes such as 1h")
    if teardown.window_s * teardown.windows > LONGEST_LOOK_S:
        yield Objection(
            "teardown.windows", "14 days in all at most: CloudWatch keeps minutes for 15"
        )
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
    hours = OfficeHours.parse(teardown.office_hours)
    if hours is not None and hours.always:
        yield Objection("teardown.office_hours", "hours that end: nothing would ever be torn down")
    if not _known(teardown.time_zone):
        yield Objection(
            "teardown.time_zone", 'a time zone of the IANA database such as "Europe/Berlin"'
        )
    if teardown.expires_at and not _is_moment(teardown.expires_at):
        yield Objection("teardown.expires_at", "a moment that there is, such as 2026-12-24T18:00Z")


def _known(zone: str) -> bool:
    try:
        zone_of(zone)
    except ValueError:
        return False
    return True


def _is_moment(text: str) -> bool:
    try:
        epoch(text)
    except ValueError:
        return False
    return True
