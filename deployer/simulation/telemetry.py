"""What is read of a simulated environment: minutes as CloudWatch has them, probes, silence, hooks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deployer.hooks import HookReport, RunHook
from deployer.model import WHOLE, Minute, Slot, Weights
from deployer.ports import ProbeReport
from deployer.simulation.cloud import SimCloud
from deployer.simulation.fleet import Loss
from deployer.simulation.ledger import MINUTE_S

PUBLISHED_S = 60.0  # after a minute's end (aws-facts 2)


@dataclass
class Published:
    """The port `Metrics`: closed minutes, a little late, absent where nobody came.

    Requests are fluid here, so what a minute has of them is rounded such that no fraction is lost: one
    failure in three minutes is a failure in one of them.

    further: names of the service's own metrics, of which nothing is ever bad.
    _plain:  minutes as who does not ask for slow answers reads them: long bakes are read often.
    """

    cloud: SimCloud
    further: Sequence[str] = ()
    _known: dict[Slot, dict[float, Minute]] = field(
        default_factory=lambda: {slot: {} for slot in Slot}
    )
    _plain: dict[Slot, dict[float, Minute]] = field(
        default_factory=lambda: {slot: {} for slot in Slot}
    )
    _sums: dict[Slot, list[float]] = field(
        default_factory=lambda: {slot: [0.0] * 5 for slot in Slot}
    )
    _next: float | None = None

    def traffic(
        self, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[Slot, Sequence[Minute]]:
        self._publish()
        first = -(-since // MINUTE_S) * MINUTE_S
        starts = [first + MINUTE_S * n for n in range(max(0, int((until - first) // MINUTE_S)))]
        known = self._plain if slow_s is None else self._known
        return {
            slot: [known[slot].get(start) or Minute(start, None) for start in starts]
            for slot in Slot
        }

    def _publish(self) -> None:
        """Every minute that is due by now, once and in order."""
        if self._next is None:
            starts = [start for _, start in self.cloud.ledger.minutes]
            if not starts:
                return
            self._next = min(starts)
        while self.cloud.clock.now() >= self._next + MINUTE_S + PUBLISHED_S:
            for slot in Slot:
                self._count(slot, self._next)
            self._next += MINUTE_S

    def _count(self, slot: Slot, start: float) -> None:
        count = self.cloud.ledger.minutes.get((slot, start))
        if count is None:
            return
        news = []
        sums = self._sums[slot]
        told = (count.requests, count.errors, count.broken + count.ours, count.slow, count.opened)
        for n, value in enumerate(told):
            before = round(sums[n])
            sums[n] += value
            news.append(round(sums[n]) - before)
        requests, errors, broken, slow, opened = news
        if requests:
            custom = {name: (0.0, float(requests)) for name in self.further}
            self._known[slot][start] = Minute(
                start, requests, errors, broken, slow=slow, failed_open=opened, custom=custom
            )
            self._plain[slot][start] = Minute(
                start, requests, errors, broken, failed_open=opened, custom=custom
            )


@dataclass
class Smoke:
    """The port `Prober`: whatever is healthy answers well. What users will meet, no probe asks for."""

    cloud: SimCloud

    def probe(self, slot: Slot, release: str, requests: int) -> ProbeReport:
        now = self.cloud.clock.now()
        targets = [i for i in self.cloud.groups[slot].instances if i.looks_healthy(now)]
        if not targets:
            return ProbeReport(requests, {"503": requests})
        others = sum(target.release != release for target in targets)
        failures = {"another release": others} if others else {}
        start = now // MINUTE_S * MINUTE_S
        self.cloud.ledger.minutes[slot, start].add(requests, Loss())
        return ProbeReport(requests, failures)


@dataclass
class Callers:
    """The port `Visitors`: the tool's own, who meet what users meet and are none of them."""

    cloud: SimCloud
    sent_to: float | None = None

    def visit(self, weights: Weights, per_minute: int) -> None:
        now = self.cloud.clock.now()
        since = now - MINUTE_S if self.sent_to is None else max(self.sent_to, now - MINUTE_S)
        self.sent_to = now
        for slot in Slot:
            count = per_minute * weights[slot] / WHOLE * (now - since) / MINUTE_S
            if count:
                loss = self.cloud.groups[slot].loss(1, now)
                self.cloud.ledger.minutes[slot, now // MINUTE_S * MINUTE_S].add(count, loss)

    def wait(self) -> None:
        """For nobody."""


class Silence:
    """The port `Alarms`: none rings."""

    def ringing(self, names: Sequence[str]) -> Mapping[str, str]:  # noqa: ARG002
        return {}


class Instantly:
    """The port `Hooks`: whatever is run is done at once. How long they take, nobody knows."""

    def begin(self, run: RunHook) -> None:
        """It is."""

    def report(self, key: str) -> HookReport | None:  # noqa: ARG002
        return HookReport("succeeded")

    def end(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing runs."""
