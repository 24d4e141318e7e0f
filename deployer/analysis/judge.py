"""The plain rule that judges a candidate against the stable slot, minute by minute.

1. *Fail* when the candidate's share of failed requests (5xx and connection errors) exceeds the
   stable slot's share in the same minutes by more than `tolerance`, with at least `min_failures`
   failures behind it, so that one unlucky request never condemns a release. A stable slot with
   fewer than `min_requests`, beside a candidate with as many, excuses nothing.
2. *Inconclusive* while there is too little to say: fewer than `min_requests` requests, a minute
   with errors but no request count, no data for the newest minute, or a stable slot that should
   have traffic and shows none, or fewer than `min_requests` (what is held back is a small share).
3. *Pass* otherwise.

A missing minute counts for nothing: never as good (aws-facts 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from deployer.model import Minute


class Outcome(StrEnum):
    """What may be concluded from the evidence."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Rule:
    """Limits of the judgement.

    min_requests: requests the candidate must have served before it can pass, and the stable slot,
                  where there is one to compare with.
    min_failures: failures it must show before it can fail.
    tolerance:    share of failures accepted above the stable slot's, 0..1.
    """

    min_requests: int = 100
    min_failures: int = 5
    tolerance: float = 0.01


@dataclass(frozen=True, slots=True)
class Tally:
    """What one slot served over some minutes; `minutes` counts those with data."""

    minutes: int
    requests: int
    failures: int

    @property
    def share(self) -> float:
        """Failed requests as a share of all, 0..1; failures beside no request at all are all."""
        return (
            min(1.0, self.failures / self.requests) if self.requests else float(bool(self.failures))
        )

    def __str__(self) -> str:
        return f"{self.failures} of {self.requests} failed ({self.share:.2%})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome, in words and numbers; `stable` is None when nothing was there to compare with."""

    outcome: Outcome
    reason: str
    candidate: Tally
    stable: Tally | None


def tally(minutes: Sequence[Minute]) -> Tally:
    """Add up the minutes that have data."""
    known = [(minute.requests, minute) for minute in minutes if minute.requests is not None]
    return Tally(
        minutes=len(known),
        requests=sum(requests for requests, _ in known),
        failures=sum(minute.failures for _, minute in known),
    )


def judge(candidate: Sequence[Minute], stable: Sequence[Minute] | None, rule: Rule) -> Verdict:
    """Judge the candidate's minutes against the stable slot's of the same time.

    Args:
        candidate: closed minutes of the candidate, gaps included (`requests=None`).
        stable:    the same minutes of the stable slot; None when it receives no traffic.
        rule:      the limits.
    """
    ours = tally(candidate)
    theirs = tally(stable) if stable is not None else None
    allowed = usual(ours, theirs, rule) + rule.tolerance

    def verdict(outcome: Outcome, reason: str) -> Verdict:
        return Verdict(outcome, reason, ours, theirs)

    if ours.failures >= rule.min_failures and ours.share > allowed:
        return verdict(Outcome.FAIL, f"candidate {ours}; at most {allowed:.2%} is accepted")
    missing = lack(candidate, ours, theirs, rule)
    if missing is not None:
        return verdict(Outcome.INCONCLUSIVE, missing)
    return verdict(Outcome.PASS, f"candidate {ours}; at most {allowed:.2%} is accepted")


def usual(ours: Tally, theirs: Tally | None, rule: Rule) -> float:
    """The share of failures that is nobody's fault, 0..1: the stable slot's, as far as that counts.

    What is held back may be so small that one unlucky request is a large share of it: that excuses
    no candidate which has served enough to be judged by itself.
    """
    if theirs is None or theirs.requests < rule.min_requests <= ours.requests:
        return 0.0
    return theirs.share


def lack(candidate: Sequence[Minute], ours: Tally, theirs: Tally | None, rule: Rule) -> str | None:
    """What keeps the evidence from being enough; None if nothing does."""
    if not candidate:
        return "waiting for the first whole minute of metrics"
    if any(minute.requests is None and minute.failures for minute in candidate):
        return "errors without a request count: metrics are broken"
    if candidate[-1].requests is None:
        return "no data for the candidate's newest minute"
    if ours.requests < rule.min_requests:
        return f"{ours.requests} of {rule.min_requests} requests needed to judge the candidate"
    return None if theirs is None else lack_beside(theirs, rule)


def lack_beside(theirs: Tally, rule: Rule) -> str | None:
    """What keeps the stable slot from being something to compare with."""
    if theirs.requests == 0:
        return "the stable slot shows no traffic to compare with"
    if theirs.requests < rule.min_requests:
        return f"{theirs.requests} of {rule.min_requests} requests needed of the stable slot"
    return None
