"""What people may ask of a deployment now, and what it waits for from them. Pure."""

from deployer.engine import control
from deployer.journal import Active, Ask
from deployer.plan import Deployment, Status
from deployer.render.words import date_and_time, one_line, span, time_of_day
from deployer.steps.approve import Approve

# What a record keeps until somebody carries the deployment on, so that it may be asked before.
KEPT = (Ask.ABORT, Ask.ABORT_FORCE, Ask.PROMOTE, Ask.PROMOTE_FULL, Ask.APPROVE)


def possible(active: Active, now: float) -> tuple[Ask, ...]:
    """What may be asked now; without a runner the deployment stands still, and can be resumed."""
    deployment = active.deployment
    asks = control.possible(deployment)
    if deployment.status.final or active.lease.expires_at > now:
        return asks
    if deployment.status is Status.RETREATING:
        return (Ask.RESUME,)
    return tuple(ask for ask in Ask if ask is Ask.RESUME or (ask in KEPT and ask in asks))


def commands(asks: tuple[Ask, ...]) -> str:
    """`deployer abort`, `deployer pause`; each as it is typed."""
    return ", ".join(f"`deployer {ask}`" for ask in asks)


def paused_by(deployment: Deployment) -> str:
    """Who holds it, as its log tells; empty if it is not paused, or the log no longer tells."""
    if deployment.paused_at is None:
        return ""
    asked = (e.note for e in reversed(deployment.log) if e.kind == "asked")
    return next((n.removeprefix("pause by ") for n in asked if n.startswith("pause by ")), "")


def hold_words(deployment: Deployment, now: float) -> str:
    """`paused since 12:03:11 (2m) by alice@laptop`; empty if it is not."""
    if deployment.paused_at is None:
        return ""
    since = f"{time_of_day(deployment.paused_at)} ({span(now - deployment.paused_at)})"
    by = one_line(paused_by(deployment))
    return f"paused since {since}{f' by {by}' if by else ''}"


def approval_until(deployment: Deployment) -> float | None:
    """Until when it waits for a person's approval, epoch seconds; None if it does not."""
    step = deployment.step
    if deployment.status is not Status.RUNNING or not isinstance(step, Approve):
        return None
    return deployment.due_at


def backing(deployment: Deployment) -> str:
    """The command by which it goes back; empty where it does that already, or has ended."""
    if deployment.status is not Status.RUNNING or deployment.ending is not None:
        return ""
    return f"`deployer {Ask.ABORT_FORCE if control.stuck(deployment) else Ask.ABORT}`"


def on_or_back(deployment: Deployment) -> str:
    """What there is to choose once its runner has gone, as words for a sentence."""
    back = backing(deployment)
    return f"`deployer resume` goes on{f', {back} goes back' if back else ''}"


def wanted(deployment: Deployment) -> str:
    """What a person has to do for it to go on; empty if nothing."""
    back = f", {backing(deployment)} goes back" if backing(deployment) else ""
    if deployment.paused_at is not None:
        return f"`deployer resume` lets it go on{back}"
    until = approval_until(deployment)
    if until is None:
        return ""
    return (
        f"`deployer approve` lets it go on{back}; without either the time for it ends at "
        f"{date_and_time(until)}"
    )
