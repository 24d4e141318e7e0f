"""CloudWatch and a topic: its policy decides, and one of its own takes the default's place."""

import json
from typing import Any

import pytest

from deployer.lab import actions, inprocess, server
from deployer.lab.context import Context
from deployer.lab.iam.patterns import Unsupported
from deployer.lab.iam.services import CLOUDWATCH, may_publish
from deployer.process.clock import ScaledClock
from tests.iam.conftest import ACCOUNT, allow, deny

ALARM = f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:shop-lab-users"
OVER_TLS = deny("sns:Publish", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})
OURS = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
THEIRS = {"StringEquals": {"aws:SourceAccount": "999999999999"}}
SERVICE = {"Service": CLOUDWATCH}


@pytest.fixture(name="context")
def _context(tmp_path: Any) -> Context:
    server.reset()
    made = Context(tmp_path, 78, "http://localhost:9", ScaledClock(1_700_000_000.0, 1.0))
    actions.install(made)
    return made


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        (None, True),  # the default policy: whoever acts for this account
        ([OVER_TLS], False),
        ([OVER_TLS, allow("sns:Publish", Principal=SERVICE)], True),
        ([OVER_TLS, allow("sns:Publish", Principal=SERVICE, Condition=OURS)], True),
        ([OVER_TLS, allow("sns:Publish", Principal=SERVICE, Condition=THEIRS)], False),
        ([allow("sns:Publish", Principal={"Service": "events.amazonaws.com"})], False),
        ([allow("sns:Publish", Principal=SERVICE), deny("sns:*", Principal="*")], False),
        ([allow("sns:Subscribe", Principal=SERVICE)], False),
    ],
)
def test_cloudwatch_publishes_where_the_topics_policy_lets_it(
    context: Context, statements: list[Any] | None, *, allowed: bool
) -> None:
    sns = inprocess.client(context, "sns")
    topic = sns.create_topic(Name="people")["TopicArn"]
    if statements is not None:
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    assert may_publish(context, ALARM, topic).allowed is allowed


def test_what_the_policy_says_beyond_the_lab_is_never_a_yes(context: Context) -> None:
    sns = inprocess.client(context, "sns")
    topic = sns.create_topic(Name="people")["TopicArn"]
    near = allow("sns:Publish", Principal="*", Condition={"IpAddress": {"aws:SourceIp": "::/0"}})
    policy = json.dumps({"Version": "2012-10-17", "Statement": [near]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    with pytest.raises(Unsupported, match="condition operator IpAddress"):
        may_publish(context, ALARM, topic)
