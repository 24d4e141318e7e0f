"""The warm-up: a release starts cold, so its first minutes condemn it only for what no cold start is.

Two tests must agree: at least three times the stable slot's failures, and at least 30 % of its own
requests failed. The smaller of two capitals is bounded where either null holds.
"""

from dataclasses import dataclass, replace

from deployer.analysis.abort import Mixture
from deployer.analysis.counts import Usable
from deployer.analysis.limits import (
    FATAL_ONSET,
    FATAL_RATE,
    FATAL_RATES,
    FATAL_RATIO,
    FATAL_RATIOS,
)
from deployer.analysis.split import log_mean, odds

UNCAPPED = Mixture(FATAL_RATIO, cap=None, ratios=FATAL_RATIOS, onset=FATAL_ONSET)
PHI_MOST = 5.0  # a release that fails altogether has one cluster: all of its requests


@dataclass(frozen=True, slots=True)
class Fatal:
    """Both tests so far; the mixture is not capped: one minute may do."""

    beside: Mixture = UNCAPPED
    alone: tuple[float, ...] = (0.0,) * len(FATAL_RATES)

    def after(self, minute: Usable, phi: float) -> "Fatal":
        requests, bad = minute.candidate.requests, minute.candidate.bad
        tempered = min(phi, PHI_MOST)
        alone = tuple(
            old + odds(rate, FATAL_RATE, bad, requests) / tempered
            for old, rate in zip(self.alone, FATAL_RATES, strict=True)
        )
        return replace(self, beside=self.beside.after(minute, phi), alone=alone)

    @property
    def evidence(self) -> float:
        """Log E."""
        return min(self.beside.evidence, log_mean(self.alone))
