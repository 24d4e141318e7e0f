"""How much failures clump, measured on the stable slot before the deployment, zone beside zone.

One crash fails fifty requests at once: fifty failures then count as one event. Two zones that run the
same release differ by chance alone; if they differ `phi` times as much as independent failures would,
evidence is divided by `phi`. A comparison of *shares* does not see what hits both zones (nights, drift,
incidents), which must not count, and does see bursts, sticky clients and single bad instances,
which must (quasi-likelihood: Wedderburn 1974; McCullagh & Nelder 1989, section 4.5).

    phi = max over blocks of b = 1, 5 minutes of
          [ sum (k_A - K theta_A)^2 + 1.5 nu ] / [ sum K theta_A (1 - theta_A) + nu ],   nu = 5b

`nu` stands for a little earlier experience, so that few failures give 1.5 and not a guess.

A bad instance stays bad for minutes: then five minutes differ more than five times one of them does, up to five
times as much. That is the `streak`, and so many minutes in a row count as one bet (abort.py).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployer.analysis.counts import Counts
from deployer.analysis.ratio import upper_rate

PRIOR_PHI = 1.5
PRIOR_WEIGHT = 5
BLOCKS = (1, 5)  # minutes
STREAK_LEAST = 1.5  # below, it is chance: 48 blocks tell it to a fifth
ENOUGH_MIN = 240  # minutes of history; less is not trusted to say that failures do not clump


@dataclass(frozen=True, slots=True)
class Base:
    """What is known of one metric before the deployment.

    usual:   at most this share is bad, 0..1; None: no history.
    phi:     how much failures clump; 1: not at all.
    minutes: of history with requests.
    streak:  minutes in a row in which it is the same zone that fails more; 1: each minute by itself.
    """

    usual: float | None = None
    phi: float = PRIOR_PHI
    minutes: int = 0
    streak: float = 1.0


Zones = Mapping[str, Counts]  # one minute of the stable slot, by zone


def base(history: Sequence[Zones]) -> Base:
    """What the stable slot's minutes say, oldest first. Impossible counts are left out."""
    known = [minute for minute in map(_believable, history) if minute]
    requests = math.fsum(counts.requests for minute in known for counts in minute.values())
    bad = math.fsum(counts.bad for minute in known for counts in minute.values())
    minutes = sum(any(counts.requests for counts in minute.values()) for minute in known)
    if not requests:
        return Base()
    measured = phi(known)
    trusted = measured if minutes >= ENOUGH_MIN else max(measured, PRIOR_PHI)
    return Base(upper_rate(bad, requests), trusted, minutes, streak(known))


def phi(history: Sequence[Zones]) -> float:
    """The overdispersion, 1 or more."""
    return max(1.0, *(_at(history, block) for block in BLOCKS))


def streak(history: Sequence[Zones]) -> float:
    """Minutes in a row that clump together: 1, or from `STREAK_LEAST` to the longest block."""
    short, long = (max(1.0, _at(history, block)) for block in BLOCKS)
    found = min(long / short, BLOCKS[-1] / BLOCKS[0])
    return found if found >= STREAK_LEAST else 1.0


def _at(history: Sequence[Zones], block: int) -> float:
    prior = PRIOR_WEIGHT * block
    seen, expected = 1.5 * prior, float(prior)
    for start in range(0, len(history) - block + 1, block):
        one, other = _spread(_added(history[start : start + block]))
        seen, expected = seen + one, expected + other
    return seen / expected


def _spread(zones: Zones) -> tuple[float, float]:
    """Squared distance from the expected split, and what it would be by chance.

    Half of the sum over the zones: with two of them that is either zone's own.
    """
    requests = math.fsum(counts.requests for counts in zones.values())
    bad = math.fsum(counts.bad for counts in zones.values())
    if not requests or not bad:
        return 0.0, 0.0
    seen = expected = 0.0
    for counts in zones.values():
        part = counts.requests / requests
        seen += (counts.bad - bad * part) ** 2 / 2
        expected += bad * part * (1 - part) / 2
    return seen, expected


def _added(minutes: Sequence[Zones]) -> Zones:
    names = {name for minute in minutes for name in minute}
    return {
        name: Counts(
            math.fsum(minute[name].requests for minute in minutes if name in minute),
            math.fsum(minute[name].bad for minute in minutes if name in minute),
        )
        for name in names
    }


def _believable(minute: Zones) -> Zones:
    return {
        name: counts
        for name, counts in minute.items()
        if math.isfinite(counts.requests) and 0 <= counts.bad <= counts.requests
    }
