"""A dashboard that remembers what it was shown."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from deployer.engine.marks import Reading
from deployer.model import Slot
from deployer.topology import WEIGHT_METRIC, Mark


@dataclass
class SimBoard:
    """The port `Board`.

    broken: why it shows nothing; it says so whenever it is shown something.
    """

    readings: list[Reading] = field(default_factory=list)
    broken: str = ""
    _trouble: str = ""
    closed: int = 0

    def show(self, readings: Sequence[Reading]) -> None:
        if self.broken:
            self._trouble = self.broken
        else:
            self.readings += readings

    def trouble(self) -> str:
        said, self._trouble = self._trouble, ""
        return said

    def close(self) -> None:
        self.closed += 1

    @property
    def marks(self) -> list[tuple[Mark, float]]:
        """Marks with their times, as they were shown."""
        return [(Mark(each.metric), each.at) for each in self.readings if each.slot is None]

    def weights(self, slot: Slot) -> list[tuple[float, float]]:
        """Percents of a slot: time, value."""
        own = [each for each in self.readings if each.slot is slot]
        assert all(each.metric == WEIGHT_METRIC for each in own)
        return [(each.at, each.value) for each in own]
