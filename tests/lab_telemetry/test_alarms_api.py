"""Alarms through boto3: their settings, states, history, actions."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deployer.lab import inprocess
from deployer.lab.context import Context
from deployer.lab.telemetry.telemetry import Telemetry
from tests.lab_telemetry.conftest import T0, Hand
from tests.lab_telemetry.test_metrics_api import SPACE, metric, put, refusal

SETTINGS: dict[str, Any] = {
    "AlarmName": "errors",
    "Namespace": SPACE,
    "MetricName": "Errors",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 5.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


def alarm(cloudwatch: Any, **more: Any) -> None:
    chosen = {**SETTINGS, **more}
    cloudwatch.put_metric_alarm(
        **{key: value for key, value in chosen.items() if value is not None}
    )


def state(cloudwatch: Any, name: str = "errors") -> str:
    answer = cloudwatch.describe_alarms(
        AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    found = answer["MetricAlarms"] or answer["CompositeAlarms"]
    return str(found[0]["StateValue"])


class Minutes:
    """Lets virtual minutes pass."""

    def __init__(self, telemetry: Telemetry, hand: type[Hand]) -> None:
        self.telemetry, self.hand = telemetry, hand

    def __call__(self, count: int = 1) -> None:
        for _ in range(count):
            self.hand.time += 60
            self.telemetry.tick(self.hand.time)


@pytest.fixture
def minutes(telemetry: Telemetry, hand: type[Hand]) -> Minutes:
    return Minutes(telemetry, hand)


def test_an_alarm_begins_without_data_and_follows_its_metric(
    cloudwatch: Any, minutes: Minutes
) -> None:
    alarm(cloudwatch)
    seen = [state(cloudwatch)]
    for offset, value in ((0, 9), (60, 1), (120, 6)):
        put(cloudwatch, "Errors", offset, value)
        minutes()
        seen.append(state(cloudwatch))
    assert seen == ["INSUFFICIENT_DATA", "ALARM", "OK", "ALARM"]
    minutes(3)
    assert state(cloudwatch) == "INSUFFICIENT_DATA"  # the metric has stopped flowing


def test_settings_are_described_as_they_were_put(cloudwatch: Any) -> None:
    more = {
        "DatapointsToAlarm": 1,
        "TreatMissingData": "notBreaching",
        "Dimensions": [{"Name": "Slot", "Value": "blue"}],
        "AlarmDescription": "too many",
        "AlarmActions": ["arn:aws:sns:us-east-1:123456789012:ops"],
    }
    alarm(cloudwatch, **more)
    (found,) = cloudwatch.describe_alarms()["MetricAlarms"]
    assert {key: found[key] for key in (*SETTINGS, *more)} == {**SETTINGS, **more}
    assert found["AlarmArn"] == "arn:aws:cloudwatch:us-east-1:123456789012:alarm:errors"
    assert found["ActionsEnabled"] is True
    assert found["StateTransitionedTimestamp"].timestamp() == T0


def test_m_out_of_n(cloudwatch: Any, minutes: Minutes) -> None:
    alarm(cloudwatch, EvaluationPeriods=3, DatapointsToAlarm=2, TreatMissingData="notBreaching")
    seen = []
    for offset, value in ((0, 9), (60, 0), (120, 9), (180, 0), (240, 0)):
        put(cloudwatch, "Errors", offset, value)
        minutes()
        seen.append(state(cloudwatch))
    assert seen == ["OK", "OK", "ALARM", "OK", "OK"]


@pytest.mark.parametrize(
    ("treat", "expected"),
    [
        ("breaching", "ALARM"),
        ("notBreaching", "OK"),
        ("missing", "INSUFFICIENT_DATA"),
        ("ignore", "OK"),
    ],
)
def test_treatment_of_missing_data(
    cloudwatch: Any, minutes: Minutes, treat: str, expected: str
) -> None:
    alarm(cloudwatch, TreatMissingData=treat)
    put(cloudwatch, "Errors", 0, 0)
    minutes()
    assert state(cloudwatch) == "OK"
    minutes(3)
    assert state(cloudwatch) == expected


def test_a_percentile_alarm(cloudwatch: Any, minutes: Minutes) -> None:
    alarm(cloudwatch, Statistic=None, ExtendedStatistic="p90")
    put(cloudwatch, "Errors", 0, Values=[1.0, 9.0], Counts=[80, 20])
    minutes()
    assert state(cloudwatch) == "ALARM"


def test_a_percentile_of_few_samples_can_be_ignored(cloudwatch: Any, minutes: Minutes) -> None:
    """10/(1-0.9) = 100 samples are needed."""
    alarm(
        cloudwatch,
        Statistic=None,
        ExtendedStatistic="p90",
        EvaluateLowSampleCountPercentile="ignore",
    )
    put(cloudwatch, "Errors", 0, Values=[9.0], Counts=[99])
    minutes()
    assert state(cloudwatch) == "INSUFFICIENT_DATA"
    put(cloudwatch, "Errors", 60, Values=[9.0], Counts=[100])
    minutes()
    assert state(cloudwatch) == "ALARM"


def test_an_alarm_on_metric_math(cloudwatch: Any, minutes: Minutes) -> None:
    queries = [
        {**metric("Requests"), "ReturnData": False},
        {**metric("Errors"), "ReturnData": False},
        {"Id": "rate", "Expression": "IF(requests > 0, 100 * FILL(errors, 0) / requests)"},
    ]
    single = ("Namespace", "MetricName", "Statistic", "Period")
    alarm(cloudwatch, Metrics=queries, **dict.fromkeys(single))
    put(cloudwatch, "Requests", 0, 100)
    minutes()
    assert state(cloudwatch) == "OK"
    put(cloudwatch, "Requests", 60, 100)
    put(cloudwatch, "Errors", 60, 20)
    minutes()
    assert state(cloudwatch) == "ALARM"
    (found,) = cloudwatch.describe_alarms()["MetricAlarms"]
    assert [one["Id"] for one in found["Metrics"]] == ["requests", "errors", "rate"]
    assert "20" in found["StateReason"]


def test_windows_longer_than_a_minute_slide(cloudwatch: Any, minutes: Minutes) -> None:
    alarm(cloudwatch, Period=300)
    for offset in range(0, 300, 60):
        put(cloudwatch, "Errors", offset, 2)
    minutes(2)
    assert state(cloudwatch) == "OK"  # 4 so far
    minutes(1)
    assert state(cloudwatch) == "ALARM"  # 6, although the five minutes are not over


def test_an_update_keeps_the_state(cloudwatch: Any, minutes: Minutes) -> None:
    alarm(cloudwatch)
    put(cloudwatch, "Errors", 0, 9)
    minutes()
    alarm(cloudwatch, Threshold=100.0)
    assert state(cloudwatch) == "ALARM"
    minutes()
    assert state(cloudwatch) == "OK"


SNS = "arn:aws:sns:us-east-1:123456789012:ops"


@pytest.mark.parametrize(
    ("wrong", "code", "says"),
    [
        ({"MetricName": None}, "ValidationError", "MetricName"),
        ({"Namespace": None}, "MissingParameter", "Namespace"),
        ({"Statistic": None}, "ValidationError", "Statistic"),
        ({"ExtendedStatistic": "p99"}, "ValidationError", "Statistic"),
        ({"Statistic": None, "ExtendedStatistic": "wm99"}, "NotImplemented", "wm99"),
        ({"Period": None}, "MissingParameter", "Period"),
        ({"Period": 30}, "NotImplemented", "high-resolution"),
        ({"Period": 61}, "ValidationError", "Period"),
        ({"Threshold": None}, "MissingParameter", "Threshold"),
        ({"DatapointsToAlarm": 2}, "ValidationError", "DatapointsToAlarm"),
        ({"EvaluationPeriods": 1441}, "ValidationError", "a day"),
        ({"TreatMissingData": "perhaps"}, "ValidationError", "TreatMissingData"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "NotImplemented", "anomaly"),
        ({"AlarmActions": ["arn:aws:automate:us-east-1:ec2:stop"]}, "NotImplemented", "ec2:stop"),
        ({"OKActions": [f"{SNS}{n}" for n in range(6)]}, "ValidationError", "OKActions"),
        ({"EvaluateLowSampleCountPercentile": "ignore"}, "ValidationError", "percentile"),
        ({"ThresholdMetricId": "a"}, "NotImplemented", "ThresholdMetricId"),
        ({"Metrics": [metric("A")]}, "ValidationError", "Exactly one"),
        ({"AlarmName": "a\n"}, "ValidationError", "AlarmName"),
    ],
)
def test_put_metric_alarm_refuses(
    cloudwatch: Any, wrong: dict[str, Any], code: str, says: str
) -> None:
    chosen = {key: value for key, value in {**SETTINGS, **wrong}.items() if value is not None}
    found, message = refusal(cloudwatch.put_metric_alarm, **chosen)
    assert (found, says in message) == (code, True), message
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


@pytest.mark.parametrize(
    "metrics",
    [
        [metric("A"), metric("B")],
        [{**metric("A"), "ReturnData": False}],
        [{**metric("A"), "ReturnData": False}, {**metric("B", period=300), "ReturnData": False},
         {"Id": "c", "Expression": "a"}],
        [{"Id": "c", "Expression": "TIME_SERIES(1)"}],
        [{**metric("A"), "Id": f"a{n}", "ReturnData": n == 0} for n in range(11)],
    ],
)  # fmt: skip
def test_metric_math_alarms_that_are_refused(cloudwatch: Any, metrics: list[Any]) -> None:
    single = ("Namespace", "MetricName", "Statistic", "Period")
    chosen = {key: value for key, value in SETTINGS.items() if key not in single}
    assert refusal(cloudwatch.put_metric_alarm, **chosen, Metrics=metrics)[0] == "ValidationError"


def test_describe_alarms_shows_metric_alarms_only_unless_asked(cloudwatch: Any) -> None:
    alarm(cloudwatch)
    cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(errors)")
    answer = cloudwatch.describe_alarms()
    assert [one["AlarmName"] for one in answer["MetricAlarms"]] == ["errors"]
    assert answer["CompositeAlarms"] == []
    assert cloudwatch.describe_alarms(AlarmNames=["both"])["CompositeAlarms"] == []
    answer = cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])
    assert [one["AlarmName"] for one in answer["CompositeAlarms"]] == ["both"]
    assert answer["MetricAlarms"] == []


def test_describe_alarms_filters_and_pages(cloudwatch: Any) -> None:
    for name in ("shop-a", "shop-b", "other"):
        alarm(cloudwatch, AlarmName=name, AlarmActions=[SNS] if name == "other" else [])
    cloudwatch.set_alarm_state(AlarmName="shop-b", StateValue="OK", StateReason="test")

    def names(**asked: Any) -> list[str]:
        pages = cloudwatch.get_paginator("describe_alarms").paginate(**asked)
        return [one["AlarmName"] for page in pages for one in page["MetricAlarms"]]

    assert names() == ["other", "shop-a", "shop-b"]
    assert names(MaxRecords=1) == ["other", "shop-a", "shop-b"]
    assert names(AlarmNamePrefix="shop-") == ["shop-a", "shop-b"]
    assert names(AlarmNames=["shop-a", "unknown"]) == ["shop-a"]
    assert names(StateValue="OK") == ["shop-b"]
    assert names(ActionPrefix="arn:aws:sns") == ["other"]
    both = {"AlarmNames": ["a"], "AlarmNamePrefix": "b"}
    assert refusal(cloudwatch.describe_alarms, **both)[0] == "ValidationError"
    assert refusal(cloudwatch.describe_alarms, ChildrenOfAlarmName="a")[0] == "NotImplemented"
    assert refusal(cloudwatch.describe_alarms, NextToken="x")[0] == "InvalidNextToken"


def test_alarms_of_a_metric(cloudwatch: Any) -> None:
    alarm(cloudwatch)
    alarm(cloudwatch, AlarmName="other", MetricName="Visits")
    asked = {"Namespace": SPACE, "MetricName": "Errors"}
    found = cloudwatch.describe_alarms_for_metric(**asked)["MetricAlarms"]
    assert [one["AlarmName"] for one in found] == ["errors"]
    assert cloudwatch.describe_alarms_for_metric(**asked, Period=300)["MetricAlarms"] == []
    dimensions = [{"Name": "Slot", "Value": "blue"}]
    answer = cloudwatch.describe_alarms_for_metric(**asked, Dimensions=dimensions)
    assert answer["MetricAlarms"] == []


def test_set_alarm_state_lasts_until_the_next_evaluation(cloudwatch: Any, minutes: Minutes) -> None:
    alarm(cloudwatch, TreatMissingData="notBreaching")
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="drill")
    (found,) = cloudwatch.describe_alarms()["MetricAlarms"]
    assert (found["StateValue"], found["StateReason"]) == ("ALARM", "drill")
    minutes()
    assert state(cloudwatch) == "OK"


def test_set_alarm_state_refuses(cloudwatch: Any) -> None:
    alarm(cloudwatch)
    call = cloudwatch.set_alarm_state
    assert refusal(call, AlarmName="no", StateValue="OK", StateReason="x")[0] == "ResourceNotFound"
    assert (
        refusal(call, AlarmName="errors", StateValue="BAD", StateReason="x")[0] == "ValidationError"
    )
    wrong = {"StateReason": "x", "StateReasonData": "{"}
    assert refusal(call, AlarmName="errors", StateValue="OK", **wrong)[0] == "InvalidFormat"


def test_history_is_kept_even_of_deleted_alarms(cloudwatch: Any, minutes: Minutes) -> None:
    alarm(cloudwatch, TreatMissingData="breaching")
    minutes()
    cloudwatch.delete_alarms(AlarmNames=["errors", "unknown"])
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []
    items = cloudwatch.describe_alarm_history(AlarmName="errors")["AlarmHistoryItems"]
    assert [item["HistoryItemType"] for item in items] == [
        "ConfigurationUpdate",
        "StateUpdate",
        "ConfigurationUpdate",
    ]
    assert items[1]["HistorySummary"] == "Alarm updated from INSUFFICIENT_DATA to ALARM"
    assert json.loads(items[1]["HistoryData"])["newState"] == "ALARM"
    ascending = cloudwatch.describe_alarm_history(
        ScanBy="TimestampAscending", HistoryItemType="StateUpdate", MaxRecords=1
    )
    assert ascending["AlarmHistoryItems"] == [items[1]]
    assert (
        cloudwatch.describe_alarm_history(AlarmTypes=["CompositeAlarm"])["AlarmHistoryItems"] == []
    )


def test_composite_alarms_follow_their_children(cloudwatch: Any, minutes: Minutes) -> None:
    alarm(cloudwatch, TreatMissingData="notBreaching")
    alarm(cloudwatch, AlarmName="slow", TreatMissingData="notBreaching", MetricName="Time")
    cloudwatch.put_composite_alarm(AlarmName="bad", AlarmRule="ALARM(errors) OR ALARM(slow)")
    cloudwatch.put_composite_alarm(AlarmName="top", AlarmRule="ALARM(bad) AND NOT ALARM(slow)")
    seen = [(state(cloudwatch, "bad"), state(cloudwatch, "top"))]
    for values in ({"Errors": 9, "Time": 0}, {"Errors": 9, "Time": 9}, {"Errors": 0, "Time": 0}):
        for name, value in values.items():
            put(cloudwatch, name, minutes.hand.time - T0, value)
        minutes()
        seen.append((state(cloudwatch, "bad"), state(cloudwatch, "top")))
    assert seen == [("OK", "OK"), ("ALARM", "ALARM"), ("ALARM", "OK"), ("OK", "OK")]


def test_a_composite_alarm_follows_a_child_that_is_set(cloudwatch: Any) -> None:
    alarm(cloudwatch)
    cloudwatch.put_composite_alarm(AlarmName="bad", AlarmRule="ALARM(errors)")
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="drill")
    assert state(cloudwatch, "bad") == "ALARM"


def test_composite_alarms_that_are_refused(cloudwatch: Any) -> None:
    alarm(cloudwatch)
    put_composite = cloudwatch.put_composite_alarm
    put_composite(AlarmName="a", AlarmRule="ALARM(errors)")
    put_composite(AlarmName="b", AlarmRule="ALARM(a)")
    for wrong, code, says in (
        ({"AlarmName": "c", "AlarmRule": "ALARM(nobody)"}, "ValidationError", "nobody"),
        ({"AlarmName": "c", "AlarmRule": "ALARM("}, "ValidationError", "AlarmRule"),
        ({"AlarmName": "a", "AlarmRule": "ALARM(b)"}, "ValidationError", "itself"),
        ({"AlarmName": "c", "AlarmRule": "ALARM(c)"}, "ValidationError", "itself"),
        ({"AlarmName": "errors", "AlarmRule": "TRUE"}, "ValidationError", "other type"),
        (
            {"AlarmName": "c", "AlarmRule": "TRUE", "ActionsSuppressor": "a"},
            "NotImplemented",
            "Suppressor",
        ),
    ):
        found, message = refusal(put_composite, **wrong)
        assert (found, says in message) == (code, True), message
    for names in (["a"], ["errors"], ["a", "b"]):
        assert refusal(cloudwatch.delete_alarms, AlarmNames=names)[0] == "ValidationError"
    for name in ("b", "a", "errors"):
        cloudwatch.delete_alarms(AlarmNames=[name])
    assert cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"] == []


@pytest.fixture
def mailbox(context: Context) -> Any:
    """A topic with a queue behind it: (topic ARN, function that empties the queue)."""
    sns, sqs = inprocess.client(context, "sns"), inprocess.client(context, "sqs")
    topic = sns.create_topic(Name="ops")["TopicArn"]
    queue = sqs.create_queue(QueueName="ops")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def empty() -> list[tuple[str, dict[str, Any]]]:
        got = []
        while messages := sqs.receive_message(QueueUrl=queue).get("Messages"):
            for message in messages:
                body = json.loads(message["Body"])
                got.append((body["Subject"], json.loads(body["Message"])))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return got

    return topic, empty


def test_topics_are_told_once_for_each_change(
    cloudwatch: Any, minutes: Minutes, mailbox: Any
) -> None:
    topic, empty = mailbox
    alarm(cloudwatch, AlarmActions=[topic], TreatMissingData="breaching")
    minutes(3)
    ((subject, message),) = empty()
    assert subject.startswith('ALARM: "errors"')
    assert (message["OldStateValue"], message["NewStateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    assert message["Trigger"]["MetricName"] == "Errors"
    items = cloudwatch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"]
    assert [topic in item["HistorySummary"] for item in items] == [True]


def test_disabled_actions_tell_nobody(cloudwatch: Any, minutes: Minutes, mailbox: Any) -> None:
    topic, empty = mailbox
    alarm(cloudwatch, AlarmActions=[topic], OKActions=[topic], TreatMissingData="breaching")
    cloudwatch.disable_alarm_actions(AlarmNames=["errors", "unknown"])
    minutes()
    assert (state(cloudwatch), empty()) == ("ALARM", [])
    cloudwatch.enable_alarm_actions(AlarmNames=["errors"])
    put(cloudwatch, "Errors", 60, 0)
    minutes()
    assert [subject.split(":")[0] for subject, _ in empty()] == ["OK"]


def test_a_topic_that_does_not_exist_is_seen_in_the_history(
    cloudwatch: Any, minutes: Minutes
) -> None:
    alarm(cloudwatch, AlarmActions=[f"{SNS}-gone"], TreatMissingData="breaching")
    minutes()
    assert state(cloudwatch) == "ALARM"
    (item,) = cloudwatch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"]
    assert item["HistorySummary"].startswith("Failed to execute action")


def test_tags(cloudwatch: Any) -> None:
    alarm(cloudwatch, Tags=[{"Key": "a", "Value": "1"}])
    (found,) = cloudwatch.describe_alarms()["MetricAlarms"]
    arn = found["AlarmArn"]
    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [
        {"Key": "b", "Value": "2"}
    ]
    with pytest.raises(ClientError):
        cloudwatch.list_tags_for_resource(ResourceARN=arn + "x")
