"""The plain rule, case by case."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.analysis.judge import Outcome, Rule, Tally, judge, tally
from deployer.model import Minute

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
RULE = Rule(min_requests=100, min_failures=5, tolerance=0.01)


def minutes(*counts: tuple[int | None, int]) -> list[Minute]:
    """Requests and 5xx of one minute after the other."""
    return [Minute(60.0 * n, requests, errors) for n, (requests, errors) in enumerate(counts)]


CASES: list[tuple[str, Sequence[Minute], Sequence[Minute] | None, Outcome, str]] = [
    ("all good", minutes((200, 0)), minutes((1000, 0)), PASS, "0 of 200"),
    ("as bad as stable", minutes((200, 20)), minutes((1000, 100)), PASS, "11.00% is accepted"),
    ("within the tolerance", minutes((1000, 10)), minutes((1000, 0)), PASS, "1.00%"),
    ("just above it", minutes((1000, 11)), minutes((1000, 0)), FAIL, "11 of 1000"),
    ("too few failures to condemn", minutes((100, 4)), minutes((1000, 0)), PASS, "4 of 100"),
    ("enough of them", minutes((100, 5)), minutes((1000, 0)), FAIL, "5 of 100"),
    ("bad before it is judgeable", minutes((10, 5)), minutes((1000, 0)), FAIL, "5 of 10"),
    ("too few requests", minutes((99, 0)), minutes((1000, 0)), INCONCLUSIVE, "99 of 100"),
    ("exactly enough", minutes((100, 0)), minutes((1000, 0)), PASS, "0 of 100"),
    ("over several minutes", minutes((60, 0), (60, 0)), minutes((90, 0), (10, 0)), PASS, "of 120"),
    ("a gap in between", minutes((60, 0), (None, 0), (60, 0)), minutes((900, 0)), PASS, "of 120"),
    ("newest minute missing", minutes((500, 0), (None, 0)), minutes((9, 0)), INCONCLUSIVE,
     "newest minute"),
    ("nothing but gaps", minutes((None, 0)), minutes((9, 0)), INCONCLUSIVE, "newest minute"),
    ("no minute at all", [], [], INCONCLUSIVE, "first whole minute"),
    ("errors without a count", minutes((None, 7), (500, 0)), minutes((9, 0)), INCONCLUSIVE,
     "metrics are broken"),
    ("stable silent", minutes((500, 0)), minutes((0, 0)), INCONCLUSIVE, "nothing|no traffic"),
    ("hardly any stable", minutes((500, 0)), minutes((99, 0)), INCONCLUSIVE, "99 of 100 requests needed of the stable"),
    ("hardly any stable, and that excuses nothing", minutes((500, 50)), minutes((10, 5)), FAIL,
     "1.00% is accepted"),
    ("hardly any of both", minutes((50, 10)), minutes((10, 2)), INCONCLUSIVE, "50 of 100"),
    ("just enough of it", minutes((500, 0)), minutes((100, 0)), PASS, "0 of 500"),
    ("stable missing", minutes((500, 0)), minutes((None, 0)), INCONCLUSIVE, "no traffic"),
    ("no stable to compare with", minutes((500, 0)), None, PASS, "1.00% is accepted"),
    ("no stable, bad", minutes((500, 50)), None, FAIL, "50 of 500"),
    ("stable silent, candidate bad", minutes((500, 50)), minutes((None, 0)), FAIL, "50 of 500"),
    ("failures beside zero requests", minutes((0, 9)), minutes((9, 0)), FAIL, "9 of 0"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("candidate", "stable", "outcome", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_the_verdict(
    candidate: Sequence[Minute], stable: Sequence[Minute] | None, outcome: Outcome, words: str
) -> None:
    verdict = judge(candidate, stable, RULE)
    assert verdict.outcome is outcome
    assert any(word in verdict.reason for word in words.split("|"))
    assert (verdict.stable is None) == (stable is None)


def test_missing_data_is_not_good_even_when_no_request_is_required() -> None:
    for candidate in ([], minutes((None, 0))):
        assert judge(candidate, None, Rule(min_requests=0)).outcome is INCONCLUSIVE


def test_connection_errors_count_as_failures() -> None:
    assert judge([Minute(0.0, 500, connection_errors=50)], None, RULE).outcome is FAIL


def test_client_errors_do_not() -> None:
    assert judge([Minute(0.0, 500, target_4xx=400)], None, RULE).outcome is PASS


@pytest.mark.parametrize(
    ("counted", "share"),
    [(Tally(1, 100, 5), 0.05), (Tally(0, 0, 0), 0.0), (Tally(1, 0, 3), 1.0), (Tally(1, 2, 3), 1.0)],
)
def test_shares(counted: Tally, share: float) -> None:
    assert counted.share == share


counts = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 5000)), st.integers(0, 50)), max_size=6
)


@given(counts, st.one_of(st.none(), counts))
def test_a_pass_always_rests_on_enough_fresh_data(
    ours: list[tuple[int | None, int]], theirs: list[tuple[int | None, int]] | None
) -> None:
    candidate, stable = minutes(*ours), None if theirs is None else minutes(*theirs)
    verdict = judge(candidate, stable, RULE)
    if verdict.outcome is PASS:
        assert candidate[-1].requests is not None
        assert tally(candidate).requests >= RULE.min_requests
        assert stable is None or tally(stable).requests > 0
    if verdict.outcome is FAIL:
        assert tally(candidate).failures >= RULE.min_failures


@given(counts, st.integers(0, 5), st.integers(1, 1000))
def test_one_more_failure_never_helps(
    ours: list[tuple[int | None, int]], at: int, more: int
) -> None:
    stable = minutes((1000, 0))
    worse = [
        (n, e + more) if i == at and n is not None else (n, e) for i, (n, e) in enumerate(ours)
    ]
    rank = {FAIL: 0, INCONCLUSIVE: 1, PASS: 2}
    before, after = (judge(minutes(*c), stable, RULE).outcome for c in (ours, worse))
    assert rank[after] <= rank[before]
