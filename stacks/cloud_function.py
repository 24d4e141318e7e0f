"""A Lambda function out of the bundle, and the schedule that calls one: the runner's, a fleet's, a sweep's."""

from typing import Any

from aws_cdk import (
    Duration,
    RemovalPolicy,
    Stack,
    aws_iam,
    aws_lambda,
    aws_logs,
    aws_scheduler,
    aws_sqs,
)
from constructs import Construct

from stacks.acknowledged import acknowledge
from stacks.bundle import Bundle
from stacks.raw import raw

MEMORY_MB = 512  # processor comes with it: botocore's imports take a second with less
KEPT = Duration.days(14)


def cloud_function(
    scope: Construct, name: str, *, bundle: Bundle, module: str, role: aws_iam.Role, log: str,
    timeout: Duration, **more: Any,
) -> aws_lambda.Function:  # fmt: skip
    """A function under `role`, whose handler is in `deployer.functions.MODULE`.

    log:  name of its log group, which goes with it.
    more: whatever else `aws_lambda.Function` takes.
    """
    logs = aws_logs.LogGroup(
        scope,
        f"{name}Log",
        log_group_name=log,
        retention=aws_logs.RetentionDays.ONE_MONTH,
        removal_policy=RemovalPolicy.DESTROY,
    )
    logs.grant_write(role)
    made = aws_lambda.Function(
        scope,
        name,
        code=bundle.code,
        runtime=bundle.runtime,
        architecture=bundle.architecture,
        handler=f"deployer.functions.{module}.handler",
        role=role,
        timeout=timeout,
        memory_size=MEMORY_MB,
        log_group=logs,
        **more,
    )
    # CDK names the role twice: as what the function has, and as what it depends on.
    raw(made).add_metadata("cfn-lint", {"config": {"ignore_checks": ["W3005"]}})
    acknowledge(
        made,
        {
            "AwsSolutions-L1": "The bundle holds compiled code for the Python that synthesizes: "
            "a newer runtime comes with a newer Python there."
        },
    )
    return made


def undelivered(scope: Construct) -> aws_sqs.Queue:
    """Invocations that a schedule could not make, or that failed as often as they were tried."""
    queue = aws_sqs.Queue(
        scope,
        "Undelivered",
        enforce_ssl=True,
        encryption=aws_sqs.QueueEncryption.SQS_MANAGED,
        retention_period=KEPT,
    )
    acknowledge(queue, {"AwsSolutions-SQS3": "It is the dead-letter queue of a schedule."})
    return queue


def caller(
    scope: Construct, function: aws_lambda.IFunction, buried: aws_sqs.IQueue
) -> aws_iam.Role:
    """The schedules' role: they may call this function, and bury what they could not deliver."""
    role = aws_iam.Role(
        scope,
        "Caller",
        assumed_by=aws_iam.ServicePrincipal(
            "scheduler.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}},
        ),
    )
    calls = {"lambda:InvokeFunction": function.function_arn, "sqs:SendMessage": buried.queue_arn}
    aws_iam.Policy(
        scope,
        "Calls",
        roles=[role],
        statements=[
            aws_iam.PolicyStatement(actions=[action], resources=[arn])
            for action, arn in calls.items()
        ],
    )
    return role


def every(
    scope: Construct, period_s: float, *, function: aws_lambda.IFunction, role: aws_iam.IRole,
    buried: aws_sqs.IQueue, retries: int, oldest_s: int,
) -> None:  # fmt: skip
    """Call the function once in `period_s`, whole minutes.

    retries, oldest_s: Scheduler's own defaults are 185 attempts within a day: a call would come when
    nobody expects it.
    """
    minutes = round(period_s / 60)
    aws_scheduler.CfnSchedule(
        scope,
        "Every",
        schedule_expression=f"rate({minutes} minute{'s' if minutes > 1 else ''})",
        flexible_time_window=aws_scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
        target=aws_scheduler.CfnSchedule.TargetProperty(
            arn=function.function_arn,
            role_arn=role.role_arn,
            input="{}",
            retry_policy=aws_scheduler.CfnSchedule.RetryPolicyProperty(
                maximum_retry_attempts=retries, maximum_event_age_in_seconds=oldest_s
            ),
            dead_letter_config=aws_scheduler.CfnSchedule.DeadLetterConfigProperty(
                arn=buried.queue_arn
            ),
        ),
    )
