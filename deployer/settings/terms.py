"""[analysis], and what was usual before -> what a canary is held to. Pure."""

import math
from dataclasses import replace

from deployer.analysis.counts import MINUTE_S
from deployer.analysis.limits import FAILURES, SLOW, Limits
from deployer.analysis.terms import Terms
from deployer.operations.usual import Past, Wish
from deployer.settings.kinds import OFF
from deployer.settings.schema import AnalysisSettings

STALE_MIN = 3  # minutes later than a closed minute usually comes, metrics are gone


def wish_of(analysis: AnalysisSettings) -> Wish:
    """How latency is to be judged."""
    given = analysis.slow.given
    return Wish(
        delay_s=float(analysis.metrics_delay_s),
        slow_s=None if given is None else float(given),
        judged=analysis.slow != OFF,
    )


def terms_of(analysis: AnalysisSettings, past: Past) -> Terms:
    """What a candidate is held to, beside a stable slot with that past."""
    usual_ones = (FAILURES,) if past.slow_s is None else (FAILURES, SLOW)
    own = [replace(metric, tolerated=analysis.tolerated) for metric in usual_ones]
    metrics = (*own, *(each.metric() for each in analysis.metrics))
    delay_min = math.ceil(analysis.metrics_delay_s / MINUTE_S)
    limits = Limits(
        metrics=metrics,
        alpha=analysis.alpha,
        beta=analysis.beta,
        harm_budget=analysis.harm_budget,
        warm_up=round(analysis.warm_up_s / MINUTE_S),
        delay_min=delay_min,
        min_minutes=round(analysis.min_time_s / MINUTE_S),
        max_minutes=round(analysis.max_time_s / MINUTE_S),
        stale_min=delay_min + STALE_MIN,
        inconclusive="promote" if analysis.inconclusive == "auto" else analysis.inconclusive,
    )
    known = {metric.name for metric in metrics}
    bases = {name: base for name, base in past.bases.items() if name in known}
    return Terms(limits, bases, past.slow_s, past.requests_per_min, analysis.probes)
