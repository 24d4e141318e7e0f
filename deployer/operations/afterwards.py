"""What a release that has shipped does to its users afterwards: whoever watches it goes by that.

It is judged as its own deployment judged it in the end, when it had all of the traffic: by the same
limits, and where the deployment was rolling, by what served before it.
"""

from deployer.analysis.judge import Rule, Tally, tally, usual
from deployer.plan import Deployment
from deployer.ports import Metrics

LOOK_BACK_S = 900.0  # what is told is of the last quarter of an hour, not of the day


def ailing(metrics: Metrics, record: Deployment, now: float) -> str:
    """How it fails its users, in words; empty: it does not, or nobody can tell. One call.

    record: of the deployment that shipped what serves.

    Raises:
        CloudUnavailable: the metrics do not answer.
    """
    plan, ended = record.first_plan, record.finished_at
    if ended is None:
        return ""
    until = now - plan.intent.delay_s
    since = max(ended, until - LOOK_BACK_S)
    if until - since < 60.0:  # seconds: not one whole minute
        return ""
    ours = tally(metrics.traffic(since, until)[plan.candidate])
    return beyond(ours, plan.intent.roll.before, plan.intent.rule)


def beyond(ours: Tally, theirs: Tally | None, rule: Rule) -> str:
    """More failures than the rule allows, in words. Pure."""
    allowed = usual(ours, theirs, rule) + rule.tolerance
    if ours.failures < rule.min_failures or ours.share <= allowed:
        return ""
    return f"{ours}; at most {allowed:.2%} is accepted"
