"""Recorded minutes in the journal's table, beside the deployments that they are of.

`minutes#ID#NNN` in the environment's partition (deployer.aws.records): `body` holds lines of JSON
(operations.recording), as many as fit; the first item has the head and says in `parts` how many there are;
`until` is up to when the minutes reach, and `ttl` as with the record. All are written at once, so a reader
finds a whole recording or none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from deployer.analysis.replay.recording import Recording
from deployer.aws.dynamodb import KEEP_S
from deployer.aws.records import number, partition
from deployer.aws.session import Aws
from deployer.aws.table import Table, Values, key
from deployer.errors import CloudUnavailable
from deployer.operations.recording import lines, read
from deployer.ports import Clock
from deployer.record.course import MINUTE_S

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

PREFIX = "minutes#"
LARGEST = 300_000  # bytes of lines in an item; DynamoDB allows 400 KB
PARTS = 12  # items; DynamoDB writes 4 MB at once: about five busy days
SORT = "{:03}"


class DynamoRecordings:
    """The port `Recordings` for one service.

    keep_s:  how long after its end a deployment's minutes are kept.
    largest: bytes of lines in an item.
    """

    def __init__(
        self,
        aws: Aws,
        table: str,
        service: str,
        clock: Clock,
        *,
        keep_s: float = KEEP_S,
        largest: int = LARGEST,
    ) -> None:
        self._table = Table(aws, table, clock)
        self._service, self._clock, self._keep_s = service, clock, keep_s
        self._largest = largest

    def keep(self, recording: Recording) -> None:
        """Write it, unless one that reaches as far is there; of a very long one the beginning. One call.

        Raises:
            CloudUnavailable, AccessProblem, NotFound: as `failures.asking`.
        """
        bodies = tuple(islice(parted(lines(recording), self._largest), PARTS))
        left_out = len(recording.minutes) + 1 - sum(body.count("\n") + 1 for body in bodies)
        ended = recording.finished_at or self._clock.now()
        beside: Values = {
            "until": number((recording.until or 0.0) - MINUTE_S * left_out),
            "ttl": {"N": str(round(ended + self._keep_s))},
            "parts": {"N": str(len(bodies))},
        }
        self._table.transact(
            *(
                self._part(recording, n, {"body": {"S": body}, **beside})
                for n, body in enumerate(bodies)
            )
        )

    def _part(self, recording: Recording, n: int, values: Values) -> TransactWriteItemTypeDef:
        where = key(partition(self._service, recording.environment), sort(recording.deployment, n))
        change = self._table.change(where, values, "attribute_not_exists(pk) OR #until < :until")
        return {"Update": change}

    def find(self, environment: str, deployment_id: str) -> Recording | None:
        """What was kept; None: nothing was. One call.

        Raises:
            CloudUnavailable: only a part of it is there.
            UsageError: another version has written it.
        """
        prefix = f"{PREFIX}{deployment_id}#"
        items = self._table.newest(partition(self._service, environment), prefix, PARTS)[::-1]
        if not items:
            return None
        parts = int(items[0]["parts"]["N"])
        items = items[:parts]  # one that was longer may have been there before
        if len(items) < parts:
            raise CloudUnavailable(
                f"only a part of {deployment_id}'s minutes is in {self._table.name}"
            )
        text = [line for item in items for line in item["body"]["S"].splitlines()]
        found = read(text, f"{self._table.name}, {prefix}")
        return replace(found, until=float(items[0]["until"]["N"]))


def sort(deployment_id: str, n: int) -> str:
    """The sort key of the n-th item."""
    return f"{PREFIX}{deployment_id}#{SORT.format(n)}"


def parted(text: Sequence[str], largest: int = LARGEST) -> Iterator[str]:
    """Lines in as few bodies of at most `largest` bytes as hold them."""
    body: list[str] = []
    size = 0
    for line in text:
        length = len(line.encode()) + 1
        if body and size + length > largest:
            yield "\n".join(body)
            body, size = [], 0
        body.append(line)
        size += length
    yield "\n".join(body)
