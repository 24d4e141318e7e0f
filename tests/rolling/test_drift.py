"""The verdict on a slot that serves two releases, judged by what it served before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.analysis import drift
from deployer.analysis.judge import Outcome, Rule, Tally
from deployer.model import Minute

RULE = Rule(min_requests=100, min_failures=5, tolerance=0.01)
CLEAN = Tally(15, 45_000, 0)
NOISY = Tally(15, 45_000, 900)  # 2 % failed before

VERDICTS: dict[str, tuple[int, int, Tally | None, float, Outcome]] = {
    "nothing fails": (3000, 0, CLEAN, 0.25, Outcome.PASS),
    "nothing is known of before": (3000, 0, None, 0.25, Outcome.PASS),
    "a quarter fails four percent: one percent of all": (3000, 30, CLEAN, 0.25, Outcome.FAIL),
    "within the tolerance of its share": (3000, 7, CLEAN, 0.25, Outcome.PASS),
    "the same failures, all replaced": (3000, 27, CLEAN, 1.0, Outcome.PASS),
    "more than the tolerance of all": (3000, 33, CLEAN, 1.0, Outcome.FAIL),
    "too few failures to condemn": (100, 4, CLEAN, 1.0, Outcome.PASS),
    "as noisy as ever": (3000, 60, NOISY, 0.25, Outcome.PASS),
    "a little noisier, by chance": (3000, 75, NOISY, 0.25, Outcome.PASS),
    "noisier than chance explains": (3000, 100, NOISY, 0.25, Outcome.FAIL),
    "too few requests of the release": (390, 0, CLEAN, 0.25, Outcome.INCONCLUSIVE),
    "enough of them": (400, 0, CLEAN, 0.25, Outcome.PASS),
    "no traffic": (0, 0, CLEAN, 0.25, Outcome.INCONCLUSIVE),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_the_verdict(name: str) -> None:
    requests, failures, before, share, outcome = VERDICTS[name]
    verdict = drift.judge([Minute(0.0, requests, failures)], before, share, RULE)
    assert verdict.outcome is outcome, verdict.reason
    assert verdict.stable is before


def test_a_gap_at_the_end_is_no_evidence() -> None:
    minutes = [Minute(0.0, 3000), Minute(60.0, None)]
    assert drift.judge(minutes, CLEAN, 1.0, RULE).outcome is Outcome.INCONCLUSIVE
    assert drift.judge([], CLEAN, 1.0, RULE).outcome is Outcome.INCONCLUSIVE


@given(
    requests=st.integers(0, 100_000),
    failures=st.integers(0, 1000),
    more=st.integers(1, 1000),
    usual=st.integers(0, 1000),
    share=st.floats(0.001, 1.0),
)
def test_more_failures_never_read_better(
    requests: int, failures: int, more: int, usual: int, share: float
) -> None:
    before = Tally(15, 45_000, usual)
    few = drift.judge([Minute(0.0, requests, failures)], before, share, RULE).outcome
    many = drift.judge([Minute(0.0, requests, failures + more)], before, share, RULE).outcome
    assert few is not Outcome.FAIL or many is Outcome.FAIL


@given(requests=st.integers(1, 1_000_000), usual=st.integers(0, 45_000))
def test_a_slot_that_is_exactly_as_before_is_never_condemned(requests: int, usual: int) -> None:
    before = Tally(15, 45_000, usual)
    same = Minute(0.0, requests, requests * usual // 45_000)
    assert drift.judge([same], before, 0.1, RULE).outcome is not Outcome.FAIL
