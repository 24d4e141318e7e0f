"""Composite alarms, dashboards, topics and queues of a stack: made, changed, refused, deleted."""

import json
from typing import Any

import pytest

from deployer.lab.context import Context
from deployer.lab.telemetry.telemetry import Telemetry
from tests.lab_core.monitored import Silence, monitored, resource
from tests.lab_core.stacks import Cloud, template


@pytest.fixture(name="watched")
def _watched(context: Context, cloud: Cloud) -> Cloud:
    Telemetry(context, Silence())
    return cloud


def body_of(cloud: Cloud, name: str) -> dict[str, Any]:
    told = cloud.client("cloudwatch").get_dashboard(DashboardName=name)
    parsed: dict[str, Any] = json.loads(told["DashboardBody"])
    return parsed


def test_they_change_in_place_and_leave_nothing(watched: Cloud) -> None:
    assert watched.create("s", template(monitored("a")))["StackStatus"] == "CREATE_COMPLETE"
    ids = watched.physical_ids("s")
    done = watched.update("s", template(monitored("b")))
    assert done["StackStatus"] == "UPDATE_COMPLETE", watched.reasons("s")
    assert watched.physical_ids("s") == ids
    cloudwatch, sqs = watched.client("cloudwatch"), watched.client("sqs")
    assert body_of(watched, ids["Board"])["widgets"][0]["properties"]["markdown"] == "b"
    (users,) = cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert users["AlarmDescription"] == "b"
    assert sqs.list_queue_tags(QueueUrl=ids["Queue"])["Tags"]["word"] == "b"
    policy = sqs.get_queue_attributes(QueueUrl=ids["Queue"], AttributeNames=["Policy"])
    assert json.loads(policy["Attributes"]["Policy"])["Statement"][0]["Sid"] == "b"
    watched.delete("s")
    assert cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"] == []
    assert cloudwatch.list_dashboards()["DashboardEntries"] == []
    assert "QueueUrls" not in sqs.list_queues()


def test_an_alarm_of_alarms_is_heard_in_the_queue(watched: Cloud) -> None:
    watched.create("s", template(monitored("a")))
    ids, sqs = watched.physical_ids("s"), watched.client("sqs")
    watched.client("cloudwatch").set_alarm_state(
        AlarmName="own-errors", StateValue="ALARM", StateReason="tried"
    )
    (heard,) = sqs.receive_message(QueueUrl=ids["Queue"])["Messages"]
    told = json.loads(heard["Body"])
    assert (told["AlarmName"], told["NewStateValue"]) == ("users", "ALARM")


def test_a_topic_whose_policy_names_nobody_hears_no_alarm_and_the_history_says_so(
    watched: Cloud,
) -> None:
    """What an `enforce_ssl` topic of the CDK is like without a word for CloudWatch."""
    plain = {"Bool": {"aws:SecureTransport": "false"}}
    only_tls = {"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": "*"}
    policy = resource(
        "SNS::TopicPolicy",
        Topics=[{"Ref": "Topic"}],
        PolicyDocument={"Version": "2012-10-17", "Statement": [only_tls | {"Condition": plain}]},
    )
    watched.create("s", template({**monitored("a"), "Policy": policy}))
    ids, cloudwatch = watched.physical_ids("s"), watched.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName="own-errors", StateValue="ALARM", StateReason="tried")
    assert "Messages" not in watched.client("sqs").receive_message(QueueUrl=ids["Queue"])
    history = cloudwatch.describe_alarm_history(
        AlarmName="users", AlarmTypes=["CompositeAlarm"], HistoryItemType="Action"
    )
    (noted,) = history["AlarmHistoryItems"]
    assert "alarm:users is not authorized to perform: SNS:Publish" in noted["HistorySummary"]


def test_a_dashboards_tags_follow_the_template(watched: Cloud) -> None:
    watched.create("s", template(monitored("a")))
    watched.update("s", template(monitored("b")))
    cloudwatch = watched.client("cloudwatch")
    (board,) = cloudwatch.list_dashboards()["DashboardEntries"]
    tags = cloudwatch.list_tags_for_resource(ResourceARN=board["DashboardArn"])["Tags"]
    assert {"Key": "word", "Value": "b"} in tags


REFUSED = [
    ("not json", "The body is not JSON"),
    ("{}", "The body needs `widgets`"),
    ('{"widgets": [{"type": "clock"}]}', "/widgets/0/type is 'clock'"),
    ('{"widgets": [{"type": "text"}]}', "/widgets/0/properties is missing"),
    ('{"widgets": [{"type": "text", "width": 25, "properties": {}}]}', "must be 1 to 24"),
]


@pytest.mark.parametrize(("body", "reason"), REFUSED)
def test_a_dashboard_that_cloudwatch_would_refuse(watched: Cloud, body: str, reason: str) -> None:
    board = resource("CloudWatch::Dashboard", DashboardBody=body)
    watched.create("s", template({"Board": board}))
    assert watched.status("s") == "ROLLBACK_COMPLETE"
    assert reason in watched.reasons("s")["Board"]


def test_a_dashboard_that_is_not_there(watched: Cloud) -> None:
    cloudwatch = watched.client("cloudwatch")
    with pytest.raises(cloudwatch.exceptions.ClientError, match="does not exist"):
        cloudwatch.get_dashboard(DashboardName="none")
    with pytest.raises(cloudwatch.exceptions.ClientError, match="does not exist"):
        cloudwatch.delete_dashboards(DashboardNames=["none"])


NOT_SIMULATED = [
    (
        resource(
            "SNS::Subscription",
            TopicArn="arn:aws:sns:us-east-1:1:t",
            Protocol="lambda",
            Endpoint="x",
        ),
        "the protocol lambda",
    ),
    (
        resource(
            "CloudWatch::CompositeAlarm",
            AlarmRule="TRUE",
            ActionsSuppressor="a",
            ActionsSuppressorWaitPeriod=1,
            ActionsSuppressorExtensionPeriod=1,
        ),
        "ActionsSuppressor",
    ),
    (resource("SQS::Queue", FifoQueue=True), "FifoQueue"),
    (resource("AutoScaling::ScalingPolicy", StepAdjustments=[]), "StepAdjustments"),
    (resource("AutoScaling::ScheduledAction"), "AWS::AutoScaling::ScheduledAction"),
    (resource("Batch::JobQueue"), "AWS::Batch::JobQueue"),
]


@pytest.mark.parametrize(("one", "what"), NOT_SIMULATED, ids=[what for _, what in NOT_SIMULATED])
def test_what_is_not_simulated_is_refused_by_name(
    watched: Cloud, one: dict[str, Any], what: str
) -> None:
    watched.create("s", template({"One": one}))
    assert watched.status("s") == "ROLLBACK_COMPLETE"
    assert what in watched.reasons("s")["One"]
