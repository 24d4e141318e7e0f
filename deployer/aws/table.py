"""One DynamoDB table with the keys pk and sk: consistent reads, conditional writes.

A write says whether its condition held; two transactions that meet are tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from deployer.aws.failures import asking, code_of, reasons_of
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.errors import CloudUnavailable, DeployError
from deployer.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        TransactWriteItemTypeDef,
        UpdateItemInputTypeDef,
        UpdateTypeDef,
    )

# TransactWriteItems needs the actions of its items.
NEEDS = (
    Need("dynamodb:GetItem", Resource.JOURNAL),
    Need("dynamodb:Query", Resource.JOURNAL),
    Need("dynamodb:PutItem", Resource.JOURNAL),
    Need("dynamodb:UpdateItem", Resource.JOURNAL),
    Need("dynamodb:DeleteItem", Resource.JOURNAL),
)
TRIES = 5
CONFLICT_S = 0.2
FAILED = frozenset({"ConditionalCheckFailed", "ConditionalCheckFailedException"})
# Nothing was written, and a moment later there is room.
CONFLICT = frozenset(
    {
        "ProvisionedThroughputExceeded",
        "ThrottlingError",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
Item = dict[str, "AttributeValueTypeDef"]
Values = dict[str, "AttributeValueTypeDef"]


def key(part: str, sort: str) -> Item:
    """The primary key of an item."""
    return {"pk": {"S": part}, "sk": {"S": sort}}


class Table:
    """Every method raises CloudUnavailable, AccessProblem or NotFound as `failures.asking`."""

    def __init__(self, aws: Aws, name: str, clock: Clock) -> None:
        self.name = name
        self._aws = aws
        self._clock = clock

    def get(self, part: str, sort: str) -> Item | None:
        """One item, read consistently."""
        with asking("dynamodb:GetItem", self.name):
            found = self._aws.dynamodb.get_item(
                TableName=self.name, Key=key(part, sort), ConsistentRead=True
            )
        return dict(found["Item"]) if "Item" in found else None

    def newest(self, part: str, prefix: str, limit: int) -> list[Item]:
        """The `limit` last items of a partition whose sort key begins with `prefix`, last first."""
        with asking("dynamodb:Query", self.name):
            pages = self._aws.dynamodb.get_paginator("query").paginate(
                TableName=self.name,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
                ExpressionAttributeValues={":pk": {"S": part}, ":sk": {"S": prefix}},
                ScanIndexForward=False,
                ConsistentRead=True,
                PaginationConfig={"MaxItems": limit, "PageSize": limit},
            )
            return [dict(item) for page in pages for item in page["Items"]]

    def update(self, change: UpdateTypeDef) -> bool:
        """Write one item's attributes; false if the condition failed."""
        sent: UpdateItemInputTypeDef = {**change}  # type: ignore[typeddict-item]
        return self._patiently(
            "dynamodb:UpdateItem", lambda: self._aws.dynamodb.update_item(**sent)
        )

    def transact(self, *items: TransactWriteItemTypeDef) -> bool:
        """Write all or nothing; false if a condition failed."""
        return self._patiently(
            "dynamodb:TransactWriteItems",
            lambda: self._aws.dynamodb.transact_write_items(TransactItems=items),
        )

    def put(self, item: Item) -> TransactWriteItemTypeDef:
        """For a transaction: a new item, where there was none."""
        condition = "attribute_not_exists(pk)"
        return {"Put": {"TableName": self.name, "Item": item, "ConditionExpression": condition}}

    def change(
        self,
        where: Item,
        values: Values,
        condition: str,
        beside: Values | None = None,
        remove: Sequence[str] = (),
    ) -> UpdateTypeDef:
        """An update that sets `values` on the condition (over `#name`, `:name` of each value).

        beside: what the condition needs besides: `:name` -> value.
        remove: attributes that it takes away.
        """
        names = (*values, *remove)
        taken = f" REMOVE {', '.join(f'#{each}' for each in remove)}" if remove else ""
        return {
            "TableName": self.name,
            "Key": where,
            "UpdateExpression": "SET " + ", ".join(f"#{e} = :{e}" for e in values) + taken,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {f"#{each}": each for each in names},
            "ExpressionAttributeValues": {
                **{f":{each}": value for each, value in values.items()},
                **(beside or {}),
            },
        }

    def busy(self) -> CloudUnavailable:
        """What is raised when others write to the same item all the time."""
        return CloudUnavailable(f"the journal {self.name} is busy: others write to it all the time")

    def _patiently(self, action: str, write: Callable[[], object]) -> bool:
        for _ in range(TRIES):
            try:
                with asking(action, self.name):
                    write()
            except DeployError as error:
                codes = reasons_of(error) | {code_of(error)}
                if codes & FAILED:
                    return False
                if not codes & CONFLICT:
                    raise
                self._clock.sleep(CONFLICT_S)
            else:
                return True
        raise self.busy()
