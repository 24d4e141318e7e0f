"""Who made the errors: the application, connections to it, the load balancer, or the clients; and where.

Beside the verdict, not part of it: the verdict counts what users of a slot felt (5xx of its targets and
connections to them), this tells an engineer where to look first.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

NOISE = 2.0  # standard deviations: what chance adds to what is usual explains nothing
MOST = 0.8  # of what is added in one zone explains it
ALIKE = 0.6  # unless that zone has about so much of the requests anyway


@dataclass(frozen=True, slots=True)
class Causes:
    """What one slot answered in one zone, as counts.

    target_5xx:        by the application.
    connection_errors: connections to it that failed; the load balancer answered 502, 503 or 504.
    target_4xx:        the client's fault, unless a release refuses what it used to accept.
    slow:              answers that took longer than the deployment's terms allow.
    unanswered:        requests that it took, and nobody answered: the load balancer did, with a 502 or
                       504 of its own, or the client left.
    """

    requests: float
    target_5xx: float = 0.0
    connection_errors: float = 0.0
    target_4xx: float = 0.0
    slow: float = 0.0
    unanswered: float = 0.0


NAMES = {
    "target_5xx": "5xx by the application",
    "connection_errors": "failed connections to the application",
    "unanswered": "requests that the application took and did not answer",
    "target_4xx": "4xx by the application (not counted as failures)",
    "slow": "slow answers",
}
Zones = Mapping[str, Causes]
Counted = tuple[float, float]  # bad ones, all


@dataclass(frozen=True, slots=True)
class Blame:
    """One cause: how many more than at the stable slot's rate, and the zone that explains it.

    words: the cause for people; a further metric has its own name, and no zone.
    """

    cause: str
    words: str
    added: float
    zone: str | None = None

    def __str__(self) -> str:
        where = f", nearly all of them in {self.zone}" if self.zone else ""
        return f"{self.added:.0f} more {self.words} than at stable's rate{where}"


def blame(candidate: Zones, stable: Zones) -> tuple[Blame, ...]:
    """Every cause of which the candidate has more than chance would give it, the worst first."""
    usual = _summed(stable)
    found = []
    for cause, words in NAMES.items():
        rate = getattr(usual, cause) / usual.requests if usual.requests else 0.0
        by_zone = {zone: getattr(c, cause) - rate * c.requests for zone, c in candidate.items()}
        added = sum(by_zone.values())
        expected = rate * sum(one.requests for one in candidate.values())
        if _stands_out(added, expected):
            found.append(Blame(cause, words, added, _zone(by_zone, candidate)))
    return tuple(sorted(found, key=lambda one: -one.added))


def of_metric(name: str, candidate: Counted, stable: Counted) -> Blame | None:
    """A further metric, by what each slot counted; None: chance would give the candidate as many."""
    expected = candidate[1] * stable[0] / stable[1] if stable[1] else 0.0
    added = candidate[0] - expected
    return Blame(name, f'of "{name}"', added) if _stands_out(added, expected) else None


def of_the_balancer(elb_5xx: float, *slots: Zones) -> str | None:
    """The load balancer's own 5xx, in words: they belong to no slot (aws-facts 2); None: there are none.

    slots: what each slot served: it answers their failed connections, and what they left unanswered,
           with a 5xx of its own. Those are among these, and told elsewhere.
    """
    known = (one.connection_errors + one.unanswered for zones in slots for one in zones.values())
    rest = elb_5xx - sum(known)
    return f"{rest:.0f} 5xx by the load balancer itself, of no slot" if rest > 0 else None


def _stands_out(added: float, expected: float) -> bool:
    return added >= max(1.0, NOISE * math.sqrt(expected))


def _zone(by_zone: Mapping[str, float], candidate: Zones) -> str | None:
    requests = sum(causes.requests for causes in candidate.values())
    worst = max(by_zone, key=lambda zone: by_zone[zone])
    explains = by_zone[worst] >= MOST * sum(by_zone.values())
    return worst if explains and candidate[worst].requests <= ALIKE * requests else None


def _summed(zones: Zones) -> Causes:
    return Causes(
        *(sum(getattr(one, field.name) for one in zones.values()) for field in fields(Causes))
    )
