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
from deployer.analysis.trial import Trial
from deployer.analysis.verdict import Judgement, judgement
from deployer.model import Minute, Slot
from deployer.ports import World
from deployer.record.course import MINUTE_S, at_present, begun_at, share_in, shared_since
from deployer.steps.opinion import Opinion, failed_open, numbers_of

UNSEEN = "no whole minute at this share yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Opinion):
    """What is thought of it, with what that rests on.

    seen: a whole minute of the candidate's present share is among the minutes; before that nothing
          good is concluded, whatever was known of the share before.
    """

    trial: Trial
    judged: Judgement
    seen: bool


def judge(world: World, candidate: Slot, terms: Terms, delay_s: float) -> Found:
    """What is thought of the candidate beside the stable slot; fail open is bad whatever else is said.

    delay_s: minutes younger than this are not judged: CloudWatch is late (aws-facts 2).

    Raises:
        CloudUnavailable: the metrics do not answer.
    """
    own, other = _published(world, candidate, terms, delay_s)
    limits = terms.limits
    if own and share_in(world.shares, own[0].start) is None:
        limits = altered(limits, warm_up=limits.warm_up + 1)  # a part of a minute warms nothing
    trial = world.folds.run(
        limits, terms.bases, observations(own, other, world.shares, limits.metrics)
    )
    judged, opened = judgement(trial, world.now), failed_open(own)
    if opened:
        judged = altered(judged, outcome=Outcome.FAIL, reason=opened, advance=False)
    seen = at_present(world.shares, judged.newest)
    if not seen and judged.advance:
        judged = altered(judged, outcome=Outcome.INCONCLUSIVE, reason=UNSEEN, advance=False)
    evidence = numbers_of(judged, world.shares[-1].share if world.shares else None)
    return Found(
        judged.outcome, judged.reason, judged.advance, evidence,
        trial=trial, judged=judged, seen=seen,
    )  # fmt: skip


def accompany(world: World, terms: Terms | None) -> None:
    """Let the tool's own visitors come, where the candidate is compared and the terms ask for them."""
    if terms is not None and terms.probes and world.seen.weights is not None:
        world.visitors.visit(world.seen.weights, terms.probes)


def elapsed_s(world: World) -> float:
    """Seconds since the candidate had its first users by weight; 0: it has had none.

    While a person held it in this step, nobody could act on what came to be known.
    """
    first = shared_since(world.shares)
    return 0.0 if first is None else world.now - first - world.held_s


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
    own, other = told(seen[candidate], seen[candidate.twin], terms.limits.stale_min)
    if own and share_in(world.shares, own[0].start) is None and not own[0].requests:
        return own[1:], other[1:]
    return own, other


def told(
    own: Sequence[Minute], other: Sequence[Minute], most: int
) -> tuple[Sequence[Minute], Sequence[Minute]]:
    """Without the newest minutes, `most` of them, in which neither slot told anything: they are late.

    CloudWatch takes one to three minutes, now more, now less (aws-facts 2); who is silent beside the
    other, or for longer, is not late.
    """
    kept = max(map(_until_silence, (own, other)))
    late = max(len(own), len(other)) - kept
    return (own, other) if late > most else (own[:kept], other[:kept])


def _until_silence(minutes: Sequence[Minute]) -> int:
    """How many minutes there are up to the last that tells something."""
    return next((n for n in range(len(minutes), 0, -1) if _tells(minutes[n - 1])), 0)


def _tells(minute: Minute) -> bool:
    return minute.requests is not None or minute.failures > 0 or bool(minute.custom)
