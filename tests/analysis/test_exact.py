"""The arithmetic, against 50 digits; and the games, against every outcome that there is.

A game is fair if its mean over all outcomes is 1 at most. One minute has few outcomes, so that is summed
here, not simulated: for the least favourable release that is still tolerable, and for better ones.
"""

import math
from decimal import Decimal, localcontext
from math import comb

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deployer.analysis.abort import Bets, Mixture
from deployer.analysis.fatal import Fatal
from deployer.analysis.limits import FAILURES, FATAL_ONSET, FATAL_RATE, ONSET, Onset
from deployer.analysis.ratio import GRID, RATIOS, Profile
from deployer.analysis.safety import Safety, harm
from deployer.analysis.split import gain, log_mean, log_sum, odds, own
from tests.analysis.minutes import usable

THETAS = st.floats(0.001, 0.999)
RATIO = st.floats(0.05, 1000)
FEW = st.integers(1, 30)
SLACK = 1 + 1e-9
ROUNDING = (
    1e-15  # nats per request: where two rates are nearly equal, their logarithm is that exact
)


@given(bad=st.integers(0, 10**6), part=st.floats(0, 1), theta=THETAS, ratio=RATIO, null=RATIO)
@example(bad=10**6, part=1.0, theta=0.999, ratio=1000.0, null=1.1)
def test_the_gain_is_exact(bad: int, part: float, theta: float, ratio: float, null: float) -> None:
    own_bad = round(bad * part)
    with localcontext() as context:
        context.prec = 50
        t, r, r0 = Decimal(theta), Decimal(ratio), Decimal(null)
        q, q0 = r * t / (1 - t + r * t), r0 * t / (1 - t + r0 * t)
        first, second = own_bad * (q / q0).ln(), (bad - own_bad) * ((1 - q) / (1 - q0)).ln()
        exact, scale = float(first + second), float(abs(first) + abs(second))
    assert abs(gain(own_bad, bad, theta, ratio, null) - exact) <= 1e-12 * scale + ROUNDING * bad


@given(
    requests=st.integers(0, 10**6),
    part=st.floats(0, 1),
    p=st.floats(1e-6, 0.999),
    d=st.floats(1e-6, 0.999),
)
def test_the_odds_are_exact(requests: int, part: float, p: float, d: float) -> None:
    bad = round(requests * part)
    with localcontext() as context:
        context.prec = 50
        first = bad * (Decimal(p) / Decimal(d)).ln()
        second = (requests - bad) * ((1 - Decimal(p)) / (1 - Decimal(d))).ln()
        exact, scale = float(first + second), float(abs(first) + abs(second))
    assert abs(odds(p, d, bad, requests) - exact) <= 1e-12 * scale + ROUNDING * requests


@given(st.lists(st.floats(-700, 700), min_size=1, max_size=20))
def test_sums_of_logs_are_exact(logs: list[float]) -> None:
    with localcontext() as context:
        context.prec = 60
        exact = float(sum((Decimal(log).exp() for log in logs), Decimal(0)).ln())
    assert math.isclose(log_sum(logs), exact, rel_tol=1e-12, abs_tol=1e-12)
    assert math.isclose(log_mean(logs), exact - math.log(len(logs)), rel_tol=1e-12, abs_tol=1e-11)


def test_sums_of_logs_at_the_edges() -> None:
    assert log_sum([]) == log_sum([-math.inf]) == -math.inf
    assert log_sum([1e300, 0.0]) == 1e300
    assert log_sum([5000.0, 5000.0]) == 5000 + math.log(2)


def chances(bad: int, theta: float, ratio: float) -> list[float]:
    """Probability of each number of failures being the candidate's."""
    q = own(ratio, theta)
    return [comb(bad, k) * q**k * (1 - q) ** (bad - k) for k in range(bad + 1)]


def minute(
    k: int, bad: int, theta: float, requests: int = 10_000
) -> tuple[float, float, float, float]:
    return requests * theta, k, requests * (1 - theta), bad - k


@given(bad=FEW, theta=THETAS, phi=st.floats(1, 20), ratio=st.floats(0.05, 1.1))
@example(bad=30, theta=0.001, phi=1.0, ratio=1.1)
@example(bad=1, theta=0.999, phi=1.0, ratio=1.1)
def test_the_mixture_is_fair_in_every_minute(
    bad: int, theta: float, phi: float, ratio: float
) -> None:
    game = Mixture(1.1)
    mean = 0.0
    for k, chance in enumerate(chances(bad, theta, ratio)):
        served, own_bad, others, other_bad = minute(k, bad, theta)
        after = game.after(usable((served, own_bad), (others, other_bad)), phi)
        mean += chance * math.exp(after.evidence)
    assert mean <= SLACK


@given(bad=FEW, theta=THETAS, ratio=st.floats(0.05, 1.25))
@example(bad=1, theta=0.001, ratio=1.25)
def test_the_bets_are_fair_in_every_minute(bad: int, theta: float, ratio: float) -> None:
    mean = 0.0
    for k, chance in enumerate(chances(bad, theta, ratio)):
        served, own_bad, others, other_bad = minute(k, bad, theta)
        after = Bets(1.25).after(usable((served, own_bad), (others, other_bad)))
        mean += chance * math.exp(after.evidence)
    assert mean <= SLACK


