"""A record that has ended is opened again, against DynamoDB's conditional writes."""

from typing import Any

import pytest
from msgspec.structs import replace

from deployer.aws.dynamodb import KEEP_S, DynamoJournal
from deployer.aws.session import Aws
from deployer.engine import parting
from deployer.errors import LeaseLost, Locked
from deployer.lab.chaos import Fault, Kind
from deployer.plan import Deployment
from deployer.record.held import Unstuck
from tests.contract.conftest import ManualClock
from tests.contract.test_journal import TABLE, YOU, Admin, deployment, finished, lease, table

__all__ = ["table"]  # a fixture of the module that it is in


@pytest.fixture
def journal(aws: Aws, clock: ManualClock) -> DynamoJournal:
    return DynamoJournal(aws, TABLE, "shop", clock)


@pytest.fixture
def owing(journal: DynamoJournal, clock: ManualClock, fresh: str) -> Deployment:
    """It has shipped, and owes."""
    made = deployment(fresh, clock, unstuck=Unstuck(3600, clock.now()))
    return journal.save(finished(journal.begin(made, lease(clock)), clock), lease(clock))


def test_it_takes_the_environment_and_ends_once_more(
    journal: DynamoJournal, admin: Admin, clock: ManualClock, fresh: str, owing: Deployment
) -> None:
    clock.sleep(4000.0)
    opened = journal.reopen(parting.reopened(owing, clock.now()), lease(clock, YOU))
    active = journal.active(fresh)
    assert active is not None
    assert (active.deployment, active.lease.owner) == (opened, YOU)
    assert opened.version == owing.version + 1
    key = {"pk": {"S": f"env#shop/{fresh}"}, "sk": {"S": f"deployment#{owing.id}"}}
    item = admin("dynamodb").get_item(TableName=TABLE, Key=key)["Item"]
    assert not {"ttl", "finished_at"} & set(item), "what runs is never forgotten"
    with pytest.raises(Locked, match="is taken: canary of v2"):
        journal.begin(deployment(fresh, clock), lease(clock))
    with pytest.raises(Locked, match="is taken: canary of v2"):
        journal.reopen(parting.reopened(owing, clock.now()), lease(clock))
    closed = replace(parting.leave(opened, clock.now()), unstuck=None)
    journal.save(closed, lease(clock, YOU))
    assert journal.active(fresh) is None
    assert owing.finished_at is not None
    item = admin("dynamodb").get_item(TableName=TABLE, Key=key)["Item"]
    assert int(item["ttl"]["N"]) == owing.finished_at + KEEP_S


def test_a_record_that_has_changed_since_it_was_read_is_left(
    journal: DynamoJournal, clock: ManualClock, owing: Deployment
) -> None:
    opened = journal.reopen(parting.reopened(owing, clock.now()), lease(clock, YOU))
    journal.save(parting.leave(opened, clock.now()), lease(clock, YOU))
    with pytest.raises(LeaseLost, match="no longer ours"):
        journal.reopen(parting.reopened(owing, clock.now()), lease(clock))


def test_a_lost_reply_is_recognised_as_ours(
    journal: DynamoJournal, clock: ManualClock, fresh: str, owing: Deployment, faults: Any
) -> None:
    faults.add(Fault(Kind.LOST_REPLY, "dynamodb", "TransactWriteItems", times=1))
    opened = journal.reopen(parting.reopened(owing, clock.now()), lease(clock))
    active = journal.active(fresh)
    assert active is not None
    assert active.deployment == opened
