"""What was known of a release minute by minute: the evidence as it grew.

The same fold as the verdict's, over the same minutes: so the last line of a deployment that was sent back
is the verdict that sent it back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from deployer.analysis.counts import Counts, Pair
from deployer.analysis.limits import Limits
from deployer.analysis.replay.recording import Recorded, observations
from deployer.analysis.terms import Terms
from deployer.analysis.trial import Trial, after, begin
from deployer.analysis.verdict import Finding, finding, shown
from deployer.model import WHOLE


@dataclass(frozen=True, slots=True)
class Look:
    """One minute, and what all minutes up to it come to.

    start:     epoch seconds. share: per mille that the candidate had all through it; None: it changed.
    pairs:     by metric: both slots' counts in this minute.
    findings:  by metric, of all minutes so far: ratio, evidence, cost.
    against:   the evidence of all metrics, which condemns at `threshold`.
    trouble:   why the minute could not be judged, in words; empty: it could.
    condemned: the evidence has reached its threshold, in this minute or before.
    opened:    requests to the candidate while none of its instances was healthy.
    """

    start: float
    share: int | None
    pairs: dict[str, Pair]
    findings: tuple[Finding, ...]
    against: float
    threshold: float
    trouble: str
    condemned: bool
    opened: int

    def counts(self, metric: str) -> tuple[Counts, Counts]:
        """The candidate's and the stable slot's in this minute; what is missing is nothing."""
        pair = self.pairs.get(metric, Pair(None, None))
        return pair.candidate or Counts(0, 0), pair.stable or Counts(0, 0)


def trail(minutes: Sequence[Recorded], terms: Terms) -> tuple[Look, ...]:
    """Every minute in which the candidate stood beside the stable slot."""
    beside = standing_beside(minutes)
    trial = begin(_limits(beside, terms), terms.bases)
    looks: list[Look] = []
    seen = observations(beside, terms.limits.metrics)
    for recorded, observation in zip(beside, seen, strict=True):
        trial = after(trial, observation)
        looks.append(_look(trial, recorded, dict(observation.pairs)))
    return tuple(looks)


def standing_beside(minutes: Sequence[Recorded]) -> tuple[Recorded, ...]:
    """Up to the last minute at a share that leaves the stable slot some: later ones compare nothing.

    The first one counts only if the candidate served in it: a part of a minute, before which it had
    no users.
    """
    last = max(
        (
            at
            for at, each in enumerate(minutes)
            if each.share is not None and 0 < each.share < WHOLE
        ),
        default=-1,
    )
    kept = tuple(minutes[: last + 1])
    partial = kept and kept[0].share is None and not kept[0].candidate.requests
    return kept[1:] if partial else kept


def _limits(minutes: Sequence[Recorded], terms: Terms) -> Limits:
    limits = terms.limits
    if minutes and minutes[0].share is None:
        return replace(limits, warm_up=limits.warm_up + 1)  # a part of a minute warms nothing
    return limits


def _look(trial: Trial, recorded: Recorded, pairs: dict[str, Pair]) -> Look:
    return Look(
        start=recorded.start,
        share=recorded.share,
        pairs=pairs,
        findings=tuple(finding(one, trial) for one in trial.metrics),
        against=shown(trial.evidence),
        threshold=shown(trial.threshold),
        trouble=trial.trouble or "",
        condemned=trial.crossing is not None,
        opened=recorded.candidate.failed_open,
    )
