"""Nothing that a deployment has suspended, frozen or unstuck outlives it (invariant I9). Pure.

What is about to be suspended, frozen or unstuck is in the record before it happens. A record that has come
to its end while it names something keeps its environment, remembers the end it has come to, and
becomes final only once that is put back: kill the process anywhere, and the next one finds the same
record. Only stickiness may have to be left to later (deployer.planning.stickiness): then a record that has
ended is opened again, and comes to the same end once more.
"""

from msgspec.structs import replace

from deployer.changes import Freeze, ResumeProcesses, Stick, Suspend, Thaw
from deployer.plan import Deployment, Status
from deployer.record.held import Frozen, Suspended
from deployer.steps.keep import Keep

PATIENCE_S = 600.0  # so long a cloud that does not answer is asked to put things back


def remembering(deployment: Deployment, change: Suspend | Freeze) -> Deployment:
    """The record, before the change is made."""
    if isinstance(change, Freeze):
        return replace(deployment, frozen=frozen_by(deployment.frozen, change))
    known = deployment.suspended.processes if deployment.suspended else ()
    processes = tuple(sorted({*known, *change.processes}))
    return replace(deployment, suspended=Suspended(change.slot, processes))


def frozen_by(before: Frozen | None, change: Freeze) -> Frozen:
    """What is frozen after `change`: the minimum of before the first one is what it gets back."""
    if before is None:
        return Frozen(change.slot, change.was, change.floor)
    return Frozen(before.slot, before.was, max(before.raised, change.floor))


def stay(before: Deployment, after: Deployment, now: float) -> Deployment:
    """`after`, but not final while it holds something; `before` is how it stood until now."""
    if not after.status.final or not holds(after):
        return after
    return replace(
        after, status=before.status, ending=after.status, finished_at=None, paused_at=None,
        entered_at=now, held_s=0.0,
    )  # fmt: skip


def holds(deployment: Deployment) -> int:
    """How many things it has still to put back."""
    held = (deployment.suspended, deployment.frozen, deployment.unstuck)
    return sum(each is not None for each in held)


def restoration(deployment: Deployment) -> ResumeProcesses | Thaw | None:
    """What must happen to its groups next before it may end."""
    suspended, frozen = deployment.suspended, deployment.frozen
    if suspended is not None:
        return ResumeProcesses(suspended.slot, suspended.processes)
    return Thaw(frozen.slot, least(deployment, frozen), frozen.raised) if frozen else None


def least(deployment: Deployment, frozen: Frozen) -> int:
    """What it may shrink to again: what it had before, or what its plan keeps of it for good."""
    steps = deployment.plan.steps
    kept = (s.floor for s in steps if isinstance(s, Keep) and s.slot is frozen.slot)
    return min(frozen.raised, max((frozen.was, *kept)))


def restored(deployment: Deployment, change: object) -> Deployment:
    """That has happened."""
    if isinstance(change, ResumeProcesses):
        return replace(deployment, suspended=None)
    if isinstance(change, Stick):
        return replace(deployment, unstuck=None)
    return replace(deployment, frozen=None) if isinstance(change, Thaw) else deployment


def leave(deployment: Deployment, now: float) -> Deployment:
    """The end it has come to; one that was opened again ended when it did."""
    ended = deployment.finished_at if deployment.reopened else now
    return replace(deployment, status=deployment.ending, ending=None, finished_at=ended)


def reopened(ended: Deployment, now: float) -> Deployment:
    """A record that has ended, taken up again for what it owes; `leave` is its way out."""
    status = Status.RUNNING if ended.status is Status.SHIPPED else Status.RETREATING
    finished_at = ended.entered_at if ended.finished_at is None else ended.finished_at
    return replace(
        ended, status=status, ending=ended.status, finished_at=finished_at, resumed_at=now
    )


def give_up(deployment: Deployment, why: str, now: float) -> Deployment:
    """Halted, since a person must put things back; the reason says how."""
    suspended, frozen = deployment.suspended, deployment.frozen
    left = []
    if suspended is not None:
        what = f"{', '.join(suspended.processes)} of {suspended.slot}"
        left.append(
            f"{what} could not be resumed ({why}): do it by hand (aws autoscaling resume-processes)"
        )
    if frozen is not None:
        left.append(
            f"the minimum of {frozen.slot} could not be put back to {least(deployment, frozen)} "
            f"({why}): do it by hand (aws autoscaling update-auto-scaling-group --min-size)"
        )
    if deployment.unstuck is not None:
        lasts = f"{deployment.unstuck.sticky_s} seconds"
        left.append(
            f"the production rule's stickiness of {lasts} could not be given back ({why}): `deployer "
            "settle` tries again, or do it by hand (aws elbv2 modify-rule)"
        )
    reason = "; ".join([*([deployment.reason] if deployment.reason else []), *left])
    return replace(
        deployment, status=Status.HALTED, ending=None, finished_at=now, reason=reason
    )  # fmt: skip
