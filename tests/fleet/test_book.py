"""The book of fleets, against DynamoDB's conditional writes."""

import itertools
from typing import Any

import pytest
from msgspec.structs import replace

from deployer.aws.fleets import DynamoFleets
from deployer.aws.session import Aws
from deployer.errors import LeaseLost, Locked, NotFound, NotPossibleNow
from deployer.journal import Ask, Lease, Request
from deployer.operations.fleet import Fleet, FleetStatus, Wave, members_of
from tests.contract.conftest import ManualClock

TABLE = "fleets"
WAVES = (Wave(("box",), 60.0), Wave(("eu", "us")))
_numbers = itertools.count()


@pytest.fixture(scope="module", autouse=True)
def table(context: Any) -> str:
    from deployer.lab import inprocess

    keys = [("pk", "HASH"), ("sk", "RANGE")]
    inprocess.client(context, "dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    return TABLE


@pytest.fixture
def book(aws: Aws, clock: ManualClock) -> DynamoFleets:
    """That of a service which nobody else has."""
    return DynamoFleets(aws, TABLE, f"shop{next(_numbers)}", clock)


def fleet(name: str = "f1", now: float = 0.0) -> Fleet:
    return Fleet(
        id=name, service="shop", release="v42", waves=WAVES, members=members_of(WAVES, now),
        started_at=now, by="alice",
    )  # fmt: skip


def lease(owner: str, clock: ManualClock) -> Lease:
    return Lease(owner, clock.now() + 300.0)


def test_a_second_fleet_of_a_service_is_refused_with_the_first_ones_name(
    book: DynamoFleets,
) -> None:
    book.begin(fleet())
    with pytest.raises(Locked, match=r"has a fleet under way: v42 \(f1\) by alice"):
        book.begin(fleet("f2"))
    assert [each.id for each in book.history(5)] == ["f1"]


def test_beginning_the_same_again_finds_it(book: DynamoFleets) -> None:
    assert book.begin(fleet()) == book.begin(fleet())


def test_two_visits_never_overlap(book: DynamoFleets, clock: ManualClock) -> None:
    book.begin(fleet())
    mine = book.take("f1", lease("one", clock), clock.now())
    with pytest.raises(Locked, match="a visit of one is at fleet f1"):
        book.take("f1", lease("two", clock), clock.now())
    clock.sleep(301.0)
    book.take("f1", lease("two", clock), clock.now())
    with pytest.raises(LeaseLost):
        book.save(mine, lease("one", clock))
    book.leave(mine, lease("one", clock))  # not ours: nothing
    with pytest.raises(Locked):
        book.take("f1", lease("three", clock), clock.now())


def test_a_save_whose_reply_was_lost_is_recognised(book: DynamoFleets, clock: ManualClock) -> None:
    book.begin(fleet())
    mine = book.take("f1", lease("one", clock), clock.now())
    saved = book.save(replace(mine, cursor=1), lease("one", clock))
    assert book.save(replace(mine, cursor=1), lease("one", clock)) == saved
    with pytest.raises(LeaseLost):  # another one, of the same version
        book.save(replace(mine, cursor=2), lease("one", clock))


def test_who_leaves_makes_room_at_once(book: DynamoFleets, clock: ManualClock) -> None:
    book.begin(fleet())
    mine = book.take("f1", lease("one", clock), clock.now())
    saved = book.save(replace(mine, cursor=1), lease("one", clock))
    book.leave(saved, lease("one", clock))
    taken = book.take("f1", lease("two", clock), clock.now())
    assert (taken.cursor, taken.version) == (1, saved.version + 1)


def test_a_fleet_that_ended_frees_the_service_and_stays_in_its_history(
    book: DynamoFleets, clock: ManualClock
) -> None:
    book.begin(fleet())
    mine = book.take("f1", lease("one", clock), clock.now())
    ended = replace(mine, status=FleetStatus.SHIPPED, finished_at=clock.now())
    book.save(ended, lease("one", clock))
    assert book.active() is None
    assert book.take("f1", lease("two", clock), clock.now()).status is FleetStatus.SHIPPED
    book.begin(fleet("f2"))
    assert [each.id for each in book.history(5)] == ["f2", "f1"]


def test_what_people_ask_is_heard_and_going_back_stands(book: DynamoFleets) -> None:
    begun = book.begin(fleet())
    assert book.requested(begun) is None
    assert book.ask(Request(Ask.PAUSE, "bob", "r1")) == "f1"
    assert book.ask(Request(Ask.ABORT, "bob", "r2")) == "f1"
    with pytest.raises(NotPossibleNow, match="asked to go back already"):
        book.ask(Request(Ask.RESUME, "bob", "r3"))
    assert book.requested(begun) == Request(Ask.ABORT, "bob", "r2")


def test_nothing_can_be_asked_where_no_fleet_is_under_way(book: DynamoFleets) -> None:
    with pytest.raises(NotPossibleNow, match="no fleet of shop"):
        book.ask(Request(Ask.ABORT, "bob", "r1"))
    with pytest.raises(NotFound, match="has no fleet f9"):
        book.load("f9")
