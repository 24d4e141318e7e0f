"""From a source's series to counts: what is missing, broken or silent is told apart."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.analysis.counts import usable
from deployer.analysis.observed import pair
from deployer.model import Minute, Slot
from deployer.operations.counting import Counted, beyond, counted, joined, missing

STARTS = range(0, 180, 60)
BLUE, GREEN = Slot.BLUE, Slot.GREEN


def told(bad: dict[int, float], total: dict[int, float], *, absent: str = "unknown") -> Counted:
    """Blue says this; green has had ten good ones in every minute."""
    fine = dict.fromkeys(STARTS, 10.0)
    return counted(
        {BLUE: bad, GREEN: dict.fromkeys(STARTS, 0.0)}, {BLUE: total, GREEN: fine}, STARTS,
        absent=absent,
    )  # fmt: skip


def test_counts_by_slot_and_minute() -> None:
    found = told({0: 1.0, 60: 2.0, 120: 0.0}, {0: 5.0, 60: 7.0, 120: 9.0})
    assert found.known[BLUE] == {0: (1.0, 5.0), 60: (2.0, 7.0), 120: (0.0, 9.0)}
    assert found.known[GREEN] == dict.fromkeys(STARTS, (0.0, 10.0))
    assert found.unknown == {}


def test_a_slot_with_nothing_to_count_is_silent_and_the_other_is_known() -> None:
    found = told({0: 0.0}, {0: 5.0})
    assert found.known[BLUE] == {0: (0.0, 5.0)}
    assert set(found.known[GREEN]) == set(STARTS)
    assert found.unknown == {}


@pytest.mark.parametrize(("bad", "total"), [({0: 0.0}, {}), ({}, {0: 0.0}), ({0: 0.0}, {0: 0.0})])
def test_no_bad_ones_of_nothing_is_nothing(bad: dict[int, float], total: dict[int, float]) -> None:
    """FILL(refused, 0) on a slot without users."""
    found = told(bad, total)
    assert found.known[BLUE] == {}
    assert found.unknown == {}


@pytest.mark.parametrize(
    ("bad", "total", "why"),
    [
        ({}, {0: 5.0}, "no count of bad ones of blue"),
        ({0: 5.0}, {}, "no total of blue"),
        ({0: math.nan}, {0: 5.0}, "a count that is none of blue"),
        ({0: 0.0}, {0: math.inf}, "a count that is none of blue"),
        ({0: -1.0}, {0: 5.0}, "a count that is none of blue"),
    ],
)
def test_what_is_half_there_or_no_count_is_unknown(
    bad: dict[int, float], total: dict[int, float], why: str
) -> None:
    assert told(bad, total).unknown == {0: why}


def test_no_bad_ones_where_a_counter_is_said_to_be_silent_then() -> None:
    found = told({60: 3.0}, {0: 5.0, 60: 6.0}, absent="none")
    assert found.known[BLUE] == {0: (0.0, 5.0), 60: (3.0, 6.0)}
    assert told({}, {}, absent="none").known[BLUE] == {}  # nothing at all is not "none were bad"


def test_the_noise_of_arithmetic_makes_no_more_bad_ones_than_there_are() -> None:
    found = told({0: 59.99999999999999}, {0: 59.99999999999998})
    assert found.known[BLUE][0] == (60.0, 60.0)


def test_minutes_get_their_metrics_and_keep_those_they_have() -> None:
    seen = {slot: [Minute(0.0, 9, custom={"other": (0.0, 1.0)}), Minute(60.0, 9)] for slot in Slot}
    one = Counted({BLUE: {0: (1.0, 2.0)}, GREEN: {0: (0.0, 2.0)}}, {60: "why"})
    found = joined(seen, {"refused": one})
    assert found[BLUE][0].custom == {"other": (0.0, 1.0), "refused": (1.0, 2.0)}
    assert found[GREEN][0].custom["refused"] == (0.0, 2.0)
    assert [minute.unknown for minute in found[BLUE]] == [{}, {"refused": "why"}]


def test_what_was_told_before_stays_known() -> None:
    before = told({0: 1.0}, {0: 5.0})
    after = beyond(before, range(0, 180, 60), range(0, 300, 60), "gone")
    assert after.known == before.known
    assert after.unknown == {180: "gone", 240: "gone"}
    assert missing([0, 60], "gone").unknown == {0: "gone", 60: "gone"}


values = st.one_of(st.none(), st.floats(), st.integers(0, 50).map(float))


@given(values, values, values, values, st.sampled_from(["unknown", "none"]))
def test_whatever_a_source_says_what_is_not_known_is_never_good(
    own_bad: float | None, own: float | None, bad: float | None, total: float | None, absent: str
) -> None:
    """A minute is judged only if both slots' totals are counts, or one has none at all."""
    series = [{0: value} if value is not None else {} for value in (own_bad, own, bad, total)]
    found = counted({BLUE: series[0], GREEN: series[2]}, {BLUE: series[1], GREEN: series[3]}, [0], absent=absent)  # fmt: skip
    minutes = joined({slot: [Minute(0.0, 50)] for slot in Slot}, {"m": found})
    blue, green = minutes[BLUE][0], minutes[GREEN][0]
    if "m" in blue.unknown:
        assert "m" in green.unknown
        assert "m" not in blue.custom
        assert "m" not in green.custom
        assert usable(pair(blue, green, "m"), 500) == blue.unknown["m"]
    for one, total_there, bad_there in ((blue, own, own_bad), (green, total, bad)):
        if "m" in one.custom:
            assert total_there is not None
            assert bad_there is not None or absent == "none"
            assert all(math.isfinite(value) and value >= 0 for value in one.custom["m"])
