"""What all minutes since the candidate's first share say of it beside the stable slot.

Nothing is remembered: every look folds the published minutes anew, so whoever looks (another process
after a crash, a supervisor, a visit of a timer) finds what anybody else would have found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as altered

from deployer.analysis.judge import Outcome
from deployer.analysis.observed import observations
from deployer.analysis.terms import Terms
from deployer.analysis.trial import Trial, begin, run
from deployer.analysis.verdict import judgement
from deployer.course import MINUTE_S, Stretch, begun_at, share_in
from deployer.model import Minute, Slot
from deployer.ports import World
from deployer.steps.opinion import Opinion, by_terms, failed_open, numbers_of

UNSEEN = "no whole minute at this share yet"


@dataclass(frozen=True, slots=True)
class Found:
    """The trial, and what is thought of it now."""

    trial: Trial
    opinion: Opinion


def judged(world: World, candidate: Slot, terms: Terms, delay_s: float) -> Found:
    """The evidence so far.

    delay_s: minutes younger than this are not judged: CloudWatch is late (aws-facts 2).

    Raises:
        CloudUnavailable: the metrics do not answer.
    """
    own, other = _published(world, candidate, terms, delay_s)
    limits = terms.limits
    if own and share_in(world.shares, own[0].start) is None:
        limits = altered(limits, warm_up=limits.warm_up + 1)  # a part of a minute warms nothing
    seen = observations(own, other, world.shares, limits.metrics)
    trial = run(limits, terms.bases, seen) if seen else begin(limits, terms.bases)
    return Found(trial, opinion(trial, world, own))


def opinion(trial: Trial, world: World, own: Sequence[Minute]) -> Opinion:
    """What is thought of it; fail open is bad whatever the evidence says."""
    found = judgement(trial, world.now)
    share = world.shares[-1].share if world.shares else None
    opened = failed_open(own)
    if opened:
        numbers = {**numbers_of(found), "verdict": Outcome.FAIL.value, "share": share}
        return Opinion(Outcome.FAIL, opened, evidence=numbers)
    seen = _at_this_share(trial, world.shares)
    return by_terms(found, share, found.reason if seen or not found.advance else UNSEEN, seen=seen)


def elapsed_s(world: World) -> float:
    """Seconds since the candidate had its first users by weight; 0: it has had none."""
    first = next((stretch for stretch in world.shares if stretch.share), None)
    return 0.0 if first is None else world.now - first.seen_at


def _at_this_share(trial: Trial, course: Sequence[Stretch]) -> bool:
    """Whether the newest minute had what the candidate has now, all through."""
    return trial.newest is not None and bool(course) and trial.newest >= course[-1].seen_at


def _published(
    world: World, candidate: Slot, terms: Terms, delay_s: float
) -> tuple[Sequence[Minute], Sequence[Minute]]:
    """Both slots' minutes, from the one in which the candidate's first user came.

    Requests of the minute's first part, before any share, were probes at most.
    """
    first, until = begun_at(world.shares), world.now - delay_s
    if first is None:
        return (), ()
    since = first // MINUTE_S * MINUTE_S
    if until < since + MINUTE_S:
        return (), ()
    seen = world.metrics.traffic(since, until, terms.slow_s)
    own, other = seen[candidate], seen[candidate.twin]
    if own and share_in(world.shares, own[0].start) is None and not own[0].requests:
        return own[1:], other[1:]
    return own, other
