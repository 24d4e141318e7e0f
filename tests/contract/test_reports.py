"""Reports reach the topic; what was told is remembered beside the records, on a condition."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from deployer.aws.records import partition
from deployer.aws.reports import LONGEST_SUBJECT, TopicReports
from deployer.aws.session import Aws
from deployer.errors import ChangeRefused
from deployer.lab.context import Context
from tests.contract.conftest import ManualClock, records_table

Admin = Callable[[str], Any]
TABLE = "reports"


@pytest.fixture(scope="module", autouse=True)
def table(context: Context) -> str:
    records_table(context, TABLE)
    return TABLE


@pytest.fixture
def reports(aws: Aws, admin: Admin, clock: ManualClock, fresh: str) -> TopicReports:
    topic = admin("sns").create_topic(Name=fresh)["TopicArn"]
    return TopicReports(aws, topic, TABLE, partition("shop", fresh), clock)


def test_what_is_told_reaches_whoever_listens(
    reports: TopicReports, admin: Admin, fresh: str
) -> None:
    url = admin("sqs").create_queue(QueueName=fresh)["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:123456789012:{fresh}"
    topic = f"arn:aws:sns:us-east-1:123456789012:{fresh}"
    admin("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    reports.publish("shop/prod: v2 – " + "x" * 200, "Why: weights moved\n")
    (heard,) = admin("sqs").receive_message(QueueUrl=url)["Messages"]
    told = json.loads(heard["Body"])
    assert told["Message"] == "Why: weights moved\n"
    assert told["Subject"].startswith("shop/prod: v2 ? xxx")
    assert len(told["Subject"]) == LONGEST_SUBJECT


def test_a_topic_that_is_gone_is_told_to_the_caller(
    aws: Aws, clock: ManualClock, fresh: str
) -> None:
    gone = f"arn:aws:sns:us-east-1:123456789012:{fresh}"
    reports = TopicReports(aws, gone, TABLE, partition("shop", fresh), clock)
    with pytest.raises(ChangeRefused, match="sns:Publish"):
        reports.publish("subject", "words")


def test_of_two_who_remember_at_once_the_first_one_counts(reports: TopicReports) -> None:
    assert reports.last() == ""
    reports.remember("halted d1", "")
    assert reports.last() == "halted d1"
    reports.remember("halted d0", "")  # read before the other one remembered
    assert reports.last() == "halted d1"
    reports.remember("halted d2", "halted d1")
    assert reports.last() == "halted d2"


def test_it_does_not_look_like_a_record(reports: TopicReports, aws: Aws, fresh: str) -> None:
    from deployer.aws.dynamodb import DynamoJournal

    reports.remember("halted d1", "")
    journal = DynamoJournal(aws, TABLE, "shop", ManualClock())
    assert journal.records(fresh, 10) == ()
    assert journal.active(fresh) is None
