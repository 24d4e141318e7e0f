"""A lab in this process with a clock that stands still until a test moves it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deployer.lab import actions, inprocess, server
from deployer.lab.context import Context
from deployer.lab.iam import roles
from deployer.lab.scheduler.component import Scheduler
from deployer.lab.wire import Refused
from deployer.process.clock import ScaledClock

MONDAY = 1_700_467_200.0  # 2023-11-20T08:00:00Z
ACCOUNT = "123456789012"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:tick"
MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:tick"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead"
OFF = {"Mode": "OFF"}


@dataclass(frozen=True)
class HandClock(ScaledClock):
    """Stands where a test has put it."""

    at: list[float] = field(default_factory=lambda: [MONDAY])

    def now(self) -> float:
        return self.at[0]


@dataclass
class Stage:
    """The lab, what its functions and machines were asked, and a role for the schedules."""

    context: Context
    scheduler: Scheduler
    role: str = ""
    invoked: list[tuple[str, str, str]] = field(default_factory=list)  # function, type, payload
    started: list[tuple[str, str, str]] = field(default_factory=list)  # machine, name, input
    failing: list[Refused] = field(default_factory=list)

    def client(self, service: str) -> Any:
        return inprocess.client(self.context, service)

    def schedule(self, expression: str, **more: Any) -> str:
        """A schedule that calls the function; keys of a target go there."""
        target = {"Arn": FUNCTION, "RoleArn": self.role, "Input": "{}"}
        target |= {key: more.pop(key) for key in ("Arn", "Input") if key in more}
        target |= {key: more.pop(key) for key in ("RetryPolicy", "DeadLetterConfig") if key in more}
        wanted = {
            "Name": "s", "ScheduleExpression": expression, "FlexibleTimeWindow": OFF,
            "Target": target, **more,
        }  # fmt: skip
        return str(self.client("scheduler").create_schedule(**wanted)["ScheduleArn"])

    def at(self, moment: float) -> None:
        """One beat at that moment."""
        clock = self.context.clock
        assert isinstance(clock, HandClock)
        clock.at[0] = moment
        with self.context.lock:
            self.scheduler.tick(moment)
        self.scheduler.poll(moment)

    def passing(self, until_s: float, step_s: float = 60.0) -> list[float]:
        """Beats every `step_s` for `until_s` seconds; when the function was called, since MONDAY."""
        called = []
        for step in range(int(until_s / step_s) + 1):
            before = len(self.invoked) + len(self.started)
            self.at(MONDAY + step * step_s)
            called += [step * step_s] * (len(self.invoked) + len(self.started) - before)
        return called

    def dead_letters(self) -> list[dict[str, Any]]:
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName="dead")["QueueUrl"]
        told: list[dict[str, Any]] = sqs.receive_message(
            QueueUrl=url, MessageAttributeNames=["All"], MaxNumberOfMessages=10
        ).get("Messages", [])
        return told

    def may(self, *statements: dict[str, Any]) -> None:
        """The role's policy becomes this."""
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        self.client("iam").put_role_policy(
            RoleName="calls", PolicyName="p", PolicyDocument=document
        )


def trusting(service: str, **conditions: Any) -> str:
    one: dict[str, Any] = {
        "Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole",
        **({"Condition": conditions} if conditions else {}),
    }  # fmt: skip
    return json.dumps({"Version": "2012-10-17", "Statement": [one]})


def allow(action: str, resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    server.reset()
    context = Context(tmp_path, 79, "http://localhost:9", HandClock(MONDAY, 1.0))
    actions.install(context)
    roles.install(context)
    made = Stage(context, Scheduler(context))
    iam = made.client("iam")
    made.role = iam.create_role(
        RoleName="calls", AssumeRolePolicyDocument=trusting("scheduler.amazonaws.com")
    )["Role"]["Arn"]
    made.may(
        allow("lambda:InvokeFunction", FUNCTION),
        allow("states:StartExecution", MACHINE),
        allow("sqs:SendMessage", QUEUE),
    )
    made.client("sqs").create_queue(QueueName="dead")

    def invoke(_call: actions.Call, params: dict[str, Any]) -> dict[str, Any]:
        if made.failing:
            raise made.failing.pop(0)
        kind, text = params["InvocationType"], params["Payload"].decode()
        made.invoked.append((params["FunctionName"], kind, text))
        return {"StatusCode": 202, "Payload": b""}

    def start(_call: actions.Call, params: dict[str, Any]) -> dict[str, Any]:
        made.started.append((params["stateMachineArn"], params["name"], params["input"]))
        return {"executionArn": "e", "startDate": MONDAY}

    actions.replace("lambda", "Invoke", invoke)
    actions.replace("stepfunctions", "StartExecution", start)
    return made
