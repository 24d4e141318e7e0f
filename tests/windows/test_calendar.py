"""Freezes over a real calendar: zones, changes of the clocks, leap days, holidays, and what comes next."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice

import pytest
from dateutil import zoneinfo
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.windows.calendar import MOST_LOOKS, Calendar
from deployer.windows.days_off import DaysOff
from deployer.windows.forms import parse

OFFICE = "mon-fri 09:00-17:00"
NEW_YORK, BERLIN, SEOUL = "America/New_York", "Europe/Berlin", "Asia/Seoul"


def at(text: str) -> float:
    """`2026-11-23T12:00Z`."""
    return datetime.fromisoformat(text).timestamp()


def calendar(
    zone: str = "UTC",
    allowed: Sequence[str] = (),
    forbidden: Sequence[str] = (),
    places: tuple[str, ...] = (),
) -> Calendar:
    return Calendar(zone, [*map(parse, allowed)], [*map(parse, forbidden)], DaysOff(places))


def told(found: Calendar, since: str, number: int) -> list[tuple[str, bool]]:
    return [
        (found.spell(moment), bool(why)) for moment, why in islice(found.changes(at(since)), number)
    ]


def test_without_any_something_may_always_begin() -> None:
    found = calendar()
    assert found.now(at("2026-11-28T03:00Z")) is None
    assert found.ahead(0.0, 1e12) is None
    assert list(found.changes(0.0)) == []


@pytest.mark.parametrize(
    ("zone", "moment", "open_then"),
    [
        ("UTC", "2026-11-23T08:30Z", False),
        (BERLIN, "2026-11-23T08:30Z", True),  # 09:30 CET
        (SEOUL, "2026-11-23T08:30Z", False),  # 17:30 KST
        (SEOUL, "2026-11-22T23:59Z", False),
        (SEOUL, "2026-11-23T00:00Z", True),
        (BERLIN, "2026-07-23T07:30Z", True),  # 09:30 CEST
    ],
)
def test_the_clock_on_the_wall_counts(zone: str, moment: str, *, open_then: bool) -> None:
    assert (calendar(zone, [OFFICE]).now(at(moment)) is None) is open_then


def test_forbidden_wins_and_names_itself_and_when_it_is_over() -> None:
    found = calendar(BERLIN, [OFFICE], ["Friday afternoon: fri 15:00-24:00"])
    freeze = found.now(at("2026-11-27T14:30Z"))
    assert freeze is not None
    assert freeze.words == ("Friday afternoon (fri 15:00-24:00), until Mon 2026-11-30 09:00 CET"), (
        "it is over when something may begin, and not when that window ends"
    )
    assert freeze.ends == at("2026-11-30T08:00Z")


def test_the_next_one_is_seen_if_it_comes_in_time() -> None:
    found = calendar(BERLIN, [OFFICE])
    noon = at("2026-11-23T11:00Z")
    assert found.ahead(noon, at("2026-11-23T15:59Z")) is None
    freeze = found.ahead(noon, at("2026-11-23T16:00Z"))
    assert freeze is not None
    assert (freeze.begins, freeze.since) == (at("2026-11-23T16:00Z"), "Mon 2026-11-23 17:00 CET")


def test_a_day_on_which_the_clocks_go_forward_has_its_hours() -> None:
    # New York leaves out 02:00-03:00 on 2026-03-08: what opens at 02:30 opens with the jump.
    found = calendar(NEW_YORK, ["sun 02:30-05:00"])
    assert told(found, "2026-03-08T00:00-05:00", 2) == [
        ("Sun 2026-03-08 03:00 EDT", False), ("Sun 2026-03-08 05:00 EDT", True),
    ]  # fmt: skip


def test_an_hour_that_comes_twice_is_in_the_window_twice() -> None:
    # New York has 01:00-02:00 twice on 2026-11-01.
    found = calendar(NEW_YORK, [], ["sun 01:00-01:30"])
    assert told(found, "2026-11-01T00:00-04:00", 4) == [
        ("Sun 2026-11-01 01:00 EDT", True), ("Sun 2026-11-01 01:30 EDT", False),
        ("Sun 2026-11-01 01:00 EST", True), ("Sun 2026-11-01 01:30 EST", False),
    ]  # fmt: skip


def test_cron_lasts_as_long_as_a_watch_tells() -> None:
    found = calendar(NEW_YORK, [], ["0 18 * * SAT for 12h"])
    assert told(found, "2026-10-31T12:00-04:00", 2) == [
        ("Sat 2026-10-31 18:00 EDT", True), ("Sun 2026-11-01 05:00 EST", False),
    ]  # fmt: skip


def test_a_leap_day_comes_and_is_not_there_in_between() -> None:
    found = calendar("UTC", [], ["leap day: 0 0 29 2 * for 1d"])
    assert found.now(at("2027-03-01T00:00Z")) is None
    assert told(found, "2028-02-01T00:00Z", 2) == [
        ("Tue 2028-02-29 00:00 UTC", True), ("Wed 2028-03-01 00:00 UTC", False),
    ]  # fmt: skip


def test_holidays_are_whole_days_where_people_live() -> None:
    found = calendar(SEOUL, [OFFICE], [], ("KR",))
    freeze = found.now(at("2026-12-25T01:00Z"))
    assert freeze is not None
    assert freeze.why == "Christmas Day (holiday in KR)"
    assert freeze.until == "Mon 2026-12-28 09:00 KST"
    assert calendar(BERLIN, [], [], ("DE-BY",)).why(at("2026-01-06T12:00Z"))  # Epiphany
    assert not calendar(BERLIN, [], [], ("DE-BE",)).why(at("2026-01-06T12:00Z"))
    assert calendar(NEW_YORK, [], [], ("XNYS",)).why(at("2026-11-26T15:00Z"))  # Thanksgiving


def test_a_freeze_without_an_end_says_so() -> None:
    freeze = calendar("UTC", [], ["for good: mon-sun"]).now(at("2026-11-23T12:00Z"))
    assert freeze is not None
    assert freeze.ends is None
    assert freeze.words == "for good (mon-sun), with no end in sight"


@pytest.mark.parametrize("zone", [NEW_YORK, "Australia/Lord_Howe"])
def test_the_zones_that_come_with_boto3_tell_the_same(zone: str) -> None:
    """Lambda need not have the system's."""
    system = calendar(zone, ["sun 01:30-05:00"], ["30 2 * * * for 1h"])
    other = calendar(zone, ["sun 01:30-05:00"], ["30 2 * * * for 1h"])
    other.__dict__["_zone"] = zoneinfo.get_zonefile_instance().get(zone)
    for since in ("2026-03-07T00:00Z", "2026-10-31T00:00Z", "2026-04-04T00:00Z"):
        found = [list(islice(each.changes(at(since)), 6)) for each in (system, other)]
        assert found[0] == found[1]


