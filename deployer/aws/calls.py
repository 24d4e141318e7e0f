"""How often AWS was asked for what: one count for the whole process, whichever clients it has.

botocore announces every attempt just before it is sent (deployer.aws.pacing): retries and pages count.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from botocore.hooks import BaseEventHooks


class Counted:
    """A count that threads may share."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()
        self._lock = threading.Lock()

    def attach(self, events: BaseEventHooks) -> None:
        """From now on what clients made with these events send is counted."""
        events.register("before-send", self._sent)

    def _sent(self, event_name: str, **_event: object) -> None:
        _, service, operation = event_name.split(".")
        with self._lock:
            self._count[f"{service}:{operation}"] += 1

    def take(self) -> Mapping[str, int]:
        """What was sent since it was taken last, by service and operation."""
        with self._lock:
            taken, self._count = self._count, Counter()
        return taken


COUNTED: Final = Counted()
