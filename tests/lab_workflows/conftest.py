"""A lab in this process whose clock stands still until a test moves it, and whose calls end at once."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from deployer.lab import actions, inprocess, server
from deployer.lab.context import Context
from deployer.lab.iam import roles
from deployer.lab.workflows.component import Workflows
from tests.lab_scheduler.conftest import ACCOUNT, FUNCTION, MONDAY, HandClock, allow, trusting

INVOKE = "arn:aws:states:::lambda:invoke"
START = "arn:aws:states:::states:startExecution"
MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m"


class AtOnce(Executor):
    """Calls end before anybody could look away; `hold` keeps them in `held` until they are made."""

    def __init__(self) -> None:
        self.held: list[Callable[[], Any]] = []
        self.hold = False

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        if self.hold:
            self.held.append(partial(call, *args, **kwargs))
        else:
            done.set_result(call(*args, **kwargs))
        return done


def invoking(payload: Any, **more: Any) -> dict[str, Any]:
    """A task that calls the function."""
    return {
        "Type": "Task", "Resource": INVOKE,
        "Parameters": {"FunctionName": FUNCTION, **payload}, **more,
    }  # fmt: skip


def machine(start: str, **states: Mapping[str, Any]) -> dict[str, Any]:
    return {"StartAt": start, "States": states}


@dataclass
class Stage:
    """The lab, and what its function answers: a value, an exception, or a function of the payload."""

    context: Context
    workflows: Workflows
    hands: AtOnce
    role: str = ""
    heard: list[Any] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)

    def client(self, service: str) -> Any:
        return inprocess.client(self.context, service)

    def make(self, definition: Mapping[str, Any], name: str = "m") -> str:
        made = self.client("stepfunctions").create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=self.role
        )
        return str(made["stateMachineArn"])

    def start(self, arn: str, name: str, given: Any = None) -> str:
        begun = self.client("stepfunctions").start_execution(
            stateMachineArn=arn, name=name, input=json.dumps({} if given is None else given)
        )
        self.beat()
        return str(begun["executionArn"])

    def play(self, definition: Mapping[str, Any], given: Any = None) -> dict[str, Any]:
        """One execution as it stands after a beat."""
        return self.told(self.start(self.make(definition), "e", given))

    def told(self, arn: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client("stepfunctions").describe_execution(executionArn=arn)
        return found

    def events(self, arn: str) -> list[dict[str, Any]]:
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        return [each for page in pages.paginate(executionArn=arn) for each in page["events"]]

    def types(self, arn: str) -> list[str]:
        return [event["type"] for event in self.events(arn)]

    def beat(self, after_s: float = 0.0) -> None:
        clock = self.context.clock
        assert isinstance(clock, HandClock)
        clock.at[0] += after_s
        with self.context.lock:
            self.workflows.tick(clock.now())

    def may(self, *statements: dict[str, Any]) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        self.client("iam").put_role_policy(RoleName="runs", PolicyName="p", PolicyDocument=document)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    server.reset()
    context = Context(tmp_path, 79, "http://localhost:9", HandClock(MONDAY, 1.0, [MONDAY]))
    actions.install(context)
    roles.install(context)
    hands = AtOnce()
    made = Stage(context, Workflows(context, hands), hands)
    made.role = made.client("iam").create_role(
        RoleName="runs", AssumeRolePolicyDocument=trusting("states.amazonaws.com")
    )["Role"]["Arn"]
    made.may(allow("lambda:InvokeFunction", FUNCTION), allow("states:StartExecution", MACHINE))

    def invoke(_call: actions.Call, params: dict[str, Any]) -> dict[str, Any]:
        heard = json.loads(params["Payload"])
        made.heard.append(heard)
        answer = made.answers.pop(0) if made.answers else heard
        if isinstance(answer, actions.Refused):
            raise answer
        if isinstance(answer, ValueError):
            text = json.dumps({"errorType": "ValueError", "errorMessage": str(answer)})
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": text.encode()}
        return {"StatusCode": 200, "Payload": json.dumps(answer).encode()}

    actions.replace("lambda", "Invoke", invoke)
    return made
