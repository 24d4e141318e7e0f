"""Telling SNS topics that an alarm has changed its state."""

import json
from typing import Any

from botocore.exceptions import ClientError

from deployer.lab import inprocess
from deployer.lab.context import Context
from deployer.lab.iam.patterns import Unsupported
from deployer.lab.iam.services import may_publish
from deployer.lab.ringing import PREFIX
from deployer.lab.telemetry.alarm_book import AlarmBook, Transition
from deployer.lab.telemetry.requests import moment

_OF_THE_TRIGGER = (
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Unit",
    "Period",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "ComparisonOperator",
    "Threshold",
    "TreatMissingData",
)


def message(transition: Transition, account: str, region: str) -> dict[str, Any]:
    """The JSON document that CloudWatch sends to a topic."""
    alarm, settings = transition.alarm, transition.alarm.settings
    trigger = {key: settings[key] for key in _OF_THE_TRIGGER if settings.get(key) is not None}
    trigger["Dimensions"] = [
        {"name": one["Name"], "value": one["Value"]} for one in settings.get("Dimensions") or ()
    ]
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": settings.get("AlarmDescription"),
        "AWSAccountId": account,
        "AlarmConfigurationUpdatedTimestamp": moment(alarm.configured_at).isoformat(),
        "NewStateValue": transition.after,
        "NewStateReason": alarm.reason,
        "StateChangeTime": moment(transition.at).isoformat(),
        "Region": region,
        "AlarmArn": alarm.arn,
        "OldStateValue": transition.before,
        "OKActions": settings.get("OKActions") or [],
        "AlarmActions": settings.get("AlarmActions") or [],
        "InsufficientDataActions": settings.get("InsufficientDataActions") or [],
        **({"Trigger": trigger} if alarm.watch else {"AlarmRule": settings["AlarmRule"]}),
    }


def tell(context: Context, book: AlarmBook, transitions: list[Transition]) -> None:
    """Publish to each topic that the alarms name; a topic that does not exist is history.

    CloudWatch does not check actions when an alarm is put; a failed one is seen in its history.
    """
    for transition in transitions:
        content = json.dumps(message(transition, context.account, context.region))
        for arn in transition.actions:
            if arn.startswith(PREFIX):
                continue  # told once a minute, not once (deployer.lab.ringing)
            subject = f'{transition.after}: "{transition.alarm.name}" in {context.region}'
            refused = _refusal(context, transition.alarm.arn, arn)
            if refused:
                book.note_action(transition, f"Failed to execute action {arn}. {refused}")
                continue
            try:
                inprocess.client(context, "sns").publish(
                    TopicArn=arn, Subject=subject[:100], Message=content
                )
            except ClientError as error:
                book.note_action(transition, f"Failed to execute action {arn}: {error}")
            else:
                book.note_action(transition, f"Successfully executed action {arn}")


def _refusal(context: Context, alarm: str, topic: str) -> str:
    """What CloudWatch notes when the topic's policy does not let it in; empty: it does."""
    try:
        decision = may_publish(context, alarm, topic)
    except Unsupported as error:
        return f"The lab cannot tell whether it may: {error}"
    if decision.allowed:
        return ""
    return (
        f'Received error: "Resource: {alarm} is not authorized to perform: SNS:Publish on resource: '
        f'{topic} {decision.why}"'
    )
