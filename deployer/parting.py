"""Nothing that a deployment has suspended outlives it (invariant I9). Pure.

What is about to be suspended is in the record before it happens. A record that has come to its end
while it names something keeps its environment, remembers the end it has come to, and becomes final
only once that runs again: kill the process anywhere, and the next one finds the same record.
"""

from msgspec.structs import replace

from deployer.plan import Deployment, Status, Suspended
from deployer.ports import ResumeProcesses, Suspend

PATIENCE_S = 600.0  # so long a cloud that does not answer is asked to resume them


def suspending(deployment: Deployment, change: Suspend) -> Deployment:
    """The record, before the change is made."""
    known = deployment.suspended.processes if deployment.suspended else ()
    processes = tuple(sorted({*known, *change.processes}))
    return replace(deployment, suspended=Suspended(change.slot, processes))


def stay(before: Deployment, after: Deployment, now: float) -> Deployment:
    """`after`, but not final while something is suspended; `before` is how it stood until now."""
    if not after.status.final or after.suspended is None:
        return after
    return replace(
        after, status=before.status, ending=after.status, finished_at=None, paused_at=None,
        entered_at=now,
    )  # fmt: skip


def resumption(deployment: Deployment) -> ResumeProcesses | None:
    """What must happen before it may end."""
    held = deployment.suspended
    return ResumeProcesses(held.slot, held.processes) if held else None


def resumed(deployment: Deployment) -> Deployment:
    """It has happened."""
    return replace(deployment, suspended=None)


def leave(deployment: Deployment, now: float) -> Deployment:
    """The end it has come to."""
    return replace(deployment, status=deployment.ending, ending=None, finished_at=now)


def give_up(deployment: Deployment, why: str, now: float) -> Deployment:
    """Halted, since a person must resume them; the reason says how."""
    held, before = deployment.suspended, f"{deployment.reason}; " if deployment.reason else ""
    what = f"{', '.join(held.processes)} of {held.slot}" if held else "nothing"
    reason = (
        f"{before}{what} could not be resumed ({why}): do it by hand "
        "(aws autoscaling resume-processes)"
    )
    return replace(
        deployment, status=Status.HALTED, ending=None, finished_at=now, reason=reason
    )  # fmt: skip
