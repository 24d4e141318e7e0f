"""What a deployment is judged by, fixed when its plan is made: the same counts, the same verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.analysis.dispersion import Base
from deployer.analysis.limits import Limits


@dataclass(frozen=True, slots=True)
class Terms:
    """The limits, and what the stable slot was like before.

    bases:            by metric; one that is not there has no history.
    slow_s:           seconds from which an answer is slow; None: latency is not judged.
    requests_per_min: of all users, lately; None: unknown.
    probes:           requests of the tool's own a minute, to each slot its share.
    """

    limits: Limits
    bases: Mapping[str, Base] = field(default_factory=dict)
    slow_s: float | None = None
    requests_per_min: float | None = None
    probes: int = 0
