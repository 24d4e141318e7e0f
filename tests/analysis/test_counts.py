"""What cannot be believed, and minutes that come late, twice, or not at all."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.analysis.counts import Counts, Observation, Pair, Usable, timeline, usable
from tests.analysis.minutes import Counted, observed

CASES: list[tuple[str, Counted | None, Counted | None, int | None, str | None]] = [
    ("both", (100, 1), (900, 2), 100, None),
    ("nothing", None, None, 100, "no data"),
    ("no request", (0, 0), (0, 0), 100, "no request"),
    ("not a number", (math.nan, 0), (900, 0), 100, "not a number"),
    ("no number of failures", (100, math.nan), (900, 0), 100, "not a number"),
    ("endless", (100, 0), (math.inf, 0), 100, "stable slot's counts are broken: not a number"),
    ("below zero", (100, -1), (900, 0), 100, "below zero"),
    ("more failures than requests", (10, 11), (900, 0), 100, "11 bad of 10"),
    ("candidate silent", None, (900, 0), 100, "candidate is silent"),
    ("candidate silent, at zero", (0, 0), (900, 0), 100, "candidate is silent"),
    ("candidate hardly asked", None, (900, 0), 1, None),
    ("candidate silent, share unknown", None, (900, 0), None, "candidate is silent"),
    ("stable silent", (100, 0), None, 100, "stable slot is silent"),
    ("stable hardly asked", (100, 0), None, 950, None),
    ("stable has no share", (100, 0), None, 1000, "stable slot is silent"),
    ("stable silent, share unknown", (1, 0), None, None, "stable slot is silent"),
]


@pytest.mark.parametrize(
    ("own", "other", "share", "why"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_what_is_believed(
    own: Counted | None, other: Counted | None, share: int | None, why: str | None
) -> None:
    found = usable(observed(0, own, other).pairs["failures"], share)
    if why is None:
        assert isinstance(found, Usable)
    else:
        assert isinstance(found, str)
        assert why in found


def test_a_metric_that_is_not_there_is_missing() -> None:
    assert usable(None, 100) == "no data"


def test_gaps_are_minutes_of_nothing() -> None:
    found = timeline([observed(0, (1, 0), (9, 0)), observed(3, (1, 0), (9, 0))])
    assert [one.start for one in found] == [0, 60, 120, 180]
    assert found[1] == Observation(60.0, None, {})


def test_late_points_complete_a_minute() -> None:
    first = Observation(0.0, 100, {"a": Pair(Counts(5, 0), None)})
    later = Observation(0.0, 100, {"b": Pair(Counts(7, 1), Counts(9, 0))})
    more = Observation(0.0, 100, {"a": Pair(Counts(6, 1), Counts(50, 0))})
    (found,) = timeline([first, later, more])
    assert found.pairs == {**later.pairs, **more.pairs}


@pytest.mark.parametrize("after", [Counts(4, 0), None])
def test_counts_that_go_backwards_spoil_the_minute(after: Counts | None) -> None:
    first = Observation(0.0, 100, {"a": Pair(Counts(5, 0), Counts(50, 0))})
    later = Observation(0.0, 100, {"a": Pair(after, Counts(50, 0))})
    (found,) = timeline([first, later])
    assert "not a number" in str(usable(found.pairs["a"], 100))


def test_fewer_failures_of_as_many_requests_are_a_correction() -> None:
    first = Observation(0.0, 100, {"a": Pair(Counts(5, 2), Counts(50, 0))})
    later = Observation(0.0, 100, {"a": Pair(Counts(5, 1), Counts(50, 0))})
    assert timeline([first, later]) == (later,)


@given(st.lists(st.one_of(st.integers(0, 50).map(lambda n: 60.0 * n), st.floats()), max_size=20))
def test_minutes_follow_each_other(starts: list[float]) -> None:
    found = timeline(Observation(start, 100, {}) for start in starts)
    assert all(b.start - a.start >= 60 for a, b in pairwise(found))
    assert len(found) <= 1500 * max(len(starts), 1)
    assert {one.start for one in found} >= {s for s in starts if 0 <= s < 3060 and s % 60 == 0}
