"""The ramp that a release as good as the stable slot will make, told before it begins.

Played as it will be: minute by minute the counts that are usual, published late, judged by the rule
itself, and then the ramp's own move. So what is told cannot drift away from what will be done.
"""

from dataclasses import dataclass, replace

from deployer.analysis.counts import MINUTE_S, Counts, Observation, Pair
from deployer.analysis.dispersion import Base
from deployer.analysis.judge import Outcome
from deployer.analysis.limits import Limits
from deployer.analysis.ramp import first_share, move
from deployer.analysis.terms import Terms
from deployer.analysis.trial import Trial, after, begin
from deployer.analysis.verdict import Judgement, judgement
from deployer.model import WHOLE

AFTER = 60  # minutes: more than the whole ladder takes
CLOSELY = 60  # minutes that are played one look each; of longer ones every tenth


@dataclass(frozen=True, slots=True)
class Course:
    """What is to be expected, in minutes since the candidate's first user.

    shares: when it gets which, per mille.
    good:   when it is called good; None: not before the time is up.
    over:   when the ramp ends: a share that may still be had is waited for.
    """

    shares: tuple[tuple[int, int], ...]
    good: int | None
    over: int


def course(terms: Terms) -> Course | None:
    """None: nobody knows how many requests come."""
    if terms.requests_per_min is None:
        return None
    load = terms.requests_per_min + terms.probes
    shares = [(0, first_share(terms.requests_per_min, terms.limits))]
    # The first minute has the candidate in a part of it, as each has in which the share changes.
    trial = begin(replace(terms.limits, warm_up=terms.limits.warm_up + 1), terms.bases)
    for now in looks(terms.limits):
        while (minute := _next(trial)) <= now - 1 - terms.limits.delay_min:
            trial = after(trial, _as_usual(minute, shares, load, terms))
        judged = judgement(trial, now * MINUTE_S)
        if not _seen(judged, shares):
            continue
        following = move(trial, judged, shares[-1][1], now)
        if following.kind == "raise":
            shares.append((now, following.share))
        elif following.kind != "stay":
            good = now if judged.outcome is Outcome.PASS else None
            return Course(tuple(shares), good, now)
    return Course(tuple(shares), None, terms.limits.max_minutes)


def looks(limits: Limits) -> tuple[int, ...]:
    """The minutes in which it is looked; those after the time is up see the last shares through."""
    last = limits.max_minutes + AFTER
    return (*range(1, min(last, CLOSELY) + 1), *range(CLOSELY + 10, last + 1, 10))


def _next(trial: Trial) -> int:
    return 0 if trial.newest is None else round(trial.newest / MINUTE_S) + 1


def _seen(judged: Judgement, shares: list[tuple[int, int]]) -> bool:
    """A whole minute of the newest share was published."""
    return judged.newest is not None and judged.newest > shares[-1][0] * MINUTE_S


def _as_usual(minute: int, shares: list[tuple[int, int]], load: float, terms: Terms) -> Observation:
    """What is published of that minute."""
    moved = any(at == minute for at, _ in shares)
    share = next(part for at, part in reversed(shares) if at <= minute)
    own = load * share / WHOLE

    def pair(base: Base) -> Pair:
        rate = base.usual or 0.0
        return Pair(Counts(own, rate * own), Counts(load - own, rate * (load - own)))

    pairs = {
        metric.name: pair(terms.bases.get(metric.name, Base())) for metric in terms.limits.metrics
    }
    return Observation(minute * MINUTE_S, None if moved else share, pairs)
