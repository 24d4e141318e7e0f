"""Who holds an environment, in words. Pure."""

from deployer.journal import Active
from deployer.planning import stickiness
from deployer.render.asking import backing, on_or_back
from deployer.render.plan import title
from deployer.render.progress import WORDS
from deployer.render.words import one_line, span, time_of_day


def alive(active: Active, now: float) -> bool:
    """Its runner was heard of within its lease."""
    return active.lease.expires_at > now


def taken(active: Active, place: str, now: float) -> str:
    """Who holds an environment, since when, and what to do about it."""
    deployment = active.deployment
    what = (
        f"{place} is taken by {title(deployment.first_plan)} ({deployment.id}) of "
        f"{one_line(deployment.by)}, since {time_of_day(deployment.started_at)} "
        f"({span(now - deployment.started_at)} ago)"
    )
    if deployment.ending is not None:
        ends = ", `deployer promote` ends that" if stickiness.waits(deployment) else ""
        gone = "" if alive(active, now) else "; its runner is gone: `deployer resume` goes on"
        return f"{what}: it has {WORDS[deployment.ending]} and puts back what it held{ends}{gone}"
    if alive(active, now):
        back = backing(deployment)
        ends = f", end it with {back}" if back else "; it goes back"
        return f"{what}: watch it with `deployer status --watch`{ends}"
    return f"{what}, but its runner is gone: {on_or_back(deployment)}"
