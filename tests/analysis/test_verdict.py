"""The verdict, situation by situation, and what it says about itself."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from deployer.analysis.counts import Counts, Observation, Pair
from deployer.analysis.dispersion import Base
from deployer.analysis.figures import figure
from deployer.analysis.forecast import Forecast
from deployer.analysis.judge import Outcome
from deployer.analysis.limits import FAILURES, SLOW, Limits, Metric
from deployer.analysis.trial import Trial, begin, run
from deployer.analysis.verdict import Judgement, judgement
from tests.analysis.minutes import CALM, ONE, observed, steady

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
GOOD, BAD = ((1000, 2), (9000, 18)), ((1000, 20), (9000, 18))
DEAD = ((1000, 1000), (9000, 18))


def judged(seen: Sequence[Observation], limits: Limits = ONE, base: Base = CALM) -> Judgement:
    newest = max((one.start for one in seen), default=0.0)
    return judgement(
        run(limits, {metric.name: base for metric in limits.metrics}, seen), newest + 120
    )


CASES: list[tuple[str, list[Observation], Outcome, str]] = [
    ("nothing yet", [], INCONCLUSIVE, "waiting for the first whole minute"),
    ("warming up", steady(range(2), *GOOD), INCONCLUSIVE, "0 of at least 1 min after the warm-up"),
    ("as good as stable", steady(range(30), *GOOD), PASS, "no harm after 28 minutes; excluded"),
    ("better", steady(range(20), (1000, 0), (9000, 18)), PASS, "no harm"),
    ("ten times as bad", steady(range(8), *BAD), FAIL, "worse than stable by failures, in minute"),
    ("half again as bad, tolerated not", steady(range(60), (5000, 30), (45000, 180)), FAIL, "evidence 273, sent back at 111"),
    ("tolerated", steady(range(30), (5000, 21), (45000, 180)), PASS, "no harm"),
    ("dead at once", steady(range(1), *DEAD), FAIL, "failures in the warm-up, in minute 1"),
    ("cold start", [*steady(range(2), (1000, 100), (9000, 18)), *steady(range(2, 27), *GOOD)], PASS,
     "no harm after 25 minutes"),
    ("both slots in trouble",
     [*steady(range(12), *GOOD), *steady(range(12, 17), (1000, 200), (9000, 1800)),
      *steady(range(17, 30), *GOOD)], PASS, "no harm"),
    ("one bad minute", [*steady(range(20), *GOOD), observed(20, (1000, 50), (9000, 18))], INCONCLUSIVE,
     "suspicious|nothing bad"),
    ("few requests", steady(range(20), (10, 0), (90, 0)), INCONCLUSIVE, "more requests to the candidate"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "outcome", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_situations(seen: list[Observation], outcome: Outcome, words: str) -> None:
    found = judged(seen)
    assert found.outcome is outcome, found.reason
    assert any(word in found.reason for word in words.split("|")), found.reason


def test_what_looks_worse_of_late_is_not_called_good_until_it_does_not() -> None:
    """Forty good minutes have proved that it does no harm; then something begins, too small for a verdict."""
    good = steady(range(40), *GOOD)
    begun = [*good, *steady(range(40, 42), (1000, 5), (9000, 18))]
    found = judged(begun)
    assert judged(good).outcome is PASS
    assert (found.outcome, found.clean, found.advance) == (INCONCLUSIVE, True, False)
    assert "it looks worse than tolerated of late: failures" in found.reason
    over = judged([*begun, *steady(range(42, 50), (1000, 1), (9000, 18))])
    assert (over.outcome, over.advance) == (PASS, True)


def test_a_clean_minute_of_the_warm_up_is_clean_and_no_more() -> None:
    cold = judged(steady(range(1), *GOOD))
    assert (cold.clean, cold.advance, cold.outcome) == (True, False, INCONCLUSIVE)
    dying = judged(steady(range(1), (6, 5), (54, 1)))
    assert dying.outcome is INCONCLUSIVE
    assert not dying.clean


SPOILED: list[tuple[str, Observation, str]] = [
    ("no data", Observation(1800.0, 100, {}), "failures: no data"),
    ("candidate silent", observed(30, None, GOOD[1]), "candidate is silent"),
    ("stable silent", observed(30, GOOD[0], None), "stable slot is silent"),
    ("NaN", observed(30, (1000, math.nan), GOOD[1]), "not a number"),
    ("below zero", observed(30, (-1, 0), GOOD[1]), "below zero"),
    ("more bad than all", observed(30, (5, 6), GOOD[1]), "6 bad of 5 requests"),
]


@pytest.mark.parametrize(("minute", "words"), [c[1:] for c in SPOILED], ids=[c[0] for c in SPOILED])
def test_what_cannot_be_believed_is_never_a_pass(minute: Observation, words: str) -> None:
    good = steady(range(30), *GOOD)
    assert judged(good).outcome is PASS
    spoiled = judged([*good, minute])
    assert spoiled.outcome is INCONCLUSIVE
    assert words in spoiled.reason
    assert not spoiled.advance
    once_more = judged([*good, minute, observed(31, *GOOD)])
    assert once_more.outcome is INCONCLUSIVE, "what was known before the gap does not count"
    assert once_more.broken == 1
    assert judged([*good, minute, *steady(range(31, 61), *GOOD)]).outcome is PASS


def test_an_interrupted_game_is_still_one_game() -> None:
    """Gaps take what was won, and give nothing back: else each would be another try."""
    gap = Observation(600.0, 100, {})

    def safe(seen: Sequence[Observation]) -> float:
        (one,) = run(ONE, {"failures": CALM}, seen).metrics
        return one.safety.evidence

    winning, losing = steady(range(10), *GOOD), steady(range(10), (1000, 6), (9000, 18))
    assert safe(winning) > 0
    assert abs(safe([*winning, gap])) < 1e-12
    assert safe([*losing, gap]) == safe(losing) < -1


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (1800.0 + 60 * 4, None), (1800.0 + 60 * 4 + 1, "metrics are late or gone"),
        (1799.0, "the clocks disagree"), (math.nan, "the clocks disagree"),
    ],
)  # fmt: skip
def test_old_data_and_data_of_the_future_are_never_a_pass(now: float, words: str | None) -> None:
    trial = run(ONE, {"failures": CALM}, steady(range(30), *GOOD))
    found = judgement(trial, now)
    assert (found.outcome is PASS) == (words is None)
    assert words is None or words in found.reason


def test_a_condemned_release_stays_condemned() -> None:
    seen = [*steady(range(8), *BAD), *steady(range(8, 100), *GOOD)]
    assert judged(seen).outcome is FAIL
    assert judged([*seen, Observation(6000.0, 100, {})]).outcome is FAIL


def test_a_change_of_share_needs_a_minute_of_its_own() -> None:
    seen = steady(range(30), *GOOD)
    moving = observed(30, (3000, 6), (7000, 14), share=None)
    assert "no whole minute at this share" in judged([*seen, moving]).reason
    assert judged([*seen, moving, observed(31, (5000, 10), (5000, 10), share=500)]).outcome is PASS


def test_the_forecast_comes_true() -> None:
    """So many minutes more of the same, and one fewer is not enough."""
    seen = steady(range(6), *GOOD)
    ahead = judged(seen).forecast
    assert ahead is not None
    assert ahead.minutes is not None
    assert ahead.requests == 1000 * ahead.minutes
    assert judged(steady(range(6 + ahead.minutes), *GOOD)).outcome is PASS
    assert judged(steady(range(5 + ahead.minutes), *GOOD)).outcome is INCONCLUSIVE


def test_where_no_evidence_comes_the_forecast_says_never() -> None:
    silent = judged(steady(range(6), (0, 0), (1, 0), share=1))
    assert "warming up" in silent.reason
    assert silent.forecast is None
    quiet = judged(steady(range(6), (1, 0), (1, 0), share=500), base=Base(1e-9, 1.0, 240))
    assert quiet.forecast is not None
    assert str(quiet.forecast).startswith("about ")
    hopeless = judged(steady(range(6), (1e-9, 0), (1, 0), share=500), base=Base(1e-9, 1.0, 240))
    assert str(hopeless.forecast) == "at this rate never enough for failures"


def both(minute: int, bad: float, slow: float, share: int | None = 100) -> Observation:
    pair = Pair(Counts(1000, bad), Counts(9000, 18))
    return Observation(60.0 * minute, share, {"failures": pair, "slow": Pair(
        Counts(1000, slow), Counts(9000, 90))})  # fmt: skip


def test_any_metric_condemns_and_every_one_must_clear() -> None:
    limits = Limits()
    slow = judged([both(n, 2, 100) for n in range(12)], limits)
    assert slow.outcome is FAIL
    assert "worse than stable by slow answers, in" in slow.reason
    assert "minute 4: candidate 1,000 of 10,000 (10.00%), stable 900" in slow.reason
    failing = judged([both(n, 20, 10) for n in range(12)], limits)
    assert "worse than stable by failures" in failing.reason
    assert judged([both(n, 2, 10) for n in range(40)], limits).outcome is PASS
    half = [
        replace(both(n, 2, 10), pairs={"failures": both(n, 2, 10).pairs["failures"]})
        for n in range(40)
    ]
    assert "slow: no data" in judged(half, limits).reason


def test_slowness_after_a_change_of_share_is_excused_for_a_minute() -> None:
    def seen(slow: float) -> list[Observation]:
        before = [both(n, 2, 10) for n in range(10)]
        return [*before, both(10, 2, slow, 500), *(both(n, 2, 10, 500) for n in range(11, 20))]

    calm, cold = judged(seen(10), Limits()), judged(seen(600), Limits())
    assert cold.evidence == pytest.approx(calm.evidence)
    assert (
        judged(seen(600), Limits(metrics=(FAILURES, replace(SLOW, settles=False)))).outcome is FAIL
    )


def test_custom_metrics_share_the_one_bound() -> None:
    orders = Metric("orders refused", weight=2.0, min_excess=1e-3)
    limits = Limits(metrics=(FAILURES, SLOW, orders))
    assert math.fsum(limits.share_of(metric) for metric in limits.metrics) == pytest.approx(1)
    refused = [
        Observation(one.start, one.share, {**one.pairs, "orders refused": Pair(Counts(50, 20), Counts(450, 9))})
        for one in (both(n, 2, 10) for n in range(12))
    ]  # fmt: skip
    assert "by orders refused" in judged(refused, limits).reason


def test_a_verdict_explains_itself() -> None:
    found = judged(steady(range(8), *BAD))
    (one,) = found.findings
    assert found.evidence >= found.threshold == pytest.approx(1 / 0.009)
    assert one.ratio.low < one.ratio.best == pytest.approx(10, rel=0.1)  # type: ignore[operator]
    assert one.ratio.high > 10
    assert one.cost == pytest.approx(18 * 8)
    assert one.cost_whole == pytest.approx(180 * 8)  # ten times as many users
    for said in (
        "candidate",
        "stable",
        "x stable's rate",
        f"evidence {figure(one.against)}, sent back at {one.threshold:.0f}",
    ):
        assert said in str(one)


def test_a_reason_says_each_thing_once_and_fits_two_lines() -> None:
    reason = judged(steady(range(8), *BAD)).reason
    assert re.fullmatch(
        r"worse than stable by failures, in minute \d: candidate \d+ of [\d,]+ \(\d+\.\d\d%\), "
        r"stable \d+ of [\d,]+ \(\d+\.\d\d%\); evidence [\d,.k]+, sent back at 111",
        reason,
    ), reason
    assert len(reason) < 160


def test_an_inconclusive_one_says_what_is_excluded() -> None:
    reason = judged(steady(range(6), *GOOD)).reason
    assert "excluded so far: failures beyond" in reason
    assert "x stable's or above" in reason
    assert "min at the present rate, if its failures are no more than stable's" in reason


@pytest.mark.parametrize(
    ("minutes", "said"), [(1, "1 min"), (119, "119 min"), (436, "7h"), (6_109, "4d6h")]
)
def test_a_long_wait_is_told_in_hours_and_days(minutes: int, said: str) -> None:
    assert f"requests to the candidate, {said} at the present rate" in str(
        Forecast("failures", 134_000.0, minutes)
    )


def size(trial: object) -> int:
    """Numbers that it remembers."""
    if isinstance(trial, tuple):
        return sum(map(size, trial))
    slots = getattr(type(trial), "__slots__", ())
    return sum(size(getattr(trial, name)) for name in slots) if slots else 1


def test_what_is_remembered_does_not_grow() -> None:
    """O(1): three hundred minutes weigh as much as the first."""
    sizes: set[int] = set()
    for minutes in (3, 30, 300):
        trial: Trial = run(ONE, {"failures": CALM}, steady(range(minutes), *GOOD))
        sizes.add(size(trial))
    assert len(sizes) == 1
    assert max(sizes) < 200


def test_before_anything() -> None:
    assert judgement(begin(ONE, {}), 0.0).outcome is INCONCLUSIVE
