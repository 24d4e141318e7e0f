"""What was told already: the port `notifying.Claimed`, one item for each notice and channel.

`told#CHANNEL#NOTICE` beside the environment's records (deployer.aws.records), where a notice's id begins
with its deployment's: `until` says when it may be tried again, in epoch seconds (far away: never),
`tries` how often it was, `ttl` when DynamoDB may forget it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer.aws.records import number
from deployer.aws.session import Aws
from deployer.aws.table import Table, key
from deployer.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import UpdateTypeDef

PREFIX: Final = "told#"
NEVER: Final = 1e12  # epoch seconds; every `until` before it comes
KEPT_S: Final = 30 * 86_400.0  # nothing is told that late (operations.notices)
MOST_TRIES: Final = 10  # of one notice, by all processes together
MOST_READ: Final = 1_000


class ToldTable:
    """One environment's marks; every method raises CloudUnavailable and AccessProblem.

    table: the journal's.
    part:  the environment's partition in it (`records.partition`).
    """

    def __init__(self, aws: Aws, table: str, part: str, clock: Clock) -> None:
        self._table, self._part, self._clock = Table(aws, table, clock), part, clock

    def told(self, deployment: str, channel: str) -> frozenset[str]:
        """Ids that need not be tried: told, or given up. One call, for a thousand notices."""
        prefix = _sort(channel, deployment)
        items = self._table.newest(self._part, prefix, MOST_READ)
        return frozenset(
            item["sk"]["S"].removeprefix(_sort(channel, ""))
            for item in items
            if float(item["until"]["N"]) >= NEVER or int(item["tries"]["N"]) >= MOST_TRIES
        )

    def claim(self, notice: str, channel: str, lasts_s: float | None) -> bool:
        """Whether it is ours to tell, for so long; None: for ever. One call."""
        now = self._clock.now()
        until = NEVER if lasts_s is None else now + lasts_s
        change: UpdateTypeDef = {
            "TableName": self._table.name,
            "Key": key(self._part, _sort(channel, notice)),
            "UpdateExpression": "SET #until = :until, #ttl = :ttl ADD #tries :one",
            "ConditionExpression": "attribute_not_exists(pk) OR (#until < :now AND #tries < :most)",
            "ExpressionAttributeNames": {"#until": "until", "#ttl": "ttl", "#tries": "tries"},
            "ExpressionAttributeValues": {
                ":until": number(until),
                ":ttl": {"N": str(round(now + KEPT_S))},
                ":now": number(now),
                ":one": {"N": "1"},
                ":most": {"N": str(MOST_TRIES)},
            },
        }
        return self._table.update(change)

    def settle(self, notice: str, channel: str, again_s: float | None) -> None:
        """It was told (None), or may be tried again after so long, seconds. One call."""
        until = NEVER if again_s is None else self._clock.now() + again_s
        where = key(self._part, _sort(channel, notice))
        self._table.update(
            self._table.change(where, {"until": number(until)}, "attribute_exists(pk)")
        )


def _sort(channel: str, notice: str) -> str:
    return f"{PREFIX}{channel}#{notice}"
