"""Office hours by the clock on the wall, across its changes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.operations.idle.hours import OfficeHours, first_free, working
from deployer.process.zones import Zones, epoch

HOURS = OfficeHours.parse("mon-fri 08:00-19:00")
ZONES = Zones()


@pytest.mark.parametrize(
    ("text", "moment", "held"),
    [
        ("mon-fri 08:00-19:00", "2026-11-23T08:00Z", True),
        ("mon-fri 08:00-19:00", "2026-11-23T07:59Z", False),
        ("mon-fri 08:00-19:00", "2026-11-23T18:59Z", True),
        ("mon-fri 08:00-19:00", "2026-11-23T19:00Z", False),
        ("mon-fri 08:00-19:00", "2026-11-22T12:00Z", False),
        ("fri-mon 08:00-19:00", "2026-11-22T12:00Z", True),
        ("fri-mon 08:00-19:00", "2026-11-24T12:00Z", False),
        ("sat 10:00-12:00", "2026-11-21T11:00Z", True),
        ("sun 22:00-24:00", "2026-11-22T23:59Z", True),
        ("sun 22:00-24:00", "2026-11-23T00:00Z", False),
    ],
)
def test_days_and_hours(text: str, moment: str, held: bool) -> None:
    assert working(OfficeHours.parse(text), ZONES, "UTC", epoch(moment)) is held


def test_without_office_hours_every_hour_is_free() -> None:
    assert OfficeHours.parse("") is None
    assert not working(None, ZONES, "UTC", 0.0)
    assert first_free(None, ZONES, "UTC", 5.0) == 5.0


@pytest.mark.parametrize(
    ("before", "after"),
    [  # Berlin's and New York's clocks change on other days
        ("2026-10-23T06:30Z", "2026-10-26T06:30Z"),
        ("2026-03-27T06:30Z", "2026-03-30T06:30Z"),
    ],
)
def test_the_wall_counts_on_both_sides_of_a_change_of_the_clocks(before: str, after: str) -> None:
    """06:30 UTC is 08:30 in Berlin's summer, 07:30 in its winter."""
    held = [working(HOURS, ZONES, "Europe/Berlin", epoch(each)) for each in (before, after)]
    assert sorted(held) == [False, True]


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001  made aware below
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
)
def test_the_first_free_moment_is_free_and_none_before_it_is(moment: datetime, zone: str) -> None:
    start = moment.replace(tzinfo=UTC)
    found = first_free(HOURS, ZONES, zone, start.timestamp())
    assert not working(HOURS, ZONES, zone, found)
    assert 0 <= found - start.timestamp() <= 12 * 3600
    step = start
    while step.timestamp() < found:
        assert working(HOURS, ZONES, zone, step.timestamp())
        there = step.astimezone(ZoneInfo(zone))
        assert there.weekday() < 5
        assert 8 <= there.hour < 19
        step += timedelta(minutes=20)


def test_hours_that_never_end_are_recognized() -> None:
    assert OfficeHours.parse("mon-sun 00:00-24:00") == OfficeHours(frozenset(range(7)), 0, 1440)
    everyday = OfficeHours.parse("tue-mon 00:00-24:00")
    assert everyday is not None
    assert everyday.always
    assert HOURS is not None
    assert not HOURS.always


def test_people_read_the_time_of_their_wall() -> None:
    assert ZONES.spell(epoch("2026-07-01T12:00Z"), "Europe/Berlin") == "Wed 2026-07-01 14:00 CEST"
