"""Several instance types, and Spot beside On-Demand: which one a launch buys. Pure.

Sources: Auto Scaling user guide, "Auto Scaling groups with multiple instance types and purchase
options"; autoscaling API model, `InstancesDistribution`. The lab knows neither prices nor spare
capacity: On-Demand takes the first type, Spot is spread over the types in each zone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Purchase:
    """What is asked of EC2; `instance_type` empty: the launch template's."""

    instance_type: str = ""
    spot: bool = False


ORDINARY: Final = Purchase()


@dataclass(frozen=True, slots=True)
class Holding:
    """One instance that the group has. `risky`: EC2 is about to take it back, or likely to."""

    instance_type: str
    spot: bool
    zone: str
    risky: bool = False


@dataclass(frozen=True, slots=True)
class Mixture:
    """A mixed instances policy.

    types:   in the order of the overrides, the most wanted first; empty: the launch template's.
    base:    so many instances are On-Demand before any is Spot.
    percent: of those beyond the base so many are On-Demand, rounded up.
    shown:   the instances distribution as the API tells it.
    """

    types: tuple[str, ...]
    base: int
    percent: int
    shown: Mapping[str, Any] = field(default_factory=dict)

    def on_demand(self, total: int) -> int:
        """How many of `total` instances are On-Demand."""
        base = min(self.base, total)
        return base + ceil((total - base) * self.percent / 100)

    def purchase(self, holdings: Sequence[Holding], zone: str, total: int) -> Purchase:
        """The next one of a group that is to have `total` instances, in this zone."""
        bought = sum(not held.spot for held in holdings)
        if bought < self.on_demand(total):
            return Purchase(self.types[0] if self.types else "")
        pool = [held for held in holdings if held.spot and held.zone == zone]
        return Purchase(min(self.types, key=lambda kind: _crowd(pool, kind), default=""), spot=True)


def _crowd(pool: Sequence[Holding], kind: str) -> tuple[int, int]:
    """Pools from which EC2 takes back come last, then those that the group has most of."""
    same = [held for held in pool if held.instance_type == kind]
    return sum(held.risky for held in same), len(same)
