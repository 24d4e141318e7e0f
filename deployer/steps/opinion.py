"""What is thought of a candidate at this moment: by whichever rule, in the same words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deployer.analysis.judge import Outcome, Verdict
from deployer.analysis.limits import FAILURES
from deployer.analysis.verdict import Finding, Judgement
from deployer.model import Minute


@dataclass(frozen=True, slots=True)
class Opinion:
    """An outcome, why, and the numbers behind it.

    outcome:  pass: it was called good.
    advance:  it may have more users: seen at what it has, clean, and unsuspicious; it need not have
              been called good yet.
    evidence: for events and the record.
    """

    outcome: Outcome
    reason: str
    advance: bool = False
    evidence: Mapping[str, object] = field(default_factory=dict)


def failed_open(minutes: Sequence[Minute]) -> str:
    """Why nothing but going back is left, in words; empty: it is not so.

    Where none of a slot's instances is healthy, the load balancer sends to all of them (aws-facts 1.3).
    """
    count = sum(minute.failed_open for minute in minutes)
    if not count:
        return ""
    return (
        f"{count} requests were sent to instances of which none was healthy: the load balancer "
        "failed open"
    )


def plain(verdict: Verdict) -> Opinion:
    """By the plain rule: it knows no middle between good and not judged yet."""
    good = verdict.outcome is Outcome.PASS
    return Opinion(verdict.outcome, verdict.reason, good, evidence_of(verdict))


def evidence_of(verdict: Verdict) -> dict[str, object]:
    """The plain rule's numbers."""
    own, other = verdict.candidate, verdict.stable
    numbers: dict[str, object] = {
        "verdict": verdict.outcome.value,
        "candidate_requests": own.requests,
        "candidate_failures": own.failures,
    }
    if other is not None:
        numbers |= {"stable_requests": other.requests, "stable_failures": other.failures}
        numbers |= _observed(own.requests, other.requests)
    return numbers


def numbers_of(judged: Judgement, share: int | None) -> dict[str, object]:
    """The numbers of all evidence so far, for JSON; `share`: what the candidate has now, per mille."""
    numbers: dict[str, object] = {"verdict": judged.outcome.value, "share": share}
    first = next((one for one in judged.findings if one.metric == FAILURES.name), None)
    if first is not None:
        own, other = first.candidate, first.stable
        numbers |= {
            "candidate_requests": round(own.requests),
            "candidate_failures": round(own.bad),
            "stable_requests": round(other.requests),
            "stable_failures": round(other.bad),
            **_observed(own.requests, other.requests),
        }
    return numbers | {
        "against": _figure(judged.evidence),
        "threshold": _figure(judged.threshold),
        "minutes": judged.minutes,
        "broken_minutes": judged.broken,
        "first_minute": judged.first,
        "newest_minute": judged.newest,
        "metrics": {one.metric: _metric(one) for one in judged.findings},
        "forecast": str(judged.forecast) if judged.forecast else None,
    }


def _metric(one: Finding) -> dict[str, object]:
    return {
        "candidate": [round(one.candidate.bad), round(one.candidate.requests)],
        "stable": [round(one.stable.bad), round(one.stable.requests)],
        "ratio": None if one.ratio.best is None else _figure(one.ratio.best),
        "ratio_interval": [_figure(one.ratio.low), _figure(one.ratio.high)],
        "against": _figure(one.against),
        "for": _figure(one.safe),
        "for_threshold": _figure(one.safe_threshold),
        "cost": round(one.cost, 1),
        "cost_at_all_traffic": round(one.cost_whole, 1),
    }


def _observed(own: float, other: float) -> dict[str, object]:
    """The candidate's share as it came, not the weight: where the rule sticks, the two differ."""
    both = own + other
    return {"observed_share": round(own / both, 4)} if both else {}


def _figure(value: float) -> float:
    return float(f"{value:.4g}")
