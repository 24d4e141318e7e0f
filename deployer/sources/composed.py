"""The port `Metrics` with further sources beside it: what one of them does not tell is missing, never good.

All are asked at once, each within its own time. What is known of a span of minutes is not asked for
again; a source that has failed rests a little, so that a look every few seconds is no flood.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from deployer.errors import DeployError
from deployer.model import Minute, Slot
from deployer.operations.counting import Counted, beyond, joined, missing
from deployer.ports import Metrics

MINUTE_S = 60
REST_S = 15.0  # of the deployer's clock, after a failure
SLACK_S = 2.0  # beyond its own time, for what that does not bound: names are looked up

Facts = Mapping[Slot, Mapping[str, str]]


class Source(Protocol):
    """One further metric."""

    @property
    def timeout_s(self) -> float:
        """Real seconds for all that `counts` does."""
        ...

    def counts(self, starts: range, facts: Facts) -> Counted:
        """Its counts in the minutes that begin at `starts` (epoch seconds; one at least).

        facts: by slot, what stands for the words in braces.

        Raises:
            DeployError: it does not tell; says why, without any secret.
        """
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """What a source told of some minutes."""

    starts: range
    facts: Facts
    counted: Counted


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a source told nothing; `again_at`: when it may be asked the same anew, epoch seconds."""

    facts: Facts
    why: str
    again_at: float


class Composed:
    """The port `Metrics`.

    sources: by the metric's name.
    facts:   what stands for the words in braces now.
    now:     the deployer's clock, epoch seconds.
    """

    def __init__(
        self,
        metrics: Metrics,
        sources: Mapping[str, Source],
        facts: Callable[[], Facts],
        now: Callable[[], float],
    ) -> None:
        self._metrics = metrics
        self._sources = sources
        self._facts = facts
        self._now = now
        self._told: dict[str, Told] = {}
        self._failed: dict[str, Failed] = {}
        self._asking: dict[str, threading.Thread] = {}

    def traffic(
        self, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[Slot, Sequence[Minute]]:
        """As the port says; a further source that fails is no error, its minutes are unknown.

        Raises:
            CloudUnavailable, AccessProblem: as the metrics beside them.
        """
        seen = self._metrics.traffic(since, until, slow_s)
        starts = [round(minute.start) for minutes in seen.values() for minute in minutes]
        if not starts:
            return seen
        return joined(seen, self._all(range(min(starts), max(starts) + MINUTE_S, MINUTE_S)))

    def _all(self, starts: range) -> dict[str, Counted]:
        facts = self._facts()
        begun = {
            name: self._begin(name, source, starts, facts)
            for name, source in self._sources.items()
            if not self._fresh(name, starts, facts)
        }
        longest_s = max((self._sources[name].timeout_s for name in begun), default=0.0)
        until = time.monotonic() + longest_s + SLACK_S
        for thread in begun.values():
            thread.join(max(0.0, until - time.monotonic()))
        return {name: self._found(name, starts, facts) for name in self._sources}

    def _fresh(self, name: str, starts: range, facts: Facts) -> bool:
        """Whether it need not be asked: it has told, rests, or still answers what it was asked before."""
        before = self._asking.get(name)
        if before is not None and before.is_alive():
            return True
        failed, told = self._failed.get(name), self._told.get(name)
        if failed is not None and failed.facts == facts:
            return self._now() < failed.again_at
        return told is not None and (told.starts, told.facts) == (starts, facts)

    def _begin(self, name: str, source: Source, starts: range, facts: Facts) -> threading.Thread:
        thread = threading.Thread(target=self._ask, args=(name, source, starts, facts), daemon=True)
        self._asking[name] = thread
        thread.start()
        return thread

    def _ask(self, name: str, source: Source, starts: range, facts: Facts) -> None:
        try:
            self._told[name] = Told(starts, facts, source.counts(starts, facts))
            self._failed.pop(name, None)
        except DeployError as error:
            self._failed[name] = Failed(facts, str(error), self._now() + REST_S)
        except Exception as error:  # noqa: BLE001  a silent thread would be a source without a reason
            said = f"{type(error).__name__}: {error}"
            self._failed[name] = Failed(facts, said, self._now() + REST_S)

    def _found(self, name: str, starts: range, facts: Facts) -> Counted:
        """What is known of it: minutes that it told of before stay known when it fails."""
        told, failed = self._told.get(name), self._failed.get(name)
        late = f"no answer within {self._sources[name].timeout_s:g}s"
        why = late if failed is None else failed.why
        if told is None or told.facts != facts:
            return missing(starts, why)
        return beyond(told.counted, told.starts, starts, why)
