"""What was wrong with a release that went back: which kind of failure, in which zone, and what belongs to neither slot.

It is read once, when no user reaches the release any more: going back waits for nothing. Nothing is
decided by it; it tells an engineer where to look first.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from deployer.analysis.blame import (
    Blame,
    Causes,
    Counted,
    Zones,
    blame,
    of_metric,
    of_the_balancer,
)
from deployer.analysis.limits import FAILURES, SLOW
from deployer.engine.transition import Decision
from deployer.errors import AccessProblem, CloudUnavailable
from deployer.model import Minute, Snapshot
from deployer.plan import Deployment, Event, Plan, Status
from deployer.ports import History
from deployer.record.course import begun_at

KIND = "blame"
WITHIN_S = 300.0  # of the turn: afterwards the way back is not kept by it any more
BEFORE_S = 900.0  # what served alone, until the release came
LONGEST_S = 21_600.0  # of a trial that took longer, the last hours tell
MOST = 3  # causes that are told

Published = Mapping[str, Sequence[Minute]]


def tell(history: History, deployment: Deployment, seen: Snapshot, now: float) -> Decision | None:
    """Note it, if it is due; None: go on. While the metrics do not answer, the way back does not wait."""
    if not due(deployment, seen, now):
        return None
    try:
        event = explain(history, deployment, now)
    except AccessProblem as error:
        event = Event(now, KIND, f"what was worse is not known: {error}")
    except CloudUnavailable:
        return None
    return None if event is None else Decision(explained(deployment, event), None, event)


def due(deployment: Deployment, seen: Snapshot, now: float) -> bool:
    """It was turned back after it had users, they are safe, and nobody has been told what was wrong."""
    if deployment.status is not Status.RETREATING or deployment.ending is not None:
        return False
    turned = next((n for n, one in enumerate(deployment.log) if one.kind == "retreat"), None)
    if turned is None or now - deployment.log[turned].at > WITHIN_S:
        return False
    told = any(one.kind == KIND for one in deployment.log[turned:])
    return not told and _served(deployment, deployment.log[turned]) and _safe(deployment, seen)


def _served(deployment: Deployment, turn: Event) -> bool:
    """Users had reached it: by weight, or as a group, of which a verdict or an alarm tells."""
    judged = bool(turn.detail.keys() & {"verdict", "alarms"})
    return judged or deployment.first_plan.in_place or begun_at(deployment.shares) is not None


def _safe(deployment: Deployment, seen: Snapshot) -> bool:
    """Where the release came to the slot that serves, no weight takes it away: the way back has begun."""
    plan = deployment.first_plan
    return deployment.cursor > 0 if plan.in_place else not seen.traffic_of(plan.candidate)


def explain(history: History, deployment: Deployment, now: float) -> Event | None:
    """What the metrics tell, by cause and, of the load balancer's, zone; None: nothing was published.

    Raises:
        CloudUnavailable: the metrics do not answer.
        AccessProblem: a permission is missing.
    """
    since, until = span(deployment, now)
    own, other = slots(history, deployment.first_plan, since, until)
    if not _requests(own):
        return None
    found = (*further(deployment), *blame(own, other))
    made = history.balancer_5xx(since, until)
    words = (*map(str, found[:MOST]), *filter(None, [of_the_balancer(made, own, other)]))
    said = "; ".join(words) or "no kind of failure and no zone stands out"
    return Event(now, KIND, f"what was worse: {said}", detail(own, other, found, made))


class _Counts(msgspec.Struct):
    """Of a metric, in the evidence of a verdict (steps.opinion)."""

    candidate: Counted
    stable: Counted


def further(deployment: Deployment) -> Iterator[Blame]:
    """Further metrics of the verdict that turned it back: the load balancer knows nothing of them."""
    turn = next((one for one in deployment.log if one.kind == "retreat"), None)
    judged = turn.detail.get("metrics", {}) if turn else {}
    try:
        metrics = msgspec.convert(judged, dict[str, _Counts])
    except msgspec.ValidationError:
        return  # another version's words: nothing is worth keeping the way back for
    for name, counts in metrics.items():
        found = of_metric(name, counts.candidate, counts.stable)
        if found is not None and name not in (FAILURES.name, SLOW.name):
            yield found


def explained(deployment: Deployment, event: Event) -> Deployment:
    """The record with it: in its log, and where something was found, beside its reason."""
    found = bool(event.detail.get("causes"))
    reason = f"{deployment.reason}; {event.note}" if found else deployment.reason
    return replace(deployment, reason=reason).noting(event)


def span(deployment: Deployment, now: float) -> tuple[float, float]:
    """From the minute in which the release had its first users to the last published one, epoch seconds."""
    begun = begun_at(deployment.shares) or deployment.started_at
    until = now - deployment.first_plan.intent.delay_s
    return max(begun, until - LONGEST_S) // 60 * 60, until


def slots(history: History, plan: Plan, since: float, until: float) -> tuple[Zones, Zones]:
    """What the release served, and what the one before it served: beside it, or until it came."""
    slow_s = plan.intent.terms.slow_s if plan.intent.terms else None
    own = causes(history.zones(plan.candidate, since, until, slow_s))
    if plan.stable is None:
        return own, {}
    beside: Zones = {}
    if not plan.in_place:
        beside = causes(history.zones(plan.stable, since, until, slow_s))
    if not _requests(beside):
        beside = causes(history.zones(plan.stable, since - BEFORE_S, since, slow_s))
    return own, beside


def causes(published: Published) -> Zones:
    """The minutes of each zone added up."""
    return {zone: _added(minutes) for zone, minutes in published.items()}


def _added(minutes: Sequence[Minute]) -> Causes:
    """Of a request that was not answered nobody says so: it is what is left of all of them."""
    requests = sum(one.requests or 0 for one in minutes)
    broken = sum(one.connection_errors for one in minutes)
    told = [one for one in minutes if one.requests is not None and one.answers is not None]
    left = sum((one.requests or 0) - (one.answers or 0) - one.connection_errors for one in told)
    return Causes(
        requests=requests,
        target_5xx=sum(one.target_5xx for one in minutes),
        connection_errors=broken,
        target_4xx=sum(one.target_4xx for one in minutes),
        slow=sum(one.slow or 0 for one in minutes),
        unanswered=max(0, left),
    )


def detail(own: Zones, other: Zones, found: Sequence[Blame], made: int) -> dict[str, object]:
    """The numbers, for JSON; of each zone: requests, and what was bad of them."""
    return {
        "causes": [
            {"cause": one.cause, "added": round(one.added), "zone": one.zone} for one in found
        ],
        "elb_5xx": made,
        "candidate": {zone: _counts(one) for zone, one in own.items()},
        "stable": {zone: _counts(one) for zone, one in other.items()},
    }


def _counts(one: Causes) -> dict[str, int]:
    return {name: round(getattr(one, name)) for name in Causes.__slots__}


def _requests(zones: Zones) -> float:
    return sum(one.requests for one in zones.values())
