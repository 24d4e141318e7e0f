"""Whose doing it is where users go: what is seen beside what a deployment wrote (invariant I4). Pure.

Two rules send users: the production rule by weights, and a user group's own. Each has what was last
confirmed, and what may have been written since and is not seen yet: readings may lag behind a
change of our own, so something strange must stay strange for a while before it is somebody else's.
"""

from msgspec.structs import replace

from deployer.changes import SetCohort, SetWeights
from deployer.errors import WeightsMoved
from deployer.model import Snapshot
from deployer.plan import Deployment
from deployer.planning import stickiness
from deployer.record.course import Stretch
from deployer.steps.base import LATE_READING_S
from deployer.steps.cohort import Admit, Dismiss
from deployer.steps.ramp import Ramp
from deployer.steps.route import Route

# Strange weights must stay strange this long before the deployment stops, and a write that nobody
# has seen for this long did not happen. Nothing is changed meanwhile.
GRACE_S = LATE_READING_S
MOST_SHARES = 200  # that a record keeps (DynamoDB item size); a ramp needs ten


def settle(deployment: Deployment, seen: Snapshot, now: float) -> Deployment:
    """Take what of ours has come to light; remember since when anything is strange.

    Raises:
        WeightsMoved: somebody else moved traffic, for longer than a lagging read would explain.
    """
    settled = _confirmed(deployment, seen, now)
    if not strange(settled, seen):
        return _calmed(settled, now) if settled.moved_since is not None else settled
    since = deployment.moved_since if deployment.moved_since is not None else now
    if now - since >= GRACE_S:
        raise WeightsMoved(
            f"{strange(settled, seen)}: somebody else moved traffic; find out who, then run "
            "`deployer rollback`"
        )
    return replace(settled, moved_since=since)


def strange(deployment: Deployment, seen: Snapshot) -> str:
    """What is not as this deployment wrote it, in words; empty: nothing."""
    if seen.weights != deployment.written:
        return f"live weights are {seen.weights}, this deployment wrote {deployment.written}"
    if seen.admitted != deployment.cohort:
        return (
            f"the rule of a user group sends {seen.cohort or 'nobody: it is gone'}, this "
            f"deployment wrote {deployment.cohort or 'none'}"
        )
    if stickiness.strange(deployment, seen):
        return "the production rule sticks, which this deployment had switched off"
    return ""


def intending(deployment: Deployment, change: SetWeights | SetCohort, now: float) -> Deployment:
    """The record, before the change is made."""
    if isinstance(change, SetWeights):
        weights = tuple(w for w in deployment.intended if w != change.weights)
        since = deployment.intended_since if deployment.intended else now
        after = replace(
            deployment, intended=(*weights, change.weights), intended_at=now, intended_since=since
        )
        return stickiness.remembering(after, change, now)
    groups = tuple(c for c in deployment.cohort_intended if c != change.admitted)
    return replace(
        deployment, cohort_intended=(*groups, change.admitted), cohort_intended_at=now
    )  # fmt: skip


def unseen(deployment: Deployment, now: float) -> str:
    """What the step's end must not be believed for yet, in words; empty: nothing.

    Only the end of a step that moves users rests on something that was never written: a way back
    that begins before the last step forward was seen would otherwise believe a reading from before.
    """
    step, newest, at = deployment.step, "", None
    if isinstance(step, Route | Ramp) and deployment.intended:
        newest, at = str(deployment.intended[-1]), deployment.intended_at
    if isinstance(step, Admit | Dismiss) and deployment.cohort_intended:
        newest = str(deployment.cohort_intended[-1] or "the end of the user group's rule")
        at = deployment.cohort_intended_at
    late = now - (at or 0.0) < GRACE_S
    return f"{newest} may have been written" if newest and late else ""


def concluded(deployment: Deployment) -> Deployment:
    """Its step is done: what it wrote is seen."""
    if isinstance(deployment.step, Route | Ramp):
        return replace(deployment, intended=())
    if isinstance(deployment.step, Admit | Dismiss):
        return replace(deployment, cohort_intended=())
    return deployment


def _calmed(deployment: Deployment, now: float) -> Deployment:
    """Everything is as it was written again; the candidate may have had any share meanwhile."""
    since = (deployment.moved_since or now) - LATE_READING_S
    calm = replace(deployment, moved_since=None, calm_since=now)
    return _having(calm, since, now) if calm.shares else calm


def _having(deployment: Deployment, asked_at: float, now: float) -> Deployment:
    """The candidate has what was written last, at the latest from `now` on."""
    if deployment.written is None:
        return deployment
    share, before = deployment.written[deployment.plan.candidate], deployment.shares
    if len(before) >= MOST_SHARES:  # others move it again and again: all of that is nobody's
        asked_at, before = min(asked_at, before[-1].asked_at), before[:-1]
    return replace(deployment, shares=(*before, Stretch(asked_at, now, share)))


def _confirmed(deployment: Deployment, seen: Snapshot, now: float) -> Deployment:
    settled = deployment
    if seen.weights in deployment.intended:
        later = deployment.intended[deployment.intended.index(seen.weights) + 1 :]
        settled = replace(settled, written=seen.weights, intended=later)
        settled = _having(settled, deployment.intended_since or now, now)
    if seen.admitted in deployment.cohort_intended:
        after = deployment.cohort_intended.index(seen.admitted) + 1
        settled = replace(
            settled, cohort=seen.admitted, cohort_intended=deployment.cohort_intended[after:]
        )
    return settled
