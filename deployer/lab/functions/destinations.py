"""Telling queues and topics what became of an event; with the function's own role, as AWS does."""

import json
from typing import Any

from botocore.exceptions import ClientError

from deployer.lab.context import Context
from deployer.lab.functions.events import Event, GivenUp, attributes, record
from deployer.lab.functions.model import Function
from deployer.lab.functions.sandbox import Outcome
from deployer.lab.functions.session import client


def tell(
    context: Context, function: Function, event: Event, end: GivenUp, outcome: Outcome | None
) -> list[str]:
    """Send to what the function names; what went wrong with that, in words."""
    now = context.clock.now()
    wrong = []
    if function.dead_letters:
        body = event.payload.decode()
        beside = attributes(event, outcome)
        wrong.append(_send(context, function, function.dead_letters, body, beside))
    if function.asynchronous.on_failure:
        body = json.dumps(record(event, function, end, outcome, now))
        wrong.append(_send(context, function, function.asynchronous.on_failure, body, {}))
    return [each for each in wrong if each]


def _send(context: Context, function: Function, arn: str, body: str, beside: Any) -> str:
    service, name = arn.split(":")[2], arn.rsplit(":", 1)[1]
    try:
        sender = client(context, function.role, function.name, service)
        if service == "sns":
            sender.publish(TopicArn=arn, Message=body, MessageAttributes=beside)
        else:
            url = f"{context.endpoint}/{context.account}/{name}"
            sender.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=beside)
    except ClientError as error:
        return f"{arn}: {error}"
    return ""
