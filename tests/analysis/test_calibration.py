"""How often a good release is sent back, and a harmful one called good, looking every minute.

Simulated with fixed seeds at the edge of what is tolerated, where the bound is tightest: the bounds are
1 % and 5 %. One metric; benchmarks/analysis measures whole deployments.
"""

import math
import random
from collections.abc import Iterator

from deployer.analysis.abort import Bets, Mixture
from deployer.analysis.counts import Usable
from deployer.analysis.limits import FAILURES
from deployer.analysis.safety import Safety, harm
from deployer.analysis.split import log_mean, own
from tests.analysis.minutes import usable

RUNS, LOOKS = 300, 60
REQUESTS = 10_000  # per minute
SHARES = (0.01, 0.1, 0.5)  # the weight moves up, every twenty minutes


def minutes(dice: random.Random, ratio: float, mean: int, cluster: int) -> Iterator[Usable]:
    """Failures of a base rate that drifts by itself; each cluster falls on one slot."""
    level = 1.0
    for look in range(LOOKS):
        level = min(max(level * math.exp(dice.gauss(0, 0.2)), 0.2), 5)
        theta = SHARES[look * len(SHARES) // LOOKS]
        events = max(0, round(dice.gauss(mean * level, math.sqrt(mean * level))))
        q = own(ratio, theta)
        mine = cluster * sum(dice.random() < q for _ in range(events))
        served = REQUESTS * theta
        bad = min(mine, served)
        yield usable((served, bad), (REQUESTS - served, cluster * events - mine))


def condemned(seed: int, ratio: float, cluster: int, phi: float) -> bool:
    mixture, bets = Mixture(1.1), Bets(1.25)
    for minute in minutes(random.Random(seed), ratio, 12, cluster):  # noqa: S311 - a simulation
        mixture, bets = mixture.after(minute, phi), bets.after(minute)
        if log_mean((mixture.evidence, bets.evidence)) >= math.log(100):
            return True
    return False


def test_a_release_at_the_edge_of_the_tolerable_is_hardly_ever_sent_back() -> None:
    assert sum(condemned(seed, 1.1, 1, 1.0) for seed in range(RUNS)) <= 0.01 * RUNS


def test_nor_where_failures_come_in_clusters_as_large_as_measured() -> None:
    assert sum(condemned(seed, 1.0, 8, 8.0) for seed in range(RUNS)) <= 0.01 * RUNS


def test_without_the_measured_clustering_it_would_be() -> None:
    """The same streams, taken for independent failures: that is what phi is for."""
    assert sum(condemned(seed, 1.0, 8, 1.0) for seed in range(60)) > 0.1 * 60


def hangs_together(seed: int, streak: float) -> bool:
    """Each slot's failures swing by itself, and stay for five minutes: a bad host, a busy neighbour."""
    dice, bets, swing = random.Random(seed), Bets(1.25), 0.0  # noqa: S311 - a simulation
    for look in range(LOOKS):
        if look % 5 == 0:
            swing = dice.gauss(0, 0.57)
        mine = round(100 * math.exp(swing))
        bets = bets.after(usable((1000, mine), (9000, 900)), streak)
        if bets.evidence >= math.log(100):
            return True
    return False


def test_nor_where_a_slot_swings_for_minutes_as_long_as_measured() -> None:
    assert sum(hangs_together(seed, 5.0) for seed in range(RUNS)) <= 0.01 * RUNS


def test_taken_for_independent_minutes_it_would_be() -> None:
    assert sum(hangs_together(seed, 1.0) for seed in range(100)) > 0.03 * 100


def test_a_release_three_times_as_bad_is_found() -> None:
    assert sum(condemned(seed, 3.0, 1, 1.0) for seed in range(60)) >= 0.95 * 60


def test_a_harmful_release_is_hardly_ever_called_good() -> None:
    usual = 0.002  # and never fewer than 0.12 % fail beside it: the harmful one more than 0.1 %
    limits, called = harm(FAILURES, usual), 0
    for seed in range(RUNS):
        safety = Safety(limits)
        for minute in minutes(random.Random(seed), limits.ratio, 60, 1):  # noqa: S311 - a simulation
            safety = safety.after(minute, 1.0)
            if safety.evidence >= math.log(20):
                called += 1
                break
    assert called <= 0.05 * RUNS
