"""The ramp is told before it begins, by the rule and the moves that it will be made by."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.analysis.dispersion import Base
from deployer.analysis.foresight import AFTER, CLOSELY, course, looks
from deployer.analysis.limits import Limits
from deployer.analysis.ramp import LADDER, first_share
from deployer.analysis.terms import Terms


def terms(per_min: float | None, usual: float = 0.001, **limits: int) -> Terms:
    bases = {"failures": Base(usual, 1.0, 900), "slow": Base(0.006, 1.0, 900)}
    return Terms(Limits(**limits), bases, 0.2, per_min)  # type: ignore[arg-type]


def test_without_a_load_nothing_can_be_told() -> None:
    assert course(terms(None)) is None


def test_much_traffic_is_called_good_in_time() -> None:
    found = course(terms(300_000.0))
    assert found is not None
    assert [share for _, share in found.shares] == [1, 10, 100, 500]
    assert found.good is not None
    assert found.shares[-1][0] < found.good == found.over < 30


def test_little_traffic_is_told_to_come_to_no_verdict_but_with_time_it_does() -> None:
    short, long = course(terms(600.0)), course(terms(600.0, max_minutes=1440))
    assert short is not None
    assert long is not None
    assert short.good is None
    assert 30 <= short.over < 30 + AFTER
    assert long.good is not None
    assert long.good > 30


def test_visitors_of_the_tools_own_count() -> None:
    few = terms(60.0, usual=0.0001, max_minutes=240)
    alone, accompanied = course(few), course(Terms(few.limits, few.bases, 0.2, 60.0, 600))
    assert alone is not None
    assert accompanied is not None
    assert (accompanied.good or 999) < (alone.good or 999)


def test_metrics_that_come_later_make_it_last_longer() -> None:
    soon, late = (course(terms(300_000.0, delay_min=n, stale_min=n + 3)) for n in (1, 3))
    assert soon is not None
    assert late is not None
    assert soon.over < late.over


@pytest.mark.parametrize("longest", [3, CLOSELY, 240])
def test_every_look_is_in_time_and_once(longest: int) -> None:
    found = looks(Limits(max_minutes=longest))
    assert found[0] == 1
    assert longest < found[-1] <= longest + AFTER
    assert all(a < b for a, b in pairwise(found))


@settings(max_examples=15)  # each is a deployment of half an hour
@given(st.floats(1, 1e6), st.floats(1e-9, 0.2), st.integers(1, 3))
def test_shares_rise_from_where_the_ramp_begins(per_min: float, usual: float, delay: int) -> None:
    given_terms = terms(per_min, usual, delay_min=delay, stale_min=delay + 3, max_minutes=20)
    found = course(given_terms)
    assert found is not None
    shares = [share for _, share in found.shares]
    assert shares[0] == first_share(per_min, given_terms.limits)
    assert all(a < b for a, b in pairwise(shares))
    assert all(a < b for a, b in pairwise(at for at, _ in found.shares))
    assert set(shares) <= set(LADDER)
    assert found.over <= 20 + AFTER


def test_a_share_that_may_still_be_had_is_had_after_the_time_too_if_it_is_promoted() -> None:
    promoted, held = (
        course(Terms(Limits(max_minutes=9, inconclusive=policy), {}, None, 1200.0))
        for policy in ("promote", "hold")
    )
    assert promoted is not None
    assert held is not None
    assert promoted.shares[: len(held.shares)] == held.shares
    assert promoted.over > held.over == 9
