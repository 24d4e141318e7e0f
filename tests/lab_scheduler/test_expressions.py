"""When a schedule is due: rates, dates, and cron in the time zones of people."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.scheduler.cron import BadExpression, NotSimulated, parse
from deployer.lab.scheduler.expressions import Rate
from deployer.lab.scheduler.expressions import parse as parse_any

BERLIN = "Europe/Berlin"


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def series(expression: str, zone: str, start: str, count: int) -> list[str]:
    """The first times after `start`, as UTC."""
    times, moment, found = parse_any(expression, zone, at(start)), at(start), list[str]()
    while len(found) < count:
        after = times.after(moment)
        if after is None:
            break
        moment = after
        found.append(datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M"))
    return found


@pytest.mark.parametrize(
    ("expression", "zone", "start", "due"),
    [
        ("rate(5 minutes)", "UTC", "2026-03-01T00:00Z", ["2026-03-01T00:05", "2026-03-01T00:10"]),
        ("rate(1 day)", BERLIN, "2026-03-28T12:00Z", ["2026-03-29T12:00", "2026-03-30T12:00"]),
        ("cron(0 8 * * ? *)", BERLIN, "2026-03-28T00:00Z", ["2026-03-28T07:00", "2026-03-29T06:00"]),
        ("cron(0 8 ? * MON-FRI *)", "UTC", "2026-11-20T09:00Z", ["2026-11-23T08:00"]),
        ("cron(0/20 9 * * ? *)", "UTC", "2026-01-01T09:10Z", ["2026-01-01T09:20", "2026-01-01T09:40"]),
        ("cron(0 0 1 JAN,jul ? *)", "UTC", "2026-02-01T00:00Z", ["2026-07-01T00:00", "2027-01-01T00:00"]),
        ("cron(0 0 29 2 ? *)", "UTC", "2026-01-01T00:00Z", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("cron(0 0 1 1 ? 2027-2028)", "UTC", "2026-01-01T00:00Z", ["2027-01-01T00:00", "2028-01-01T00:00"]),
        ("cron(0 12 ? * 1 *)", "UTC", "2026-11-23T00:00Z", ["2026-11-29T12:00"]),
        ("at(2026-07-01T08:00:00)", BERLIN, "2026-01-01T00:00Z", ["2026-07-01T06:00"]),
        ("at(2025-07-01T08:00:00)", BERLIN, "2026-01-01T00:00Z", []),
        ("cron(0 0 1 1 ? 2020)", "UTC", "2026-01-01T00:00Z", []),
        ("cron(0 0 30 2 ? *)", "UTC", "2026-01-01T00:00Z", []),
    ],
)  # fmt: skip
def test_when_it_is_due(expression: str, zone: str, start: str, due: list[str]) -> None:
    assert series(expression, zone, start, max(len(due), 1)) == due


def test_a_time_that_the_clocks_skip_is_skipped() -> None:
    """On 2026-03-29 Berlin has no 02:30."""
    due = series("cron(30 2 * * ? *)", BERLIN, "2026-03-28T00:00Z", 2)
    assert due == ["2026-03-28T01:30", "2026-03-30T00:30"]


def test_a_time_that_comes_twice_counts_once() -> None:
    """On 2026-10-25 Berlin has 02:30 twice, at 00:30 and at 01:30 UTC."""
    due = series("cron(30 2 * * ? *)", BERLIN, "2026-10-24T12:00Z", 2)
    assert due == ["2026-10-25T00:30", "2026-10-26T01:30"]


@pytest.mark.parametrize(
    "expression",
    [
        "every day", "rate(0 minutes)", "rate(5 weeks)", "rate(five minutes)", "at(2026-02-30T08:00:00)",
        "at(2026-01-01)", "cron(0 8 * * *)", "cron(0 8 * * * *)", "cron(0 8 ? * ? *)",
        "cron(60 8 * * ? *)", "cron(0 25 * * ? *)", "cron(0 8 0 * ? *)", "cron(0 8 ? * 8 *)",
        "cron(? 8 * * ? *)", "cron(0 8 9-2 * ? *)", "cron(x 8 * * ? *)", "cron(0/0 8 * * ? *)",
        "cron(0 8 * * ? 1969)",
    ],
)  # fmt: skip
def test_what_aws_would_refuse(expression: str) -> None:
    with pytest.raises(BadExpression, match="Invalid Schedule Expression") as caught:
        parse_any(expression, "UTC", 0.0)
    assert not isinstance(caught.value, NotSimulated)


@pytest.mark.parametrize("field", ["L", "15W", "LW", "L-3"])
def test_what_the_lab_does_not_know_is_refused_by_name(field: str) -> None:
    with pytest.raises(NotSimulated, match=f"does not simulate {field}"):
        parse_any(f"cron(0 8 {field} * ? *)", "UTC", 0.0)
    with pytest.raises(NotSimulated, match="does not simulate 6#3"):
        parse_any("cron(0 8 ? * 6#3 *)", "UTC", 0.0)


def test_a_date_that_does_not_exist_there_is_refused() -> None:
    with pytest.raises(NotSimulated, match="Europe/Berlin skips"):
        parse_any("at(2026-03-29T02:30:00)", BERLIN, 0.0)


def test_a_time_zone_is_one_of_the_database() -> None:
    with pytest.raises(BadExpression, match="Mars/Olympus is not valid"):
        parse_any("rate(1 hour)", "Mars/Olympus", 0.0)


@given(
    moment=st.floats(1.6e9, 2.0e9),
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    zone=st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "UTC"]),
)
def test_a_daily_time_is_later_and_reads_as_it_was_written(
    moment: float, minute: int, hour: int, zone: str
) -> None:
    due = parse(f"{minute} {hour} * * ? *", ZoneInfo(zone)).after(moment)
    assert due is not None
    assert moment < due <= moment + 2 * 86_400 + 3_600
    local = datetime.fromtimestamp(due, ZoneInfo(zone))
    assert (local.hour, local.minute) == (hour, minute)


@given(origin=st.floats(0.0, 1e9), moment=st.floats(0.0, 2e9), every_s=st.integers(60, 86_400))
def test_a_rate_is_never_later_than_one_period(origin: float, moment: float, every_s: int) -> None:
    due = Rate(every_s, origin).after(moment)
    assert due is not None
    assert due == origin if moment < origin else moment < due <= moment + every_s
