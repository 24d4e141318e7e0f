"""Minutes to judge, written short."""

from collections.abc import Iterable

from deployer.analysis.counts import Counts, Observation, Pair, Usable
from deployer.analysis.dispersion import Base
from deployer.analysis.limits import FAILURES, Limits

ONE = Limits(metrics=(FAILURES,))
CALM = Base(usual=0.002, phi=1.0, minutes=240)
Counted = tuple[float, float]  # requests, bad


def usable(own: Counted, other: Counted) -> Usable:
    return Usable(Counts(*own), Counts(*other))


def observed(
    minute: int, own: Counted | None, other: Counted | None, share: int | None = 100
) -> Observation:
    """The n-th minute of the one metric `failures`."""
    candidate = None if own is None else Counts(*own)
    stable = None if other is None else Counts(*other)
    return Observation(60.0 * minute, share, {"failures": Pair(candidate, stable)})


def steady(
    minutes: Iterable[int], own: Counted, other: Counted, share: int | None = 100
) -> list[Observation]:
    return [observed(minute, own, other, share) for minute in minutes]
