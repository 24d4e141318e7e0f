"""One gate for every port call: it counts, and it breaks what a test asks it to break."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from deployer.errors import CloudUnavailable
from tests.sim.clock import SimClock

T = TypeVar("T")


class Killed(BaseException):
    """SIGKILL: nothing in the deployer may catch it."""


class Fault(Enum):
    """What goes wrong with one call."""

    THROTTLED = "refused before it had any effect"
    REPLY_LOST = "took effect, but the caller hears of a failure"
    KILLED_BEFORE = "the process dies before the call"
    KILLED_AFTER = "the process dies after the call took effect"


READS = ("cloud.observe", "metrics.traffic", "journal.requested")


def repeats(fault: Fault, what: str) -> bool:
    """Whether another fault of the same story says it already.

    A process that dies after a reading is as dead as before the next call, and a reading whose
    reply is lost is one that was refused.
    """
    return what in READS and fault in (Fault.KILLED_AFTER, Fault.REPLY_LOST)


@dataclass
class Gate:
    """Every port call passes through here.

    faults: number of the call, from 0 -> what goes wrong with it.
    hooks:  operation -> called before each such call (to make it slow, or the world change).
    """

    clock: SimClock
    faults: Mapping[int, Fault] = field(default_factory=dict)
    hooks: dict[str, Callable[[], None]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    def through(self, name: str, call: Callable[[], T]) -> T:
        """Make the call, with whatever goes wrong with it.

        Raises:
            Killed: the process died here.
            CloudUnavailable: throttled, or the reply was lost.
        """
        fault = self.faults.get(len(self.names))
        self.names.append(name)
        if name in self.hooks:
            self.hooks[name]()
        if fault is Fault.KILLED_BEFORE:
            raise Killed(name)
        if fault is Fault.THROTTLED:
            raise CloudUnavailable(f"{name}: Rate exceeded")
        result = call()
        if fault is Fault.KILLED_AFTER:
            raise Killed(name)
        if fault is Fault.REPLY_LOST:
            raise CloudUnavailable(f"{name}: read timed out")
        return result

    @property
    def calls(self) -> Counter[str]:
        """Calls by operation."""
        return Counter(self.names)
