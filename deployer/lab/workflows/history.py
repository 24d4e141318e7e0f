"""What an execution has done, event by event, as GetExecutionHistory tells it.

An execution of 25,000 events fails: the last of them says so. [D:limits-overview.md]
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

MOST = 25_000


class Full(Exception):
    """There is room for one more event: the end."""


@dataclass(slots=True)
class History:
    """Events of one execution, oldest first, numbered from 1."""

    now: Callable[[], float]
    events: list[dict[str, Any]] = field(default_factory=list)

    def add(self, kind: str, previous: int, details: dict[str, Any]) -> int:
        """Note an event; its number.

        Raises:
            Full: only the execution's end may still be told.
        """
        if len(self.events) >= MOST - 1 and not kind.startswith("Execution"):
            raise Full
        number = len(self.events) + 1
        at = datetime.fromtimestamp(self.now(), UTC)
        self.events.append(
            {"timestamp": at, "type": kind, "id": number, "previousEventId": previous, **details}
        )
        return number

    def counts(self) -> dict[str, int]:
        """How many there are of each type."""
        found: dict[str, int] = {}
        for event in self.events:
            found[event["type"]] = found.get(event["type"], 0) + 1
        return found


@dataclass(slots=True)
class Trace:
    """One line of events through a history: what comes after what."""

    history: History
    previous: int = 0

    def add(self, kind: str, **details: Any) -> None:
        """Note the next event; raises Full."""
        self.previous = self.history.add(kind, self.previous, details)

    def branch(self) -> "Trace":
        """A line that goes on from here beside this one."""
        return Trace(self.history, self.previous)
