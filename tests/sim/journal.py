"""The journal in memory, with the conditions that a DynamoDB table would check."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from deployer.errors import LeaseLost, Locked, NotFound, NotPossibleNow, PlanInvalid
from deployer.journal import (
    Active,
    Lease,
    Request,
    Unreadable,
    decode,
    encode,
    name_of,
    outranking,
    readable,
)
from deployer.plan import Deployment
from tests.sim.faults import Gate


@dataclass
class SimJournal:
    """Records as bytes, so that the codec is part of every test; one lock per environment."""

    gate: Gate
    stored: dict[str, bytes] = field(default_factory=dict)
    locks: dict[str, tuple[str, Lease]] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    _read: dict[str, tuple[bytes, Deployment]] = field(default_factory=dict)  # each record once

    def begin(self, deployment: Deployment, lease: Lease) -> Deployment:
        return self.gate.through("journal.begin", lambda: self._begin(deployment, lease))

    def save(self, deployment: Deployment, lease: Lease) -> Deployment:
        return self.gate.through("journal.save", lambda: self._save(deployment, lease))

    def take_over(self, environment: str, lease: Lease, now: float) -> Deployment:
        return self.gate.through(
            "journal.take_over", lambda: self._take_over(environment, lease, now)
        )

    def reopen(self, deployment: Deployment, lease: Lease) -> Deployment:
        return self.gate.through("journal.reopen", lambda: self._reopen(deployment, lease))

    def release(self, deployment: Deployment, lease: Lease) -> None:
        held = self.locks.get(deployment.environment)
        if held is not None and (held[0], held[1].owner) == (deployment.id, lease.owner):
            expired = Lease(lease.owner, self.gate.clock.now())
            self.locks[deployment.environment] = (held[0], expired)

    def rest(self, deployment: Deployment, lease: Lease) -> None:
        return self.gate.through("journal.rest", lambda: self._rest(deployment, lease))

    def requested(self, deployment: Deployment) -> Request | None:
        return self.gate.through("journal.requested", lambda: self.requests.get(deployment.id))

    def ask(self, environment: str, request: Request) -> str:
        active = self.peek(environment)
        if active is None:
            raise NotPossibleNow(f"no deployment is active in {environment}")
        before = self.requests.get(active.deployment.id)
        heard = before is None or before.id == active.deployment.heeded
        if before and not heard and before.ask in outranking(request.ask):
            raise NotPossibleNow(f"{active.deployment.id} was asked to go back already")
        self.requests[active.deployment.id] = request
        return active.deployment.id

    def active(self, environment: str) -> Active | None:
        return self.gate.through("journal.active", lambda: self.peek(environment))

    def load(self, environment: str, deployment_id: str) -> Deployment:
        return self.gate.through("journal.load", lambda: self._load(deployment_id))

    def history(self, environment: str, limit: int) -> Sequence[Deployment]:
        return readable(self.records(environment, limit))

    def records(self, environment: str, limit: int) -> Sequence[Deployment | Unreadable]:
        newest = list(reversed(self.stored.items()))[:limit]
        return [self._remembered(name, record) for name, record in newest]

    def _remembered(self, name: str, record: bytes) -> Deployment | Unreadable:
        try:
            return decode(record)
        except PlanInvalid as error:
            return Unreadable(name, "", str(error))

    def peek(self, environment: str) -> Active | None:
        """What is stored, for the oracles: no call of the deployer's."""
        if environment not in self.locks:
            return None
        deployment_id, lease = self.locks[environment]
        return Active(self._load(deployment_id), lease)

    def _begin(self, deployment: Deployment, lease: Lease) -> Deployment:
        held = self.locks.get(deployment.environment)
        if held is not None and (held[0], held[1].owner) == (deployment.id, lease.owner):
            return self._load(deployment.id)
        if held is not None:
            raise Locked(f"{deployment.environment} is taken by {held[1].owner}")
        return self._store(deployment, lease)

    def _reopen(self, deployment: Deployment, lease: Lease) -> Deployment:
        held = self.locks.get(deployment.environment)
        if held is not None and (held[0], held[1].owner) == (deployment.id, lease.owner):
            return self._load(deployment.id)
        if held is not None:
            raise Locked(f"{deployment.environment} is taken by {held[1].owner}")
        stored = self._load(deployment.id)
        if stored.version != deployment.version:
            raise LeaseLost(f"{deployment.id} is at version {stored.version}")
        return self._store(deployment, lease)

    def _save(self, deployment: Deployment, lease: Lease) -> Deployment:
        held = self.locks.get(deployment.environment)
        stored = self._load(deployment.id)
        ours = held is not None and (held[0], held[1].owner) == (deployment.id, lease.owner)
        if not ours or stored.version != deployment.version:
            raise LeaseLost(f"{deployment.id} is at version {stored.version}")
        return self._store(deployment, lease)

    def _take_over(self, environment: str, lease: Lease, now: float) -> Deployment:
        if environment not in self.locks:
            raise NotFound(f"no deployment is active in {environment}")
        deployment_id, held = self.locks[environment]
        if held.owner == lease.owner:
            return self._load(deployment_id)
        if now < held.expires_at and held.owner != name_of(lease.owner):
            raise Locked(f"{environment} is taken by {held.owner}")
        return self._store(self._load(deployment_id), lease)

    def _rest(self, deployment: Deployment, lease: Lease) -> None:
        held = self.locks.get(deployment.environment)
        if held is not None and (held[0], held[1].owner) == (deployment.id, lease.owner):
            waits = Lease(name_of(lease.owner), lease.expires_at)
            self.locks[deployment.environment] = (held[0], waits)

    def _store(self, deployment: Deployment, lease: Lease) -> Deployment:
        raised = replace(deployment, version=deployment.version + 1)
        self.stored[deployment.id] = encode(raised)
        if deployment.status.final:
            self.locks.pop(deployment.environment, None)
        else:
            self.locks[deployment.environment] = (deployment.id, lease)
        return raised

    def _load(self, deployment_id: str) -> Deployment:
        if deployment_id not in self.stored:
            raise NotFound(f"no deployment {deployment_id}")
        stored = self.stored[deployment_id]
        read = self._read.get(deployment_id)
        if read is None or read[0] is not stored:
            read = self._read[deployment_id] = stored, decode(stored)
        return read[1]
