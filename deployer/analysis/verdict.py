"""What a trial's evidence allows at this moment, in words and numbers.

*fail*          the evidence against it reached its threshold, once.
*pass*          for every metric a harmful release would hardly have come so far; the newest minute is
                there and clean; nothing is suspicious.
*inconclusive*  anything else, with what is excluded, and how much more it takes.

No data, old data, data of the future, a silent slot and impossible counts are never a pass.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from deployer.analysis.counts import MINUTE_S, Counts
from deployer.analysis.evidence import Evidence
from deployer.analysis.figures import figure, rate
from deployer.analysis.forecast import Forecast, forecast, proven
from deployer.analysis.judge import Outcome
from deployer.analysis.limits import called
from deployer.analysis.ratio import RATIOS, Interval
from deployer.analysis.trial import WARMING, Trial
from deployer.model import WHOLE

SHOWN_NATS = 30.0  # e^30: evidence beyond is "over 10 billion"


@dataclass(frozen=True, slots=True)
class Finding:
    """One metric, as people read it.

    candidate, stable: what they served in the counted minutes.
    ratio:      of their rates, with its interval.
    against:    evidence that it is worse: 1 is none, and `threshold` condemns it alone.
    safe:       evidence that it is not harmful, likewise.
    harmful:    what would be: from this ratio, and from this rate (0..1) on.
    cost:       bad requests beyond what the stable slot would have served, the warm-up included.
    cost_whole: what they would have been, had the candidate had all of the traffic at once.
    """

    metric: str
    candidate: Counts
    stable: Counts
    ratio: Interval
    against: float
    threshold: float
    safe: float
    safe_threshold: float
    harmful_ratio: float
    harmful_rate: float
    cost: float
    cost_whole: float

    def __str__(self) -> str:
        return (
            f"{called(self.metric)}: {self.counted}, {self.ratio}; evidence {figure(self.against)}, "
            f"sent back at {self.threshold:.0f}"
        )

    @property
    def counted(self) -> str:
        """Both sides in one breath; whatever else is known is in the table of `show`."""
        return f"candidate {_counts(self.candidate)}, stable {_counts(self.stable)}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict with everything it rests on.

    evidence: of all metrics against it; `threshold` condemns it.
    clean:    every metric is there, recent, unsuspicious, and of a whole minute at this share.
    advance:  whether the candidate may get more traffic: clean, warmed up, and of late no worse than is
              tolerated. (A ramp asks for `clean` only: it pays by its budget for what is not known.)
    first, newest: starts of the minutes that were read, epoch seconds.
    """

    outcome: Outcome
    reason: str
    findings: tuple[Finding, ...]
    evidence: float
    threshold: float
    clean: bool
    advance: bool
    minutes: int
    broken: int
    first: float | None
    newest: float | None
    forecast: Forecast | None


def judgement(trial: Trial, now: float) -> Judgement:
    """The verdict at `now`, epoch seconds: it matters only for whether the newest minute is recent."""
    if trial.crossing is not None:
        return _judged(trial, Outcome.FAIL, _condemnation(trial))
    ahead = forecast(trial)
    lack, young = next(_lacks(trial, now), None), next(_too_young(trial), None)
    clean = lack is None and trial.settled > 0
    undecided = partial(_judged, trial, Outcome.INCONCLUSIVE, ahead=ahead, clean=clean)
    if lack is not None or young is not None:
        return undecided(lack or young or "")
    leaning = next((one for one in trial.metrics if one.leaning), None)
    if leaning is not None:
        return undecided(f"it looks worse than tolerated of late: {finding(leaning, trial)}")
    if all(proven(one, trial.limits.beta) for one in trial.metrics):
        said = f"no harm after {trial.minutes} minutes; excluded: {_excluded(trial)}"
        return _judged(trial, Outcome.PASS, said, ahead=ahead, clean=True, advance=True)
    said = f"nothing bad seen, not enough to call it good; {ahead}; excluded so far: "
    return undecided(said + _excluded(trial), advance=True)


