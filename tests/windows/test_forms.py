"""How a time is written: each form, and each way to get one wrong."""

from datetime import UTC, datetime

import pytest

from deployer.windows.forms import Cron, Dated, Time, Weekly, parse

WEEK = frozenset(range(5))


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("mon-fri 09:00-17:00", Weekly(WEEK, 540, 1020)),
        ("mon,wed-thu 00:00-24:00", Weekly(frozenset({0, 2, 3}))),
        ("sat,sun", Weekly(frozenset({5, 6}))),
        ("fri-mon", Weekly(frozenset({4, 5, 6, 0}))),
        ("mon-thu 22:00-06:00", Weekly(frozenset(range(4)), 1320, 360)),
        ("2026-12-24", Dated(datetime(2026, 12, 24), datetime(2026, 12, 25))),  # noqa: DTZ001 the wall's
        ("2028-02-28 to 2028-02-29", Dated(datetime(2028, 2, 28), datetime(2028, 3, 1))),  # noqa: DTZ001
        (
            "2026-12-24T14:00 to 2026-12-27T08:00",
            Dated(datetime(2026, 12, 24, 14), datetime(2026, 12, 27, 8)),  # noqa: DTZ001
        ),
        ("0 18 * * FRI for 62h", Cron("0 18 * * FRI", 223_200.0)),
        ("0 0 29 2 * for 1d", Cron("0 0 29 2 *", 86_400.0)),
    ],
)
def test_each_form_is_read(text: str, form: object) -> None:
    assert parse(text) == Time(form, text)  # type: ignore[arg-type]
    named = parse(f"the name: {text}")
    assert (named.form, str(named)) == (form, f"the name ({text})")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is no time"),
        ("mon 9-17", "is no time"),
        ("mon  09:00-17:00", "is no time"),
        ("monday 09:00-17:00", "is no time"),
        ("fri 25:00-26:00", "there is no 25:00"),
        ("fri 10:60-11:00", "there is no 10:60"),
        ("fri 10:00-10:00", "has no length"),
        ("fri 24:00-06:00", "has no length"),
        ("2026-13-01", "month must be in 1..12"),
        ("2027-02-29", "day"),
        ("2026-02-02 to 2026-02-01", "ends before it begins"),
        ("2026-12-24T14:00", "has no end"),
        ("61 * * * * for 1h", "Bad minute"),
        ("0 0 30 2 * for 1h", "Bad day-of-month"),
        ("0 0 * * * for 10s", "lasts from 1m to 366d"),
        ("0 0 * * * for ever", "is not a duration"),
        ("*/5 * * * * for 1m", "more than 24 times a day"),
    ],
)
def test_a_mistake_is_named(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(text)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("mon-fri 09:00-17:00", ["2026-11-23T09:00", "2026-11-27T16:59"],
         ["2026-11-23T08:59", "2026-11-23T17:00", "2026-11-28T10:00"]),
        ("fri 22:00-06:00", ["2026-11-27T22:00", "2026-11-28T05:59"],
         ["2026-11-27T21:59", "2026-11-27T05:00", "2026-11-28T06:00", "2026-11-28T22:00"]),
        ("sun 22:00-06:00", ["2026-11-30T01:00"], ["2026-11-29T01:00"]),
        ("2026-12-20 to 2027-01-02", ["2026-12-20T00:00", "2027-01-02T23:59"],
         ["2026-12-19T23:59", "2027-01-03T00:00"]),
        ("0 18 * * FRI for 62h", ["2026-11-27T18:00", "2026-11-30T07:59"],
         ["2026-11-27T17:59", "2026-11-30T08:00"]),
        ("0 0 29 2 * for 1d", ["2028-02-29T12:00"], ["2027-02-28T12:00", "2028-03-01T00:00"]),
        ("0 6 L * * for 1h", ["2026-11-30T06:30", "2028-02-29T06:00"], ["2026-11-29T06:30"]),
    ],
)  # fmt: skip
def test_what_is_inside(text: str, inside: list[str], outside: list[str]) -> None:
    form = parse(text).form
    for moments, held in ((inside, True), (outside, False)):
        for moment in moments:
            assert form.holds(datetime.fromisoformat(moment).replace(tzinfo=UTC)) is held, moment
