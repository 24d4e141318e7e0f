"""What services go through, good releases and bad ones, from 1 to 5,000 requests a second.

Each scenario is data: the base rates, what is common to both slots, what is the candidate's own, and
what is chance beyond single requests. `slow` is the share of requests above the SLO: 0.5 % usually, so
that the SLO lies above the 99th percentile; latency is lognormal (sigma 0.5), so a release that is m times
as slow has a share of 1 - Phi(2.576 - ln(m)/0.5).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

HORIZON_MIN = 120
SLOW, SIGMA = 0.005, 0.5

Course = Callable[[int], float]  # minute -> factor, or rate


def constant(_: int) -> float:
    return 1.0


def nothing(_: int, __: int) -> float:
    return 0.0


@dataclass(frozen=True)
class Scenario:
    """One service and one release.

    rps, fails: requests a second, and the share of them that fails.
    times:      what the release multiplies failures by; `adds`, (minute, per mille) -> failures it adds.
    slower:     what it multiplies latency by; `cold`: minutes with 30 % slow and 2 % failing.
    cluster:    failures that come together, on one slot.
    wobble:     standard deviation of ln of each slot's own failure rate, anew every 5 minutes.
    flaky:      an instance of ten fails twenty times as often, in so many of a slot's minutes.
    traffic, common: factors of requests and of both slots' failures, by minute.
    """

    name: str
    bad: bool
    rps: float
    fails: float
    times: float = 1.0
    adds: Callable[[int, int], float] = nothing
    slower: float = 1.0
    cold: int = 0
    cluster: int = 1
    wobble: float = 0.0
    flaky: float = 0.0
    traffic: Course = constant
    common: Course = constant

    def requests(self, minute: int) -> float:
        """Expected, per minute."""
        return 60 * self.rps * self.traffic(minute)

    def stable(self, minute: int) -> tuple[float, float]:
        """Shares that fail and that are slow."""
        return min(self.fails * self.common(minute), 1.0), SLOW

    def candidate(self, minute: int, share: int) -> tuple[float, float]:
        """The same of the candidate, which has `share` per mille."""
        if minute < self.cold:
            return min(self.fails + 0.02, 1.0), 0.3
        fails = self.fails * self.common(minute) * self.times + self.adds(minute, share)
        return min(fails, 1.0), slow_share(self.slower)


@cache
def slow_share(slower: float) -> float:
    """Share above the SLO of a release that is so many times as slow."""
    normal = NormalDist()
    return 1 - normal.cdf(normal.inv_cdf(1 - SLOW) - math.log(slower) / SIGMA)


def day(minute: int) -> float:
    return 1 + 0.6 * math.sin(2 * math.pi * minute / HORIZON_MIN)


def drift(minute: int) -> float:
    return 1 + 4 * max(minute, 0) / HORIZON_MIN


def incident(minute: int) -> float:
    return 20.0 if 8 <= minute < 13 else 1.0


def blip(minute: int, _: int) -> float:
    return 0.05 if minute == 12 else 0.0


def leak(minute: int, _: int) -> float:
    return min(max(minute - 15, 0) / 45, 1) * 0.03


def under_load(_: int, share: int) -> float:
    return 0.02 if share >= 500 else 0.0


def all_fail(_: int, __: int) -> float:
    return 1.0


def a_third(_: int, __: int) -> float:
    return 0.3


def one_endpoint(_: int, __: int) -> float:
    return 0.01


GOOD = (
    Scenario("constant 1/s", False, 1, 0.02),
    Scenario("constant 5/s", False, 5, 0.005),
    Scenario("constant 20/s", False, 20, 0.02),
    Scenario("constant 100/s", False, 100, 0.001),
    Scenario("constant 500/s", False, 500, 0.005),
    Scenario("constant 1000/s", False, 1000, 0.001),
    Scenario("constant 5000/s", False, 5000, 0.0002),
    Scenario("hardly ever fails", False, 1000, 1e-6),
    Scenario("one in ten fails", False, 100, 0.1),
    Scenario("day and night", False, 500, 0.005, traffic=day, common=day),
    Scenario("drifts to five times", False, 500, 0.002, common=drift),
    Scenario("shared incident", False, 500, 0.002, common=incident),
    Scenario("bursts of 12", False, 100, 0.01, cluster=12),
    Scenario("bursts of 30", False, 1000, 0.002, cluster=30),
    Scenario("a noisy instance", False, 300, 0.005, flaky=0.1),
    Scenario("correlated instances", False, 300, 0.01, wobble=0.4),
    Scenario("cold start", False, 200, 0.002, cold=2),
    Scenario("a blip of one minute", False, 500, 0.002, adds=blip),
    Scenario("half the errors", False, 300, 0.01, times=0.5),
    Scenario("tolerable: x1.05", False, 1000, 0.01, times=1.05),
)
BAD = (
    Scenario("errors x1.2", True, 5000, 0.01, times=1.2),
    Scenario("errors x1.5", True, 1000, 0.01, times=1.5),
    Scenario("errors x2", True, 1000, 0.002, times=2),
    Scenario("errors x2, few", True, 100, 0.001, times=2),
    Scenario("errors x3", True, 100, 0.01, times=3),
    Scenario("errors x5", True, 20, 0.01, times=5),
    Scenario("errors x5, 1/s", True, 1, 0.02, times=5),
    Scenario("errors x10", True, 100, 0.001, times=10),
    Scenario("errors x20", True, 500, 0.0005, times=20),
    Scenario("x3 in bursts of 12", True, 300, 0.005, times=3, cluster=12),
    Scenario("x3, correlated instances", True, 300, 0.01, times=3, wobble=0.4),
    Scenario("a third fails", True, 20, 0.005, adds=a_third),
    Scenario("all fail, 1/s", True, 1, 0.02, adds=all_fail),
    Scenario("all fail, 100/s", True, 100, 0.005, adds=all_fail),
    Scenario("all fail, 5000/s", True, 5000, 0.0005, adds=all_fail),
    Scenario("latency x1.2", True, 1000, 0.001, slower=1.2),
    Scenario("latency x1.5", True, 200, 0.001, slower=1.5),
    Scenario("latency x2", True, 50, 0.002, slower=2),
    Scenario("leak from minute 15", True, 300, 0.002, adds=leak),
    Scenario("fails under load", True, 300, 0.002, adds=under_load),
    Scenario("one endpoint of many", True, 500, 0.002, adds=one_endpoint),
    Scenario("x10 by night and day", True, 200, 0.001, times=10, traffic=day, common=day),
)
ALL = (*GOOD, *BAD)
