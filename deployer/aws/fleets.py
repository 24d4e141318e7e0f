"""The book of fleets in DynamoDB: conditional writes, consistent reads, one fleet of a service at a time.

One partition per service, `fleet#SERVICE`, with
- `active`: the id of the fleet that is under way, in `fleet`; absent when none is;
- `fleet#ID`, one per fleet: `body` is the record (fleet.encode), beside it what conditions are made of:
  `version`, `owner` and `lease_until` of the visit that is at it (or, without an owner, when the last
  one left), `finished_at`; `ask`,
  `ask_by`, `ask_id`, `ask_actor` and `ask_why` are what a person wants of it; `ttl` is when DynamoDB may
  forget it;
- `told#CHANNEL#NOTICE`: what was told (deployer.aws.told).

A reply that was lost, by us or by botocore's own retry, makes the next condition fail; then a
consistent read tells our own earlier write from somebody else's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from deployer.aws.needs import Need, Resource
from deployer.aws.records import asking, at, number
from deployer.aws.records import request as request_of
from deployer.aws.session import Aws
from deployer.aws.table import TRIES, Item, Table, Values, key
from deployer.errors import LeaseLost, Locked, NotFound, NotPossibleNow
from deployer.journal import Lease, Request, outranking
from deployer.operations.fleet import Fleet, decode, encode
from deployer.operations.fleet_round import ActiveFleet
from deployer.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import UpdateTypeDef

NEEDS = (
    Need("dynamodb:GetItem", Resource.FLEETS),
    Need("dynamodb:Query", Resource.FLEETS),
    Need("dynamodb:PutItem", Resource.FLEETS),
    Need("dynamodb:UpdateItem", Resource.FLEETS),
    Need("dynamodb:DeleteItem", Resource.FLEETS),
)
KEEP_S = 180 * 86_400.0
ACTIVE = "active"
RECORD = "fleet#"
RUNS = "attribute_exists(pk) AND attribute_not_exists(finished_at)"


def partition(service: str) -> str:
    """The partition key of a service's fleets."""
    return f"fleet#{service}"


