"""How many instances were healthy, and how many calls it took, in the course of a deployment. Pure.

The record keeps them beside its events, for reports: nobody decides by them. They are written when the
record is written anyway, so they cost no call; between two of them nothing is known.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from deployer.model import Slot, Snapshot

MOST: Final = 240  # samples in a record: about 20 KB of the 400 that DynamoDB allows

# API calls by operation since it was asked last: `elasticloadbalancing:ModifyRule` -> 3.
Calls = Callable[[], Mapping[str, int]]


def no_calls() -> Mapping[str, int]:
    """Nobody counts them."""
    return {}


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading of both groups.

    at:             epoch seconds.
    blue, green:    instances in service and healthy in the target group.
    blue_wanted, green_wanted: as many as the group is asked for.
    calls:          API calls that carrying out the deployment had taken by then.
    """

    at: float
    blue: int
    blue_wanted: int
    green: int
    green_wanted: int
    calls: int = 0

    def healthy(self, slot: Slot) -> int:
        """In service and healthy."""
        return self.blue if slot is Slot.BLUE else self.green

    def wanted(self, slot: Slot) -> int:
        """Asked for."""
        return self.blue_wanted if slot is Slot.BLUE else self.green_wanted


def sampled(
    before: Sequence[Sample], seen: Snapshot | None, calls: int, most: int = MOST
) -> tuple[Sample, ...]:
    """With one reading more; None: there was none.

    While nothing changes the newest moves on, so that a run of equal ones keeps its first and its last.
    Of too many every second of the older half goes.
    """
    if seen is None:
        return tuple(before)
    new = Sample(
        seen.at, seen.blue.healthy(), seen.blue.desired, seen.green.healthy(), seen.green.desired, calls
    )  # fmt: skip
    if len(before) > 1 and _counts(before[-2]) == _counts(before[-1]) == _counts(new):
        return (*before[:-1], new)
    every = (*before, new)
    half = most // 2
    return every if len(every) <= most else (*every[:half:2], *every[half:])


def _counts(sample: Sample) -> tuple[int, ...]:
    return sample.blue, sample.blue_wanted, sample.green, sample.green_wanted


def added(before: Mapping[str, int], new: Mapping[str, int]) -> dict[str, int]:
    """Both together, by operation."""
    return {name: before.get(name, 0) + new.get(name, 0) for name in sorted({*before, *new})}