def _lacks(trial: Trial, now: float) -> Iterator[str]:
    """What forbids more traffic whatever the counts say."""
    limits = trial.limits
    if trial.trouble is not None:
        yield trial.trouble
    if trial.newest is not None:
        age_min = (now - trial.newest - MINUTE_S) / 60
        if not age_min >= 0:  # NaN too
            yield "the newest minute has not ended: the clocks disagree"
        if age_min > limits.stale_min:
            yield f"the newest minute is {age_min:.0f} min old: metrics are late or gone"
    if trial.suspicious:
        yield f"suspicious: {_worst(trial)}"


def _too_young(trial: Trial) -> Iterator[str]:
    """What a pass waits for, though nothing is wrong."""
    limits = trial.limits
    if trial.warm < limits.warm_up:
        yield f"warming up: {trial.warm} of {limits.warm_up} minutes"
    if not trial.settled:
        yield "no whole minute at this share yet"
    if trial.minutes < limits.min_minutes:
        yield f"{trial.minutes} of at least {limits.min_minutes} min after the warm-up"


def _judged(
    trial: Trial,
    outcome: Outcome,
    reason: str,
    *,
    ahead: Forecast | None = None,
    clean: bool = False,
    advance: bool = False,
) -> Judgement:
    findings = tuple(finding(one, trial) for one in trial.metrics)
    return Judgement(
        outcome, reason, findings, shown(trial.evidence), shown(trial.threshold), clean, advance,
        trial.minutes, trial.broken, trial.first, trial.newest, ahead,
    )  # fmt: skip


def finding(one: Evidence, trial: Trial) -> Finding:
    """One metric's numbers."""
    limits = trial.limits
    candidate, stable = one.served
    return Finding(
        metric=one.metric.name,
        candidate=candidate,
        stable=stable,
        ratio=one.profile.interval(limits.beta),
        against=shown(max(one.weight_of_evidence, one.fatal_evidence)),
        threshold=shown(trial.threshold - math.log(limits.share_of(one.metric))),
        safe=shown(one.safety.evidence),
        safe_threshold=1 / limits.beta,
        harmful_ratio=one.safety.harm.ratio,
        harmful_rate=one.safety.harm.rate,
        cost=one.cost,
        cost_whole=one.cost_at(WHOLE),
    )


def shown(nats: float) -> float:
    """Evidence as a number that people and JSON can take."""
    return math.exp(min(nats, SHOWN_NATS))


def _condemnation(trial: Trial) -> str:
    """A sentence that people read again and again: the evidence once, and what it is about."""
    crossing = trial.crossing
    assert crossing is not None  # noqa: S101 - the caller has looked
    nth = round((crossing.minute - (trial.first or 0.0)) / MINUTE_S) + 1
    worst = _worst(trial)
    named = crossing.test.removesuffix(WARMING) == worst.metric
    mostly = "" if named else f"{called(worst.metric)}: "
    return (
        f"worse than stable by {called(crossing.test)}, in minute {nth}: {mostly}{worst.counted}; "
        f"evidence {figure(shown(crossing.evidence))}, sent back at {shown(crossing.threshold):.0f}"
    )


def _worst(trial: Trial) -> Finding:
    """What speaks most against it."""
    worst = max(trial.metrics, key=lambda one: max(one.weight_of_evidence, one.fatal_evidence))
    return finding(worst, trial)


def _excluded(trial: Trial) -> str:
    """What the release is not, at 1 - beta, and how often it may fail at most."""
    return "; ".join(_excluded_of(one, trial.limits.beta) for one in trial.metrics)


def _excluded_of(one: Evidence, beta: float) -> str:
    interval = one.profile.interval(beta)
    own = one.candidate.requests
    most = f"above {rate(one.worst_rate)}" if own else ""
    # Beyond the largest ratio that is looked at, nothing is excluded.
    known = interval.best is not None and interval.high < RATIOS[-1]
    ratio = f"beyond {figure(interval.high)}x stable's" if known else ""
    return f"{called(one.metric.name)} {' or '.join(part for part in (ratio, most) if part) or 'nothing'}"


def _counts(counts: Counts) -> str:
    share = counts.bad / counts.requests if counts.requests else 0.0
    return f"{counts.bad:,.0f} of {counts.requests:,.0f} ({share:.2%})"
