"""Minutes are kept whole, beside their deployment, and a longer recording is not lost to a shorter one."""

from dataclasses import replace

import pytest

from deployer.analysis.limits import Limits
from deployer.analysis.replay.recording import Recorded, Recording
from deployer.analysis.terms import Terms
from deployer.aws.dynamodb import DynamoJournal
from deployer.aws.recordings import LARGEST, PARTS, DynamoRecordings, parted, sort
from deployer.aws.records import partition
from deployer.aws.session import Aws
from deployer.errors import CloudUnavailable
from deployer.lab.context import Context
from deployer.model import Minute
from deployer.operations.recording import lines
from tests.contract.conftest import ManualClock, records_table

TABLE = "recordings"


@pytest.fixture(scope="module", autouse=True)
def table(context: Context) -> str:
    records_table(context, TABLE)
    return TABLE


@pytest.fixture
def kept(aws: Aws, clock: ManualClock) -> DynamoRecordings:
    return DynamoRecordings(aws, TABLE, "shop", clock)


def recording(environment: str, minutes: int = 3) -> Recording:
    served = (
        Minute(60.0 * n, 1_000 + n, n, slow=2, custom={"refused": (1.5, 9)}) for n in range(minutes)
    )
    return recorded_of(environment, tuple(Recorded(one.start, 50, one, one) for one in served))


def recorded_of(environment: str, minutes: tuple[Recorded, ...]) -> Recording:
    return Recording(
        minutes, "shop", environment, "d1", "canary", "v2", "v1", 10.0, 500.0, "shipped", "",
        Terms(Limits()), 60.0 * len(minutes),
    )  # fmt: skip


def test_what_was_kept_is_found(kept: DynamoRecordings, fresh: str) -> None:
    assert kept.find(fresh, "d1") is None
    kept.keep(recording(fresh))
    assert kept.find(fresh, "d1") == recording(fresh)
    assert kept.find(fresh, "d") is None


def test_of_two_the_one_that_reaches_further_stays(kept: DynamoRecordings, fresh: str) -> None:
    kept.keep(recording(fresh, 5))
    kept.keep(recording(fresh, 3))
    assert kept.find(fresh, "d1") == recording(fresh, 5)
    kept.keep(recording(fresh, 6))
    assert kept.find(fresh, "d1") == recording(fresh, 6)


def test_a_long_one_takes_several_items_and_of_a_very_long_one_the_beginning_is_kept(
    aws: Aws, clock: ManualClock, fresh: str
) -> None:
    small = DynamoRecordings(aws, TABLE, "shop", clock, largest=1_000)
    small.keep(recording(fresh, 20))
    assert small.find(fresh, "d1") == recording(fresh, 20)
    small.keep(recording(fresh, 200))
    found = small.find(fresh, "d1")
    assert found is not None
    assert found.until == 60.0 * len(found.minutes)
    assert found.minutes == recording(fresh, 200).minutes[: len(found.minutes)]
    assert 20 < len(found.minutes) < 200


def test_what_reaches_further_may_be_shorter(aws: Aws, clock: ManualClock, fresh: str) -> None:
    """Its minutes lost what they told besides, or this version writes less of them."""
    small = DynamoRecordings(aws, TABLE, "shop", clock, largest=1_000)
    small.keep(recording(fresh, 20))
    later = replace(recording(fresh, 20), until=1_260.0, minutes=recording(fresh, 3).minutes)
    small.keep(later)
    assert small.find(fresh, "d1") == later


def test_where_a_part_is_gone_it_is_not_taken_for_all(
    aws: Aws, clock: ManualClock, fresh: str
) -> None:
    small = DynamoRecordings(aws, TABLE, "shop", clock, largest=1_000)
    small.keep(recording(fresh, 20))
    part = {"pk": {"S": partition("shop", fresh)}, "sk": {"S": sort("d1", 2)}}
    aws.dynamodb.delete_item(TableName=TABLE, Key=part)
    with pytest.raises(CloudUnavailable, match="only a part of d1's minutes"):
        small.find(fresh, "d1")


def test_a_busy_day_fits_into_two_items() -> None:
    busy = Minute(1.7e9, 300_000, 300_000, 300_000, 300_000, 12.345678, 300_000)
    day = tuple(Recorded(1.7e9 + 60 * n, 50, busy, busy) for n in range(1_440))
    bodies = list(parted(lines(recorded_of("prod", day))))
    assert len(bodies) <= 2
    assert len(bodies[0].encode()) <= LARGEST < 400 * 1024
    assert PARTS * LARGEST < 4 * 1024 * 1024


def test_it_does_not_look_like_a_record(kept: DynamoRecordings, aws: Aws, fresh: str) -> None:
    kept.keep(recording(fresh))
    journal = DynamoJournal(aws, TABLE, "shop", ManualClock())
    assert journal.records(fresh, 10) == ()
