"""Telling people, once, that a deployment needs them: it has halted, or nobody can carry it on.

Told first, remembered afterwards: who dies in between tells it twice, and nobody is left untold. One
mark is remembered for each environment, so a deployment is told of at most twice, whatever becomes
of it: once that it cannot be carried on, once that it has halted.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from deployer.errors import CloudUnavailable, DeployError, LeaseLost, Locked
from deployer.operations.supervisor import State, Visit
from deployer.plan import Deployment, Status

# These pass by themselves: the next visit tries again, and an alarm watches those that do not.
PASSING: Final = (CloudUnavailable, LeaseLost, Locked)


@dataclass(frozen=True, slots=True)
class Report:
    """What is told. `mark` is different for each thing that is worth telling once."""

    mark: str
    subject: str
    words: str


class Reports(Protocol):
    """One environment's; every method raises CloudUnavailable and AccessProblem."""

    def last(self) -> str:
        """The mark of the last report; empty: there was none."""
        ...

    def publish(self, subject: str, words: str) -> None:
        """Tell people: a line, and everything."""
        ...

    def remember(self, mark: str, before: str) -> None:
        """`mark` was told; nothing if another one was remembered since `before` was read."""
        ...


class Unreported:
    """Nobody is to be told."""

    def last(self) -> str:
        return ""

    def publish(self, subject: str, words: str) -> None:
        """Nobody hears it."""

    def remember(self, mark: str, before: str) -> None:
        """Nothing was told."""


UNREPORTED: Final = Unreported()


def due(place: str, environment: str, newest: Deployment | None, visit: Visit) -> Report | None:
    """What is worth telling after a visit; None: nothing. Pure.

    Args:
        place:       SERVICE/ENVIRONMENT.
        environment: as `deployer --env` wants it.
        newest:      the last deployment that did anything.
        visit:       what the visit came to.
    """
    if visit.problem is not None:
        return None if isinstance(visit.problem, PASSING) else _stuck(place, environment, visit)
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


def _stuck(place: str, environment: str, visit: Visit) -> Report:
    deployment = visit.deployment
    about = _name(deployment) if deployment else "What the last deployment left"
    where = deployment.id if deployment else type(visit.problem).__name__
    return Report(
        f"stuck {where}",
        f"{place}: a deployment waits for somebody",
        f"{about} in {place} has no runner, and the supervisor cannot carry it on.\n\n"
        f"Why: {visit.problem}\n\n"
        "Traffic stays where it is. Nobody has to wait for a lease:\n\n"
        f"Look:     deployer --env {environment} status\n"
        f"Go on:    deployer --env {environment} resume\n"
        f"Go back:  deployer --env {environment} abort\n",
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
    if before == wanted.mark:
        return None
    reports.publish(wanted.subject, wanted.words)
    with suppress(DeployError):  # told it is; the next visit repeats it rather than miss it
        reports.remember(wanted.mark, before)
    return wanted
