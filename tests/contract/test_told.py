"""Marks of what was told: of two who claim a notice one gets it, and who has failed is followed."""

import pytest

from deployer.aws.records import partition
from deployer.aws.session import Aws
from deployer.aws.told import KEPT_S, MOST_TRIES, NEVER, ToldTable
from deployer.lab.context import Context
from tests.contract.conftest import ManualClock, records_table

TABLE = "told"
START, HALT = "20260101-120000-ab12.start", "20260101-120000-ab12.halt.77"
DEPLOYMENT = "20260101-120000-ab12"


@pytest.fixture(scope="module", autouse=True)
def table(context: Context) -> str:
    records_table(context, TABLE)
    return TABLE


@pytest.fixture
def marks(aws: Aws, clock: ManualClock, fresh: str) -> ToldTable:
    return ToldTable(aws, TABLE, partition("shop", fresh), clock)


def test_what_only_informs_is_told_once_whatever_becomes_of_it(
    marks: ToldTable, clock: ManualClock
) -> None:
    assert marks.claim(START, "ops", None)
    assert not marks.claim(START, "ops", None)
    clock.sleep(1e6)
    assert not marks.claim(START, "ops", None)
    assert marks.told(DEPLOYMENT, "ops") == {START}


def test_each_channel_has_its_own(marks: ToldTable) -> None:
    assert marks.claim(START, "ops", None)
    assert marks.claim(START, "ops-2", None)
    assert marks.told(DEPLOYMENT, "ops") == {START}
    assert marks.told("20260101-120000-ab1", "ops") == {
        START
    }  # a prefix: nobody else has such an id
    assert marks.told("20260101-120001-ab12", "ops") == frozenset()


def test_a_claim_that_runs_out_is_the_next_ones(marks: ToldTable, clock: ManualClock) -> None:
    assert marks.claim(HALT, "ops", 60.0)
    assert not marks.claim(HALT, "ops", 60.0)
    assert marks.told(DEPLOYMENT, "ops") == frozenset()
    clock.sleep(61.0)
    assert marks.claim(HALT, "ops", 60.0)
    marks.settle(HALT, "ops", None)
    clock.sleep(1e6)
    assert not marks.claim(HALT, "ops", 60.0)
    assert marks.told(DEPLOYMENT, "ops") == {HALT}


def test_what_nobody_can_tell_is_given_up(marks: ToldTable, clock: ManualClock) -> None:
    for _ in range(MOST_TRIES):
        assert marks.claim(HALT, "ops", 60.0)
        marks.settle(HALT, "ops", 120.0)
        assert not marks.claim(HALT, "ops", 60.0)
        clock.sleep(121.0)
    assert not marks.claim(HALT, "ops", 60.0)
    assert marks.told(DEPLOYMENT, "ops") == {HALT}


def test_a_mark_is_forgotten_some_day(
    marks: ToldTable, aws: Aws, clock: ManualClock, fresh: str
) -> None:
    marks.claim(START, "ops", None)
    (item,) = aws.dynamodb.query(
        TableName=TABLE,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": partition("shop", fresh)}},
    )["Items"]
    assert float(item["ttl"]["N"]) == round(clock.now() + KEPT_S)
    assert float(item["until"]["N"]) == NEVER


def test_it_does_not_look_like_a_record(marks: ToldTable, aws: Aws, fresh: str) -> None:
    from deployer.aws.dynamodb import DynamoJournal

    marks.claim(HALT, "ops", 60.0)
    journal = DynamoJournal(aws, TABLE, "shop", ManualClock())
    assert journal.records(fresh, 10) == ()
    assert journal.active(fresh) is None
