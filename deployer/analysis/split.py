"""How failures split between two slots, and how much more one ratio explains the split than another.

If the candidate fails `r` times as often as the stable slot, and had the share theta of the requests,
then each failure is one of its own with probability

    q(r) = r theta / (1 - theta + r theta)

whatever the common failure rate is and does: that is why drift, nights and shared incidents cancel
(Przyborowski & Wilenski 1940: two Poisson counts, given their sum, are binomial).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

NEVER = -math.inf


@dataclass(frozen=True, slots=True)
class Beside:
    """Ratios to weigh against `null`, with what of it depends on no minute: a day has 1,440 of them.

    points: per ratio ln(r/null) and r - 1.
    """

    null: float
    points: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, null: float, ratios: Iterable[float]) -> "Beside":
        """Every one of `ratios` against `null`."""
        return cls(null, tuple((math.log(ratio / null), ratio - 1) for ratio in ratios))

    def gains(self, own_bad: float, bad: float, theta: float) -> list[float]:
        """`gain` of each ratio."""
        if not bad or theta <= 0 or theta >= 1:
            return [0.0] * len(self.points)
        log1p, fair = math.log1p, math.log1p(theta * (self.null - 1))
        return [own_bad * log - bad * (log1p(theta * less) - fair) for log, less in self.points]


def own(ratio: float, theta: float) -> float:
    """q(ratio): the probability that a failure is the candidate's."""
    return ratio * theta / (1 - theta + ratio * theta)


def gain(own_bad: float, bad: float, theta: float, ratio: float, null: float) -> float:
    """Log of the likelihood at `ratio` over that at `null`, for `own_bad` of `bad` failures.

        k_c ln(q(r)/q(r0)) + k_s ln((1-q(r))/(1-q(r0)))
      = k_c ln(r/r0) - k [ln(1 + theta(r-1)) - ln(1 + theta(r0-1))],   k = k_c + k_s

    The second form has no difference of nearly equal numbers, and no logarithm of zero.
    """
    if not bad or theta <= 0 or theta >= 1:
        return 0.0  # with one slot only there is nothing to compare
    return own_bad * math.log(ratio / null) - bad * (
        math.log1p(theta * (ratio - 1)) - math.log1p(theta * (null - 1))
    )


def odds(good_at: float, against: float, bad: float, requests: float) -> float:
    """Log of the likelihood of `bad` of `requests` at rate `good_at` over that at `against`."""
    return bad * math.log(good_at / against) + (requests - bad) * (
        math.log1p(-good_at) - math.log1p(-against)
    )


def log_add(one: float, other: float) -> float:
    """Log of e^one + e^other."""
    if one < other:
        one, other = other, one
    return one if other == NEVER else one + math.log1p(math.exp(other - one))


def log_sum(logs: Iterable[float]) -> float:
    """Log of the sum of e^x, without overflow."""
    values = tuple(logs)
    top = max(values, default=NEVER)
    if math.isinf(top):
        return top
    exp = math.exp
    return top + math.log(math.fsum([exp(value - top) for value in values]))


def log_mean(logs: Iterable[float]) -> float:
    """Log of the mean of e^x."""
    values = tuple(logs)
    return log_sum(values) - math.log(len(values))
