"""Judges a slot against itself: how it serves now, and how it served before the deployment began.

While a rolling deployment is under way both releases serve from one slot, and the load balancer's
metrics do not tell them apart. A release that fails `p` of its requests on a tenth of the instances
adds a tenth of `p` to the slot's failures: so a tenth of `tolerance` is what may be added.

1. *Fail* when the slot's share of failed requests exceeds its earlier share by more than that, with
   `min_failures` behind it, and by more than chance explains: three standard deviations of a count
   that is only as often as before.
2. *Inconclusive* while there is too little to say; the release itself must have had `min_requests`.
3. *Pass* otherwise.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from deployer.analysis.judge import Outcome, Rule, Tally, Verdict, lack, tally
from deployer.model import Minute

SIGMAS = 3.0


def judge(minutes: Sequence[Minute], before: Tally | None, share: float, rule: Rule) -> Verdict:
    """The verdict on a release that has `share` (above 0, to 1) of the slot's instances.

    Args:
        minutes: closed minutes of the slot, gaps included.
        before: what it served before the deployment began; None: unknown, as if without failures.
        share:   of the slot's healthy instances that run the release.
        rule:    the limits, as for a slot of its own.
    """
    ours = tally(minutes)
    usual = before.share if before is not None else 0.0
    allowed = usual + rule.tolerance * share
    words = f"slot {ours}; at most {allowed:.2%} is accepted with {share:.0%} replaced"

    def verdict(outcome: Outcome, reason: str) -> Verdict:
        return Verdict(outcome, reason, ours, before)

    worse = ours.share > allowed and ours.failures > chance(ours.requests, before)
    if ours.failures >= rule.min_failures and worse:
        return verdict(Outcome.FAIL, words)
    needed = replace(rule, min_requests=math.ceil(rule.min_requests / share))
    missing = lack(minutes, ours, None, needed)
    if missing is not None:
        return verdict(Outcome.INCONCLUSIVE, missing)
    return verdict(Outcome.PASS, words)


def chance(requests: int, before: Tally | None) -> float:
    """Failures out of `requests` that are no more than the usual share explains.

    The usual share is itself a count, hence uncertain: the fewer requests it comes from, the more.
    """
    if before is None or not before.requests:
        return 0.0
    expected = before.share * requests
    return expected + SIGMAS * math.sqrt(expected * (1 + requests / before.requests))
