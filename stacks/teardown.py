"""What tears down idle environments: a function on a schedule, one for a service in a Region.

It refers to no environment's stack and is not torn down with any. What its role may change is bound to
`aws:ResourceTag/deployer:env-class = ephemeral` on each resource: whatever the function is asked for, or
believes, an environment that is not tagged so is out of its reach.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_cdk import (
    CfnOutput,
    Duration,
    RemovalPolicy,
    Stack,
    aws_cloudwatch,
    aws_cloudwatch_actions,
    aws_iam,
    aws_lambda,
    aws_scheduler,
    aws_ssm,
)
from constructs import Construct

from deployer.aws.permissions import SWEEPS
from deployer.settings.schema import Settings
from deployer.topology import function_log, sweep_parameter
from stacks.book import book
from stacks.bundle import Bundle
from stacks.cloud_function import caller, cloud_function, every, undelivered
from stacks.rights import allow
from stacks.teardown_rights import WHY, places
from stacks.topic import topic_of

TIMEOUT = Duration.minutes(5)
RETRIES, OLDEST_S = 1, 900
FAILURES = 2
ENVIRONMENTS_VARIABLE = "DEPLOYER_ENVIRONMENTS"
TOPOLOGY_VERSION = 1


class TeardownStack(Stack):
    """`teardown` of one service in one Region: its ephemeral environments there."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        environments: Sequence[str],
        file: Path,
        **stack: Any,
    ) -> None:
        super().__init__(scope, name, **stack)
        self._settings = settings
        # The lease of the sweep that runs, and how many were dry: two items.
        self.book = book(self, "Book", removal_policy=RemovalPolicy.DESTROY)
        # Who is told what is about to happen; CloudWatch may say that the sweeps fail.
        self.topic = topic_of(self, settings.sweep.emails)
        CfnOutput(self, "Told", value=self.topic.topic_arn)
        self.buried = undelivered(self)
        self.role = aws_iam.Role(
            self,
            "Role",
            assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"Tears down idle environments of {settings.service.name} that are tagged "
            "ephemeral, and no others",
        )
        self.function = self._function(environments, file)
        self.caller = caller(self, self.function, self.buried)
        self.reminders = aws_scheduler.CfnScheduleGroup(
            self, "Reminders", name=f"{settings.service.name}-teardown"
        )
        every(
            self,
            settings.sweep.every_s,
            function=self.function,
            role=self.caller,
            buried=self.buried,
            retries=RETRIES,
            oldest_s=OLDEST_S,
        )
        self._watch()
        self._publish()
        self._allow()

    @property
    def _service(self) -> str:
        return str(self._settings.service.name)

    def _function(self, environments: Sequence[str], file: Path) -> aws_lambda.Function:
        return cloud_function(
            self,
            "Sweep",
            bundle=Bundle(file),
            module="teardown",
            role=self.role,
            log=function_log(self._service, self.region, "teardown"),
            timeout=TIMEOUT,
            description=f"Tears down idle environments of {self._service}",
            environment={ENVIRONMENTS_VARIABLE: ",".join(environments)},
            retry_attempts=RETRIES,
            max_event_age=Duration.seconds(OLDEST_S),
            dead_letter_queue=self.buried,
        )

    def _watch(self) -> None:
        """Nobody looks at sweeps that work: this says when they do not."""
        alarm = aws_cloudwatch.Alarm(
            self,
            "Failing",
            alarm_name=f"{self._service}-{self.region}-teardown-fails".lower(),
            alarm_description=f"{self._service}: runs that look for idle environments have failed; the "
            "queue of undelivered ones and the function's log say why. Nothing is torn down meanwhile.",
            metric=self.buried.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(5), statistic="Maximum"
            ),
            threshold=0,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        told = aws_cloudwatch_actions.SnsAction(self.topic)
        alarm.add_alarm_action(told)
        alarm.add_ok_action(told)

    def _publish(self) -> None:
        """What the function and `deployer teardown --idle` must know, in one parameter."""
        aws_ssm.StringParameter(
            self,
            "Topology",
            parameter_name=sweep_parameter(self._service),
            description="What sweeps for idle environments must know",
            string_value=self.to_json_string(
                {
                    "version": TOPOLOGY_VERSION,
                    "table": self.book.table_name,
                    "topic": self.topic.topic_arn,
                    "schedules": self.reminders.name,
                    "schedule_role": self.caller.role_arn,
                    "function": self.function.function_arn,
                    "dead_letters": self.buried.queue_arn,
                }
            ),
        )

    def _allow(self) -> None:
        own: Mapping[str, str] = {
            "book": self.book.table_arn,
            "topic": self.topic.topic_arn,
            "schedules": str(self.reminders.name),
            "caller": self.caller.role_arn,
        }
        allow(self, "Rights", self.role, places(self, self._service, own), SWEEPS, why=WHY)
