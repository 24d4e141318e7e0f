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
from dataclasses import dataclass, replace

from deployer.analysis.counts import Usable
from deployer.analysis.limits import EVIDENT, MINUTE_CAP, RATIOS, STAKES, onset
from deployer.analysis.split import NEVER, gain, log_mean, log_sum, own


@dataclass(frozen=True, slots=True)
class Mixture:
    """Log of the capital in play per ratio, and what has not been staked yet (`rest`, 0..1).

    null: the ratio that is still tolerated.
    cap:  nats that one minute may add; None: no limit.
    newest: log of what the newest minute alone says, with everything staked on it.
    """

    null: float
    cap: float | None = MINUTE_CAP
    minutes: int = 0
    rest: float = 1.0
    capital: tuple[float, ...] = (NEVER,) * len(RATIOS)
    newest: float = 0.0

    def after(self, minute: Usable, phi: float) -> "Mixture":
        """A_j <- e^l (A_j + w/8): what begins in this minute is staked before it is seen."""
        staked = onset(self.minutes + 1)
        gains = tuple(self._gain(minute, self.null * ratio, phi) for ratio in RATIOS)
        return replace(
            self,
            minutes=self.minutes + 1,
            rest=max(0.0, self.rest - staked),
            capital=tuple(
                gained + log_sum((old, log_stake(staked, RATIOS)))
                for old, gained in zip(self.capital, gains, strict=True)
            ),
            newest=log_mean(gains),
        )

    def _gain(self, minute: Usable, ratio: float, phi: float) -> float:
        own_bad = minute.candidate.bad
        nats = gain(own_bad, minute.bad, minute.theta, ratio, self.null) / phi
        share, enough = EVIDENT
        requests = minute.candidate.requests
        if self.cap is None or (requests >= enough and own_bad >= share * requests):
            return nats
        return min(nats, self.cap)

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

    def after(self, minute: Usable) -> "Bets":
        """S_m <- (1 + lam/q (k_c/k - q)) (S_m + w/5); a minute without failures decides nothing."""
        staked = onset(self.minutes + 1)
        theta = minute.theta
        fair = own(self.null, theta)
        decided = minute.bad > 0 and 0 < theta < 1
        excess = (minute.candidate.bad / minute.bad - fair) / fair if decided else 0.0
        capital = tuple(
            math.log1p(stake * excess) + log_sum((old, log_stake(staked, STAKES)))
            for old, stake in zip(self.capital, STAKES, strict=True)
        )
        return replace(
            self, minutes=self.minutes + 1, rest=max(0.0, self.rest - staked), capital=capital
        )

    @property
    def evidence(self) -> float:
        """Log E."""
        return log_sum((*self.capital, log_of(self.rest)))


def log_stake(staked: float, among: tuple[float, ...]) -> float:
    """Log of one game's part of what is staked in this minute."""
    return log_of(staked / len(among))


def log_of(value: float) -> float:
    return math.log(value) if value > 0 else NEVER
