"""Telling people, once, that a deployment needs them: it has halted, or nobody can carry it on.

Told first, remembered afterwards: who dies in between tells it twice, and nobody is left untold. The
last marks are remembered for each environment, so a deployment is told of three times at most, whatever
becomes of it: that it cannot be carried on, that it has halted, and that what it left cannot be put back.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from deployer.errors import CloudUnavailable, DeployError, LeaseLost, Locked
from deployer.journal import Journal, last_begun
from deployer.operations.supervisor import State, Visit
from deployer.plan import Deployment, Status

# These pass by themselves: the next visit tries again, and an alarm watches those that do not.
PASSING: Final = (CloudUnavailable, LeaseLost, Locked)
KEPT = 8  # marks: several are true at once of what has halted and cannot be put back


@dataclass(frozen=True, slots=True)
class Report:
    """What is told. `mark` is different for each thing that is worth telling once."""

    mark: str
    subject: str
    words: str


class Reports(Protocol):
    """One environment's; every method raises CloudUnavailable and AccessProblem."""

    def last(self) -> str:
        """The marks of the last reports, a line each; empty: there was none."""
        ...

    def publish(self, subject: str, words: str) -> None:
        """Tell people: a line, and everything."""
        ...

    def remember(self, marks: str, before: str) -> None:
        """These marks were told; nothing if others were remembered since `before` was read."""
        ...


class Unreported:
    """Nobody is to be told."""

    def last(self) -> str:
        return ""

    def publish(self, subject: str, words: str) -> None:
        """Nobody hears it."""

    def remember(self, marks: str, before: str) -> None:
        """Nothing was told."""


UNREPORTED: Final = Unreported()


def due(place: str, environment: str, newest: Deployment | None, visit: Visit) -> Report | None:
    """What is worth telling after a visit; None: nothing. Pure.

    Args:
        place:       SERVICE/ENVIRONMENT.
        environment: as `deployer --env` wants it.
        newest:      the last deployment that did anything; None: nobody knows.
        visit:       what the visit came to.
    """
    if visit.problem is not None:
        if isinstance(visit.problem, PASSING):
            return None
        if visit.deployment is not None:
            return _stuck(place, environment, visit.deployment, visit.problem)
        return _owed(place, environment, newest, visit.problem)
    over = visit.deployment if visit.state is State.ENDED else None
    halted = over or (newest if visit.deployment is None else None)
    if halted is None or halted.status is not Status.HALTED:
        return None
    return _halted(place, environment, halted)


def _halted(place: str, environment: str, deployment: Deployment) -> Report:
    name = _name(deployment)
    live = f"Users are at {deployment.written}" if deployment.written else "No user was moved"
    return Report(
        f"halted {deployment.id}",
        f"{place}: {deployment.first_plan.release.name} halted",
        f"{name} in {place} has halted: no safe move was left to the deployer.\n\n"
        f"Why: {deployment.reason}\n\n"
        f"{live}. Nothing changes until a person decides.\n\n"
        f"Look:     deployer --env {environment} status\n"
        f"In full:  deployer --env {environment} report {deployment.id}\n"
        f"Go back:  deployer --env {environment} rollback\n",
    )


def _stuck(place: str, environment: str, deployment: Deployment, problem: DeployError) -> Report:
    return Report(
        f"stuck {deployment.id}",
        f"{place}: a deployment waits for somebody",
        f"{_name(deployment)} in {place} has no runner, and the supervisor cannot carry it on.\n\n"
        f"Why: {problem}\n\n"
        "Traffic stays where it is. Nobody has to wait for a lease:\n\n"
        f"Look:     deployer --env {environment} status\n"
        f"Go on:    deployer --env {environment} resume\n"
        f"Go back:  deployer --env {environment} abort\n",
    )


def _owed(place: str, environment: str, newest: Deployment | None, problem: DeployError) -> Report:
    left = f"Nothing is being deployed in {place}, and the supervisor cannot see to it"
    if newest is not None:
        left = (
            f"{_name(newest)} has ended in {place}, and the supervisor cannot put back what it left"
        )
    return Report(
        f"owed {newest.id if newest else type(problem).__name__}",
        f"{place}: something waits for somebody",
        f"{left}.\n\n"
        f"Why: {problem}\n\n"
        "Traffic stays where it is, and the supervisor tries again:\n\n"
        f"Look:       deployer --env {environment} status\n"
        f"Try again:  deployer --env {environment} settle\n",
    )


def _name(deployment: Deployment) -> str:
    plan = deployment.first_plan
    return (
        f"The {plan.strategy} of {plan.release.name} ({deployment.id}), begun by {deployment.by},"
    )


def report(reports: Reports, wanted: Report | None) -> Report | None:
    """Tell it unless it was told; what was told now.

    Raises:
        CloudUnavailable, AccessProblem: it could not be told.
    """
    if wanted is None:
        return None
    before = reports.last()
    marks = before.splitlines()
    if wanted.mark in marks:
        return None
    reports.publish(wanted.subject, wanted.words)
    with suppress(DeployError):  # told it is; the next visit repeats it rather than miss it
        reports.remember("\n".join((*marks, wanted.mark)[-KEPT:]), before)
    return wanted


def tell(
    reports: Reports, journal: Journal, place: str, environment: str, visit: Visit
) -> Report | None:
    """Report what a visit came to, if that is worth it; what was told now.

    Raises:
        CloudUnavailable, AccessProblem, PlanInvalid: it could not be told, or the journal not be read.
    """
    if reports is UNREPORTED:
        return None
    newest: Deployment | None = None
    if visit.deployment is None:
        try:
            newest = last_begun(journal, environment)
        except DeployError:
            if visit.problem is None:  # else that is what is told
                raise
    return report(reports, due(place, environment, newest, visit))
