"""A detached deployment's execution is begun once, under its name, at the environment's machine."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deployer.aws import state_machine
from deployer.aws.session import Aws
from deployer.aws.state_machine import StateMachine
from deployer.errors import AccessProblem, ChangeRefused, CloudUnavailable, NotPossibleNow
from deployer.lab import inprocess
from deployer.lab.chaos import Fault, Kind
from deployer.lab.context import Context
from deployer.lab.iam import roles
from deployer.lab.workflows.component import Workflows
from deployer.operations.detached import Mandate
from deployer.topology import machine_name
from tests.contract.conftest import connected
from tests.lab_scheduler.conftest import trusting

Admin = Callable[[str], Any]
WAITS = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}}
GIVEN = Mandate(deployment="d1")


@pytest.fixture(scope="module")
def workflows(context: Context) -> Iterator[Workflows]:
    roles.install(context)
    made = Workflows(context)
    yield made
    made.close()


@pytest.fixture(scope="module")
def role(context: Context, workflows: Workflows) -> str:
    iam = inprocess.client(context, "iam")
    made = iam.create_role(
        RoleName="runs", AssumeRolePolicyDocument=trusting("states.amazonaws.com")
    )
    return str(made["Role"]["Arn"])


@pytest.fixture(scope="module")
def begins(context: Context) -> Iterator[Aws]:
    """Clients of whoever begins deployments: declared is called, and nothing besides."""
    calls: set[str] = set()
    made = connected(context, calls)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", context.endpoint)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_ACCESS_KEY_ID", "lab")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "lab")
        made.__dict__["stepfunctions"] = made._session.client("stepfunctions", config=made._config)
    yield made
    declared = {need.action for need in state_machine.NEEDS}
    assert calls - {"sts:GetCallerIdentity"} == declared  # for which nobody needs a permission


@pytest.fixture
def machine(begins: Aws, role: str, admin: Admin, fresh: str) -> StateMachine:
    """The environment `fresh`'s."""
    admin("stepfunctions").create_state_machine(
        name=machine_name("shop", fresh), definition=json.dumps(WAITS), roleArn=role
    )
    return StateMachine(begins, "shop", fresh)


def executions(admin: Admin, environment: str) -> list[dict[str, Any]]:
    """Of the environment's machine, as Step Functions tells each."""
    sfn = admin("stepfunctions")
    (arn,) = [
        each["stateMachineArn"]
        for each in sfn.list_state_machines()["stateMachines"]
        if each["name"] == machine_name("shop", environment)
    ]
    found = sfn.list_executions(stateMachineArn=arn)["executions"]
    return [sfn.describe_execution(executionArn=each["executionArn"]) for each in found]


def test_it_begins_under_the_deployments_name_with_its_mandate(
    machine: StateMachine, admin: Admin, fresh: str
) -> None:
    machine.require()
    machine.start(GIVEN)
    (begun,) = executions(admin, fresh)
    assert (begun["name"], begun["status"]) == ("d1", "RUNNING")
    assert json.loads(begun["input"])["deployment"] == "d1"


def test_what_goes_on_as_another_execution_has_a_name_of_its_own(
    machine: StateMachine, admin: Admin, fresh: str
) -> None:
    machine.start(GIVEN)
    machine.start(Mandate(deployment="d1", part=2))
    assert {each["name"] for each in executions(admin, fresh)} == {"d1", "d1-2"}


def test_asked_twice_it_begins_once_whether_it_runs_or_has_ended(
    machine: StateMachine, admin: Admin, fresh: str
) -> None:
    for _ in range(2):
        machine.start(GIVEN)
    (begun,) = executions(admin, fresh)
    admin("stepfunctions").stop_execution(executionArn=begun["executionArn"])
    machine.start(GIVEN)
    (only,) = executions(admin, fresh)
    assert only["status"] == "ABORTED"


def test_after_a_lost_reply_it_has_begun_once(
    machine: StateMachine, admin: Admin, fresh: str, faults: Any
) -> None:
    faults.add(Fault(Kind.LOST_REPLY, "stepfunctions", "StartExecution", times=1))
    machine.start(GIVEN)
    assert len(executions(admin, fresh)) == 1


def test_without_an_answer_nobody_says_that_it_has_begun(
    machine: StateMachine, faults: Any
) -> None:
    faults.add(Fault(Kind.LOST_REPLY, "stepfunctions", "StartExecution", times=9))
    with pytest.raises(CloudUnavailable, match="states:StartExecution"):
        machine.start(GIVEN)


def test_where_there_is_none_it_says_how_to_get_it(
    begins: Aws, workflows: Workflows, fresh: str
) -> None:
    nowhere = StateMachine(begins, "shop", fresh)
    with pytest.raises(NotPossibleNow, match=f"cdk deploy shop-{fresh}-runner"):
        nowhere.require()
    with pytest.raises(ChangeRefused, match="states:StartExecution"):
        nowhere.start(GIVEN)


def test_credentials_that_ran_out_are_told_as_such(machine: StateMachine, faults: Any) -> None:
    faults.add(Fault(Kind.EXPIRED, "stepfunctions", "*"))
    for call in (machine.require, lambda: machine.start(GIVEN)):
        with pytest.raises(AccessProblem):
            call()
