"""How much traffic next: the harm budget, rung by rung."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.analysis.counts import Observation
from deployer.analysis.dispersion import Base
from deployer.analysis.limits import Limits
from deployer.analysis.ramp import FACTOR, LADDER, Move, first_share, move, next_share
from deployer.analysis.trial import Trial, run
from deployer.analysis.verdict import judgement
from tests.analysis.minutes import CALM, ONE, Counted, observed, steady

GOOD: tuple[Counted, Counted] = ((1000, 2), (9000, 18))


@pytest.mark.parametrize(
    ("per_second", "share"),
    [(0.1, 100), (1, 100), (5, 100), (20, 20), (100, 5), (1000, 1), (5000, 1)],
)
def test_where_it_begins(per_second: float, share: int) -> None:
    assert first_share(per_second * 60, ONE) == share


def test_without_any_traffic_it_begins_as_high_as_allowed() -> None:
    assert first_share(0, ONE) == 100


def trial(seen: list[Observation], limits: Limits = ONE, base: Base = CALM) -> Trial:
    return run(limits, {"failures": base}, seen)


def moved(
    seen: list[Observation], share: int, elapsed_min: float = 5, limits: Limits = ONE
) -> Move:
    found = trial(seen, limits)
    newest = max(one.start for one in seen)
    return move(found, judgement(found, newest + 120), share, elapsed_min)


@given(st.sampled_from(LADDER), st.integers(0, 50), st.floats(1, 1e6), st.floats(1, 1e4))
@settings(max_examples=60)
def test_never_down_never_off_the_ladder_never_too_fast(
    share: int, bad: int, rate: float, budget: float
) -> None:
    seen = steady(range(4), (100, min(bad, 100)), (900, 1), share=share)
    higher = next_share(trial(seen, Limits(metrics=ONE.metrics, harm_budget=budget)), share, rate)
    assert share <= higher <= FACTOR * share
    assert higher == share or higher in LADDER


def test_what_the_next_rung_may_cost_is_within_the_budget() -> None:
    """3,000 requests without a failure: at most 1/600 may fail. 30,000 a minute, 3 minutes, budget 100:
    90,000 / 600 x w <= 100, so w <= 66 %."""
    unknown = Base(None, 1.0, 240)
    seen = steady(range(3), (1000, 0), (9000, 0), share=100)
    assert next_share(trial(seen, base=unknown), 100, 30_000) == 500
    assert next_share(trial(seen, base=unknown), 100, 60_000) == 250
    assert next_share(trial(seen, base=unknown), 100, 600_000) == 100


def test_what_has_begun_of_late_divides_the_budget() -> None:
    seen = [*steady(range(12), *GOOD), observed(12, (1000, 7), (9000, 18))]
    calm = [*steady(range(12), *GOOD), observed(12, (1000, 2), (9000, 18))]
    assert next_share(trial(calm), 100, 100_000) > next_share(trial(seen), 100, 100_000)


def test_a_warm_start_climbs_in_the_warm_up_and_a_cold_one_does_not() -> None:
    warm, cold = steady(range(1), (1000, 2), (9000, 18)), steady(range(1), (1000, 300), (9000, 18))
    assert moved(warm, 10).kind == "raise"
    assert moved(cold, 10).kind == "stay"
    dead = steady(range(1), (6, 6), (54, 1))
    assert moved(dead, 100).kind == "stay"


def test_a_cold_start_is_forgiven_once_it_is_over() -> None:
    """By the minutes after the warm-up alone 2,000 requests fail in less than half a percent."""
    seen = [*steady(range(2), (1000, 300), (9000, 18)), *steady(range(2, 4), (1000, 1), (9000, 18))]
    assert trial(seen).metrics[0].worst_rate < 0.005


def test_what_leans_is_held_when_time_is_up_and_promoted_when_it_does_not_any_more() -> None:
    leaning = [*steady(range(30), (50, 0), (50, 0), share=500), observed(30, (50, 2), (50, 0), 500)]
    assert moved(leaning, 500, 32).kind == "hold"
    over = [*leaning, observed(31, (50, 0), (50, 2), 500)]
    assert moved(over, 500, 33).kind == "promote"


def test_each_rung_needs_a_minute_of_its_own() -> None:
    seen = steady(range(6), (10, 0), (9990, 20), share=1)
    assert moved(seen, 1).kind == "raise"
    moving = observed(6, (50, 0), (9950, 20), share=None)
    assert moved([*seen, moving], 5).kind == "stay"


def test_back_on_failure_stay_on_suspicion() -> None:
    assert moved(steady(range(8), (1000, 40), (9000, 18)), 100) == Move(
        "back", 0, moved(steady(range(8), (1000, 40), (9000, 18)), 100).why
    )
    suspicious = [*steady(range(8), *GOOD), observed(8, (1000, 30), (9000, 18))]
    assert moved(suspicious, 100).kind == "stay"


def test_promoted_only_once_half_of_the_users_have_seen_it() -> None:
    seen = steady(range(40), *GOOD)
    assert moved(seen, 100).kind == "raise"
    half = steady(range(40), (5000, 10), (5000, 10), share=500)
    assert moved(half, 500) == Move("promote", 950, moved(half, 500).why)


@pytest.mark.parametrize(
    ("policy", "kind"), [("promote", "promote"), ("hold", "hold"), ("abort", "back")]
)
def test_when_time_is_up_the_policy_decides(policy: str, kind: str) -> None:
    limits = Limits(metrics=ONE.metrics, inconclusive=policy)  # type: ignore[arg-type]
    seen = steady(range(30), (50, 0), (50, 0), share=500)
    assert moved(seen, 500, 29, limits).kind == "stay"
    assert moved(seen, 500, 30, limits).kind == kind
    assert "inconclusive after 30 min" in moved(seen, 500, 30, limits).why


@pytest.mark.parametrize("policy", ["promote", "hold", "abort"])
def test_what_was_called_good_is_not_inconclusive_when_time_is_up(policy: str) -> None:
    """It climbs on as the budget allows, and where it allows no more, it was called good all the same."""
    limits = Limits(metrics=ONE.metrics, inconclusive=policy)  # type: ignore[arg-type]
    assert moved(steady(range(40), *GOOD), 100, 50, limits).kind == "raise"
    tight = Limits(metrics=ONE.metrics, inconclusive=policy, harm_budget=1e-9)  # type: ignore[arg-type]
    never = steady(range(400), (1000, 0), (9000, 0))
    assert moved(never, 100, 29, tight).kind == "stay"
    ended = moved(never, 100, 401, tight)
    assert (ended.kind, "inconclusive" in ended.why) == ("promote", False)


def test_what_is_suspicious_or_unseen_is_held_not_promoted() -> None:
    suspicious = [*steady(range(30), *GOOD), observed(30, (1000, 30), (9000, 18))]
    assert moved(suspicious, 100, 31).kind == "hold"
    unseen = [*steady(range(30), *GOOD), observed(30, None, (9000, 18))]
    assert moved(unseen, 100, 31).kind == "hold"
