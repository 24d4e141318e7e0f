"""What carries deployments on in the cloud: the supervisor, and the state machine of detached ones.

It has the rights of the deployer's role, on this environment alone, and may tell the environment's
topic. Nobody keeps two of its visits apart but the journal's lease: a reserved concurrency of one would
be refused in a young account, and would not hold back a runner on a laptop.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import (
    Duration,
    Stack,
    aws_cloudwatch,
    aws_cloudwatch_actions,
    aws_iam,
    aws_lambda,
    aws_sns,
)
from constructs import Construct

from deployer.aws.needs import Resource
from deployer.aws.permissions import BEGINS, SUPERVISES, TELLS, Place
from deployer.settings.schema import Settings
from deployer.topology import (
    REPORTS_VARIABLE,
    alarm_name,
    function_log,
    machine_name,
    member_function,
)
from stacks.bundle import Bundle
from stacks.cloud_function import caller, cloud_function, every, undelivered
from stacks.machine import Machine, machine_arn
from stacks.rights import Places, Rights, allow
from stacks.twin_service import TwinService

TIMEOUT = Duration.minutes(5)
LONGEST_TICK = Duration.minutes(15)  # Lambda's longest: a hook may take as long (detached.STAY_S)
LONGEST_ERRAND = Duration.minutes(1)  # it waits for nothing
LATE = Duration.minutes(1)  # an invocation older than this is not worth making: the next one comes
FAILURES = 3  # in a row, until somebody is told
SILENT_VISITS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerProps:
    """What the runner needs beside the service.

    settings: all of the environment's.
    file:     deployer.toml, which goes with the function.
    rights:   what carrying deployments out may touch (`DeployerRole.rights`).
    topic:    hears of halted deployments, and of a supervisor that fails.
    """

    settings: Settings
    file: Path
    rights: Rights
    topic: aws_sns.ITopic


class RunnerStack(Stack):
    """`runner` of one environment."""

    def __init__(
        self, scope: Construct, name: str, service: TwinService, props: RunnerProps, **stack: Any
    ) -> None:
        super().__init__(scope, name, **stack)
        self.runner = TwinRunner(self, "Default", service, props)


class TwinRunner(Construct):
    """`supervisor`, `tick`, `member`: functions; `role`: theirs; `detached`: calls the tick.

    `bundle`: code for further functions.
    """

    def __init__(
        self, scope: Construct, name: str, service: TwinService, props: RunnerProps
    ) -> None:
        super().__init__(scope, name)
        self._props, self._settings = props, props.settings
        self.bundle = Bundle(props.file)
        self.role = self._role(service)
        self.supervisor = self.function(
            "Supervisor",
            "supervise",
            "Carries on deployments whose runner is gone, and tells of those that halted",
        )
        self.tick = self.function(
            "Tick",
            "tick",
            "Carries a detached deployment on, a visit at a time",
            LONGEST_TICK,
        )
        called = machine_name(self._settings.service.name, self._settings.environment.name)
        self.detached = Machine(self, "Detached", called, self.tick)
        self.member = self._member(called)
        self.buried = undelivered(self)
        every(
            self,
            self._settings.runner.every_s,
            function=self.supervisor,
            role=caller(self, self.supervisor, self.buried),
            buried=self.buried,
            retries=0,
            oldest_s=60,
        )
        self._watch()

    def _member(self, machine: str) -> aws_lambda.Function:
        """The environment's side of a fleet: it begins deployments, for the machine to carry out."""
        begins = {Resource.DETACHED: Place((machine_arn(Stack.of(self), machine),))}
        allow(self, "Begins", self.role, begins, BEGINS)
        service, environment = self._settings.service.name, self._settings.environment.name
        return self.function(
            "Member",
            "member",
            "Answers for its environment in a fleet",
            LONGEST_ERRAND,
            member_function(service, environment),
        )

    def function(
        self,
        name: str,
        module: str,
        what: str,
        timeout: Duration = TIMEOUT,
        called: str | None = None,
    ) -> aws_lambda.Function:
        """A function under `role`, whose handler is in `deployer.functions.MODULE`.

        called: its physical name, where others must know it beforehand.
        """
        service, environment = self._settings.service.name, self._settings.environment.name
        return cloud_function(
            self,
            name,
            bundle=self.bundle,
            module=module,
            role=self.role,
            log=function_log(service, environment, module),
            timeout=timeout,
            function_name=called,
            description=f"{what}: {service}/{environment}",
            environment={
                "DEPLOYER_ENV": environment,
                REPORTS_VARIABLE: self._props.topic.topic_arn,
            },
            retry_attempts=0,
            max_event_age=LATE,
        )

    def _role(self, service: TwinService) -> aws_iam.Role:
        settings, rights = self._settings, self._props.rights
        role = aws_iam.Role(
            self,
            "Role",
            assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"Carries on deployments of {settings.service.name} to "
            f"{settings.environment.name}",
        )
        stack = Stack.of(self)
        places: Places = {
            **rights.known(stack),
            **rights.moved(stack, service.entrance.production, service.slots.values()),
            Resource.TOPIC: Place((self._props.topic.topic_arn,)),
        }
        allow(self, "Rights", role, places, SUPERVISES)
        if settings.notify.channels or settings.telemetry.otlp_headers:
            allow(self, "Notifies", role, rights.told(stack), TELLS)
        return role

    def _watch(self) -> None:
        """Nobody looks at a supervisor that works: these say when it does not."""
        period = Duration.seconds(self._settings.runner.every_s)
        missing = aws_cloudwatch.TreatMissingData
        self.failing = self._alarm(
            "Supervisor-Fails",
            f"the supervisor has failed {FAILURES} times in a row: its log says why",
            metric=self.supervisor.metric_errors(period=period, statistic="Sum"),
            threshold=0,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=FAILURES,
            treat_missing_data=missing.NOT_BREACHING,
        )
        self.silent = self._alarm(
            "Supervisor-Silent",
            f"the supervisor has not run {SILENT_VISITS} times in a row: is its schedule there?",
            metric=self.supervisor.metric_invocations(period=period, statistic="Sum"),
            threshold=1,
            comparison_operator=aws_cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            evaluation_periods=SILENT_VISITS,
            treat_missing_data=missing.BREACHING,
        )

    def _alarm(self, name: str, what: str, **how: Any) -> aws_cloudwatch.Alarm:
        service, environment = self._settings.service.name, self._settings.environment.name
        alarm = aws_cloudwatch.Alarm(
            self,
            name.replace("-", ""),
            alarm_name=alarm_name(service, environment, name),
            alarm_description=f"{service}/{environment}: {what}. Until it runs again nobody carries on "
            "a deployment whose runner dies.",
            **how,
        )
        told = aws_cloudwatch_actions.SnsAction(self._props.topic)
        alarm.add_alarm_action(told)
        alarm.add_ok_action(told)
        return alarm
