"""A topic that people have subscribed to, and one-shot schedules that begin a sweep."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from deployer.aws.failures import changing, code_of
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.errors import DeployError
from deployer.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_scheduler.type_defs import CreateScheduleInputTypeDef

NEEDS = (
    Need("sns:Publish", Resource.TOPIC),
    Need("scheduler:CreateSchedule", Resource.REMINDER),
    Need("scheduler:UpdateSchedule", Resource.REMINDER),
    Need("scheduler:DeleteSchedule", Resource.REMINDER),
    Need("iam:PassRole", Resource.SCHEDULE_ROLE),
)
# Scheduler's own default is 185 times within a day: a sweep would come when nobody expects it.
RETRIES, LATEST_S = 1, 900
SOON_S = 60.0  # a schedule fires within its minute, and never for a moment that has passed


@dataclass(frozen=True, slots=True)
class Topic:
    """The port `People`."""

    aws: Aws
    arn: str

    def tell(self, subject: str, text: str) -> None:
        """Publish it. One call.

        Raises:
            CloudUnavailable: no answer; it may have been sent.
            AccessProblem, ChangeRefused: it was not.
        """
        with changing("sns:Publish", self.arn):
            self.aws.sns.publish(TopicArn=self.arn, Subject=subject, Message=text)


@dataclass(frozen=True, slots=True)
class OneShots:
    """The port `Reminders`: schedules of one group, named after the environments.

    Each deletes itself when it is over, and is updated where there is one already.
    """

    aws: Aws
    clock: Clock
    group: str
    function: str
    role: str
    dead_letters: str

    def set(self, environment: str, at: float) -> None:
        """A sweep then, or in a minute if that has passed. One call, two where there was one."""
        wanted = self._wanted(environment, max(at, self.clock.now() + SOON_S))
        try:
            with changing("scheduler:CreateSchedule", environment):
                self.aws.scheduler.create_schedule(**wanted)
        except DeployError as error:
            if code_of(error) != "ConflictException":
                raise
            with changing("scheduler:UpdateSchedule", environment):
                self.aws.scheduler.update_schedule(**wanted)

    def drop(self, environments: Collection[str]) -> None:
        """Delete theirs, if they have any. One call each."""
        for environment in environments:
            try:
                with changing("scheduler:DeleteSchedule", environment):
                    self.aws.scheduler.delete_schedule(Name=environment, GroupName=self.group)
            except DeployError as error:
                if code_of(error) != "ResourceNotFoundException":
                    raise

    def _wanted(self, environment: str, at: float) -> CreateScheduleInputTypeDef:
        moment = datetime.fromtimestamp(math.ceil(at), UTC)
        return {
            "Name": environment,
            "GroupName": self.group,
            "Description": f"A sweep for the sake of {environment}",
            "ScheduleExpression": f"at({moment:%Y-%m-%dT%H:%M:%S})",
            "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "Target": {
                "Arn": self.function,
                "RoleArn": self.role,
                "Input": f'{{"because": "{environment}"}}',
                "RetryPolicy": {
                    "MaximumRetryAttempts": RETRIES,
                    "MaximumEventAgeInSeconds": LATEST_S,
                },
                "DeadLetterConfig": {"Arn": self.dead_letters},
            },
        }
