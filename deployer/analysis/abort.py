"""Evidence that a release is worse: two games against chance, whose capital grows only if it is.

Both begin with 1 and are fair, or worse than fair, as long as the release is tolerable. So whatever
the number of looks, and whenever one stops, the capital reaches 1/alpha with probability alpha at most
(Ville 1939). Their mean is such a game too. The state is 14 numbers however long it lasts.

`Mixture`  a likelihood ratio, averaged over how much worse the release may be and over when the fault
           may begin (method of mixtures: Robbins 1970). Sharp, but believes that failures come one by
           one, or in clusters no larger than phi.
`Bets`     each minute stakes part of the capital on the candidate's share of the failures. One vote a
           minute, however many failures it has: clusters of any size are fair (betting martingales:
           Waudby-Smith & Ramdas 2024; test by betting: Shafer 2021).
"""

import math
from dataclasses import dataclass
from functools import lru_cache

from deployer.analysis.counts import Usable
from deployer.analysis.limits import EVIDENT, MINUTE_CAP, ONSET, RATIOS, STAKES, Onset
from deployer.analysis.split import NEVER, Beside, log_add, log_mean, log_sum, own


@dataclass(frozen=True, slots=True)
class Mixture:
    """Log of the capital in play per ratio, and what has not been staked yet (`rest`, 0..1).

    null:   the ratio that is still tolerated.
    cap:    nats that one minute may add; None: no limit.
    ratios: what is bet on, in times the null.
    newest: log of what the newest minute alone says, with everything staked on it.
    rising: per ratio, nats won since its last low (cusum: Page 1954). No capital and no evidence, since it
            forgets what was lost; but it tells at once that something has begun.
    """

    null: float
    cap: float | None = MINUTE_CAP
    ratios: tuple[float, ...] = RATIOS
    onset: Onset = ONSET
    minutes: int = 0
    rest: float = 1.0
    capital: tuple[float, ...] = ()
    newest: float = 0.0
    rising: tuple[float, ...] = ()

    def after(self, minute: Usable, phi: float) -> "Mixture":
        """A_j <- e^l (A_j + w/9): what begins in this minute is staked before it is seen."""
        staked = self.rest * self.onset.part(self.minutes + 1)
        stake = log_of(staked / len(self.ratios))
        gains = self._gains(minute, phi)
        before = self.capital or (NEVER,) * len(gains)
        capital = [log_add(old, stake) + won for old, won in zip(before, gains, strict=True)]
        return Mixture(
            self.null, self.cap, self.ratios, self.onset, self.minutes + 1, self.rest - staked,
            tuple(capital), log_mean(gains), self._risen(gains),
        )  # fmt: skip

    def _risen(self, gains: list[float]) -> tuple[float, ...]:
        before = self.rising or (0.0,) * len(gains)
        return tuple(max(0.0, old + won) for old, won in zip(before, gains, strict=True))

    def _gains(self, minute: Usable, phi: float) -> list[float]:
        """Nats that each ratio wins in this minute."""
        own_bad, requests = minute.candidate.bad, minute.candidate.requests
        gains = against(self.null, self.ratios).gains(own_bad / phi, minute.bad / phi, minute.theta)
        share, enough = EVIDENT
        cap = self.cap
        if cap is None or (requests >= enough and own_bad >= share * requests):
            return gains
        return [min(nats, cap) for nats in gains]

    @property
    def evidence(self) -> float:
        """Log E."""
        return log_sum((*self.capital, log_of(self.rest)))


@dataclass(frozen=True, slots=True)
class Bets:
    """Log of the capital per stake, and what has not been staked yet.

    null: the ratio that is still tolerated.
    """

    null: float
    minutes: int = 0
    rest: float = 1.0
    capital: tuple[float, ...] = (NEVER,) * len(STAKES)

    def after(self, minute: Usable, streak: float = 1.0) -> "Bets":
        """S_m <- (1 + lam/q (k_c/k - q))^(1/streak) (S_m + w/5); a minute without failures decides nothing.

        streak: minutes in a row that may err together, in whatever way. The mean of a product of so many
                roots is at most the product of the means (Hoelder), hence at most 1.
        """
        staked = self.rest * ONSET.part(self.minutes + 1)
        stake = log_of(staked / len(STAKES))
        bad, theta = minute.bad, minute.theta
        fair = own(self.null, theta)
        excess = (minute.candidate.bad / bad - fair) / fair if bad > 0 and 0 < theta < 1 else 0.0
        capital = [
            log_add(old, stake) + math.log1p(part * excess) / streak
            for old, part in zip(self.capital, STAKES, strict=True)
        ]
        return Bets(self.null, self.minutes + 1, self.rest - staked, tuple(capital))

    @property
    def evidence(self) -> float:
        """Log E."""
        return log_sum((*self.capital, log_of(self.rest)))


@lru_cache(maxsize=64)
def against(null: float, ratios: tuple[float, ...]) -> Beside:
    """What may be wrong, against what is tolerated."""
    return Beside.of(null, [null * ratio for ratio in ratios])


def log_of(value: float) -> float:
    return math.log(value) if value > 0 else NEVER
