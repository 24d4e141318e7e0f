"""Everything that is remembered of one metric: about a hundred numbers, whatever the time."""

import math
from dataclasses import dataclass, field, replace

from deployer.analysis.abort import Bets, Mixture
from deployer.analysis.counts import Counts, Usable
from deployer.analysis.dispersion import Base
from deployer.analysis.fatal import Fatal
from deployer.analysis.limits import LEANING, Metric
from deployer.analysis.ratio import Profile, upper_rate
from deployer.analysis.safety import Safety, harm
from deployer.analysis.split import log_mean

NONE = Counts(0, 0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One metric so far.

    minutes:   counted, after the warm-up.
    candidate, stable: what they served in those.
    warmed:    the same of the warm-up.
    at_share:  the candidate's since its share last changed, minutes of settling included.
    cold_at_share: the same of the warm-up's minutes.
    latest:    the newest minute that was of use.
    excess, comparable: sums of (k_c n_s - k_s n_c)/N and of n_c n_s/N: their quotient is the rate
               added, minute by minute (Mantel & Haenszel 1959), never pooled over weights.
    cost:      bad requests beyond what the stable slot would have served to the same users.
    """

    metric: Metric
    base: Base
    mixture: Mixture
    bets: Bets
    fatal: Fatal
    safety: Safety
    profile: Profile = field(default_factory=Profile)
    minutes: int = 0
    candidate: Counts = NONE
    stable: Counts = NONE
    warmed: tuple[Counts, Counts] = (NONE, NONE)
    at_share: Counts = NONE
    cold_at_share: Counts = NONE
    latest: Usable | None = None
    excess: float = 0.0
    comparable: float = 0.0
    cost: float = 0.0

    @classmethod
    def first(cls, metric: Metric, base: Base) -> "Evidence":
        """Before the first minute."""
        return cls(
            metric, base, Mixture(metric.tolerated), Bets(metric.bet_tolerated),
            Fatal(), Safety(harm(metric, base.usual)),
        )  # fmt: skip

    def warming(self, minute: Usable) -> "Evidence":
        """With one minute of the warm-up."""
        own, other = self.warmed
        tried = self.fatal.after(minute, self.base.phi) if self.metric.fatal else self.fatal
        return replace(
            self,
            fatal=tried,
            warmed=(added(own, minute.candidate), added(other, minute.stable)),
            cold_at_share=added(self.cold_at_share, minute.candidate),
            latest=minute,
            cost=self.cost + cost_of(minute),
        )

    def after(self, minute: Usable) -> "Evidence":
        """With one minute more."""
        phi, own, other = self.base.phi, minute.candidate, minute.stable
        both = own.requests + other.requests
        return replace(
            self,
            mixture=self.mixture.after(minute, phi),
            bets=self.bets.after(minute, self.base.streak),
            safety=self.safety.after(minute, phi),
            profile=self.profile.after(minute, phi),
            minutes=self.minutes + 1,
            candidate=added(self.candidate, own),
            stable=added(self.stable, other),
            at_share=added(self.at_share, own),
            latest=minute,
            excess=self.excess + (own.bad * other.requests - other.bad * own.requests) / both,
            comparable=self.comparable + own.requests * other.requests / both,
            cost=self.cost + cost_of(minute),
        )

    def moved(self) -> "Evidence":
        """The candidate's share has changed."""
        return replace(self, at_share=NONE, cold_at_share=NONE)

    def exposed(self, minute: Usable) -> "Evidence":
        """With what the candidate served in a minute that is not judged: it is settling."""
        return replace(self, at_share=added(self.at_share, minute.candidate))

    def interrupted(self) -> "Evidence":
        """A minute is missing, and may hide anything: what said that it is safe is void."""
        return replace(self, safety=self.safety.voided())

    @property
    def added_rate(self) -> float:
        """Share of the candidate's requests that are bad beyond the stable slot's, -1..1."""
        return self.excess / self.comparable if self.comparable else 0.0

    @property
    def served(self) -> tuple[Counts, Counts]:
        """Candidate's and stable's, as far as it is told: of the warm-up until a minute counts."""
        return (self.candidate, self.stable) if self.minutes else self.warmed

    def cost_at(self, share: int) -> float:
        """What it would have cost in the same minutes at `share`, per mille: bad requests added."""
        own, other = self.warmed
        warming = added_in(Usable(own, other)) * (own.requests + other.requests)
        counted = self.added_rate * (self.candidate.requests + self.stable.requests)
        return (warming + counted) * share / 1000

    @property
    def weight_of_evidence(self) -> float:
        """Log E against the release; no more than chance while too little is added to matter."""
        found = log_mean((self.mixture.evidence, self.bets.evidence))
        return found if self._matters() else min(found, 0.0)

    def _matters(self) -> bool:
        now = 0.0 if self.latest is None else added_in(self.latest)
        return max(self.added_rate, now) >= self.metric.min_excess

    @property
    def rising(self) -> float:
        """Nats that the newest minutes have won against the release; 0 while too little is added to matter."""
        return max(self.mixture.rising, default=0.0) if self._matters() else 0.0

    @property
    def leaning(self) -> bool:
        """Whether the newest minutes look worse than tolerated, be it by chance."""
        return self.rising >= LEANING

    @property
    def fatal_evidence(self) -> float:
        """Log E of the warm-up's test."""
        return self.fatal.evidence if self.metric.fatal else -math.inf

    @property
    def usual(self) -> float:
        """The stable slot's rate, 0..1: as it was, or as it is beside the candidate."""
        if self.stable.requests:
            return self.stable.bad / self.stable.requests
        return self.base.usual or 0.0

    @property
    def worst_rate(self) -> float:
        """At most this share of the candidate's requests is bad, by the data at its present share.

        With the warm-up's minutes or without, whichever says more: a release that starts warm is
        known sooner, and one that starts cold is not held to it for ever.
        """
        everything = added(self.at_share, self.cold_at_share)
        return min(
            upper_rate(self.at_share.bad, self.at_share.requests),
            upper_rate(everything.bad, everything.requests),
        )


def added(one: Counts, other: Counts) -> Counts:
    return Counts(one.requests + other.requests, one.bad + other.bad)


def added_in(minute: Usable) -> float:
    """Rate added in one minute, -1..1."""
    own, other = minute.candidate, minute.stable
    if not own.requests:
        return 0.0
    return own.bad / own.requests - (other.bad / other.requests if other.requests else 0.0)


def cost_of(minute: Usable) -> float:
    """Bad requests of the candidate's that the stable slot would not have had; may be negative."""
    return added_in(minute) * minute.candidate.requests
