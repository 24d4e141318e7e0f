"""What is kept of a deployment's minutes: all that it was judged by."""

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.analysis.counts import Observation, Pair
from deployer.analysis.limits import Metric
from deployer.analysis.observed import counts
from deployer.analysis.terms import Terms
from deployer.model import Minute


@dataclass(frozen=True, slots=True)
class Recorded:
    """One minute of both slots; `share`, per mille, is the candidate's all through it, None: it changed.

    start: epoch seconds, a whole minute; both slots' minutes have the same.
    """

    start: float
    share: int | None
    candidate: Minute
    stable: Minute


@dataclass(frozen=True, slots=True)
class Recording:
    """One deployment's minutes, from the first in which the candidate had traffic, one after the other.

    terms:  what it was judged by; None: by the plain rule, or nobody knows.
    until:  minutes that ended later are not in it, epoch seconds; None: nobody knows.
    status: how it ended, in the journal's word; `running` while it goes on, empty if nobody knows.
    """

    minutes: tuple[Recorded, ...]
    service: str = ""
    environment: str = ""
    deployment: str = ""
    strategy: str = ""
    release: str = ""
    previous: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
    status: str = ""
    reason: str = ""
    terms: Terms | None = None
    until: float | None = None

    @property
    def slow_known(self) -> bool:
        """Slow requests were counted, in some minute at least."""
        sides = (side for each in self.minutes for side in (each.candidate, each.stable))
        return any(side.slow is not None for side in sides)


def observations(minutes: Sequence[Recorded], metrics: Sequence[Metric]) -> tuple[Observation, ...]:
    """As the analysis is given them."""
    return tuple(
        Observation(
            each.start,
            each.share,
            {
                one.name: Pair(counts(each.candidate, one.name), counts(each.stable, one.name))
                for one in metrics
            },
        )
        for each in minutes
    )
