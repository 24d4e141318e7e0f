"""Whatever comes: a pure function of the counts, in any order, in pieces; and missing is never good."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.analysis.counts import Counts, Observation, Pair, timeline
from deployer.analysis.dispersion import Base
from deployer.analysis.judge import Outcome
from deployer.analysis.limits import Limits
from deployer.analysis.trial import after, begin, run
from deployer.analysis.verdict import judgement

SANE = st.integers(0, 5000).flatmap(
    lambda n: st.builds(Counts, st.just(float(n)), st.integers(0, n).map(float))
)
WILD = st.builds(Counts, st.floats(), st.floats())
SHARES = st.sampled_from([None, 1, 100, 500, 950, 1000])
LIMITS = Limits()


def pairs(counts: st.SearchStrategy[Counts]) -> st.SearchStrategy[Pair]:
    return st.builds(Pair, st.none() | counts, st.none() | counts)


def minutes(counts: st.SearchStrategy[Counts]) -> st.SearchStrategy[list[Observation]]:
    metrics = st.dictionaries(st.sampled_from(["failures", "slow", "other"]), pairs(counts))
    one = st.builds(Observation, st.integers(0, 12).map(lambda n: 60.0 * n), SHARES, metrics)
    return st.lists(one, max_size=12)


BASES = st.builds(
    Base, st.none() | st.floats(1e-9, 1.0), st.floats(1, 50), st.integers(0, 500)
).map(lambda base: {"failures": base, "slow": base})


@settings(max_examples=30)
@given(minutes(SANE | WILD), BASES, st.floats())
def test_nothing_breaks_it(seen: list[Observation], bases: dict[str, Base], now: float) -> None:
    trial = run(LIMITS, bases, seen)
    found = judgement(trial, now)
    assert found.reason
    assert all(str(one) for one in found.findings)
    assert not math.isnan(trial.evidence)
    assert math.isfinite(found.evidence)


@settings(max_examples=20)
@given(minutes(SANE), BASES, st.integers(0, 12))
def test_a_crash_changes_nothing(seen: list[Observation], bases: dict[str, Base], at: int) -> None:
    """Folded at once, or minute by minute from where somebody else stopped: the same trial."""
    whole = timeline(seen)
    trial = begin(LIMITS, bases)
    for one in whole[:at]:
        trial = after(trial, one)
    for one in whole[at:]:
        trial = after(trial, one)
    assert trial == run(LIMITS, bases, seen)


@settings(max_examples=20)
@given(minutes(SANE), st.randoms(use_true_random=False))
def test_order_does_not_matter(seen: list[Observation], dice: object) -> None:
    unique = list({one.start: one for one in seen}.values())
    shuffled = list(unique)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert run(LIMITS, {}, unique) == run(LIMITS, {}, shuffled)


@settings(max_examples=20)
@given(minutes(SANE), BASES, st.sampled_from(["failures", "slow"]), st.booleans(), st.data())
def test_a_missing_metric_is_never_a_pass(
    seen: list[Observation], bases: dict[str, Base], name: str, nan: bool, data: st.DataObject
) -> None:
    whole = timeline(seen)
    if not whole:
        return
    broken = {**whole[-1].pairs}
    if nan:
        broken[name] = Pair(Counts(math.nan, 0), Counts(1, 0))
    else:
        broken.pop(name, None)
    newest = Observation(whole[-1].start, whole[-1].share, broken)
    trial = run(LIMITS, bases, [*whole[:-1], newest])
    found = judgement(trial, newest.start + 60 + data.draw(st.floats(0, 200)))
    assert found.outcome is not Outcome.PASS
    assert not found.advance


@settings(max_examples=20)
@given(
    st.lists(st.tuples(st.integers(1, 2000), st.integers(0, 20), st.integers(0, 40)), min_size=1, max_size=8),
    st.integers(0, 7), st.integers(1, 50),
)  # fmt: skip
def test_more_failures_of_the_candidate_never_help_it(
    rows: list[tuple[int, int, int]], at: int, more: int
) -> None:
    """Evidence against it does not fall, evidence for it does not rise."""

    def seen(extra: int) -> list[Observation]:
        found = []
        for n, (requests, own, other) in enumerate(rows):
            bad = own + (extra if n == at % len(rows) else 0)
            pair = Pair(Counts(requests + 100, min(bad, requests)), Counts(5000, other))
            found.append(Observation(60.0 * n, 100, {"failures": pair, "slow": pair}))
        return found

    few, many = run(LIMITS, {}, seen(0)), run(LIMITS, {}, seen(more))
    for one, worse in zip(few.metrics, many.metrics, strict=True):
        assert worse.safety.evidence <= one.safety.evidence + 1e-9
        assert worse.mixture.evidence >= one.mixture.evidence - 1e-9
        assert worse.bets.evidence >= one.bets.evidence - 1e-9
