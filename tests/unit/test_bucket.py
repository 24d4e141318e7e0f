"""The token bucket: no span of time sees more calls than it allows, whatever is asked of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.aws.bucket import Level, Limit, drained, take

LIMITS = st.builds(Limit, st.integers(1, 40), st.floats(0.5, 20.0))
GAPS = st.lists(st.one_of(st.just(0.0), st.floats(0.0, 30.0)), min_size=1, max_size=120)


def departures(limit: Limit, gaps: list[float]) -> list[float]:
    """When calls leave that come this many seconds after each other, whether or not they wait."""
    level, now, left = None, 1_700_000_000.0, []
    for gap in gaps:
        now += gap
        level, wait_s = take(limit, level, now)
        left.append(now + wait_s)
    return left


@given(LIMITS, GAPS)
def test_no_span_sees_more_than_the_burst_and_what_was_filled_meanwhile(
    limit: Limit, gaps: list[float]
) -> None:
    left = departures(limit, gaps)
    assert left == sorted(left)
    for first, began in enumerate(left):
        for last in range(first, len(left)):
            allowed = limit.burst + limit.per_s * (left[last] - began)
            assert last - first + 1 <= allowed + 1e-3


@given(LIMITS, GAPS)
def test_nobody_waits_who_need_not(limit: Limit, gaps: list[float]) -> None:
    """A call that waited leaves with nothing in the bucket: it could not have left earlier."""
    level, now = None, 0.0
    for gap in gaps:
        now += gap
        level, wait_s = take(limit, level, now)
        assert (wait_s > 0) == (level.tokens < 0)
        assert wait_s * limit.per_s == pytest.approx(max(0.0, -level.tokens))


@given(LIMITS, GAPS)
def test_one_caller_that_waits_never_waits_longer_than_for_one_token(
    limit: Limit, gaps: list[float]
) -> None:
    level, now = None, 0.0
    for gap in gaps:
        level, wait_s = take(limit, level, now + gap)
        now += gap + wait_s
        assert wait_s <= 1 / limit.per_s + 1e-9


def test_a_clock_that_is_set_back_fills_nothing_and_delays_nothing() -> None:
    limit = Limit(burst=2, per_s=1.0)
    level, _ = take(limit, Level(1.0, at=1_000.0), 10.0)
    assert level == Level(0.0, at=10.0)
    assert take(limit, level, 11.0) == (Level(0.0, at=11.0), 0.0)


def test_a_refusal_leaves_nothing_in_the_bucket_and_forgives_no_debt() -> None:
    limit = Limit(burst=20, per_s=5.0)
    assert drained(limit, None, 7.0) == Level(0.0, at=7.0)
    assert drained(limit, Level(-3.0, at=7.0), 7.0) == Level(-3.0, at=7.0)
    assert take(limit, drained(limit, None, 7.0), 7.0)[1] == pytest.approx(0.2)
