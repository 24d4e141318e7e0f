"""The journal's items: how a deployment and its lease lie in the table. Pure.

One partition per environment, `env#SERVICE/ENVIRONMENT`, with
- `active`: the id of the deployment that holds the environment, in `deployment`; absent when free;
- `deployment#ID`, one per deployment: `body` is the record (journal.encode) and beside it is what
  conditions are made of: `version`, `owner`, `lease_until`, `finished_at` (absent while it runs);
  `ask`, `ask_by`, `ask_id`, `ask_actor` and `ask_why` are what a person wants of it; `ttl` is when DynamoDB may forget it; `status`
  and `release` are for people who look into the table.

Ids sort by time (deployer.process.identity), hence so do the records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from deployer.aws.table import Values
from deployer.engine import audit
from deployer.errors import Locked, PlanInvalid
from deployer.journal import Ask, Lease, Request, Unreadable, decode, encode
from deployer.plan import DELETE, SLEEP, Deployment
from deployer.record.acts import Actor

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

# DynamoDB allows 400 KB per item, attribute names included; the plan and 200 events take a tenth.
LARGEST_BODY = 350_000
RECORD = "deployment#"
ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Record:
    """One deployment as it lies in the table."""

    deployment: Deployment
    lease: Lease
    finished: bool


def partition(service: str, environment: str) -> str:
    """The environment's partition key."""
    return f"env#{service}/{environment}"


def attributes(deployment: Deployment, lease: Lease, keep_s: float) -> Values:
    """What every save writes; `ask` is not among it. A finished record lives `keep_s` longer."""
    written: Values = {
        "body": {"S": encode(fitted(deployment)).decode()},
        "version": {"N": str(deployment.version)},
        "status": {"S": deployment.status.value},
        "release": {"S": deployment.first_plan.release.name},
        "owner": {"S": lease.owner},
        "lease_until": number(lease.expires_at),
    }
    if deployment.status.final:
        ended = deployment.finished_at or lease.expires_at
        written["finished_at"] = number(ended)
        if deployment.first_plan.strategy not in (
            SLEEP,
            DELETE,
        ):  # it remembers what waking puts back
            written["ttl"] = {"N": str(round(ended + keep_s))}
    return written


def understood(item: Mapping[str, Any]) -> Record:
    """A record read back; the version beside the body counts, since a take-over raises it alone.

    Raises:
        PlanInvalid: written by an incompatible version of the deployer.
    """
    deployment = decode(item["body"]["S"].encode())
    return Record(
        replace(deployment, version=int(item["version"]["N"])),
        Lease(item["owner"]["S"], float(item["lease_until"]["N"])),
        "finished_at" in item,
    )


def remembered(item: Mapping[str, Any]) -> Deployment | Unreadable:
    """A record as history tells it: one that cannot be read does not hide the others."""
    try:
        return understood(item).deployment
    except PlanInvalid as error:
        release = item.get("release", {}).get("S", "")
        return Unreadable(item["sk"]["S"].removeprefix(RECORD), release, str(error))


def asking(request: Request) -> Values:
    """What a wish writes beside the record."""
    return {
        "ask": {"S": request.ask.value},
        "ask_by": {"S": request.by},
        "ask_id": {"S": request.id},
        "ask_actor": {"S": msgspec.json.encode(request.actor).decode()},
        "ask_why": {"S": request.why},
    }


def request(item: Mapping[str, Any]) -> Request:
    """The wish read back; one of an earlier version has no more than its first three."""
    return Request(
        Ask(item["ask"]["S"]),
        item["ask_by"]["S"],
        item["ask_id"]["S"],
        _actor(item.get("ask_actor", {}).get("S", "null")),
        item.get("ask_why", {}).get("S", ""),
    )


def _actor(text: str) -> Actor | None:
    """Who asked; None: not known, or another version has written more of them than this one reads."""
    try:
        return msgspec.json.decode(text, type=Actor | None)
    except msgspec.DecodeError:
        return None


def fitted(deployment: Deployment) -> Deployment:
    """The same, without what reports draw, its oldest events and acts, if it would not fit into an item.

    Who began it stays, with whatever it is carried on by.
    """
    if len(encode(deployment)) > LARGEST_BODY:
        deployment = replace(deployment, samples=())
    while len(encode(deployment)) > LARGEST_BODY and deployment.log:
        deployment = replace(deployment, log=deployment.log[len(deployment.log) // 2 + 1 :])
    while len(encode(deployment)) > LARGEST_BODY and len(deployment.audit) > 1:
        deployment = audit.halved(deployment)
    return deployment


def number(value: float) -> AttributeValueTypeDef:
    """A float, exactly."""
    return {"N": repr(float(value))}


def locked(record: Record, now: float) -> Locked:
    """Who holds the environment, since when, why, and what to do about it."""
    deployment, lease = record.deployment, record.lease
    if lease.expires_at > now:
        hint = f"its lease lasts until {at(lease.expires_at)}: follow it with `deployer status`"
    else:
        hint = (
            f"its runner has not been heard of since {at(lease.expires_at)}: continue it with "
            "`deployer resume`"
        )
    return Locked(
        f"{deployment.environment} is taken: {deployment.first_plan.strategy} of "
        f"{deployment.first_plan.release.name} ({deployment.id}) by "
        f"{deployment.by or lease.owner} since {at(deployment.started_at)}; {hint}"
    )


def at(moment: float) -> str:
    """Epoch seconds, for people."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC"
