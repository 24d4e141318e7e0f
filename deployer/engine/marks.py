"""What a deployment shows of itself: each slot's weight, and marks where it began and ended.

The core decides what is shown and when; the port `Board` shows it, or does not: no deployment waits
for it, and none fails because of it. Nothing of it is in the journal. A runner that takes over
shows the beginning again: with the time that the record has, so it is the same mark in the same
minute, and whoever reads marks takes their maximum. So nothing is counted twice. An end is shown by
whoever wrote it down; if that process dies just then, the mark is missing, and the record is not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as altered
from typing import Final, Protocol

from deployer.model import WHOLE, Slot, Snapshot, Weights
from deployer.plan import Deployment, Event, Status
from deployer.topology import WEIGHT_METRIC, Mark

EVERY_S: Final = 60.0  # CloudWatch keeps minutes
# CloudWatch takes hours to show what is older than this (API reference, PutMetricData).
RECENT_S: Final = 3 * 3600.0
ENDS: Final = {
    Status.SHIPPED: Mark.PROMOTED,
    Status.ROLLED_BACK: Mark.ROLLED_BACK,
    Status.HALTED: Mark.HALTED,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of a metric at one moment.

    metric: `Weight`, in percent, of a slot; or a Mark, 1.
    at:     epoch seconds.
    """

    metric: str
    value: float
    at: float
    slot: Slot | None = None


class Board(Protocol):
    """Where people look."""

    def show(self, readings: Sequence[Reading]) -> None:
        """Show them soon. Returns at once, and never raises."""
        ...

    def trouble(self) -> str:
        """What has kept readings from being shown since this was last asked; empty: nothing."""
        ...

    def close(self) -> None:
        """Give what is still on its way a moment."""
        ...


class Nowhere:
    """Nobody looks."""

    def show(self, readings: Sequence[Reading]) -> None:
        """Nothing is shown."""

    def trouble(self) -> str:
        return ""

    def close(self) -> None:
        """Nothing is on its way."""


NOWHERE: Final = Nowhere()


@dataclass(frozen=True, slots=True)
class Shown:
    """What this runner has shown so far; `at`: when it last showed weights, epoch seconds."""

    marks: frozenset[Mark] = frozenset()
    weights: Weights | None = None
    at: float = float("-inf")


def due(
    shown: Shown, deployment: Deployment, seen: Snapshot | None, now: float
) -> tuple[tuple[Reading, ...], Shown]:
    """What is to be shown now, and what has been shown then.

    Weights as they were read: when they are others than those shown, else once a minute.
    """
    marks = {
        mark: at
        for mark, at in marks_of(deployment).items()
        if mark not in shown.marks and now - at <= RECENT_S
    }
    readings = tuple(Reading(mark, 1.0, at) for mark, at in marks.items())
    after = altered(shown, marks=shown.marks | marks.keys())
    weights = seen.weights if seen is not None else None
    if seen is None or weights is None:
        return readings, after
    if weights == shown.weights and seen.at - shown.at < EVERY_S:
        return readings, after
    shares = tuple(
        Reading(WEIGHT_METRIC, weights[slot] * 100 / WHOLE, seen.at, slot) for slot in Slot
    )
    return (*readings, *shares), altered(after, weights=weights, at=seen.at)


def marks_of(deployment: Deployment) -> dict[Mark, float]:
    """When it began, and when and how it ended if it has, in epoch seconds.

    A deployment that leads back to an earlier release and arrives there has rolled back, whatever
    its record calls success. Sleeping and waking are no deployments to whoever reads marks.
    """
    if not deployment.first_plan.ships:
        return {}
    marks = {Mark.BEGUN: deployment.started_at}
    if deployment.status.final and deployment.finished_at is not None:
        leads_back = deployment.first_plan.strategy == "rollback"
        arrived = deployment.status is Status.SHIPPED
        end = Mark.ROLLED_BACK if leads_back and arrived else ENDS[deployment.status]
        marks[end] = deployment.finished_at
    return marks


Tell = Callable[[Deployment, Event, Snapshot | None], None]


@dataclass
class Showing:
    """The engine's `Tell`: tells on, then shows. What could not be shown is told as `unshown`."""

    board: Board
    tell: Tell
    shown: Shown = field(default_factory=Shown)

    def __call__(self, deployment: Deployment, event: Event, seen: Snapshot | None) -> None:
        self.tell(deployment, event, seen)
        readings, self.shown = due(self.shown, deployment, seen, event.at)
        if readings:
            self.board.show(readings)
        trouble = self.board.trouble()
        if trouble:
            self.tell(deployment, Event(event.at, "unshown", trouble), seen)
