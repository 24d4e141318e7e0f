"""What was published of both slots, as the analysis is given it."""

from collections.abc import Sequence

from deployer.analysis.counts import Counts, Observation, Pair
from deployer.analysis.limits import FAILURES, SLOW, Limits
from deployer.course import Stretch, share_in
from deployer.model import Minute


def observations(
    candidate: Sequence[Minute],
    stable: Sequence[Minute],
    course: Sequence[Stretch],
    limits: Limits,
) -> tuple[Observation, ...]:
    """One for every minute that either slot's row has, oldest first.

    course: what the candidate had of the traffic, and when (`Deployment.shares`).
    """
    own = {minute.start: minute for minute in candidate}
    other = {minute.start: minute for minute in stable}
    return tuple(
        Observation(
            start,
            share_in(course, start),
            {one.name: pair(one.name, own.get(start), other.get(start)) for one in limits.metrics},
        )
        for start in sorted({*own, *other})
    )


def pair(metric: str, candidate: Minute | None, stable: Minute | None) -> Pair:
    """Both slots' counts of one metric in the same minute."""
    both = Pair(counts(metric, candidate), counts(metric, stable))
    if metric != SLOW.name:
        return both
    # A request of which nobody knows how long it took is no fast one.
    known = (
        each is None or each.requests is None or each.slow is not None
        for each in (candidate, stable)
    )
    return both if all(known) else Pair(None, None)


def counts(metric: str, minute: Minute | None) -> Counts | None:
    """One slot's; None: the source published nothing."""
    if minute is None:
        return None
    if metric in (FAILURES.name, SLOW.name):
        bad = minute.failures if metric == FAILURES.name else minute.slow
        if minute.requests is None or bad is None:
            return None
        return Counts(minute.requests, bad)
    if metric not in minute.custom:
        return None
    bad_ones, requests = minute.custom[metric]
    return Counts(requests, bad_ones)
