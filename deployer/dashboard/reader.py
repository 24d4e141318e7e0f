"""Reads environments in turn, for as long as somebody looks. It changes nothing, and never stops.

One of them is read at the start, before anybody looks: without credentials, or with a lab that has been
stopped, whoever has just typed the command hears of it.

A few threads, one to a Region: a Region that does not answer must not hold up the others.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from deployer.dashboard.feed import Feed
from deployer.errors import DeployError
from deployer.operations.watching import Reading, chosen
from deployer.process.clock import ScaledClock, WallClock
from deployer.render.documents import Document, encode

THREADS = 4
SHORTEST_S, LONGEST_S = 0.05, 1.0  # real seconds between two looks at what is due


class Seen(NamedTuple):
    """What a reading has found; `busy`: something is being deployed."""

    document: Document
    busy: bool


class Source(NamedTuple):
    """Something that is shown.

    kind:  of the event that tells of it.
    read:  may raise DeployError.
    group: sources of one group are read one after the other: they share clients, and limits.
    """

    kind: str
    read: Callable[[], Seen]
    group: str = ""


@dataclass
class Reader:
    """One for all browsers.

    troubles: why what could not be read lately was not, by its name in the feed.
    """

    sources: Mapping[str, Source]
    feed: Feed
    clock: WallClock | ScaledClock
    troubles: dict[str, str] = field(default_factory=dict)
    _readings: dict[str, Reading | None] = field(default_factory=dict)
    _newest: dict[str, Document] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _changed: threading.Event = field(default_factory=threading.Event)
    _over: bool = False
    _tried: bool = False

    def __post_init__(self) -> None:
        self._readings = dict.fromkeys(self.sources)
        self.feed.arrival = self._changed.set

        for name in self.sources:
            self._tell(name, None)

    def start(self) -> None:
        """In threads that end with the process at the latest."""
        for number in range(min(THREADS, max(1, len(self.sources)))):
            threading.Thread(target=self._run, name=f"reader-{number}", daemon=True).start()

    def stop(self) -> None:
        """No new reading begins; one under way changes nothing, and is not waited for."""
        self._over = True
        self._changed.set()

    def hurry(self, name: str) -> None:
        """Somebody has asked something of `name`: read it again at once."""
        with self._lock:
            known = self._readings.get(name)
            if known is not None:
                self._readings[name] = replace(known, urgent=True)
        self._changed.set()

    def turn(self) -> float:
        """Read what is due, if anything is; seconds until the next turn."""
        with self._lock:
            name, wait_s = chosen(self._free(), self.clock.now())
            if name is None:
                return wait_s
            known = self._readings[name]
            failures = known.failures if known else 0
            busy = known is not None and known.busy
            self._readings[name] = Reading(self.clock.now(), going=True, busy=busy)
        self._read(name, busy=busy, failures=failures)
        return 0.0

    def first(self) -> bool:
        """Whether nothing was ever read: true once."""
        with self._lock:
            first, self._tried = not self._tried, True
            return first

    def _free(self) -> dict[str, Reading | None]:
        """Those that nothing keeps from being read."""
        taken = {self.sources[n].group for n, each in self._readings.items() if each and each.going}
        return {n: e for n, e in self._readings.items() if self.sources[n].group not in taken}

    def _run(self) -> None:
        scale = self.clock.scale if isinstance(self.clock, ScaledClock) else 1.0
        while not self._over:
            self._changed.clear()
            wanted = self.first() or bool(self.feed.listeners)
            wait_s = self.turn() if wanted else LONGEST_S * scale
            if wait_s > 0.0:
                self._changed.wait(min(LONGEST_S, max(SHORTEST_S, wait_s / scale)))

    def _read(self, name: str, *, busy: bool, failures: int) -> None:
        source, now = self.sources[name], self.clock.now()
        try:
            document, busy = source.read()
            document = {**document, "read_at": time.time()}
            encode(document)  # what cannot be sent is not kept
            failures, unread = 0, None
        except DeployError as error:
            document, failures, unread = self._newest.get(name, {}), failures + 1, str(error)
        except Exception as error:  # noqa: BLE001  one page that cannot be made must not end the others
            why = f"unexpected {type(error).__name__}: {error}"
            document, failures, unread = self._newest.get(name, {}), failures + 1, why
        self._newest[name] = document
        self.troubles.pop(name, None)
        if unread is not None:
            self.troubles[name] = unread
        self._tell(name, {"why": unread, "at": now} if unread is not None else None)
        with self._lock:
            last = self._readings[name]
            again = last is not None and last.urgent
            begun_at = last.begun_at if last else now
            self._readings[name] = Reading(begun_at, False, busy, failures, again)

    def _tell(self, name: str, unread: Document | None) -> None:
        """`read_at` is the wall's time, which is the browser's too; the rest is by the cloud's clock."""
        told = {"read_at": None, **self._newest.get(name, {})}
        told |= {"name": name, "order": list(self.sources).index(name), "unread": unread}
        self.feed.publish(name, self.sources[name].kind, encode(told))
