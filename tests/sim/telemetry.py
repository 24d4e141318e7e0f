"""Metrics per minute, late and sometimes missing; and smoke requests."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from deployer.model import Minute, Slot
from deployer.ports import ProbeReport
from tests.sim.cloud import SimCloud
from tests.sim.faults import Gate
from tests.sim.fleet import Loss
from tests.sim.ledger import MINUTE_S


@dataclass
class SimMetrics:
    """CloudWatch: closed minutes only, published `delay_s` later, absent when zero.

    missing: indices of minutes since the epoch that are never published.
    """

    cloud: SimCloud
    gate: Gate
    delay_s: float = 60.0
    missing: Collection[int] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        self._published: dict[Slot, dict[float, Minute]] = {slot: {} for slot in Slot}

    def traffic(
        self, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[Slot, Sequence[Minute]]:
        return self.gate.through("metrics.traffic", lambda: self._traffic(since, until, slow_s))

    def _traffic(
        self, since: float, until: float, slow_s: float | None
    ) -> Mapping[Slot, Sequence[Minute]]:
        first = -(-since // MINUTE_S) * MINUTE_S
        whole = max(0, int((until - first) // MINUTE_S))
        starts = [first + MINUTE_S * n for n in range(whole)]
        minutes = {slot: self._minutes(slot, starts) for slot in Slot}
        if slow_s is not None:
            return minutes
        return {slot: [replace(one, slow=None) for one in minutes[slot]] for slot in Slot}

    def _minutes(self, slot: Slot, starts: Sequence[float]) -> list[Minute]:
        known = self._published[slot]
        return [known.get(start) or self._minute(slot, start) for start in starts]

    def _minute(self, slot: Slot, start: float) -> Minute:
        published = self.cloud.clock.now() >= start + MINUTE_S + self.delay_s
        count = self.cloud.ledger.minutes.get((slot, start))
        requests = round(count.requests) if count else 0
        if not published or not count or not requests or start // MINUTE_S in self.missing:
            return Minute(start, None)
        minute = Minute(
            start, requests, round(count.errors), round(count.broken),
            slow=round(count.slow), failed_open=round(count.opened),
        )  # fmt: skip
        return self._published[slot].setdefault(start, minute)


@dataclass
class SimAlarms:
    """CloudWatch's alarms: name -> moment from which on it rings, epoch seconds."""

    gate: Gate
    rings_from: dict[str, float] = field(default_factory=dict)

    def ringing(self, names: Sequence[str]) -> Mapping[str, str]:
        return self.gate.through("alarms.ringing", lambda: self._ringing(names))

    def _ringing(self, names: Sequence[str]) -> Mapping[str, str]:
        now = self.gate.clock.now()
        unknown = {name: "does not exist" for name in names if name not in self.rings_from}
        return unknown | {
            name: "is in ALARM: 7 > 5"
            for name in names
            if now >= self.rings_from.get(name, math.inf)
        }


@dataclass
class SimProber:
    """Requests through the test listener, spread over the slot's healthy targets.

    They count in the slot's metrics like any other request (but nobody's loss is theirs).
    """

    cloud: SimCloud
    gate: Gate

    def probe(self, slot: Slot, release: str, requests: int) -> ProbeReport:
        return self.gate.through("prober.probe", lambda: self._probe(slot, release, requests))

    def _probe(self, slot: Slot, release: str, requests: int) -> ProbeReport:
        now = self.cloud.clock.now()
        targets = [i for i in self.cloud.groups[slot].instances if i.looks_healthy(now)]
        failures: Counter[str] = Counter()
        for target in targets:
            share = requests / len(targets)
            if not target.able(now):
                failures["502"] += round(share)
            elif target.release != release:
                failures["another release"] += round(share)
            else:
                failures["500"] += round(share * target.behaviour.errors / 1000)
        if not targets:
            failures["503"] = requests
        start = now // MINUTE_S * MINUTE_S
        self.cloud.ledger.minutes[slot, start].add(
            requests, Loss(errors=failures["500"] / requests, broken=failures["502"] / requests)
        )
        return ProbeReport(requests, {cause: n for cause, n in failures.items() if n})
