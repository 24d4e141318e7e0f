"""What was published of both slots, as the analysis reads it: one observation for each minute."""

import math
from collections.abc import Sequence

from deployer.analysis.counts import Counts, Observation, Pair
from deployer.analysis.limits import FAILURES, SLOW, Metric
from deployer.model import Minute
from deployer.record.course import Stretch, share_in

BROKEN = Counts(math.nan, math.nan)  # published, and not to be believed: never good


def observations(
    candidate: Sequence[Minute],
    stable: Sequence[Minute],
    course: Sequence[Stretch],
    metrics: Sequence[Metric],
) -> tuple[Observation, ...]:
    """Minute by minute: the candidate's share of it, and each metric's counts.

    candidate, stable: the same minutes of both, in the same order.
    course:  what the candidate had of the traffic.
    metrics: those that are judged.
    """
    return tuple(
        Observation(
            own.start,
            share_in(course, own.start),
            {one.name: pair(own, other, one.name) for one in metrics},
        )
        for own, other in zip(candidate, stable, strict=True)
    )


def pair(own: Minute, other: Minute, metric: str) -> Pair:
    """Both slots' counts, or why there are none."""
    return Pair(counts(own, metric), counts(other, metric), own.unknown.get(metric, ""))


def counts(minute: Minute, metric: str) -> Counts | None:
    """What the slot's minute says of one metric; None: nothing.

    A request may come with several failed connections; no request is bad more than once.
    """
    requests = minute.requests
    if metric not in (FAILURES.name, SLOW.name):
        bad, total = minute.custom.get(metric, (math.nan, math.nan))
        return Counts(total, bad) if metric in minute.custom else None
    if requests is None:
        return BROKEN if minute.failures else None
    if metric == FAILURES.name:
        requests = max(requests, minute.failures) if requests == 0 else requests
        return Counts(requests, min(minute.failures, requests))
    return BROKEN if minute.slow is None else Counts(requests, min(minute.slow, requests))
