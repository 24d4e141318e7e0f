"""Evidence that a release is *not* harmful: the same game with the roles exchanged.

Harmful means both: it fails at least `ratio` times as often as the stable slot, and at least `rate` of
its requests. A release is called good when harmful ones would come so far with probability beta at
most. Half of the capital is bet beside the stable slot, half on the candidate's own rate: the first
learns where failures are many, the second where they are rare.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from operator import add

from deployer.analysis.counts import Usable
from deployer.analysis.limits import HARM_RATIO, Metric
from deployer.analysis.split import Beside, log_sum, odds

BESIDE = (0.15, 0.6, 0.15, 0.1)  # prior on: better, as good, and two steps towards harmful
ALONE = 0.25
PRIORS = tuple(math.log(prior / 2) for prior in (*BESIDE, *(ALONE,) * 4))  # half of it each
BETTER = 0.7
RAREST = 1e-12  # nobody has seen so many requests: what is said to be rarer is taken for this


@dataclass(frozen=True, slots=True)
class Harm:
    """What would be harmful.

    ratio:  of candidate's to stable's rate (r1).
    rate:   of the candidate's requests, 0..1 (D).
    usual:  at most what the stable slot failed before, 0..1; None: unknown.
    """

    ratio: float
    rate: float
    usual: float | None

    @property
    def ratios(self) -> tuple[float, ...]:
        """What the candidate may be instead, beside the stable slot."""
        return (BETTER, 1.0, self.ratio**0.25, self.ratio**0.5)

    @property
    def rates(self) -> tuple[float, ...]:
        """What its own rate may be instead: always below `rate`."""
        usual = 0.05 * self.rate if self.usual is None else min(self.usual, 0.9 * self.rate)
        return (usual, 0.1 * self.rate, 0.3 * self.rate, 0.6 * self.rate)


def harm(metric: Metric, usual: float | None) -> Harm:
    """Ten times what is usual, within the metric's own bounds; and never less than 1.5 times it.

    A service that hardly fails is not harmed by twice hardly anything. Without a history the
    strictest definition holds.
    """
    least, largest = metric.harmful
    floor = max(HARM_RATIO, HARM_RATIO / 1.1 * metric.tolerated)
    if usual is None or usual <= 0:
        return Harm(floor, least, None)
    usual = max(usual, RAREST)
    rate = min(max(10 * usual, least), largest)
    return Harm(max(floor, 1 + rate / usual), rate, usual)


@dataclass(frozen=True, slots=True)
class Safety:
    """Log of the capital per alternative, without its prior."""

    harm: Harm
    beside: tuple[float, ...] = (0.0,) * 4
    alone: tuple[float, ...] = (0.0,) * 4

    def after(self, minute: Usable, phi: float) -> "Safety":
        """Every alternative's likelihood over that of the least harmful release, tempered by phi."""
        own = minute.candidate
        return self._grown(minute.theta, minute.bad / phi, own.bad / phi, own.requests / phi)

    def _grown(self, theta: float, bad: float, own_bad: float, requests: float) -> "Safety":
        beside = harmful(self.harm).gains(own_bad, bad, theta)
        good = requests - own_bad
        return Safety(
            self.harm,
            tuple(map(add, self.beside, beside)),
            tuple(
                log + own_bad * each_bad + good * each_good
                for log, (each_bad, each_good) in zip(self.alone, alone(self.harm), strict=True)
            ),
        )

    def voided(self) -> "Safety":
        """Without what it has won; what it has lost stays lost.

        So a game that is interrupted is still one game: beginning anew would be another try each time.
        """
        won = max(0.0, self.evidence)
        return Safety(
            self.harm,
            tuple(log - won for log in self.beside),
            tuple(log - won for log in self.alone),
        )

    def paces(self, theta: float, bad: float, requests: float, rate: float) -> tuple[float, ...]:
        """Nats that each alternative wins in an average minute, with the candidate as good as stable.

        theta, bad, requests: the candidate's share, the failures of both, and its requests per minute;
        rate: the share of requests that fail.
        """
        beside = harmful(self.harm).gains(theta * bad, bad, theta)
        failed, served = rate * requests, requests - rate * requests
        own_rate = [failed * bad_one + served * good_one for bad_one, good_one in alone(self.harm)]
        return (*beside, *own_rate)

    def ahead(self, paces: tuple[float, ...], minutes: float) -> float:
        """Log E with so many of these minutes more."""
        logs = zip(self.beside + self.alone, paces, PRIORS, strict=True)
        return log_sum(log + pace * minutes + prior for log, pace, prior in logs)

    @property
    def evidence(self) -> float:
        """Log E."""
        return log_sum(map(add, (*self.beside, *self.alone), PRIORS))


@lru_cache(maxsize=64)
def harmful(harm: Harm) -> Beside:
    """Harmless ratios, against the least that is harmful."""
    return Beside.of(harm.ratio, harm.ratios)


@lru_cache(maxsize=64)
def alone(harm: Harm) -> tuple[tuple[float, float], ...]:
    """Harmless rates, against the least that is harmful: nats of one bad request and of one good."""
    return tuple((odds(rate, harm.rate, 1, 1), odds(rate, harm.rate, 0, 1)) for rate in harm.rates)
