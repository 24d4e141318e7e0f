"""What the slot that serves was like before: a canary's terms rest on it. Read once, with the plan.

Only minutes count in which it served nearly everybody by itself: as a candidate it may have been a
release that went back, and what is usual is not to be learned from that.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Protocol

from deployer.analysis.dispersion import Base, Zones, base
from deployer.analysis.limits import FAILURES, SLOW
from deployer.analysis.observed import counts
from deployer.model import Minute, Slot, Snapshot
from deployer.ports import Clock, History, Metrics

LOOK_BACK_S = 86_400.0  # a day and its night: what is usual at noon may not be at four
LATELY_MIN = 15  # minutes whose load is that of now
ENOUGH_MIN = 15  # minutes of it: with fewer nobody knows the load, and no ramp can be planned by it
NEARLY = 0.9  # of both slots' requests: stragglers and probes are on the other one
# Slower than 199 of 200 answers were: often enough to tell a change from chance within minutes.
USUAL_QUANTILE = 0.995
LEAST_SLOW_S = 0.05  # below, no user notices, and every cold cache is a multiple


class Ground(Protocol):
    """What is read; `wiring.Services` is one."""

    @property
    def metrics(self) -> Metrics: ...
    @property
    def history(self) -> History: ...
    @property
    def clock(self) -> Clock: ...


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the slot that serves.

    minutes:          that count, of the last day.
    slow_s:           seconds from which an answer is slow; None: unknown, or not asked.
    bases:            by metric.
    requests_per_min: of all users, lately; None: unknown.
    untold:           further metrics of which nobody can tell in the newest minute, and why.
    """

    minutes: int = 0
    slow_s: float | None = None
    bases: Mapping[str, Base] = field(default_factory=dict)
    requests_per_min: float | None = None
    untold: Mapping[str, str] = field(default_factory=dict)

    @property
    def enough(self) -> bool:
        """A ramp can be planned by it."""
        return self.minutes >= ENOUGH_MIN


@dataclass(frozen=True, slots=True)
class Wish:
    """How the settings want latency to be judged.

    slow_s:  seconds from which an answer is slow; None: by what is usual.
    judged:  whether it is at all.
    delay_s: minutes younger than this are not read.
    """

    delay_s: float
    slow_s: float | None = None
    judged: bool = True


def past(ground: Ground, seen: Snapshot, wish: Wish) -> Past:
    """What the slot that serves did in the last day; nothing, where none or more than one serves.

    Raises:
        CloudUnavailable: the metrics do not answer: better to begin when they do.
    """
    slot = seen.weights.sole if seen.weights and not seen.asleep else None
    if slot is None or not seen[slot].healthy():
        return Past()
    return of_slot(ground, slot, wish)


def of_slot(ground: Ground, slot: Slot, wish: Wish) -> Past:
    """The same, of a slot that is known to serve.

    Raises:
        CloudUnavailable: as `past`.
    """
    until = ground.clock.now() - wish.delay_s
    since = until - LOOK_BACK_S
    seen = ground.metrics.traffic(since, until)
    load, untold = alone(seen, slot), seen[slot][-1].unknown if seen[slot] else {}
    given_s = wish.slow_s if wish.judged else None
    if len(load) < ENOUGH_MIN:
        return Past(len(load), given_s, untold=untold)
    slow_s = given_s
    if wish.judged and given_s is None:
        slow_s = threshold(ground.history.response_s(slot, since, until, USUAL_QUANTILE))
    zones = ground.history.zones(slot, since, until, slow_s)
    lately = [load[start] for start in sorted(load)[-LATELY_MIN:]]
    known = {**bases(zones, load.keys()), **further(seen[slot], load.keys())}
    return Past(len(load), slow_s, known, fmean(lately), untold)


def alone(traffic: Mapping[Slot, Sequence[Minute]], slot: Slot) -> Mapping[float, int]:
    """Requests of both slots by start of minute, of those in which `slot` had nearly all of them."""
    others = {minute.start: minute.requests or 0 for minute in traffic[slot.twin]}
    load: dict[float, int] = {}
    for minute in traffic[slot]:
        both = (minute.requests or 0) + others.get(minute.start, 0)
        if both and (minute.requests or 0) >= NEARLY * both:
            load[minute.start] = both
    return load


def threshold(usual_s: float | None) -> float | None:
    """Seconds from which an answer is slow, by what is usual: two digits, rounded up."""
    if usual_s is None or not math.isfinite(usual_s) or usual_s < 0:
        return None
    if usual_s <= LEAST_SLOW_S:
        return LEAST_SLOW_S
    step = 10.0 ** (math.floor(math.log10(usual_s)) - 1)
    return round(math.ceil(round(usual_s / step, 9)) * step, 6)


def bases(zones: Mapping[str, Sequence[Minute]], starts: Collection[float]) -> Mapping[str, Base]:
    """What both metrics were like in the minutes that begin at `starts`."""
    by_start: dict[float, dict[str, Minute]] = {}
    for name, minutes in zones.items():
        for minute in minutes:
            if minute.start in starts:
                by_start.setdefault(minute.start, {})[name] = minute
    row = [by_start[start] for start in sorted(by_start)]
    return {
        metric: base([_counted(minute, metric) for minute in row])
        for metric in (FAILURES.name, SLOW.name)
    }


def further(minutes: Sequence[Minute], starts: Collection[float]) -> Mapping[str, Base]:
    """What further metrics were like; nobody tells them by zone, so how they clump is taken for granted."""
    those = [minute for minute in minutes if minute.start in starts]
    names = {name for minute in those for name in minute.custom}
    return {
        name: base([{"": found} for each in those if (found := counts(each, name)) is not None])
        for name in sorted(names)
    }


def _counted(zones: Mapping[str, Minute], metric: str) -> Zones:
    """One minute's counts, by zone, where there are any."""
    told = {name: counts(minute, metric) for name, minute in zones.items()}
    return {name: found for name, found in told.items() if found is not None}
