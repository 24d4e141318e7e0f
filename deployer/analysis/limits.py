"""What the verdict is held to: error bounds, tolerated changes, times. Every number has a reason.

docs/analysis.md explains each in words; the defaults come from simulation (benchmarks/analysis).
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One kind of bad request, and what is a change worth stopping for.

    name:       as in the observations.
    weight:     its part of the evidence; the weights of all metrics are brought to a sum of 1.
    tolerated:  ratio of candidate's to stable's rate that is still fine (r0).
    min_excess: rate added, 0..1, below which nobody is sent back, however certain it is.
    harmful:    least and largest rate, 0..1, that counts as harm when the stable slot has next to
                none (D lies between).
    settles:    the first minute after a change of weight does not count (cold caches are slow).
    fatal:      judged from the first request, by a test that only a broken release fails.
    """

    name: str
    weight: float = 1.0
    tolerated: float = 1.1
    min_excess: float = 2e-5
    harmful: tuple[float, float] = (5e-5, 1e-3)
    settles: bool = False
    fatal: bool = False

    @property
    def bet_tolerated(self) -> float:
        """The bounded bet is held to a little more: its margin covers what clusters hide."""
        return self.tolerated * 1.25 / 1.1


FAILURES = Metric("failures", fatal=True)
SLOW = Metric("slow", min_excess=1e-3, harmful=(5e-4, 1e-2), settles=True)


def called(name: str) -> str:
    """A metric in a sentence: what is counted."""
    return "slow answers" if name == SLOW.name else name


@dataclass(frozen=True, slots=True)
class Limits:
    """One overall bound for the whole deployment, whatever the number of looks and metrics.

    alpha:          at most this probability of sending back a release that is no worse.
    beta:           at most this probability of calling a harmful one good.
    harm_budget:    bad requests that the next stretch of the ramp may cost at worst.
    warm_up:        minutes of the candidate in which only a fatal fault counts.
    delay_min:      minutes until a closed minute is published (CloudWatch: 1, sometimes 2).
    min_minutes:    counted minutes before a release can be called good.
    max_minutes:    minutes after which too little evidence is `inconclusive` for good.
    stale_min:      age of the newest closed minute from which there is no verdict.
    inconclusive:   what becomes of a release about which too little is known then.
    """

    metrics: tuple[Metric, ...] = (FAILURES, SLOW)
    alpha: float = 0.01
    beta: float = 0.05
    harm_budget: float = 100.0
    warm_up: int = 2
    delay_min: int = 1
    min_minutes: int = 1
    max_minutes: int = 30
    stale_min: int = 4
    inconclusive: Literal["promote", "hold", "abort"] = "promote"

    def share_of(self, metric: Metric) -> float:
        """The metric's part of the evidence, 0..1."""
        return metric.weight / sum(one.weight for one in self.metrics)


SUSPICION = 3.0  # evidence from which the ramp stands still (three to one against the release)
LEANING = 1.0  # nats won of late from which on a release is not called good yet
ALARMING = 10.0  # the same of the newest minute by itself: the next one tells more
# Times the tolerated: what may be wrong.
RATIOS = (1.15, 1.4, 1.8, 2.5, 4.0, 8.0, 20.0, 100.0, 1000.0)
STAKES = (0.1, 0.25, 0.5, 0.75, 0.95)  # parts of the capital that are bet on the share
MINUTE_CAP = 4.5  # nats that one minute may add, unless a fifth of its requests fail
EVIDENT = (0.2, 10)  # ... of at least so many requests
FATAL_RATIO, FATAL_RATE = 3.0, 0.3  # a fatal fault: three times stable's rate and 30 % at least
FATAL_RATES = (0.45, 0.7, 0.95, 0.999)
FATAL_RATIOS = (2.0, 8.0, 40.0, 400.0)  # times that: what fails altogether does so many times over
FATAL_PART = 0.1  # of alpha goes to the fatal test; the rest to the evidence after the warm-up
HARM_RATIO = 1.5  # a release is harmful from this ratio on, and from harmful[...] on


@dataclass(frozen=True, slots=True)
class Onset:
    """When a fault may begin: how much of the capital is staked in which minute.

    first: part of it, 0..1, in the first minute.
    span:  of what is left, 1/(span + n - 1) in the n-th minute: half of it within so many minutes, and
           never all: a fault may begin on the second day.
    """

    first: float
    span: int

    def part(self, minute: int) -> float:
        """What is staked in the n-th minute, 1, 2, ..., of all that is left."""
        return self.first if minute == 1 else 1 / (self.span + minute - 1)


ONSET = Onset(0.5, 30)
FATAL_ONSET = Onset(0.9, 1)  # a release that does not work does not work from the beginning
