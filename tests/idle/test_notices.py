"""Notices and the sweeps' book in real tables: who comes second learns of it."""

from dataclasses import replace
from itertools import count

import pytest

from deployer.aws.session import Aws
from deployer.aws.sweeping.book import SweepBook
from deployer.aws.sweeping.notices import JournalNotices
from deployer.errors import CloudUnavailable
from deployer.lab.chaos import Fault, Faults, Kind
from deployer.operations.idle.ports import Notice, Standing
from tests.contract.conftest import ManualClock
from tests.idle.cloud import NOW, Region

FIRST = Notice("n1", NOW, NOW + 3600, "sleep", "at most 3 requests in each of the last 6 x 1h")
NUMBERS = count()
SECOND = replace(FIRST, id="n2", level="delete")


@pytest.fixture
def notices(aws: Aws, clock: ManualClock) -> JournalNotices:
    return JournalNotices(aws, "shop", clock, "journal-{}".format)


@pytest.fixture
def name(region: Region) -> str:
    made = f"t{next(NUMBERS)}"
    region.table(made, {})
    return made


def test_a_notice_lives_from_its_giving_to_its_act(notices: JournalNotices, name: str) -> None:
    assert notices.read(name) == Standing()
    assert notices.give(name, FIRST)
    assert notices.read(name) == Standing(FIRST)
    assert notices.told(name, "n1")
    assert notices.begin(name, "n1")
    assert notices.read(name).notice == replace(FIRST, told=True, begun=True)
    notices.withdraw(name, "n1")
    assert notices.read(name) == Standing()
    assert not notices.begin(name, "n1")


def test_there_is_one_notice_at_a_time(notices: JournalNotices, name: str) -> None:
    assert notices.give(name, FIRST)
    assert not notices.give(name, SECOND)
    assert not notices.told(name, "n2")
    notices.withdraw(name, "n2")
    assert notices.read(name) == Standing(FIRST)
    assert notices.give(name, SECOND, instead="n1")
    assert notices.read(name) == Standing(SECOND)


def test_who_extends_comes_before_whoever_wants_to_begin(
    notices: JournalNotices, name: str
) -> None:
    notices.give(name, FIRST)
    assert notices.extend(name, NOW + 8 * 3600) == Standing(None, NOW + 8 * 3600)
    assert not notices.begin(name, "n1")
    assert not notices.told(name, "n1")
    assert not notices.give(name, replace(SECOND, given_at=NOW + 8 * 3600 - 1))
    assert notices.give(name, replace(SECOND, given_at=NOW + 8 * 3600))


def test_an_extension_is_never_shortened(notices: JournalNotices, name: str) -> None:
    notices.extend(name, NOW + 800)
    assert notices.extend(name, NOW + 100).extended_until == NOW + 800


@pytest.mark.parametrize("kind", [Kind.LOST_REPLY, Kind.ERROR])
def test_a_lost_reply_is_no_refusal(
    notices: JournalNotices, name: str, faults: Faults, kind: Kind
) -> None:
    faults.add(Fault(kind, "dynamodb", "UpdateItem", times=1))
    assert notices.give(name, FIRST)
    assert notices.read(name) == Standing(FIRST)


@pytest.fixture
def book(aws: Aws, region: Region, clock: ManualClock, name: str) -> SweepBook:
    return SweepBook(aws, f"journal-{name}", clock)


def test_one_sweep_holds_the_lease(book: SweepBook) -> None:
    assert book.take("one", NOW + 300, NOW) == ""
    assert book.take("one", NOW + 300, NOW) == ""  # a lost reply
    assert book.take("two", NOW + 400, NOW + 299).startswith("one holds the lease until 2026-11-2")
    assert book.keep("one", NOW + 600)
    assert book.take("two", NOW + 900, NOW + 599).startswith("one")
    assert book.take("two", NOW + 900, NOW + 600) == ""
    assert not book.keep("one", NOW + 900)
    book.free("one")
    assert book.take("three", NOW + 900, NOW + 601).startswith("two")
    book.free("two")
    assert book.take("three", NOW + 900, NOW + 601) == ""


def test_dry_runs_are_counted_once(book: SweepBook) -> None:
    assert book.dry_runs() == 0
    book.count_dry(0)
    book.count_dry(0)
    assert book.dry_runs() == 1
    book.count_dry(1)
    assert book.dry_runs() == 2


def test_no_answer_is_told(book: SweepBook, faults: Faults) -> None:
    faults.add(Fault(Kind.ERROR, "dynamodb", times=9))
    with pytest.raises(CloudUnavailable):
        book.take("one", NOW + 300, NOW)
