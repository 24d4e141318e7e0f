"""A visit to a fleet: look at its environments, decide, write down, ask. As often as it takes.

A state machine in the cloud calls it every minute. Intent is saved before anybody is asked for
anything, under a lease that outlasts the function that visits: kill it at any instruction, and the
next visit after the lease finds what may have begun, by name. What is asked twice happens once.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec
from msgspec.structs import replace

from deployer.errors import CloudUnavailable, DeployError, LeaseLost, Locked
from deployer.journal import Lease, Request
from deployer.operations import fleet_course
from deployer.operations.fleet import Errand, Fleet, Sight
from deployer.ports import Clock

POLL_S = 60.0  # alarms have minutes
MOST_TICKS = 1_200  # of one execution: 12 events each, retries left out, and 25,000 are allowed
ABANDONED_S = 600.0  # so long without a visit, each of which comes a minute after the other
TURNS = 12  # moves within a visit: many more than a fleet can make without waiting


class Mandate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an execution of the state machine sees through, and hands on from visit to visit.

    part:  number of the execution, from 1: a long fleet takes several, one after another.
    ticks: visits of this execution so far.
    """

    fleet: str
    part: int = 1
    ticks: int = 0

    @property
    def execution(self) -> str:
        """The execution's name: the same one cannot be started twice."""
        return self.fleet if self.part == 1 else f"{self.fleet}-{self.part}"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a visit came to; the state machine decides by it.

    next:   `rest` for `wait_s` seconds and call again; `onward`: `mandate` goes on as an execution
            called `name`; `end`: there is nothing more to do.
    stands: where the fleet stands, for people.
    """

    next: Literal["rest", "onward", "end"]
    mandate: Mandate
    stands: str
    wait_s: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class ActiveFleet:
    """The fleet that a service carries out now.

    lease: of the visit that is at it; without an owner, it ended when the last visit did.
    """

    fleet: Fleet
    lease: Lease


class FleetBook(Protocol):
    """Fleets of one service. Every write is conditional; all raise CloudUnavailable."""

    def begin(self, fleet: Fleet) -> Fleet:
        """Record a new one and take the service for it; anybody may visit it at once.

        Raises:
            Locked: another fleet is under way; says which, by whom and since when.
        """
        ...

    def take(self, fleet_id: str, lease: Lease, now: float) -> Fleet:
        """Visit it, alone; one that has ended is only read.

        Raises:
            Locked: another visit is at it. NotFound: there is none.
        """
        ...

    def save(self, fleet: Fleet, lease: Lease) -> Fleet:
        """Write it back, its version raised by one; one that has ended frees the service.

        Raises:
            LeaseLost: another visit has taken it.
        """
        ...

    def leave(self, fleet: Fleet, lease: Lease) -> None:
        """The visit is over now; nothing if it is not ours any more."""
        ...

    def requested(self, fleet: Fleet) -> Request | None:
        """What a person has asked of it, if anything."""
        ...

    def ask(self, request: Request) -> str:
        """Ask something of the fleet under way; its id. To go back, once asked, stands.

        Raises:
            NotPossibleNow: none is under way, or it was asked to go back already.
        """
        ...

    def active(self) -> ActiveFleet | None:
        """The fleet under way."""
        ...

    def load(self, fleet_id: str) -> Fleet:
        """One fleet.

        Raises:
            NotFound: there is none of that id.
        """
        ...

    def history(self, limit: int) -> Sequence[Fleet]:
        """The newest `limit`, newest first."""
        ...


class Members(Protocol):
    """The environments, each of which answers for itself."""

    def send(self, errands: Sequence[Errand]) -> Mapping[str, Sight]:
        """An answer for each environment; `silent` from one that gives none. It raises nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Visited:
    """What a visit has left: the record, and when to come again (seconds; 0: it has ended)."""

    fleet: Fleet
    again_s: float


