"""The newest state of everything that is shown, numbered, for any number of browsers.

A state replaces the one before: whoever was away needs the newest of each, not all that he missed.
That is why Last-Event-ID is all the memory there has to be.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple


class Entry(NamedTuple):
    """A state: its number, what kind of thing it is of, and the JSON that browsers get."""

    number: int
    kind: str
    body: str


@dataclass
class Feed:
    """States by name. Everything may be called from any thread.

    tag:     of this process: numbers of another one mean nothing here.
    arrival: called when a browser comes.
    """

    tag: str
    arrival: Callable[[], None] = lambda: None
    _entries: dict[str, Entry] = field(default_factory=dict)
    _wakes: set[Callable[[], None]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _number: int = 0
    closed: bool = False

    def publish(self, name: str, kind: str, body: str) -> None:
        """The newest state of `name`."""
        with self._lock:
            self._number += 1
            self._entries[name] = Entry(self._number, kind, body)
        self._wake()

    def after(self, number: int) -> tuple[Entry, ...]:
        """States that are newer, oldest first."""
        with self._lock:
            return tuple(sorted(each for each in self._entries.values() if each.number > number))

    def number_of(self, last_event_id: str) -> int:
        """What a browser has seen, by the id that it names; 0: nothing of this process's."""
        tag, _, number = last_event_id.rpartition(":")
        known = tag == self.tag and number.isascii() and number.isdigit() and len(number) < 16
        return int(number) if known else 0

    @contextmanager
    def listening(self, wake: Callable[[], None]) -> Iterator[None]:
        """`wake` is called, from any thread, when there may be something new."""
        with self._lock:
            self._wakes.add(wake)
        self.arrival()
        try:
            yield
        finally:
            with self._lock:
                self._wakes.discard(wake)

    @property
    def listeners(self) -> int:
        return len(self._wakes)

    def close(self) -> None:
        """Nothing more will come."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            wakes = tuple(self._wakes)
        for wake in wakes:
            wake()
