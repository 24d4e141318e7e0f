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
    aws_dynamodb,
    aws_iam,
    aws_lambda,
    aws_logs,
    aws_scheduler,
    aws_sns,
    aws_sqs,
    aws_ssm,
)
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from deployer.aws.permissions import SWEEPS
from deployer.settings.schema import Settings
from deployer.topology import function_log, sweep_parameter
from stacks.acknowledged import acknowledge
from stacks.bundle import Bundle
from stacks.raw import raw
from stacks.rights import allow
from stacks.teardown_rights import WHY, places

TIMEOUT = Duration.minutes(5)
MEMORY_MB = 512
KEPT = Duration.days(14)
# Scheduler's own default is 185 attempts within a day: a sweep would come when nobody expects it.
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
        self.book = self._table()
        self.topic = self._topic()
        self.buried = self._queue()
        self.role = aws_iam.Role(
            self,
            "Role",
            assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"Tears down idle environments of {settings.service.name} that are tagged "
            "ephemeral, and no others",
        )
        self.function = self._function(environments, file)
        self.caller = self._caller()
        self.reminders = aws_scheduler.CfnScheduleGroup(
            self, "Reminders", name=f"{settings.service.name}-teardown"
        )
        self._every()
        self._watch()
        self._publish()
        self._allow()

    @property
    def _service(self) -> str:
        return str(self._settings.service.name)

    def _table(self) -> aws_dynamodb.TableV2:
        """The lease of the sweep that runs, and how many were dry: two items."""
        text = aws_dynamodb.AttributeType.STRING
        return aws_dynamodb.TableV2(
            self,
            "Book",
            partition_key=aws_dynamodb.Attribute(name="pk", type=text),
            sort_key=aws_dynamodb.Attribute(name="sk", type=text),
            billing=aws_dynamodb.Billing.on_demand(),
            point_in_time_recovery_specification=aws_dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=aws_dynamodb.TableEncryptionV2.aws_managed_key(),
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _topic(self) -> aws_sns.Topic:
        """Who is told what is about to happen; CloudWatch may say that the sweeps fail."""
        topic = aws_sns.Topic(self, "Topic", enforce_ssl=True)
        topic.add_to_resource_policy(
            aws_iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[aws_iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        for address in self._settings.sweep.emails:
            topic.add_subscription(subscriptions.EmailSubscription(address))
        CfnOutput(self, "Told", value=topic.topic_arn)
        return topic

    def _queue(self) -> aws_sqs.Queue:
        """Runs that could not be begun, or failed as often as they were tried."""
        queue = aws_sqs.Queue(
            self,
            "Undelivered",
            enforce_ssl=True,
            encryption=aws_sqs.QueueEncryption.SQS_MANAGED,
            retention_period=KEPT,
        )
        acknowledge(queue, {"AwsSolutions-SQS3": "It is a dead-letter queue itself."})
        return queue

    def _function(self, environments: Sequence[str], file: Path) -> aws_lambda.Function:
        bundle = Bundle(file)
        logs = aws_logs.LogGroup(
            self,
            "Log",
            log_group_name=function_log(self._service, self.region, "teardown"),
            retention=aws_logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        logs.grant_write(self.role)
        made = aws_lambda.Function(
            self,
            "Sweep",
            description=f"Tears down idle environments of {self._service}",
            code=bundle.code,
            runtime=bundle.runtime,
            architecture=bundle.architecture,
            handler="deployer.functions.teardown.handler",
            role=self.role,
            timeout=TIMEOUT,
            memory_size=MEMORY_MB,
            log_group=logs,
            environment={ENVIRONMENTS_VARIABLE: ",".join(environments)},
            retry_attempts=RETRIES,
            max_event_age=Duration.seconds(OLDEST_S),
            dead_letter_queue=self.buried,
        )
        # The CDK makes functions wait for their role's policy, and for the role with it.
        raw(made).add_metadata("cfn-lint", {"config": {"ignore_checks": ["W3005"]}})
        acknowledge(
            made,
            {
                "AwsSolutions-L1": "The bundle holds compiled code for the Python that synthesizes: "
                "a newer runtime comes with a newer Python there."
            },
        )
        return made

    def _caller(self) -> aws_iam.Role:
        """The schedules' role: they may call this function, and bury what they could not deliver."""
        role = aws_iam.Role(
            self,
            "Caller",
            assumed_by=aws_iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            ),
        )
        calls = {
            "lambda:InvokeFunction": self.function.function_arn,
            "sqs:SendMessage": self.buried.queue_arn,
        }
        aws_iam.Policy(
            self,
            "Calls",
            roles=[role],
            statements=[
                aws_iam.PolicyStatement(actions=[action], resources=[arn])
                for action, arn in calls.items()
            ],
        )
        return role

    def _every(self) -> None:
        minutes = round(self._settings.sweep.every_s / 60)
        aws_scheduler.CfnSchedule(
            self,
            "Every",
            schedule_expression=f"rate({minutes} minutes)",
            flexible_time_window=aws_scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=aws_scheduler.CfnSchedule.TargetProperty(
                arn=self.function.function_arn,
                role_arn=self.caller.role_arn,
                input="{}",
                retry_policy=aws_scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_retry_attempts=RETRIES, maximum_event_age_in_seconds=OLDEST_S
                ),
                dead_letter_config=aws_scheduler.CfnSchedule.DeadLetterConfigProperty(
                    arn=self.buried.queue_arn
                ),
            ),
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
