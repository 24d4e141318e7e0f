"""The journal's table where DynamoDB says something that the lab does not."""

from typing import Any

import pytest
from botocore.stub import Stubber

from deployer.aws.session import Aws
from deployer.aws.table import CONFLICT_S, TRIES, Table, key
from deployer.errors import CloudUnavailable, DeployError
from tests.contract.conftest import ManualClock


@pytest.fixture
def table(aws: Aws, clock: ManualClock) -> Table:
    return Table(aws, "journal", clock)


def cancelled(stub: Stubber, *reasons: str) -> None:
    stub.add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        modeled_fields={"CancellationReasons": [{"Code": reason} for reason in reasons]},
    )


def test_transactions_that_meet_are_tried_again(aws: Aws, table: Table, clock: ManualClock) -> None:
    with Stubber(aws.dynamodb) as stub:
        cancelled(stub, "None", "TransactionConflict")
        cancelled(stub, "ThrottlingError", "None")
        stub.add_response("transact_write_items", {})
        assert table.transact(table.put(key("a", "b")))
        stub.assert_no_pending_responses()
    assert clock.slept == [CONFLICT_S, CONFLICT_S]


def test_an_update_that_meets_a_transaction_is_tried_again(
    aws: Aws, table: Table, clock: ManualClock
) -> None:
    change = table.change(key("a", "b"), {"x": {"N": "1"}}, "attribute_exists(pk)")
    with Stubber(aws.dynamodb) as stub:
        stub.add_client_error("update_item", "TransactionConflictException")
        stub.add_response("update_item", {})
        assert table.update(change)
    assert clock.slept == [CONFLICT_S]


def test_patience_has_an_end(aws: Aws, table: Table, clock: ManualClock) -> None:
    with Stubber(aws.dynamodb) as stub:
        for _ in range(TRIES):
            cancelled(stub, "TransactionConflict")
        with pytest.raises(CloudUnavailable, match="busy"):
            table.transact(table.put(key("a", "b")))
    assert len(clock.slept) == TRIES


def test_a_failed_condition_outweighs_a_conflict(aws: Aws, table: Table) -> None:
    with Stubber(aws.dynamodb) as stub:
        cancelled(stub, "ConditionalCheckFailed", "TransactionConflict")
        assert not table.transact(table.put(key("a", "b")))


@pytest.mark.parametrize("code", ["ItemCollectionSizeLimitExceeded", "ValidationError"])
def test_other_reasons_are_told(aws: Aws, table: Table, code: str) -> None:
    with Stubber(aws.dynamodb) as stub:
        cancelled(stub, code)
        with pytest.raises(DeployError, match="TransactWriteItems") as told:
            table.transact(table.put(key("a", "b")))
    assert not isinstance(told.value, CloudUnavailable)


def test_throttling_is_the_engines_to_wait_for(aws: Aws, table: Table) -> None:
    with Stubber(aws.dynamodb) as stub:
        stub.add_client_error("get_item", "ThrottlingException")
        with pytest.raises(CloudUnavailable, match="dynamodb:GetItem on journal"):
            table.get("a", "b")


def test_every_read_is_consistent(aws: Aws, table: Table) -> None:
    expected: dict[str, Any] = {
        "TableName": "journal",
        "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}},
        "ConsistentRead": True,
    }
    with Stubber(aws.dynamodb) as stub:
        stub.add_response("get_item", {}, expected)
        assert table.get("a", "b") is None
