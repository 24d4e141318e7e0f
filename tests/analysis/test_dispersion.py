"""How much failures clump: worked out by hand, and in histories whose clumping is known."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.analysis.counts import Counts
from deployer.analysis.dispersion import PRIOR_PHI, Base, base, phi

Row = tuple[float, float]


def minutes(*rows: tuple[Row, Row]) -> list[dict[str, Counts]]:
    return [{"a": Counts(*one), "b": Counts(*other)} for one, other in rows]


def test_by_hand() -> None:
    """One minute, half of the requests each, 8 failures in one zone and none in the other:
    (4^2 + 1.5 * 5) / (8/4 + 5); blocks of five there are none, so theirs is 1.5 * 25 / 25."""
    assert phi(minutes(((100, 8), (100, 0)))) == max((16 + 7.5) / (2 + 5), 1.5)
    assert phi(minutes(((100, 20), (100, 0)))) == (100 + 7.5) / (5 + 5)


def test_by_hand_in_blocks() -> None:
    """Spread over five minutes each minute looks even, all five do not."""
    seen = minutes(*[((100, 4), (100, 0))] * 5)
    single = (5 * 2**2 + 7.5) / (5 * 1 + 5)
    together = (10**2 + 1.5 * 25) / (5 + 25)
    assert phi(seen) == max(single, together) == together


@pytest.mark.parametrize(("cluster", "low", "high"), [(1, 1.0, 1.3), (5, 3.5, 6.5), (20, 10, 25)])
def test_clusters_are_measured(cluster: int, low: float, high: float) -> None:
    dice = random.Random(7)  # noqa: S311 - a simulation
    rows = []
    for _ in range(480):
        events = [cluster * (dice.random() < 0.5) for _ in range(10 if cluster < 20 else 4)]
        total = cluster * len(events)
        rows.append(((1000, sum(events)), (1000, total - sum(events))))
    assert low <= phi(minutes(*rows)) <= high


def test_what_hits_both_zones_alike_does_not_count() -> None:
    dice = random.Random(3)  # noqa: S311 - a simulation
    rows = []
    for minute in range(480):
        bad = 400 if 100 <= minute < 130 else 4  # an incident
        own = sum(dice.random() < 0.5 for _ in range(bad))
        rows.append(((1000, own), (1000, bad - own)))
    assert phi(minutes(*rows)) < 1.6


def test_nothing_known() -> None:
    assert base([]) == Base(None, PRIOR_PHI, 0)
    assert base(minutes(((0, 0), (0, 0)))) == Base(None, PRIOR_PHI, 0)


def test_little_history_is_not_trusted_to_be_calm() -> None:
    calm = minutes(*[((1000, 10), (1000, 10))] * 60)
    assert base(calm).phi == PRIOR_PHI
    assert base(calm * 4).phi == 1.0
    assert base(calm).usual == pytest.approx(0.0108, abs=3e-4)


def test_one_zone_alone_says_nothing() -> None:
    assert base([{"a": Counts(100, 3)}] * 300).phi == PRIOR_PHI


def test_impossible_counts_are_left_out() -> None:
    good = minutes(*[((1000, 10), (1000, 10))] * 240)
    bad = minutes(((math.nan, 0), (5, 9)), ((-1, -2), (10, math.inf)))
    assert base(good + bad).usual == base(good).usual


@given(
    st.lists(
        st.tuples(
            st.tuples(st.integers(0, 500), st.integers(0, 9)),
            st.tuples(st.integers(0, 500), st.integers(0, 9)),
        ),
        max_size=30,
    )
)
def test_always_a_number_of_one_or_more(rows: list[tuple[Row, Row]]) -> None:
    found = base(minutes(*rows))
    assert found.phi >= 1
    assert math.isfinite(found.phi)
    assert found.usual is None or 0 < found.usual <= 1


def test_a_streak_is_what_stays_in_one_zone_for_minutes() -> None:
    each = minutes(*[((1000, 20), (1000, 5)), ((1000, 5), (1000, 20))] * 120)
    five = minutes(*([((1000, 20), (1000, 5))] * 5 + [((1000, 5), (1000, 20))] * 5) * 24)
    assert base(each).streak == 1.0
    assert base(five).streak == pytest.approx(5, abs=0.5)
    assert base(minutes(*[((1000, 10), (1000, 10))] * 240)).streak == 1.0
