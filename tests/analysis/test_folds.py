"""What is kept from one look to the next changes no answer."""

import math

from hypothesis import given
from hypothesis import strategies as st

from deployer.analysis.counts import Counts, Observation, Pair
from deployer.analysis.dispersion import Base
from deployer.analysis.folds import STRIDE, TAIL, Folds
from deployer.analysis.limits import Limits
from deployer.analysis.trial import Trial, run

LIMITS = Limits()
BASES = {"failures": Base(1e-3, 1.0, 300)}


def minute(start: int, bad: int = 0, share: int | None = 100) -> Observation:
    pair = Pair(Counts(100, bad), Counts(900, 3))
    return Observation(60.0 * start, share, {"failures": pair, "slow": pair})


count = st.integers(0, 12)
row = st.lists(st.tuples(count, st.sampled_from((None, 100, 500))), max_size=2 * TAIL)


@given(looks=st.lists(row, min_size=1, max_size=5))
def test_whatever_was_published_before_the_answer_is_that_of_these_minutes(
    looks: list[list[tuple[int, int | None]]],
) -> None:
    folds = Folds()
    for look in looks:
        seen = [minute(n, bad, share) for n, (bad, share) in enumerate(look)]
        assert folds.run(LIMITS, BASES, seen) == run(LIMITS, BASES, seen)


def test_other_terms_are_another_trial() -> None:
    folds, seen = Folds(), [minute(n) for n in range(5)]
    folds.run(LIMITS, BASES, seen)
    other = Limits(warm_up=0)
    assert folds.run(other, BASES, seen) == run(other, BASES, seen)
    assert folds.run(other, {}, seen) == run(other, {}, seen)


def test_a_correction_of_an_old_minute_is_found() -> None:
    folds, seen = Folds(), [minute(n) for n in range(2 * STRIDE)]
    folds.run(LIMITS, BASES, seen)
    corrected = [*seen[:STRIDE], minute(STRIDE, 90), *seen[STRIDE + 1 :]]
    assert folds.run(LIMITS, BASES, corrected) == run(LIMITS, BASES, corrected)


def test_what_is_not_a_number_is_kept_as_well() -> None:
    broken = Pair(Counts(math.nan, math.nan), Counts(900, 3))
    seen = [minute(0), Observation(60.0, 100, {"failures": broken, "slow": broken}), minute(2)]
    folds, fresh = Folds(), run(LIMITS, BASES, seen)
    for _ in range(2):
        assert told(folds.run(LIMITS, BASES, seen)) == told(fresh)


def told(trial: Trial) -> tuple[object, ...]:
    return trial.evidence, trial.minutes, trial.broken, trial.newest, trial.trouble


def test_a_day_costs_a_few_trials_of_memory_and_one_fold_a_look() -> None:
    """Each look after the first folds what is new: that is all that `after` is asked."""
    folds, seen = Folds(), [minute(n) for n in range(1440)]
    folds.run(LIMITS, BASES, seen)
    assert len(folds._trials) <= 1440 / STRIDE + TAIL
    newest = folds._trials[1440]
    longer = [*seen, minute(1440)]
    folds.run(LIMITS, BASES, longer)
    assert folds._trials[1440] is newest
