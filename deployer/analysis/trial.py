"""A deployment's minutes, folded one by one into what is known. Pure: the same counts, the same trial.

Nothing else is remembered, so whoever reads the minutes again (after a crash, or because CloudWatch
corrected one) and folds them again knows exactly what was known before.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from deployer.analysis.counts import Observation, Usable, timeline, usable
from deployer.analysis.dispersion import Base
from deployer.analysis.evidence import Evidence
from deployer.analysis.limits import ALARMING, FATAL_PART, SUSPICION, Limits
from deployer.analysis.split import log_sum

UNKNOWN = Base()


WARMING = " in the warm-up"


@dataclass(frozen=True, slots=True)
class Crossing:
    """The minute in which the evidence reached its threshold, and by which test."""

    minute: float
    test: str
    evidence: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Trial:
    """What the minutes so far come to.

    warm:     minutes in which the candidate served, up to the warm-up's length.
    share:    per mille that it had in the newest minute; None: it changed, or nothing is known.
    settled:  minutes in a row, up to the newest, at that share and with every metric.
    minutes:  counted, after the warm-up.
    first, newest: starts of minutes, epoch seconds.
    broken:   minutes that could not be judged, since the candidate began to serve.
    trouble:  why the newest could not be; None: it could.
    crossing: set for good once the release is condemned.
    """

    limits: Limits
    metrics: tuple[Evidence, ...]
    warm: int = 0
    share: int | None = None
    settled: int = 0
    minutes: int = 0
    first: float | None = None
    newest: float | None = None
    broken: int = 0
    trouble: str | None = "waiting for the first whole minute of metrics"
    crossing: Crossing | None = None

    @property
    def evidence(self) -> float:
        """Log E of everything against the release: the metrics' weighted mean."""
        return log_sum(
            one.weight_of_evidence + math.log(self.limits.share_of(one.metric))
            for one in self.metrics
        )

    @property
    def threshold(self) -> float:
        """Log of what condemns it."""
        return -math.log((1 - FATAL_PART) * self.limits.alpha)

    @property
    def rising(self) -> float:
        """Nats that the worst metric has won of late: a fault that begins shows here first."""
        return max((one.rising for one in self.metrics), default=0.0)

    @property
    def suspicious(self) -> bool:
        """Too much against it to send it more users; or to call it good."""
        alarming = any(one.mixture.newest >= math.log(ALARMING) for one in self.metrics)
        dying = any(one.fatal_evidence >= math.log(SUSPICION) for one in self.metrics)
        return alarming or dying or self.evidence >= math.log(SUSPICION)


def begin(limits: Limits, bases: Mapping[str, Base]) -> Trial:
    """Before the first minute; a metric without a base has no history."""
    return Trial(
        limits,
        tuple(Evidence.first(metric, bases.get(metric.name, UNKNOWN)) for metric in limits.metrics),
    )


def run(limits: Limits, bases: Mapping[str, Base], seen: Iterable[Observation]) -> Trial:
    """All minutes, in any order, corrected ones included."""
    trial = begin(limits, bases)
    for minute in timeline(seen):
        trial = after(trial, minute)
    return trial


def after(trial: Trial, minute: Observation) -> Trial:
    """With one minute more, the one that follows the newest."""
    found = [usable(minute.pairs.get(one.metric.name), minute.share) for one in trial.metrics]
    moved = minute.share is None or minute.share != trial.share
    metrics = tuple(one.moved() for one in trial.metrics) if moved else trial.metrics
    trial = replace(
        trial,
        metrics=metrics,
        share=minute.share,
        settled=0 if moved else trial.settled,
        first=minute.start if trial.first is None else trial.first,
        newest=minute.start,
        trouble=None,
    )
    counts = [one for one in found if isinstance(one, Usable)]
    if len(counts) < len(found):
        names = (one.metric.name for one in trial.metrics)
        trial = _spoiled(trial, dict(zip(names, found, strict=True)))
    elif all(one.candidate.requests == 0 for one in counts):
        return trial  # so small a share that nobody came: neither here nor there
    if trial.warm < trial.limits.warm_up:
        return _condemned(_warmed(trial, found))
    return _condemned(_counted(trial, found, moved=moved))


def _spoiled(trial: Trial, found: Mapping[str, Usable | str]) -> Trial:
    """Missing is not good: the run of good minutes ends, and what spoke for the release is void."""
    said = "; ".join(f"{name}: {why}" for name, why in found.items() if isinstance(why, str))
    return replace(
        trial,
        metrics=tuple(one.interrupted() for one in trial.metrics),
        settled=0,
        broken=trial.broken + 1,
        trouble=said,
    )


def _warmed(trial: Trial, found: list[Usable | str]) -> Trial:
    served = any(isinstance(one, Usable) and one.candidate.requests > 0 for one in found)
    metrics = tuple(
        one.warming(minute) if isinstance(minute, Usable) else one
        for one, minute in zip(trial.metrics, found, strict=True)
    )
    return replace(trial, metrics=metrics, warm=trial.warm + served, settled=_settled(trial))


def _counted(trial: Trial, found: list[Usable | str], *, moved: bool) -> Trial:
    def counted(one: Evidence, minute: Usable | str) -> Evidence:
        if isinstance(minute, str):
            return one
        settling = moved and one.metric.settles
        return one.exposed(minute) if settling else one.after(minute)

    metrics = tuple(map(counted, trial.metrics, found))
    return replace(
        trial,
        metrics=metrics,
        minutes=trial.minutes + (trial.trouble is None),
        settled=_settled(trial),
    )


def _settled(trial: Trial) -> int:
    """With the newest minute, unless something of it is missing or the share changed within."""
    return trial.settled + 1 if trial.trouble is None and trial.share is not None else 0


def _condemned(trial: Trial) -> Trial:
    """Once is enough: the bound holds for the highest the evidence ever is."""
    if trial.crossing is not None or trial.newest is None:
        return trial
    fatal = [one for one in trial.metrics if one.metric.fatal]
    threshold = math.log(max(len(fatal), 1) / (FATAL_PART * trial.limits.alpha))
    for one in fatal:
        if one.fatal_evidence >= threshold:
            test = one.metric.name + WARMING
            crossing = Crossing(trial.newest, test, one.fatal_evidence, threshold)
            return replace(trial, crossing=crossing)
    if trial.evidence >= trial.threshold:
        worst = max(trial.metrics, key=lambda one: one.weight_of_evidence)
        crossing = Crossing(trial.newest, worst.metric.name, trial.evidence, trial.threshold)
        return replace(trial, crossing=crossing)
    return trial
