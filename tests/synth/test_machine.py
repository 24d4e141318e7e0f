"""The state machine of detached deployments in the templates: what it does, and who may do what."""

import json
from typing import Any

from deployer.aws.permissions import BEGINS, NEEDS
from deployer.topology import machine_name
from stacks.acknowledged import spelled
from stacks.states import definition
from tests.synth.conftest import Templates


def machine(templates: Templates) -> dict[str, Any]:
    (found,) = templates.properties("runner", "StepFunctions::StateMachine", "prod")
    return found


def statements(templates: Templates, part: str, policy: str) -> list[dict[str, Any]]:
    found = templates.of_type(part, "IAM::Policy", "prod")
    (mine,) = [item for name, item in found.items() if name.startswith(policy)]
    listed: list[dict[str, Any]] = mine["Properties"]["PolicyDocument"]["Statement"]
    return listed


def test_its_definition_calls_the_tick_and_nothing_else(templates: Templates) -> None:
    found = machine(templates)
    assert found["StateMachineName"] == machine_name("shop", "prod") == "shop-prod-deployments"
    text = spelled(found["DefinitionString"])
    name = json.loads(text)["States"]["Tick"]["Parameters"]["FunctionName"]
    assert name.startswith("<Tick")
    assert json.loads(text) == definition(name)


def test_only_step_functions_may_use_its_role_and_for_this_account(templates: Templates) -> None:
    roles = templates.of_type("runner", "IAM::Role", "prod")
    (role,) = [item for name, item in roles.items() if name.startswith("DetachedRole")]
    (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "states.amazonaws.com"}
    assert trust["Condition"]["StringEquals"].keys() == {"aws:SourceAccount"}


def test_its_role_may_call_the_tick_and_go_on_as_itself(templates: Templates) -> None:
    invoke, onward = statements(templates, "runner", "DetachedCalls")
    assert invoke["Action"] == "lambda:InvokeFunction"
    assert spelled(invoke["Resource"]).startswith("<Tick")
    assert onward["Action"] == "states:StartExecution"
    assert spelled(onward["Resource"]).endswith(":stateMachine:shop-prod-deployments")


def test_the_deployer_may_leave_a_deployment_to_it(templates: Templates) -> None:
    (granted,) = statements(templates, "control", "DeployerDetaches")
    assert set(granted["Action"]) == {need.action for need in BEGINS - NEEDS}
    assert spelled(granted["Resource"]).endswith(":stateMachine:shop-prod-deployments")


def test_a_tick_may_last_as_long_as_lambda_lets_it(templates: Templates) -> None:
    functions = templates.of_type("runner", "Lambda::Function", "prod")
    (tick,) = [item for name, item in functions.items() if name.startswith("Tick")]
    assert tick["Properties"]["Timeout"] == 900
    assert tick["Properties"]["Handler"] == "deployer.functions.tick.handler"


def test_without_a_runner_stack_nobody_may_leave_anything_to_it(templates: Templates) -> None:
    found = templates.of_type("control", "IAM::Policy", "lab")
    assert not [name for name in found if name.startswith("DeployerDetaches")]
