"""Moments as people have them: the IANA time zones, with their changes of the clocks."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from deployer.operations.idle.ports import Local


class Zones:
    """The port `Calendar`."""

    def local(self, moment: float, zone: str) -> Local:
        """The wall's clock and calendar in the time zone.

        Raises:
            ValueError: there is no such zone.
        """
        there = _there(moment, zone)
        return Local(there.weekday(), there.hour * 60 + there.minute)

    def spell(self, moment: float, zone: str) -> str:
        """Such as `Mon 2026-11-23 19:00 CET`."""
        return f"{_there(moment, zone):%a %Y-%m-%d %H:%M %Z}"


def epoch(text: str) -> float:
    """Epoch seconds of `2026-12-24T18:00Z`.

    Raises:
        ValueError: no such moment, or one without its distance from UTC.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: write 2026-12-24T18:00Z")
    return moment.timestamp()


def zone_of(name: str) -> tzinfo:
    """A zone of the IANA database.

    The system's, or, where there is none (Lambda need not have one), that of dateutil, which comes
    with boto3.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        from dateutil import zoneinfo  # noqa: PLC0415  rarely needed

        found: tzinfo | None = zoneinfo.get_zonefile_instance().get(name)
    if found is None:
        raise ValueError(f"{name!r} is no time zone of the IANA database")
    return found


def _there(moment: float, zone: str) -> datetime:
    return datetime.fromtimestamp(moment, UTC).astimezone(zone_of(zone))
