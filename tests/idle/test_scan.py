"""Many environments in one reading: what is read of each, and how few calls that takes."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from deployer.aws.session import Aws
from deployer.aws.sweeping import traffic
from deployer.aws.sweeping.notices import JournalNotices
from deployer.aws.sweeping.scan import CloudScan
from deployer.errors import CloudUnavailable, NotFound
from deployer.lab.chaos import Fault, Faults, Kind
from deployer.operations.idle.ports import Facts, Notice, Scanned, Span
from tests.contract.conftest import ManualClock
from tests.idle.cloud import NOW, Region, tags

HOUR = 3600
SPAN = Span(HOUR, 3)
AT = NOW + 600.0  # ten minutes into a window


def scan(aws: Aws, clock: ManualClock, *names: str, span: Span = SPAN) -> Scanned:
    return CloudScan(aws, "shop", clock).read(dict.fromkeys(names, span), AT)


@pytest.fixture(scope="module")
def ordinary(region: Region) -> None:
    region.environment("ordinary")


def one(aws: Aws, clock: ManualClock, name: str) -> Facts:
    return scan(aws, clock, name).facts[name]


def test_what_is_read_of_one(aws: Aws, clock: ManualClock, region: Region) -> None:
    region.environment("known", instances=2)
    region.expire("known", "2026-12-24T19:00+01:00")
    updated = datetime.fromtimestamp(NOW - 5000, UTC)
    region.find("known", "monitoring")["LastUpdatedTime"] = updated
    for hours_ago, requests in ((3, 50), (2, 0), (1, 12)):
        region.served("known", NOW - hours_ago * HOUR + 60, requests)
    region.served("known", NOW - HOUR + 60, 7, "HTTPCode_Target_4XX_Count")
    region.served("known", NOW + 60, 4)
    seen = one(aws, clock, "known")
    assert seen == Facts(
        tagged=True,
        made_at=NOW - 30 * 86_400,
        changed_at=NOW - 5000,
        windows=(50.0, 0.0, 5.0),
        recent=4.0,
        instances=(2, 0),
        expires_at=datetime(2026, 12, 24, 18, tzinfo=UTC).timestamp(),
    )


def test_a_window_without_metrics_is_unknown_but_for_a_witness(
    aws: Aws, clock: ManualClock, region: Region
) -> None:
    region.environment("blind")
    assert one(aws, clock, "blind").windows == (None, None, None)
    region.served("blind", NOW - HOUR, 0, "ConsumedLCUs")
    assert one(aws, clock, "blind").windows == (None, None, 0.0)
    assert one(aws, clock, "blind").recent is None


def test_a_window_is_whole_only_when_its_last_minute_is_published(
    aws: Aws, clock: ManualClock, region: Region
) -> None:
    region.environment("late")
    region.served("late", NOW - 60, 500)
    seen = CloudScan(aws, "shop", clock).read({"late": SPAN}, NOW + 60).facts["late"]
    assert seen.windows[-1] is None  # the hour before the one that has just ended
    assert seen.recent == 500.0


def test_a_stack_that_moves_or_failed_is_told(aws: Aws, clock: ManualClock, region: Region) -> None:
    region.environment("moving")
    region.find("moving", "network")["StackStatus"] = "DELETE_FAILED"
    assert one(aws, clock, "moving").moving == "the stack shop-moving-network is DELETE_FAILED"


def test_every_stack_must_be_ephemeral(aws: Aws, clock: ManualClock, region: Region) -> None:
    region.environment("mixed")
    region.find("mixed", "control")["Tags"] = []
    assert not one(aws, clock, "mixed").tagged
    region.environment("kept", ephemeral=False)
    kept = one(aws, clock, "kept")
    assert (kept.tagged, kept.windows) == (False, ())


def test_what_is_half_deleted_is_still_there(aws: Aws, clock: ManualClock, region: Region) -> None:
    region.stack("half", "network", tags("half"))
    found = scan(aws, clock, "half", "nowhere").facts
    assert set(found) == {"half"}
    assert not found["half"].tagged  # no journal: nobody could be told, or say no


def test_strangers_are_named(aws: Aws, clock: ManualClock, region: Region) -> None:
    region.environment("stranger")
    assert "stranger" in scan(aws, clock, "known").strangers


def test_journals_are_read_together(aws: Aws, clock: ManualClock, region: Region) -> None:
    region.environment("held")
    notices = JournalNotices(aws, "shop", clock, "journal-{}".format)
    notice = Notice("n1", AT, AT + 60, "sleep", "idle")
    assert notices.give("held", notice)
    region.admin("dynamodb").put_item(
        TableName="journal-held",
        Item={"pk": {"S": "env#shop/held"}, "sk": {"S": "active"}, "deployment": {"S": "d1"}},
    )
    seen = one(aws, clock, "held")
    assert (seen.deployment, seen.standing.notice) == ("d1", notice)


def test_a_journal_that_is_gone_does_not_hide_the_others(
    aws: Aws, clock: ManualClock, region: Region
) -> None:
    region.environment("here")
    scanned = CloudScan(aws, "shop", clock)
    region.admin("dynamodb").put_item(
        TableName="journal-here",
        Item={"pk": {"S": "env#shop/here"}, "sk": {"S": "active"}, "deployment": {"S": "d2"}},
    )
    tables = {"gone1": "journal-gone1", "here": "journal-here", "gone2": "journal-gone2"}
    assert set(scanned._items(tables)["here"]) == {"active"}


@pytest.mark.usefixtures("ordinary")
@pytest.mark.parametrize(
    ("service", "action"),
    [
        ("resourcegroupstaggingapi", "GetResources"),
        ("cloudformation", "DescribeStacks"),
        ("autoscaling", "DescribeAutoScalingGroups"),
        ("cloudwatch", "GetMetricData"),
        ("dynamodb", "BatchGetItem"),
    ],
)
def test_a_reading_is_whole_or_none(
    aws: Aws, clock: ManualClock, faults: Faults, service: str, action: str
) -> None:
    faults.add(Fault(Kind.ERROR, service, action, times=9))
    with pytest.raises(CloudUnavailable):
        one(aws, clock, "ordinary")


@pytest.mark.parametrize("status", ["PartialData", "InternalError"])
def test_half_an_answer_of_cloudwatch_is_none(status: str) -> None:
    """Of one series of three; the others are there, and silent."""

    def answer(**asked: Any) -> dict[str, Any]:
        results = [
            {"Id": each["Id"], "StatusCode": "Complete", "Timestamps": [], "Values": []}
            for each in asked["MetricDataQueries"]
        ]
        results[0]["StatusCode"] = status
        return {"MetricDataResults": results}

    half: Any = SimpleNamespace(cloudwatch=SimpleNamespace(get_metric_data=answer))
    with pytest.raises(CloudUnavailable, match="did not answer completely"):
        traffic.read(half, {"dev": "arn:x:loadbalancer/app/dev/1"}, {"dev": SPAN}, AT)


def test_when_something_was_deployed_last(aws: Aws, clock: ManualClock, region: Region) -> None:
    """The newest record counts; while it has not ended, that is now."""
    region.environment("shipped1")
    scanned = CloudScan(aws, "shop", clock)
    scanned.read({"shipped1": SPAN}, AT)
    assert scanned.deployed_at("shipped1") == 0.0
    for sort, ended in (("deployment#1", 100.0), ("deployment#2", 50.0), ("deployment#3", None)):
        item = {"pk": {"S": "env#shop/shipped1"}, "sk": {"S": sort}}
        more = {"finished_at": {"N": str(ended)}} if ended else {}
        region.admin("dynamodb").put_item(TableName="journal-shipped1", Item={**item, **more})
        assert scanned.deployed_at("shipped1") == (ended or clock.now())


def test_without_a_journal_that_says_so_it_is_not_ephemeral(
    aws: Aws, clock: ManualClock, region: Region
) -> None:
    region.environment("mute1")
    region.admin("dynamodb").delete_table(TableName="journal-mute1")
    scanned = CloudScan(aws, "shop", clock)
    facts = scanned.read({"mute1": SPAN}, AT).facts["mute1"]
    assert not facts.tagged
    with pytest.raises(NotFound, match="mute1 has no journal"):
        scanned.deployed_at("mute1")
