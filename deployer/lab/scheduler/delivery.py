"""Carrying out what a schedule is due for: its target called under its role, tried again, or given up.

Lambda is called asynchronously: whether the function then fails is Lambda's affair, and its own
retries'. Refusals that time does not heal (no permission, no such target) are not tried again.
Source: EventBridge Scheduler User Guide, "Using templated targets", "Configuring a dead-letter
queue", "Adding context attributes"; EventBridge User Guide, "Retry policy" (what is not tried
again). How long a retry waits is not documented; here 30 s, doubled each time, 15 minutes at most.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from deployer.lab import inprocess
from deployer.lab.context import Context
from deployer.lab.iam.acting import Acting
from deployer.lab.scheduler.requests import LAMBDA
from deployer.lab.wire import Refused

SERVICE = "scheduler.amazonaws.com"
PASSING = ("Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded")
FIRST_WAIT_S, LONGEST_WAIT_S = 30.0, 900.0
_log = logging.getLogger("deployer.lab")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One occurrence of a schedule, on its way to the target.

    target:       as the schedule had it when it was due.
    scheduled_at: the time for which it was due; due_at: when it is tried (again); epoch seconds.
    attempt:      from 1.
    """

    schedule_arn: str
    target: Mapping[str, Any]
    id: str
    scheduled_at: float
    due_at: float
    attempt: int = 1

    @property
    def payload(self) -> str:
        """The target's input, with what it asks for about this occurrence."""
        text = str(self.target["Input"])
        for key, value in {
            "schedule-arn": self.schedule_arn,
            "scheduled-time": _iso(self.scheduled_at),
            "execution-id": self.id,
            "attempt-number": str(self.attempt),
        }.items():
            text = text.replace(f"<aws.scheduler.{key}>", value)
        return text

    def again(self, now: float) -> "Delivery | None":
        """The next attempt; None: the retry policy allows none."""
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (self.attempt - 1))
        later = replace(self, attempt=self.attempt + 1, due_at=now + wait_s)
        return None if exhausted(later, later.due_at) else later


def exhausted(delivery: Delivery, now: float) -> str | None:
    """Which limit of the retry policy keeps it from being tried now. Pure."""
    policy = delivery.target["RetryPolicy"]
    if delivery.attempt - 1 > policy["MaximumRetryAttempts"]:
        return "MaximumRetryAttempts"
    if now - delivery.scheduled_at > policy["MaximumEventAgeInSeconds"]:
        return "MaximumEventAgeInSeconds"
    return None


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a target was not reached; `passing`: it may be next time."""

    code: str
    message: str
    passing: bool


class Courier:
    """Makes the calls. Without the lab's lock: they take it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._acting = Acting(context, SERVICE)

    def trusted(self, role_arn: str, schedule_arn: str) -> None:
        """Raises Refused: the role does not let the scheduler become it."""
        self._acting.trusted(role_arn, schedule_arn)

    def deliver(self, delivery: Delivery, now: float) -> Delivery | None:
        """Try once; what is to be tried later."""
        failed = self._try(delivery)
        if failed is None:
            return None
        later = delivery.again(now) if failed.passing else None
        if later is None:
            self._give_up(delivery, failed)
        return later

    def _try(self, delivery: Delivery) -> Failed | None:
        arn = str(delivery.target["Arn"])
        try:
            if LAMBDA in arn:
                self._client(delivery, "lambda").invoke(
                    FunctionName=arn, InvocationType="Event", Payload=delivery.payload.encode()
                )
            else:
                self._client(delivery, "stepfunctions").start_execution(
                    stateMachineArn=arn, name=delivery.id, input=delivery.payload
                )
        except ClientError as error:
            return _failed(error)
        except Refused as error:
            return Failed(error.code, error.message, passing=False)
        return None

    def _client(self, delivery: Delivery, service: str) -> Any:
        with self._context.lock:
            return self._acting.client(
                str(delivery.target["RoleArn"]), delivery.schedule_arn, service
            )

    def _give_up(self, delivery: Delivery, failed: Failed) -> None:
        """To the dead-letter queue, if there is one; the log hears of it in any case."""
        what = f"{delivery.schedule_arn} did not reach {delivery.target['Arn']}"
        _log.warning("%s: %s: %s", what, failed.code, failed.message)
        queue = delivery.target.get("DeadLetterConfig", {}).get("Arn")
        if not queue:
            return
        try:
            url = inprocess.client(self._context, "sqs").get_queue_url(
                QueueName=queue.rsplit(":", 1)[-1]
            )["QueueUrl"]
            self._client(delivery, "sqs").send_message(
                QueueUrl=url,
                MessageBody=delivery.payload,
                MessageAttributes=_told(delivery, failed),
            )
        except (ClientError, Refused) as error:
            _log.warning("%s, nor its dead-letter queue %s: %s", what, queue, error)


def _failed(error: ClientError) -> Failed:
    response: Mapping[str, Any] = error.response
    told, status = response["Error"], response["ResponseMetadata"]["HTTPStatusCode"]
    passing = status >= 500 or status == 429 or told["Code"] in PASSING
    return Failed(str(told["Code"]), str(told["Message"]), passing)


def _told(delivery: Delivery, failed: Failed) -> dict[str, Any]:
    """What the dead letter says about itself."""
    later = replace(delivery, attempt=delivery.attempt + 1)
    said = {
        "ERROR_CODE": failed.code,
        "ERROR_MESSAGE": failed.message[:1024],
        "EXECUTION_ID": delivery.id,
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": str(delivery.attempt - 1),
        "SCHEDULED_TIME": _iso(delivery.scheduled_at),
        "SCHEDULE_ARN": delivery.schedule_arn,
        "TARGET_ARN": str(delivery.target["Arn"]),
    }
    if failed.passing:
        said["EXHAUSTED_RETRY_CONDITION"] = (
            exhausted(later, delivery.due_at) or "MaximumEventAgeInSeconds"
        )
    return {key: {"DataType": "String", "StringValue": value} for key, value in said.items()}
