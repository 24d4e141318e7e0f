"""The journal in one DynamoDB table: intent that outlives the runner, one deployment at a time.

Every write is conditional and fenced: a save needs the record to be ours and older than what is
saved. A reply that was lost, by us or by botocore's own retry, makes the next condition fail;
then a consistent read tells our own earlier write from somebody else's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from deployer.aws import records
from deployer.aws.records import ACTIVE, RECORD, Record
from deployer.aws.session import Aws
from deployer.aws.table import TRIES, Table, Values, key
from deployer.errors import Halted, LeaseLost, NotFound, NotPossibleNow
from deployer.journal import (
    Active,
    Ask,
    Lease,
    Request,
    Unreadable,
    name_of,
    outranking,
    readable,
)
from deployer.plan import Deployment
from deployer.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateTypeDef

KEEP_S = 180 * 86_400.0
RUNS = "attribute_exists(pk) AND attribute_not_exists(finished_at)"


class DynamoJournal:
    """The port `Journal` for one service.

    The owner of a lease must be different for each process (deployer.process.identity.owner).
    keep_s: how long a finished record is kept.
    """

    def __init__(
        self, aws: Aws, table: str, service: str, clock: Clock, keep_s: float = KEEP_S
    ) -> None:
        self._table = Table(aws, table, clock)
        self._service = service
        self._clock = clock
        self._keep_s = keep_s

    def begin(self, deployment: Deployment, lease: Lease) -> Deployment:
        """Record a new deployment and take its environment. One call.

        Raises:
            Locked: the environment is taken; says by whom, since when and why.
            CloudUnavailable, AccessProblem, NotFound: as `failures.asking`.
        """
        for _ in range(TRIES):
            if self._table.transact(*self._first(deployment, lease)):
                return deployment
            found = self._active(deployment.environment)
            if found is None:
                continue  # it was freed in this moment
            if found.deployment.id == deployment.id and found.lease.owner == lease.owner:
                return found.deployment  # our own, whose reply was lost
            raise records.locked(found, self._clock.now())
        raise self._table.busy()

    def save(self, deployment: Deployment, lease: Lease) -> Deployment:
        """Write it back with the lease renewed; a final status frees the environment. One call.

        Raises:
            LeaseLost: somebody took it over; nothing was written.
            CloudUnavailable, AccessProblem, NotFound: as `failures.asking`.
        """
        version = deployment.version + 1
        for _ in range(TRIES):
            saved = replace(deployment, version=version)
            if self._write(saved, lease):
                return saved
            found = self._record(deployment.environment, deployment.id)
            if found is None or found.lease.owner != lease.owner:
                raise _lost(deployment, found)
            if found.deployment == records.fitted(saved) and found.lease == lease:
                return saved  # this very write, whose reply was lost
            if found.finished:
                if found.deployment.status is not deployment.status:
                    raise _lost(deployment, found)
                return found.deployment  # our own last word, whose reply was lost
            version = found.deployment.version + 1  # likewise, in between
        raise self._table.busy()

    def take_over(self, environment: str, lease: Lease, now: float) -> Deployment:
        """Continue the active deployment of a runner whose lease has run out, or waits for us.

        Three calls.

        Raises:
            Locked: the lease is still alive.
            NotFound: no deployment is active.
            CloudUnavailable, AccessProblem: as `failures.asking`.
        """
        for _ in range(TRIES):
            found = self._active(environment)
            if found is None:
                raise NotFound(
                    f"nothing is being deployed in {environment}: see `deployer history`"
                )
            if found.lease.expires_at > now and found.lease.owner != name_of(lease.owner):
                if found.lease.owner == lease.owner:
                    return found.deployment  # our own take-over, whose reply was lost
                raise records.locked(found, now)
            taken = replace(found.deployment, version=found.deployment.version + 1)
            if self._table.update(self._taking(taken, lease, now)):
                return taken
        raise self._table.busy()

    def reopen(self, deployment: Deployment, lease: Lease) -> Deployment:
        """Take the environment for a deployment that has ended, and still owes something. One call.

        Raises:
            Locked: the environment is taken; says by whom, since when and why.
            LeaseLost: the record has another version by now: somebody else settles it.
            CloudUnavailable, AccessProblem, NotFound: as `failures.asking`.
        """
        opened = replace(deployment, version=deployment.version + 1)
        for _ in range(TRIES):
            if self._table.transact(*self._again(opened, lease)):
                return opened
            found = self._active(deployment.environment)
            if found is None:
                stored = self._record(deployment.environment, deployment.id)
                if stored is None or stored.deployment.version != deployment.version:
                    raise _lost(deployment, stored)
                continue  # it was freed in this moment
            if found.deployment.id == deployment.id and found.lease.owner == lease.owner:
                return found.deployment  # our own, whose reply was lost
            raise records.locked(found, self._clock.now())
        raise self._table.busy()

    def release(self, deployment: Deployment, lease: Lease) -> None:
        """Let our lease run out now, so that somebody can resume at once.

        Where it is no longer ours, or the deployment has ended, there is nothing to let go.
        """
        where = self._key(deployment.environment, deployment.id)
        values: Values = {
            "lease_until": records.number(self._clock.now()),
            "owner": {"S": lease.owner},
        }
        self._table.update(self._table.change(where, values, f"{RUNS} AND #owner = :owner"))

    def rest(self, deployment: Deployment, lease: Lease) -> None:
        """Leave it to the next visit of `lease`'s owner: until then the lease goes on. One call.

        Where it is no longer ours, or the deployment has ended, there is nothing to leave.
        """
        where = self._key(deployment.environment, deployment.id)
        values: Values = {
            "owner": {"S": name_of(lease.owner)},
            "lease_until": records.number(lease.expires_at),
        }
        ours: Values = {":ours": {"S": lease.owner}}
        self._table.update(self._table.change(where, values, f"{RUNS} AND #owner = :ours", ours))

    def requested(self, deployment: Deployment) -> Request | None:
        """What a person has asked of it, if anything. One call."""
        item = self._table.get(self._part(deployment.environment), RECORD + deployment.id)
        if item is None or "ask" not in item:
            return None
        return records.request(item)

    def ask(self, environment: str, request: Request) -> str:
        """Ask something of the active deployment; returns its id. Three calls.

        The newest wish counts; but one to go back, once asked, stands until the runner has
        heard it, whatever else is asked meanwhile.

        Raises:
            NotPossibleNow: no deployment is active, or it was asked to go back already.
        """
        found = self._active(environment)
        if found is None:
            raise _nothing(environment, request.ask)
        if not self._table.update(self._asking(found.deployment, request)):
            if self._active(environment) is None:
                raise _nothing(environment, request.ask)
            raise NotPossibleNow(
                f"{found.deployment.id} was asked to go back already: see `deployer status`"
            )
        return found.deployment.id

    def _asking(self, deployment: Deployment, request: Request) -> UpdateTypeDef:
        asked = records.asking(request)
        where = self._key(deployment.environment, deployment.id)
        first: Values = {
            f":first{n}": {"S": each.value} for n, each in enumerate(outranking(request.ask))
        }
        if not first:
            return self._table.change(where, asked, RUNS)
        free = "attribute_not_exists(#ask) OR #ask_id = :heeded"
        return self._table.change(
            where,
            asked,
            f"{RUNS} AND ({free} OR NOT #ask IN ({', '.join(first)}))",
            {**first, ":heeded": {"S": deployment.heeded}},
        )

    def active(self, environment: str) -> Active | None:
        """The environment's deployment in progress. Two calls."""
        found = self._active(environment)
        return None if found is None else Active(found.deployment, found.lease)

    def load(self, environment: str, deployment_id: str) -> Deployment:
        """One deployment.

        Raises:
            NotFound: no such deployment.
        """
        found = self._record(environment, deployment_id)
        if found is None:
            raise NotFound(
                f"{environment} has no deployment {deployment_id}: see `deployer history`"
            )
        return found.deployment

    def history(self, environment: str, limit: int) -> Sequence[Deployment]:
        """The newest `limit` deployments, newest first, back to the first unreadable record.

        Raises:
            PlanInvalid: the newest record cannot be read.
        """
        return readable(self.records(environment, limit))

    def records(self, environment: str, limit: int) -> Sequence[Deployment | Unreadable]:
        """The same, with those that this version of the deployer cannot read. One call."""
        items = self._table.newest(self._part(environment), RECORD, limit)
        return tuple(records.remembered(item) for item in items)

    def _part(self, environment: str) -> str:
        return records.partition(self._service, environment)

    def _key(self, environment: str, deployment_id: str) -> Values:
        return key(self._part(environment), RECORD + deployment_id)

    def _record(self, environment: str, deployment_id: str) -> Record | None:
        item = self._table.get(self._part(environment), RECORD + deployment_id)
        return None if item is None else records.understood(item)

    def _active(self, environment: str) -> Record | None:
        """The record that the pointer names, unless it has ended in this moment."""
        part = self._part(environment)
        pointer = self._table.get(part, ACTIVE)
        if pointer is None:
            return None
        found = self._record(environment, pointer["deployment"]["S"])
        if found is None:
            raise Halted(
                f"the journal {self._table.name} calls {pointer['deployment']['S']} active and has no "
                f"record of it: compare with the live traffic, then delete the item {part}/{ACTIVE}"
            )
        return None if found.finished else found

    def _first(self, deployment: Deployment, lease: Lease) -> list[TransactWriteItemTypeDef]:
        pointer = key(self._part(deployment.environment), ACTIVE)
        record = self._key(deployment.environment, deployment.id)
        body = records.attributes(deployment, lease, self._keep_s)
        return [
            self._table.put({**pointer, "deployment": {"S": deployment.id}}),
            self._table.put({**record, **body}),
        ]

    def _write(self, saved: Deployment, lease: Lease) -> bool:
        """The fenced write; false if the record is not ours, not older, or has ended."""
        change = self._table.change(
            self._key(saved.environment, saved.id),
            records.attributes(saved, lease, self._keep_s),
            f"{RUNS} AND #owner = :owner AND #version < :version",
        )
        if not saved.status.final:
            return self._table.update(change)
        return self._table.transact({"Update": change}, self._free(saved))

    def _again(self, opened: Deployment, lease: Lease) -> list[TransactWriteItemTypeDef]:
        """The pointer, and the record as one that runs: as long as it does, nothing forgets it."""
        pointer = key(self._part(opened.environment), ACTIVE)
        record = self._table.change(
            self._key(opened.environment, opened.id),
            records.attributes(opened, lease, self._keep_s),
            "attribute_exists(finished_at) AND #version = :seen",
            {":seen": {"N": str(opened.version - 1)}},
            remove=("finished_at", "ttl"),
        )
        return [
            self._table.put({**pointer, "deployment": {"S": opened.id}}),
            {"Update": record},
        ]

    def _free(self, ended: Deployment) -> TransactWriteItemTypeDef:
        return {
            "Delete": {
                "TableName": self._table.name,
                "Key": key(self._part(ended.environment), ACTIVE),
                "ConditionExpression": "attribute_not_exists(pk) OR deployment = :id",
                "ExpressionAttributeValues": {":id": {"S": ended.id}},
            }
        }

    def _taking(self, taken: Deployment, lease: Lease, now: float) -> UpdateTypeDef:
        return self._table.change(
            self._key(taken.environment, taken.id),
            {
                "owner": {"S": lease.owner},
                "lease_until": records.number(lease.expires_at),
                "version": {"N": str(taken.version)},
            },
            f"{RUNS} AND #version = :seen AND (#lease_until <= :now OR #owner = :waits)",
            {
                ":seen": {"N": str(taken.version - 1)},
                ":now": records.number(now),
                ":waits": {"S": name_of(lease.owner)},
            },
        )


def _nothing(environment: str, ask: Ask) -> NotPossibleNow:
    return NotPossibleNow(
        f"nothing is being deployed in {environment}, so there is nothing to {ask}: "
        "see `deployer history`"
    )


def _lost(deployment: Deployment, found: Record | None) -> LeaseLost:
    who = f"{found.lease.owner} has taken it over" if found else "its record is gone"
    return LeaseLost(
        f"deployment {deployment.id} is no longer ours: {who}; this runner stops and changes "
        "nothing more: follow it with `deployer status`"
    )