@given(size=st.integers(1, 500), theta=THETAS, clusters=st.integers(1, 8))
def test_the_bets_are_fair_however_large_the_clusters(
    size: int, theta: float, clusters: int
) -> None:
    """All failures of a cluster fall on one slot; the first cluster is `size` times the others."""
    q, mean = own(1.25, theta), 0.0
    for pattern in range(2**clusters):
        own_ones = [bool(pattern >> n & 1) for n in range(clusters)]
        sizes = [size, *([1] * (clusters - 1))]
        k = sum(s for s, mine in zip(sizes, own_ones, strict=True) if mine)
        chance = math.prod(q if mine else 1 - q for mine in own_ones)
        served, own_bad, others, other_bad = minute(k, sum(sizes), theta, 10**6)
        after = Bets(1.25).after(usable((served, own_bad), (others, other_bad)))
        mean += chance * math.exp(after.evidence)
    assert mean <= SLACK


@given(requests=st.integers(1, 60), rate=st.floats(0, FATAL_RATE), phi=st.floats(1, 20))
def test_the_fatal_test_is_fair(requests: int, rate: float, phi: float) -> None:
    """Whatever the stable slot does, a release that fails 30 % is not condemned by it too often."""
    mean = 0.0
    for k in range(requests + 1):
        chance = comb(requests, k) * rate**k * (1 - rate) ** (requests - k)
        after = Fatal().after(usable((requests, k), (1000, 0)), phi)
        mean += chance * math.exp(after.evidence)
    assert mean <= SLACK


@given(
    bad=FEW, theta=THETAS, phi=st.floats(1, 20), usual=st.floats(1e-6, 0.1), worse=st.floats(1, 50)
)
def test_a_harmful_release_is_called_good_fairly_rarely_beside_stable(
    bad: int, theta: float, phi: float, usual: float, worse: float
) -> None:
    """Half of the capital is bet on the split: its mean is at most 1 for every harmful ratio."""
    limits = harm(FAILURES, usual)
    mean = [0.0] * 4
    for k, chance in enumerate(chances(bad, theta, limits.ratio * worse)):
        served, own_bad, others, other_bad = minute(k, bad, theta)
        after = Safety(limits).after(usable((served, own_bad), (others, other_bad)), phi)
        mean = [m + chance * math.exp(log) for m, log in zip(mean, after.beside, strict=True)]
    assert max(mean) <= SLACK


@given(
    requests=st.integers(1, 60), phi=st.floats(1, 20), usual=st.floats(1e-6, 0.1),
    worse=st.floats(1, 100),
)  # fmt: skip
def test_a_harmful_release_is_called_good_fairly_rarely_by_its_own_rate(
    requests: int, phi: float, usual: float, worse: float
) -> None:
    limits = harm(FAILURES, usual)
    rate = min(1.0, limits.rate * worse)
    mean = [0.0] * 4
    for k in range(requests + 1):
        chance = comb(requests, k) * rate**k * (1 - rate) ** (requests - k)
        after = Safety(limits).after(usable((requests, k), (1000, 0)), phi)
        mean = [m + chance * math.exp(log) for m, log in zip(mean, after.alone, strict=True)]
    assert max(mean) <= SLACK


@given(bad=FEW, theta=THETAS, at=st.integers(0, len(GRID) - 1), alpha=st.floats(0.01, 0.5))
def test_the_interval_holds_the_truth(bad: int, theta: float, at: int, alpha: float) -> None:
    missed = 0.0
    for k, chance in enumerate(chances(bad, theta, RATIOS[at])):
        served, own_bad, others, other_bad = minute(k, bad, theta)
        profile = Profile().after(usable((served, own_bad), (others, other_bad)), 1.0)
        interval = profile.interval(alpha)
        assert interval.best is not None
        assert interval.low <= interval.best <= interval.high
        missed += chance * (not interval.low <= RATIOS[at] <= interval.high)
    assert missed <= alpha


@pytest.mark.parametrize("onset", [ONSET, FATAL_ONSET])
def test_no_more_is_staked_than_there_is_and_never_all(onset: Onset) -> None:
    rest = 1.0
    for minute in range(1, 1441):
        part = onset.part(minute)
        assert 0 < part < 1
        rest -= rest * part
    assert 0 < rest < 0.02  # and on the second day there is still something for what begins then


def test_half_is_staked_at_once_and_half_of_the_rest_within_half_an_hour() -> None:
    left = math.prod(1 - ONSET.part(minute) for minute in range(2, ONSET.span + 2))
    assert (ONSET.part(1), round(left, 2)) == (0.5, 0.5)


def test_without_a_failure_the_capital_stays_what_it_was() -> None:
    mixture, bets = Mixture(1.1), Bets(1.25)
    for _ in range(100):
        minute = usable((100, 0), (900, 0))
        mixture, bets = mixture.after(minute, 1.0), bets.after(minute)
    assert math.isclose(mixture.evidence, 0.0, abs_tol=1e-12)
    assert math.isclose(bets.evidence, 0.0, abs_tol=1e-12)


@given(bad=FEW, theta=THETAS, minutes=st.integers(1, 8))
@example(bad=2, theta=0.001, minutes=5)
def test_the_bets_are_fair_though_a_whole_streak_falls_the_same_way(
    bad: int, theta: float, minutes: int
) -> None:
    """The worst that can hang together: every minute of the streak is the first one once more."""
    mean = 0.0
    for k, chance in enumerate(chances(bad, theta, 1.25)):
        minute = usable((10_000 * theta, min(k, 10_000 * theta)), (10_000 * (1 - theta), bad - k))
        bets = Bets(1.25)
        for _ in range(minutes):
            bets = bets.after(minute, minutes)
        mean += chance * math.exp(bets.evidence)
    assert mean <= SLACK
