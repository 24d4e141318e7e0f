"""Notices reach topics and buses, whole; secrets are read from where they lie."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from deployer.aws.notify import LONGEST_SUBJECT, Bus, Topic, subject
from deployer.aws.secrets import Secrets
from deployer.aws.session import Aws
from deployer.errors import ChangeRefused, DeployError, NotFound
from deployer.news import Kind
from deployer.operations.notices import Command, Notice, Place

Admin = Callable[[str], Any]
ACCOUNT = "123456789012"
HALTED = Notice(
    "20260101-120000-ab12.halt.77",
    (Kind.HALT, Kind.VERDICT),
    1_700_000_000.0,
    Place("shop", "prod"),
    "shop/prod: v2 – " + "x" * 200,
    "Why: weights moved",
    (Command("Look", "deployer --env prod status"), Command("Go back", "deployer rollback")),
    "https://reports/1",
)


def heard_by(admin: Admin, name: str) -> Callable[[], list[dict[str, Any]]]:
    """A queue behind whatever is subscribed or targeted: message bodies."""
    url = admin("sqs").create_queue(QueueName=name)["QueueUrl"]

    def received() -> list[dict[str, Any]]:
        found = admin("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [json.loads(one["Body"]) for one in found.get("Messages", [])]

    return received


def test_a_topic_hears_words_and_says_for_filters_what_they_are_about(
    aws: Aws, admin: Admin, fresh: str
) -> None:
    topic = admin("sns").create_topic(Name=fresh)["TopicArn"]
    heard = heard_by(admin, fresh)
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{fresh}"
    admin("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    Topic(aws, topic)(HALTED)
    (told,) = heard()
    assert told["Message"] == (
        "Why: weights moved\n\nLook:     deployer --env prod status\nGo back:  deployer rollback\n"
        "\nReport: https://reports/1\n"
    )
    assert told["Subject"].startswith("shop/prod: v2 ? xxx")
    assert len(told["Subject"]) == LONGEST_SUBJECT
    attributes = {name: one["Value"] for name, one in told["MessageAttributes"].items()}
    assert attributes == {
        "id": HALTED.id, "kinds": '["halt","verdict"]', "service": "shop", "environment": "prod",
    }  # fmt: skip


def test_a_topic_that_takes_each_message_once_sees_one(aws: Aws, admin: Admin, fresh: str) -> None:
    topic = admin("sns").create_topic(Name=f"{fresh}.fifo", Attributes={"FifoTopic": "true"})
    heard = heard_by(admin, fresh)
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{fresh}"
    admin("sns").subscribe(TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=queue)
    Topic(aws, topic["TopicArn"])(HALTED)
    assert len(heard()) == 1


def test_a_topic_that_is_gone_is_told_to_the_caller(aws: Aws, fresh: str) -> None:
    with pytest.raises(ChangeRefused, match="sns:Publish"):
        Topic(aws, f"arn:aws:sns:us-east-1:{ACCOUNT}:{fresh}")(HALTED)


def test_a_bus_hears_the_document_and_rules_match_on_its_kind(
    aws: Aws, admin: Admin, fresh: str
) -> None:
    admin("events").create_event_bus(Name=fresh)
    heard = heard_by(admin, fresh)
    pattern = {"source": ["deployer"], "detail-type": ["Deployment halt"]}
    admin("events").put_rule(Name=fresh, EventBusName=fresh, EventPattern=json.dumps(pattern))
    queue = {"Id": "1", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{fresh}"}
    admin("events").put_targets(Rule=fresh, EventBusName=fresh, Targets=[queue])
    Bus(aws, fresh)(HALTED)
    (told,) = heard()
    assert told["detail-type"] == "Deployment halt"
    assert told["detail"]["id"] == HALTED.id
    assert told["detail"]["kinds"] == ["halt", "verdict"]
    assert told["detail"]["report"] == "https://reports/1"


def test_numbers_that_no_bus_takes_are_left_out(aws: Aws, admin: Admin, fresh: str) -> None:
    from dataclasses import replace

    admin("events").create_event_bus(Name=fresh)
    heard = heard_by(admin, fresh)
    admin("events").put_rule(Name=fresh, EventBusName=fresh, EventPattern='{"source":["deployer"]}')
    queue = {"Id": "1", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{fresh}"}
    admin("events").put_targets(Rule=fresh, EventBusName=fresh, Targets=[queue])
    Bus(aws, fresh)(replace(HALTED, detail={"much": "x" * 300_000}))
    assert [told["detail"]["detail"] for told in heard()] == [{}]


def test_secrets_are_read_from_where_the_reference_says(aws: Aws, admin: Admin, fresh: str) -> None:
    admin("ssm").put_parameter(Name=f"/{fresh}/url", Value="of ssm\n", Type="SecureString")
    admin("secretsmanager").create_secret(Name=f"{fresh}/a", SecretString="whole")
    admin("secretsmanager").create_secret(Name=f"{fresh}/b", SecretString='{"url": "inside"}')
    secrets = Secrets(aws, {"TOKEN": " of env "})
    assert secrets.read("env:TOKEN") == "of env"
    assert secrets.read(f"ssm:/{fresh}/url") == "of ssm"
    assert secrets.read(f"secretsmanager:{fresh}/a") == "whole"
    assert secrets.read(f"secretsmanager:{fresh}/b#url") == "inside"


@pytest.mark.parametrize(
    "reference",
    ["env:NONE", "ssm:/none/at/all", "secretsmanager:none", "secretsmanager:{}/flat#key"],
)
def test_what_is_not_there_is_named_and_what_is_there_is_not(
    aws: Aws, admin: Admin, fresh: str, reference: str
) -> None:
    admin("secretsmanager").create_secret(Name=f"{fresh}/flat", SecretString="hunter2")
    with pytest.raises(DeployError) as error:
        Secrets(aws, {}).read(reference.format(fresh))
    assert "hunter2" not in str(error.value)
    assert reference.partition(":")[2].format(fresh).partition("#")[0] in str(error.value)


def test_an_empty_variable_is_none() -> None:
    with pytest.raises(NotFound, match="env:EMPTY is empty"):
        Secrets(Aws("us-east-1"), {"EMPTY": " "}).read("env:EMPTY")


def test_no_client_sends_a_notice_again_by_itself() -> None:
    """botocore would, after a time-out: then what is told at most once would be told twice."""
    aws = Aws("us-east-1")
    for client in (aws.sns_once, aws.events):
        config: Any = client.meta.config
        assert config.retries["total_max_attempts"] == 1
        assert config.read_timeout <= 5


@pytest.mark.parametrize(
    ("title", "line"),
    [
        ("v2: because\nof Sun\u2028day\t!", "v2: because of Sun?day !"),
        ("\x1b[31mred\x7f", "[31mred"),
    ],
)
def test_a_subject_is_one_line(title: str, line: str) -> None:
    assert subject(title) == line
