"""What tells people: an alarm of alarms, a dashboard, a topic, and a queue that hears it."""

import json
from typing import Any

from deployer.lab.traffic import Traffic


class Silence:
    """A TrafficSource without traffic."""

    def read(self) -> Traffic:
        return Traffic()


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def alarm(threshold: int) -> dict[str, Any]:
    return resource(
        "CloudWatch::Alarm",
        AlarmName="own-errors",
        Namespace="Own",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=threshold,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )


def monitored(word: str, body: str = "") -> dict[str, Any]:
    """`word` is in everything that an update may change."""
    queue = {"Fn::GetAtt": ["Queue", "Arn"]}
    text = {"type": "text", "width": 24, "properties": {"markdown": word}}
    return {
        "Topic": resource("SNS::Topic"),
        "Queue": resource(
            "SQS::Queue",
            MessageRetentionPeriod=3600,
            Tags=[{"Key": "word", "Value": word}],
        ),
        "Open": resource(
            "SQS::QueuePolicy",
            Queues=[{"Ref": "Queue"}],
            PolicyDocument={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": word,
                        "Effect": "Allow",
                        "Principal": {"Service": "sns.amazonaws.com"},
                        "Action": "sqs:SendMessage",
                        "Resource": queue,
                    }
                ],
            },
        ),
        "Heard": resource(
            "SNS::Subscription",
            TopicArn={"Ref": "Topic"},
            Protocol="sqs",
            Endpoint=queue,
            RawMessageDelivery=True,
        ),
        "Errors": alarm(0),
        "Users": resource(
            "CloudWatch::CompositeAlarm",
            AlarmName="users",
            AlarmDescription=word,
            AlarmRule={"Fn::Sub": 'ALARM("${Errors.Arn}")'},
            AlarmActions=[{"Ref": "Topic"}],
        ),
        "Board": resource(
            "CloudWatch::Dashboard",
            DashboardBody=body or json.dumps({"widgets": [text]}),
            Tags=[{"Key": "word", "Value": word}],
        ),
    }