times = st.sampled_from(
    [OFFICE, "fri 15:00-24:00", "sat,sun", "mon-thu 22:00-06:00", "sun 02:30-03:30",
     "2026-10-20 to 2026-11-02", "0 18 * * FRI for 62h", "30 1 * * * for 2h", "0 0 1 * * for 1d"]
)  # fmt: skip
zones = st.sampled_from(["UTC", NEW_YORK, BERLIN, SEOUL, "Australia/Lord_Howe", "Asia/Kathmandu"])
calendars = st.builds(calendar, zones, st.lists(times, max_size=2), st.lists(times, max_size=3))
FEW = 50  # each looks through months of hours
moments = st.integers(int(at("2026-01-01T00:00Z")), int(at("2028-12-31T00:00Z"))).map(float)


@settings(max_examples=FEW)
@given(calendars, moments)
def test_between_two_changes_nothing_changes(found: Calendar, since: float) -> None:
    state = bool(found.why(since))
    last = since
    for moment, why in islice(found.changes(since), 3):
        assert moment > last
        assert bool(why) is not state, "it is a change"
        assert bool(found.why(moment)) is bool(why)
        assert bool(found.why(moment - 1)) is state, "and it comes at that second"
        for part in range(1, 16):
            assert bool(found.why(last + (moment - last) * part / 16 - 0.001)) is state
        state, last = bool(why), moment


@settings(max_examples=FEW)
@given(calendars, moments)
def test_a_freeze_is_on_until_its_end_and_what_is_ahead_comes(found: Calendar, now: float) -> None:
    freeze = found.now(now)
    if freeze is not None and freeze.ends is not None:
        assert found.now(freeze.ends) is None
        assert found.now(freeze.ends - 1) is not None
    coming = found.ahead(now, now + 3 * 86_400)
    if coming is not None:
        assert now < coming.begins <= now + 3 * 86_400
        assert found.now(coming.begins) is not None
    elif freeze is None:
        assert found.now(now + 3 * 86_400) is None


@given(st.lists(times, max_size=2), st.lists(times, max_size=2), times, zones, moments)
def test_to_forbid_more_never_opens_anything(
    allowed: list[str], forbidden: list[str], more: str, zone: str, now: float
) -> None:
    if calendar(zone, allowed, forbidden).why(now):
        assert calendar(zone, allowed, [*forbidden, more]).why(now)


def test_seconds_since_1970_are_what_is_asked_for() -> None:
    assert datetime.fromtimestamp(at("2026-11-23T12:00Z"), UTC).hour == 12


def test_many_times_that_overlap_for_ever_are_not_looked_at_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = calendar("UTC", [], [f"{n} */2 * * * for 3h" for n in range(20)])
    looks = [0]
    plain = Calendar.why

    def counted(self: Calendar, moment: float) -> str:
        looks[0] += 1
        return plain(self, moment)

    monkeypatch.setattr(Calendar, "why", counted)
    freeze = found.now(at("2026-11-23T12:00Z"))
    assert freeze is not None
    assert freeze.ends is None
    assert looks[0] <= MOST_LOOKS + 2
