"""What the engine asks of the journal: durable intent, one deployment per environment, a lease."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Protocol

import msgspec

from deployer.errors import PlanInvalid
from deployer.plan import Deployment, Plan
from deployer.record.acts import Actor

NOT_BEGUN = "not begun: "  # begins the reason of a deployment that was refused before any change
REMEMBERED = 20  # records that are read to find the last one that changed anything


class Ask(StrEnum):
    """What a person may ask of a running deployment."""

    ABORT = "abort"
    ABORT_FORCE = "abort --force"
    PAUSE = "pause"
    RESUME = "resume"
    PROMOTE = "promote"
    PROMOTE_FULL = "promote --full"
    APPROVE = "approve"


def outranking(ask: Ask) -> tuple[Ask, ...]:
    """Wishes that `ask` does not overwrite before they were heard: to go back comes first."""
    if ask is Ask.ABORT_FORCE:
        return ()
    return (Ask.ABORT_FORCE,) if ask is Ask.ABORT else (Ask.ABORT_FORCE, Ask.ABORT)


@dataclass(frozen=True, slots=True)
class Request:
    """A person's wish, seen by the runner at its next look.

    by:    who asked, from where.
    id:    different for each wish, so that none is granted twice.
    actor: the same with what AWS knows of them; None: not known.
    why:   the reason that was given, where one is needed (a freeze).
    """

    ask: Ask
    by: str
    id: str
    actor: Actor | None = None
    why: str = ""

    @property
    def asker(self) -> Actor:
        return self.actor or Actor(self.by)


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may act; `expires_at` in epoch seconds. After that anyone may take over."""

    owner: str
    expires_at: float


def name_of(owner: str) -> str:
    """Who an owner is, whatever process of theirs it is (`identity.owner`).

    A lease that has no more than that name waits for the next visit of somebody who comes and goes:
    it lives on, and nobody acts. Two visits of one name never overlap, since each is an owner of its
    own while it lasts.
    """
    name, mark, _ = owner.rpartition(" #")
    return name if mark else owner


@dataclass(frozen=True, slots=True)
class Active:
    """The deployment that an environment carries out now."""

    deployment: Deployment
    lease: Lease


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record of an incompatible version: what lies beside its body, and why it cannot be read."""

    id: str
    release: str
    why: str


def readable(records: Sequence[Deployment | Unreadable]) -> tuple[Deployment, ...]:
    """Those back to the first unreadable one, newest first: what came before is not known.

    Raises:
        PlanInvalid: the newest one is unreadable: nobody knows how the last deployment ended.
    """
    if records and isinstance(records[0], Unreadable):
        raise PlanInvalid(f"the newest deployment is {records[0].id}, and {records[0].why}")
    known = takewhile(lambda each: isinstance(each, Deployment), records)
    return tuple(each for each in known if isinstance(each, Deployment))


def newest_begun(records: Sequence[Deployment]) -> Deployment | None:
    """The last deployment that did anything; `records` newest first."""
    return next((r for r in records if not r.reason.startswith(NOT_BEGUN)), None)


def encode(deployment: Deployment) -> bytes:
    """The record as JSON; it grows with what happens, not with the batches of its plan."""
    return msgspec.json.encode(_with(deployment, Plan.written))


def decode(record: bytes) -> Deployment:
    """The record read back: one of an earlier version too, whose new fields have their defaults.

    But never one with fields that are not known here: what they mean would be lost with the next
    save, and two versions may look at one journal (a laptop's, and a pipeline's).

    Raises:
        PlanInvalid: written by an incompatible version of the deployer.
    """
    try:
        return _with(msgspec.json.decode(record, type=Deployment), Plan.read)
    except msgspec.DecodeError as error:
        raise PlanInvalid(
            "the journal's record cannot be read by this version of the deployer "
            f"({error}): use the version that wrote it"
        ) from error


def _with(record: Deployment, form: Callable[[Plan], Plan]) -> Deployment:
    first = record.original and form(record.original)
    return msgspec.structs.replace(record, plan=form(record.plan), original=first)


class Journal(Protocol):
    """Every write is conditional; all raise CloudUnavailable when the store does not answer."""

    def begin(self, deployment: Deployment, lease: Lease) -> Deployment:
        """Record a new deployment and take its environment.

        Raises:
            Locked: the environment is taken; says by whom, since when and why.
        """
        ...

    def save(self, deployment: Deployment, lease: Lease) -> Deployment:
        """Write it back with the lease renewed; a final status frees the environment.

        Returns:
            The deployment with its version raised by one.

        Raises:
            LeaseLost: the record has another version: somebody took it over.
        """
        ...

    def take_over(self, environment: str, lease: Lease, now: float) -> Deployment:
        """Continue the active deployment of a runner whose lease has run out, or waits for us.

        Raises:
            Locked: the lease is still alive.
            NotFound: no deployment is active.
        """
        ...

    def reopen(self, deployment: Deployment, lease: Lease) -> Deployment:
        """Take the environment for a deployment that has ended, and still owes something.

        deployment: its record as it becomes, not final any more; its version as it was read.

        Returns:
            The deployment with its version raised by one.

        Raises:
            Locked: the environment is taken; says by whom, since when and why.
            LeaseLost: the record has another version by now: somebody else settles it.
        """
        ...

    def release(self, deployment: Deployment, lease: Lease) -> None:
        """Let anyone take the deployment over at once; nothing if `lease`'s owner has lost it."""
        ...

    def rest(self, deployment: Deployment, lease: Lease) -> None:
        """Leave it to the next visit of `lease`'s owner: until then the lease goes on (`name_of`).

        Nothing if that owner has lost it, or the deployment has ended.
        """
        ...

    def requested(self, deployment: Deployment) -> Request | None:
        """What a person has asked of it, if anything."""
        ...

    def ask(self, environment: str, request: Request) -> str:
        """Ask something of the active deployment; returns its id.

        The newest wish counts; but one to go back, once asked, stands until the runner has
        heard it (`Deployment.heeded`), whatever else is asked meanwhile.

        Raises:
            NotPossibleNow: no deployment is active, or it was asked to go back already.
        """
        ...

    def active(self, environment: str) -> Active | None:
        """The environment's deployment in progress."""
        ...

    def load(self, environment: str, deployment_id: str) -> Deployment:
        """One deployment.

        Raises:
            NotFound: no such deployment.
        """
        ...

    def history(self, environment: str, limit: int) -> Sequence[Deployment]:
        """The newest `limit` deployments, newest first, back to the first unreadable record.

        Raises:
            PlanInvalid: the newest record cannot be read.
        """
        ...

    def records(self, environment: str, limit: int) -> Sequence[Deployment | Unreadable]:
        """The same, with those that this version of the deployer cannot read."""
        ...


def last_begun(journal: Journal, environment: str) -> Deployment | None:
    """The same, read from the journal: nearly always that is the newest record.

    Raises:
        PlanInvalid: the newest record cannot be read.
    """
    newest = newest_begun(journal.history(environment, 1))
    return newest or newest_begun(journal.history(environment, REMEMBERED))
