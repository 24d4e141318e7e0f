"""Telling people, beside a deployment and never in its way: the port, and where the engine meets it.

What was told is remembered beside the record, for each channel. What only informs is marked before it is
sent: at most once. What wants a person (`Notice.urgent`) is claimed, sent, and marked: who dies in between
leaves the claim to run out, and the next one tells it again, with the same id: at least once. Of two
who want to tell the same thing at the same time one does, either way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from deployer.engine.loop import Tell
from deployer.model import Snapshot
from deployer.operations.notices import Notice
from deployer.plan import Deployment, Event
from deployer.steps.bake import A_PERSON

UNSENT: Final = "unsent"


class Outbox(Protocol):
    """One environment's channels. Nothing here waits for them, but `close`, and nothing raises."""

    def offer(self, record: Deployment, event: Event | None = None) -> None:
        """Tell whatever this record has to tell and was not told yet, soon."""
        ...

    def tell(self, *found: Notice) -> None:
        """Tell these, unless they were told, soon."""
        ...

    def troubles(self) -> Sequence[str]:
        """What has kept notices from being sent since this was last asked, once for each channel."""
        ...

    def close(self) -> Sequence[str]:
        """Give what is on its way a moment; what was sent since the last time: `CHANNEL: title`."""
        ...


class Silent:
    """Nobody is told anything."""

    def offer(self, record: Deployment, event: Event | None = None) -> None:
        """Nobody hears it."""

    def tell(self, *found: Notice) -> None:
        """Nobody hears it."""

    def troubles(self) -> Sequence[str]:
        return ()

    def close(self) -> Sequence[str]:
        return ()


SILENT: Final = Silent()


class Claimed(Protocol):
    """What was told, by channel and by a notice's id. All raise CloudUnavailable and AccessProblem."""

    def told(self, deployment: str, channel: str) -> frozenset[str]:
        """Ids that need not be tried: told, or given up."""
        ...

    def claim(self, notice: str, channel: str, lasts_s: float | None) -> bool:
        """Whether it is ours to tell, for so long; None: for ever, whatever becomes of it."""
        ...

    def settle(self, notice: str, channel: str, again_s: float | None) -> None:
        """It was told (None), or may be tried again after so long, seconds."""
        ...


@dataclass
class Notifying:
    """The engine's `Tell`: tells on, then offers what the record has to tell.

    What could not be sent is told as `unsent`, once for each channel.
    """

    outbox: Outbox
    tell: Tell
    offered: tuple[str, int, str] = ("", -1, "")

    def __call__(self, deployment: Deployment, event: Event, seen: Snapshot | None) -> None:
        self.tell(deployment, event, seen)
        held = event.note if event.note.startswith(A_PERSON) else ""
        state = (deployment.id, deployment.version, held[:1])
        if state != self.offered:
            self.offered = state
            self.outbox.offer(deployment, event)
        for trouble in self.outbox.troubles():
            self.tell(deployment, Event(event.at, UNSENT, trouble), seen)