@dataclass(frozen=True, slots=True)
class Round:
    """One visit's.

    owner:   this visit's alone.
    lease_s: longer than whoever visits can live.
    """

    book: FleetBook
    members: Members
    clock: Clock
    owner: str
    lease_s: float
    name: fleet_course.Name

    def visit(self, fleet_id: str) -> Visited:
        """As far as the fleet gets without waiting.

        Raises:
            LeaseLost: this visit outlived its lease, and another has begun.
            NotFound: there is no such fleet.
            CloudUnavailable, AccessProblem: the record cannot be read or written.
        """
        try:
            fleet = self.book.take(fleet_id, self._lease(), self.clock.now())
        except Locked:
            return Visited(self.book.load(fleet_id), POLL_S)
        if fleet.status.final:
            return Visited(fleet, 0.0)
        try:
            fleet = self._carry(fleet)
        except LeaseLost:
            raise
        except DeployError:
            self._leave(fleet)
            raise
        self._leave(fleet)
        return Visited(fleet, again_s(fleet, self.clock.now()))

    def _leave(self, fleet: Fleet) -> None:
        """Without an answer our lease runs out by itself, and a later visit goes on."""
        if not fleet.status.final:
            with suppress(CloudUnavailable):
                self.book.leave(fleet, self._lease())

    def _carry(self, fleet: Fleet) -> Fleet:
        fleet, sent = self._heeding(fleet), set[tuple[str, str, str]]()
        news = self.members.send(fleet_course.looks(fleet))
        for _ in range(TURNS):
            before, now = fleet, self.clock.now()
            move = fleet_course.advance(fleet, news, now, self.name)
            fleet = (
                move.fleet if move.fleet == before else self.book.save(move.fleet, self._lease())
            )
            due = [e for e in move.errands if _mark(e) not in sent]
            if fleet.status.final or (not due and move.fleet == before):
                break
            sent.update(map(_mark, due))
            news = self.members.send(due)
        return fleet

    def _heeding(self, fleet: Fleet) -> Fleet:
        """What a person wants comes first."""
        request = self.book.requested(fleet)
        if request is None:
            return fleet
        heeded = fleet_course.heed(fleet, request, self.clock.now())
        return fleet if heeded == fleet else self.book.save(heeded, self._lease())

    def _lease(self) -> Lease:
        return Lease(self.owner, self.clock.now() + self.lease_s)


def answer(mandate: Mandate, visited: Visited) -> Answer:
    """What the state machine does next. Pure."""
    fleet = visited.fleet
    stands = fleet_course.standing(fleet)
    if fleet.status.final:
        words = f"{stands}: {fleet.reason}" if fleet.reason else stands
        return Answer(next="end", mandate=mandate, stands=words)
    return _rests(mandate, visited.again_s, stands)


def delayed(mandate: Mandate, why: str) -> Answer:
    """A visit that came to nothing: the next one may. Pure."""
    return _rests(mandate, POLL_S, why)


def _rests(mandate: Mandate, again_s: float, stands: str) -> Answer:
    """The last visit of an execution hands on to another: its history may have 25,000 events."""
    wait_s = max(1, math.ceil(again_s))
    if mandate.ticks + 1 < MOST_TICKS:
        after = replace(mandate, ticks=mandate.ticks + 1)
        return Answer(next="rest", mandate=after, stands=stands, wait_s=wait_s)
    after = replace(mandate, part=mandate.part + 1, ticks=0)
    return Answer(next="onward", mandate=after, stands=stands, wait_s=wait_s, name=after.execution)


def abandoned(active: ActiveFleet, now: float) -> bool:
    """Nobody has visited it for so long that nobody will. Pure."""
    return now - active.lease.expires_at > ABANDONED_S


def _mark(errand: Errand) -> tuple[str, str, str]:
    """Within a visit nobody is asked the same twice."""
    return errand.environment, errand.kind, errand.about


def again_s(fleet: Fleet, now: float) -> float:
    """When to come again, in seconds: each minute, or when a bake is over if that is sooner. Pure."""
    if fleet.status.final:
        return 0.0
    if fleet.baking_since is None or fleet.paused_at is not None:
        return POLL_S
    left_s = fleet_course.bake_ends_at(fleet, now) - now
    return left_s if 0.0 < left_s < POLL_S else POLL_S
