"""What would have been published at another share: the recorded requests, divided otherwise.

What was recorded is how often either release fails, minute by minute, and how many requests there
were. The rest is assumed, and each assumption is one of these:

- A release fails as often at another share. So nothing is known of what fails only under load.
- A minute in which a slot has fewer than `ENOUGH` bad requests of fewer than `PLENTY` says little about its
  rate: it is pooled with the nearest others, up to an hour each way, until there are as many.
- Where a slot had no traffic (after a way back, or once the other had all of it) and after the end of
  the recording, its rate is that of the nearest minutes in which it had some.
- Requests fail one by one, by chance. And few requests leave open how often a release fails: so each policy
  is played several times, from as good as it may be by the counts to as bad.

At the recorded share a minute is what was recorded, to the last request.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from deployer.analysis.chance import binomial
from deployer.analysis.counts import Counts
from deployer.analysis.limits import FAILURES, SLOW
from deployer.analysis.observed import counts
from deployer.analysis.peers.policy import KINDS, Kind, Seen, Served
from deployer.analysis.replay.recording import Recorded
from deployer.model import WHOLE, Minute

ENOUGH = 100  # bad requests by which a rate is known to a tenth
PLENTY = 50_000  # requests by which it is known to be small
NEAR = 60  # minutes each way
METRIC: dict[Kind, str] = {"failed": FAILURES.name, "slow": SLOW.name}
Side = Literal["candidate", "stable"]
SIDES: tuple[Side, Side] = ("candidate", "stable")


class Dice(Protocol):
    """Uniform numbers in 0..1, as `random.Random` has them."""

    def random(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Rates:
    """One minute: requests of all users, and what is counted of either release, pooled where that is little."""

    requests: float
    candidate: Mapping[Kind, Counts]
    stable: Mapping[Kind, Counts]


def rate(counted: Counts, z: float = 0.0) -> float:
    """The share that is bad, 0..1: as counted, or `z` standard deviations beyond (Wilson 1927)."""
    n = counted.requests
    if not n:
        return 0.0
    p, vague = counted.bad / n, z * z / n
    found = p + vague / 2 + z * math.sqrt(p * (1 - p) / n + vague / (4 * n))
    return min(max(found / (1 + vague), 0.0), 1.0)


class Known:
    """Rates of any minute, recorded or after that; minute 0 is the first one recorded.

    minutes: one after the other, at least one.
    """

    def __init__(self, minutes: Sequence[Recorded]) -> None:
        self.minutes = minutes
        self._totals = [_total(each) for each in minutes]
        self._served = {
            (side, kind): [_counts(kind, getattr(each, side)) for each in minutes]
            for side in SIDES
            for kind in KINDS
        }
        self._there = {what: _indexes(served) for what, served in self._served.items()}
        self._busy = _indexes(self._totals)
        self._rates: dict[int, Rates] = {}

    def rates(self, minute: int) -> Rates:
        """Of one minute."""
        if minute not in self._rates:
            own, other = (
                {
                    kind: _pooled(self._served[side, kind], self._there[side, kind], minute)
                    for kind in KINDS
                }
                for side in SIDES
            )
            self._rates[minute] = Rates(self._requests(minute), own, other)
        return self._rates[minute]

    def recorded(self, minute: int) -> Recorded | None:
        """As it was; None: nothing was published of it, so it has to be assumed."""
        if minute >= len(self.minutes) or self._totals[minute] is None:
            return None
        return self.minutes[minute]

    def served(self, minute: int) -> bool:
        """Whether the candidate's own requests of this minute are known."""
        return (
            minute < len(self.minutes) and self._served["candidate", "failed"][minute] is not None
        )

    def _requests(self, minute: int) -> float:
        """Of everybody; where that is unknown, the mean of the nearest minutes."""
        own = self._totals[minute] if minute < len(self._totals) else None
        if own is not None:
            return own
        near = nearest(self._busy, minute)
        return math.fsum(self._totals[at] or 0.0 for at in near) / len(near) if near else 0.0


@dataclass(frozen=True, slots=True)
class Imagined:
    """One draw of what may have happened at any course of shares.

    z: where within what the counts leave open the candidate's rates are, in standard deviations; the
       stable slot's are as far on the other side. So draws go from as good as it may be to as bad.
    """

    known: Known
    dice: Dice
    z: float = 0.0

    def minute(self, minute: int, share: int) -> Seen:
        """What would have been published of it with the candidate at `share`, per mille."""
        recorded = self.known.recorded(minute)
        if recorded is not None and recorded.share == share:
            return Seen(share, as_served(recorded.candidate), as_served(recorded.stable))
        rates = self.known.rates(minute)
        requests = round(rates.requests)
        own = binomial(self.dice.random(), requests, share / WHOLE)
        return Seen(
            share,
            self._served(own, rates.candidate, self.z),
            self._served(requests - own, rates.stable, -self.z),
        )

    def _served(self, requests: int, counted: Mapping[Kind, Counts], z: float) -> Served:
        rates = (rate(counted[kind], z) for kind in KINDS)
        return Served(requests, *(binomial(self.dice.random(), requests, one) for one in rates))


def _indexes(row: Sequence[object]) -> list[int]:
    return [at for at, each in enumerate(row) if each is not None]


def as_served(minute: Minute) -> Served:
    """A minute as the other systems' rules are given it: what is missing is nothing."""
    requests = minute.requests or 0
    return Served(requests, min(minute.failures, requests), min(minute.slow or 0, requests))


def _total(each: Recorded) -> float | None:
    """Requests of both slots; None: neither published anything."""
    sides = (each.candidate.requests, each.stable.requests)
    requests = [one for one in sides if one is not None]
    return float(sum(requests)) if requests else None


def _counts(kind: Kind, minute: Minute) -> Counts | None:
    """What is to be believed of one slot's minute."""
    found = counts(minute, METRIC[kind])
    return found if found is not None and found.requests > 0 else None  # NaN is not


def _pooled(served: Sequence[Counts | None], known: Sequence[int], minute: int) -> Counts:
    """What was counted in one minute, or around it; nothing where the slot never served."""
    requests = bad = 0.0
    for at in nearest(known, minute):
        if requests >= PLENTY or bad >= ENOUGH:
            break
        one = served[at]
        if one is not None:
            requests, bad = requests + one.requests, bad + one.bad
    return Counts(requests, bad)


def nearest(known: Sequence[int], minute: int) -> list[int]:
    """Those of the `known` minutes, in order, within `NEAR` of the one that is nearest; that one first."""
    if not known:
        return []
    at = bisect_left(known, minute)
    first = min(known[max(0, at - 1) : at + 1], key=lambda one: abs(one - minute))
    window = known[bisect_left(known, first - NEAR) : bisect_right(known, first + NEAR)]
    return sorted(window, key=lambda one: abs(one - minute))