class DynamoFleets:
    """The port `FleetBook`. The owner of a lease must be different for each visit."""

    def __init__(self, aws: Aws, table: str, service: str, clock: Clock) -> None:
        self._table = Table(aws, table, clock)
        self._service = service
        self._clock = clock
        self._part = partition(service)

    def begin(self, fleet: Fleet) -> Fleet:
        """Record a new one and take the service for it. One call.

        Raises:
            Locked: another fleet is under way; says which, by whom and since when.
        """
        pointer: Item = {**key(self._part, ACTIVE), "fleet": {"S": fleet.id}}
        record: Item = {
            **key(self._part, RECORD + fleet.id),
            **_attributes(fleet, Lease("", fleet.started_at)),
        }
        for _ in range(TRIES):
            if self._table.transact(self._table.put(pointer), self._table.put(record)):
                return fleet
            found = self.active()
            if found is None:
                continue  # it was freed in this moment
            if found.fleet.id == fleet.id:
                return found.fleet  # our own, whose reply was lost
            raise Locked(
                f"{self._service} has a fleet under way: {found.fleet.release} ({found.fleet.id}) "
                f"by {found.fleet.by} since {at(found.fleet.started_at)}: follow it with `deployer "
                "status --fleet`, end it with `deployer abort --fleet`"
            )
        raise self._table.busy()

    def take(self, fleet_id: str, lease: Lease, now: float) -> Fleet:
        """Visit it, alone; one that has ended is only read. Two calls.

        Raises:
            Locked: another visit is at it. NotFound: there is none.
        """
        for _ in range(TRIES):
            item = self._item(fleet_id)
            fleet, held = _understood(item), _lease_of(item)
            if fleet.status.final or held.owner == lease.owner:
                return fleet
            if held.owner and held.expires_at > now:
                raise Locked(f"a visit of {held.owner} is at fleet {fleet_id} already")
            if self._table.update(self._taking(fleet, lease, held)):
                return replace(fleet, version=fleet.version + 1)
        raise self._table.busy()

    def save(self, fleet: Fleet, lease: Lease) -> Fleet:
        """Write it back, its version raised by one; one that has ended frees the service. One call.

        Raises:
            LeaseLost: another visit has taken it; nothing was written.
        """
        saved = replace(fleet, version=fleet.version + 1)
        change = self._table.change(
            key(self._part, RECORD + fleet.id),
            _attributes(saved, lease),
            f"{RUNS} AND #owner = :owner AND #version < :version",
        )
        free = {
            "Delete": {
                "TableName": self._table.name,
                "Key": key(self._part, ACTIVE),
                "ConditionExpression": "attribute_not_exists(pk) OR fleet = :id",
                "ExpressionAttributeValues": {":id": {"S": fleet.id}},
            }
        }
        written = (
            self._table.transact({"Update": change}, free)  # type: ignore[arg-type]
            if saved.status.final
            else self._table.update(change)
        )
        if written:
            return saved
        item = self._item(fleet.id)
        if _understood(item) == saved and _lease_of(item).owner == lease.owner:
            return saved  # this very write, whose reply was lost
        raise LeaseLost(
            f"fleet {fleet.id} was taken by another visit: this one changes nothing more"
        )

    def leave(self, fleet: Fleet, lease: Lease) -> None:
        """The visit is over; nothing if it is not ours any more. One call."""
        values: Values = {"owner": {"S": ""}, "lease_until": number(self._clock.now())}
        ours: Values = {":ours": {"S": lease.owner}}
        where = key(self._part, RECORD + fleet.id)
        self._table.update(self._table.change(where, values, f"{RUNS} AND #owner = :ours", ours))

    def requested(self, fleet: Fleet) -> Request | None:
        """What a person has asked of it, if anything. One call."""
        item = self._item(fleet.id)
        if "ask" not in item:
            return None
        return request_of(item)

    def ask(self, request: Request) -> str:
        """Ask something of the fleet under way; its id. To go back, once asked, stands. Three calls.

        Raises:
            NotPossibleNow: none is under way, or it was asked to go back already.
        """
        found = self.active()
        if found is None:
            raise NotPossibleNow(
                f"no fleet of {self._service} is under way, so there is nothing to {request.ask}: "
                "see `deployer history --fleet`"
            )
        values = asking(request)
        first: Values = {
            f":first{n}": {"S": e.value} for n, e in enumerate(outranking(request.ask))
        }
        free = f"attribute_not_exists(#ask) OR NOT #ask IN ({', '.join(first)})"
        where = key(self._part, RECORD + found.fleet.id)
        if not self._table.update(self._table.change(where, values, f"{RUNS} AND ({free})", first)):
            raise NotPossibleNow(
                f"fleet {found.fleet.id} has ended, or was asked to go back already: see `deployer "
                "status --fleet`"
            )
        return found.fleet.id

    def active(self) -> ActiveFleet | None:
        """The fleet under way. Two calls."""
        pointer = self._table.get(self._part, ACTIVE)
        if pointer is None:
            return None
        item = self._item(pointer["fleet"]["S"])
        fleet = _understood(item)
        return None if fleet.status.final else ActiveFleet(fleet, _lease_of(item))

    def load(self, fleet_id: str) -> Fleet:
        """One fleet. One call.

        Raises:
            NotFound: there is none of that id.
        """
        return _understood(self._item(fleet_id))

    def history(self, limit: int) -> Sequence[Fleet]:
        """The newest `limit`, newest first. One call."""
        return tuple(map(_understood, self._table.newest(self._part, RECORD, limit)))

    def _item(self, fleet_id: str) -> Item:
        item = self._table.get(self._part, RECORD + fleet_id)
        if item is None:
            raise NotFound(
                f"{self._service} has no fleet {fleet_id}: see `deployer history --fleet`"
            )
        return item

    def _taking(self, fleet: Fleet, lease: Lease, held: Lease) -> UpdateTypeDef:
        return self._table.change(
            key(self._part, RECORD + fleet.id),
            {
                "owner": {"S": lease.owner},
                "lease_until": number(lease.expires_at),
                "version": {"N": str(fleet.version + 1)},
            },
            f"{RUNS} AND #version = :seen AND #owner = :held",
            {":seen": {"N": str(fleet.version)}, ":held": {"S": held.owner}},
        )


def _attributes(fleet: Fleet, lease: Lease) -> Values:
    """What every save writes; `ask` is not among it."""
    written: Values = {
        "body": {"S": encode(fleet).decode()},
        "version": {"N": str(fleet.version)},
        "status": {"S": fleet.status.value},
        "release": {"S": fleet.release},
        "owner": {"S": lease.owner},
        "lease_until": number(lease.expires_at),
    }
    if fleet.status.final:
        ended = fleet.finished_at or lease.expires_at
        written["finished_at"] = number(ended)
        written["ttl"] = {"N": str(round(ended + KEEP_S))}
    return written


def _understood(item: Mapping[str, Any]) -> Fleet:
    """A record read back; the version beside the body counts, since a visit raises it alone."""
    return replace(decode(item["body"]["S"].encode()), version=int(item["version"]["N"]))


def _lease_of(item: Mapping[str, Any]) -> Lease:
    return Lease(item["owner"]["S"], float(item["lease_until"]["N"]))
