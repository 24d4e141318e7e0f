"""What a supervisor tells after a visit: what nobody else is left to tell.

That a deployment has ended, or halted, is in its record, wherever it was told (operations.notices);
that nobody can carry it on, or put back what it left, only the visit knows.
"""

from typing import Final

from deployer.errors import CloudUnavailable, DeployError, LeaseLost, Locked
from deployer.journal import Journal, last_begun
from deployer.news import Kind
from deployer.operations.notices import Command, Notice, Place, line
from deployer.operations.notifying import SILENT, Outbox
from deployer.operations.supervisor import State, Visit
from deployer.plan import Deployment

# These pass by themselves: the next visit tries again, and an alarm watches those that do not.
PASSING: Final = (CloudUnavailable, LeaseLost, Locked)


def tell(outbox: Outbox, journal: Journal, place: Place, visit: Visit, now: float) -> None:
    """Offer what a visit came to, if that is worth it; `now` in epoch seconds.

    Raises:
        CloudUnavailable, AccessProblem, PlanInvalid: the journal cannot be read.
    """
    if outbox is SILENT:
        return
    newest: Deployment | None = None
    if visit.deployment is None:
        try:
            newest = last_begun(journal, place.environment)
        except DeployError:
            if visit.problem is None:  # else that is what is told
                raise
    record = ended(newest, visit)
    if record is not None:
        outbox.offer(record)
    notice = due(place, newest, visit, now)
    if notice is not None:
        outbox.tell(notice)


def ended(newest: Deployment | None, visit: Visit) -> Deployment | None:
    """A record whose runner may have died before it told of its end. Pure."""
    if visit.deployment is not None:
        return visit.deployment if visit.state is State.ENDED else None
    return newest if newest is not None and newest.status.final else None


def due(place: Place, newest: Deployment | None, visit: Visit, now: float) -> Notice | None:
    """That a visit could not do what it is there for; None: it could, or that passes. Pure.

    newest: the last deployment that did anything; None: nobody knows.
    """
    if visit.problem is None or isinstance(visit.problem, PASSING):
        return None
    if visit.deployment is not None:
        return _stuck(place, visit.deployment, visit.problem, now)
    return _owed(place, newest, visit.problem, now)


def _stuck(place: Place, deployment: Deployment, problem: DeployError, now: float) -> Notice:
    return Notice(
        f"{deployment.id}.{Kind.STUCK}",
        (Kind.STUCK,),
        now,
        place,
        f"{place}: a deployment waits for somebody",
        f"{_name(deployment)} in {place} has no runner, and the supervisor cannot carry it on.\n\n"
        f"Why: {problem}\n\n"
        "Traffic stays where it is. Nobody has to wait for a lease.",
        _typed(place, ("Look", "status"), ("Go on", "resume"), ("Go back", "abort")),
        place.report(deployment),
        record=deployment,
    )


def _owed(place: Place, newest: Deployment | None, problem: DeployError, now: float) -> Notice:
    left = f"Nothing is being deployed in {place}, and the supervisor cannot see to it"
    if newest is not None:
        left = (
            f"{_name(newest)} has ended in {place}, and the supervisor cannot put back what it left"
        )
    return Notice(
        f"{newest.id if newest else type(problem).__name__}.owed",
        (Kind.STUCK,),
        now,
        place,
        f"{place}: something waits for somebody",
        f"{left}.\n\nWhy: {problem}\n\nTraffic stays where it is, and the supervisor tries again.",
        _typed(place, ("Look", "status"), ("Try again", "settle")),
        record=newest,
    )


def _typed(place: Place, *wanted: tuple[str, str]) -> tuple[Command, ...]:
    return tuple(Command(does, line(place, words)) for does, words in wanted)


def _name(deployment: Deployment) -> str:
    plan = deployment.first_plan
    return (
        f"The {plan.strategy} of {plan.release.name} ({deployment.id}), begun by {deployment.by},"
    )
