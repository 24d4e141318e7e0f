"""The threads that make the lab live: one ticks every part under the lock, one polls each part."""

import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from deployer.lab.context import Component, Context

BEAT_S = 0.1  # real seconds between two ticks, or two polls, when nothing wakes them


@dataclass(frozen=True, slots=True)
class Beats:
    """Drives `parts` until closed. A part that raises breaks the lab: `broken` is set, loudly.

    A lab that limps would give wrong answers, and wrong answers are worse than none.
    """

    context: Context
    parts: Sequence[Component]
    broken: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin to tick and to poll."""
        loops = [self._tick, *(partial(self._poll, part) for part in self.parts)]
        for loop in loops:
            thread = threading.Thread(
                target=self._guard, args=(loop,), name="lab-beat", daemon=True
            )
            self.threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Stop all threads."""
        self.ended.set()
        self.context.wake.set()
        for thread in self.threads:
            thread.join()

    def _guard(self, loop: Callable[[], None]) -> None:
        try:
            loop()
        except Exception:  # noqa: BLE001  whatever it was, the lab is broken and says so
            traceback.print_exc()
            self.broken.set()

    def _tick(self) -> None:
        while not self.ended.is_set():
            self.context.wake.wait(BEAT_S)
            self.context.wake.clear()
            with self.context.lock:
                for part in self.parts:
                    part.tick(self.context.clock.now())

    def _poll(self, part: Component) -> None:
        while not self.ended.is_set():
            began = time.monotonic()
            part.poll(self.context.clock.now())
            self.ended.wait(max(0.0, BEAT_S - (time.monotonic() - began)))
