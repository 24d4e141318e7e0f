"""The ways that lead off a plan: back, halted, or to its end, with everything put back. Pure."""

from msgspec.structs import replace

from deployer.changes import Change, Stick
from deployer.engine import control, parting
from deployer.engine.transition import Decision, intend
from deployer.errors import Aborted, Halted, StepFailed
from deployer.model import Snapshot
from deployer.plan import WAKE, Deployment, Event, Status
from deployer.planning import resting, stickiness, strategies
from deployer.steps.keep import Keep
from deployer.steps.retire import Retire

RESTORED = "the groups are left as they were met"
REFUSED = "the production rule cannot stick again: "


def go_back(deployment: Deployment, error: StepFailed, seen: Snapshot, now: float) -> Decision:
    """Begin the way back.

    A failure on the way back itself, or once the new release has everything and only the old slot
    is left to clear, is left to a person: nothing that helps users remains to be done. So is one of
    a release that cannot go back, once users reach it: only a person's word turns that one back.
    """
    if deployment.status is Status.RETREATING:
        return halt(deployment, Halted(f"the way back failed: {error}; run `deployer status`"), now)
    kept = "" if isinstance(error, Aborted) else resting.left(deployment, error)
    if kept:
        return halt(deployment, Halted(kept), now)
    served = isinstance(deployment.step, Keep | Retire) and deployment.plan.strategy != WAKE
    if served and not isinstance(error, Aborted):
        reason = f"{deployment.plan.release.name} serves everything, but {error}"
        return halt(deployment, Halted(f"{reason}; see `deployer status`"), now)
    if strategies.irreversible(seen, deployment) and not isinstance(error, Aborted):
        return halt(deployment, Halted(control.no_way_back(deployment, seen, str(error))), now)
    try:
        plan = strategies.rollback(seen, deployment)
    except Halted as halted:
        return halt(deployment, Halted(f"{error}; {halted}"), now)
    event = Event(now, "retreat", str(error), error.evidence)
    after = replace(
        deployment,
        status=Status.RETREATING,
        plan=plan,
        original=deployment.plan,
        cursor=0,
        entered_at=now,
        held_s=0.0,
        paused_at=None,
        reason=str(error),
    )
    return Decision(after.noting(event), None, event)


def halt(deployment: Deployment, error: Halted, now: float) -> Decision:
    """Stop where we stand."""
    event = Event(now, "halted", str(error))
    after = replace(
        deployment, status=Status.HALTED, finished_at=now, paused_at=None, reason=str(error)
    )
    return Decision(after.noting(event), None, event)


def part(deployment: Deployment, decision: Decision, now: float) -> Decision:
    """A decision that ends the deployment first puts back what it holds (invariant I9)."""
    after = parting.stay(deployment, decision.after, now)
    return decision if after is decision.after else Decision(after, None, decision.event)


def leave(deployment: Deployment, seen: Snapshot | None, now: float) -> Decision:
    """It has come to its end: put back what it holds, then let its record say so.

    seen: None: our rule is not to be found.
    """
    change = parting.restoration(deployment) or stickiness.handing_back(deployment, seen, now)
    if isinstance(change, str) and not deployment.reopened:
        return Decision(deployment, None, Event(now, "waiting", change))
    if change is None or isinstance(change, str):
        left = stickiness.settled(deployment, seen)
        return depart(left, stickiness.owed(left) or restored(left, seen), now)
    if now - asked_since(deployment, change) > parting.PATIENCE_S:
        return give_up(deployment, "no answer", now)
    return intend(deployment, change, now)


def restored(deployment: Deployment, seen: Snapshot | None) -> str:
    """What has become of what it held, in words."""
    if not deployment.reopened:
        return RESTORED
    gone = seen is not None and seen.weights is None
    return "there is no production rule any more" if gone else "the production rule sticks again"


def depart(deployment: Deployment, words: str, now: float) -> Decision:
    """Its record becomes final, as it is."""
    event = Event(now, "restored", words)
    return Decision(parting.leave(deployment, now).noting(event), None, event)


def asked_since(deployment: Deployment, change: Change) -> float:
    """When `change` could have been made for the first time, epoch seconds."""
    unstuck = deployment.unstuck
    waited = isinstance(change, Stick) and unstuck is not None
    due = stickiness.due_at(unstuck) if waited and unstuck else deployment.attended_at
    return max(deployment.attended_at, due)


def give_up(deployment: Deployment, why: str, now: float) -> Decision:
    """What it holds is left to a person; one that had ended before stays ended as it was."""
    if deployment.reopened:
        change = parting.restoration(deployment)
        what = f"still to {change}: " if change is not None else REFUSED
        return depart(deployment, f"{what}{why}", now)
    after = parting.give_up(deployment, why, now)
    event = Event(now, "halted", after.reason)
    return Decision(after.noting(event), None, event)
