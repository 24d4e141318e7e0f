"""What users saw: every request counted, every lost one blamed on somebody."""

from collections import defaultdict
from dataclasses import dataclass, field

from deployer.model import Slot
from deployer.simulation.fleet import Loss

MINUTE_S = 60.0


@dataclass
class Count:
    """Requests (fluid: a constant rate, so fractions occur)."""

    requests: float = 0.0
    ours: float = 0.0
    errors: float = 0.0
    broken: float = 0.0
    slow: float = 0.0
    opened: float = 0.0

    def add(self, requests: float, loss: Loss) -> None:
        self.requests += requests
        self.ours += requests * loss.ours
        self.errors += requests * loss.errors
        self.broken += requests * loss.broken
        self.slow += requests * loss.slow
        self.opened += requests * loss.opened


@dataclass(frozen=True)
class Part:
    """From `at` (epoch seconds) on `slot` had requests of the user group, of others, or both."""

    slot: Slot
    at: float
    theirs: bool
    others: bool


@dataclass
class Ledger:
    """Totals, and counts per slot and minute (epoch second at which it starts).

    pages: requests that a page has answered.
    parts: who reached which slot; kept where there is a user group.
    """

    total: Count = field(default_factory=Count)
    minutes: dict[tuple[Slot, float], Count] = field(default_factory=lambda: defaultdict(Count))
    pages: float = 0.0
    outages: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    def serve(self, slot: Slot, since: float, until: float, rate: float, loss: Loss) -> None:
        """`rate` requests per second reached `slot` from `since` to `until`."""
        if loss.ours:
            self.outages.append(
                f"{slot} lost {loss.ours:.0%} of {rate:g}/s from {since:.1f} to {until:.1f}"
            )
        while since < until:
            start = since // MINUTE_S * MINUTE_S
            end = min(until, start + MINUTE_S)
            requests = rate * (end - since)
            self.total.add(requests, loss)
            self.minutes[slot, start].add(requests, loss)
            since = end
