"""Amazon States Language: how data goes through states, and what is refused when a machine is made."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deployer.lab.workflows.choices import rule_of
from deployer.lab.workflows.data import fill, place
from deployer.lab.workflows.problems import Problem
from tests.lab_workflows.conftest import INVOKE, Stage, invoking, machine

DATA = {"a": {"b": [1, {"c": "x"}]}, "n": 5, "no": None, "yes": True}


@pytest.mark.parametrize(
    ("test", "fits"),
    [
        ({"Variable": "$.a.b[1].c", "StringEquals": "x"}, True),
        ({"Variable": "$.n", "StringEquals": "5"}, False),
        ({"Variable": "$.n", "NumericGreaterThanEquals": 5}, True),
        ({"Variable": "$.n", "NumericLessThan": 5}, False),
        ({"Variable": "$.yes", "NumericEquals": 1}, False),
        ({"Variable": "$.yes", "BooleanEquals": True}, True),
        ({"Variable": "$.no", "IsNull": True}, True),
        ({"Variable": "$.none", "IsPresent": False}, True),
        ({"Variable": "$.no", "IsPresent": True}, True),
        ({"Not": {"Variable": "$.n", "NumericEquals": 5}}, False),
        ({"And": [{"Variable": "$.n", "NumericEquals": 5}, {"Variable": "$.yes", "BooleanEquals": True}]}, True),
        ({"Or": [{"Variable": "$.n", "NumericEquals": 6}, {"Variable": "$.yes", "BooleanEquals": True}]}, True),
        ({"And": [{"Variable": "$.n", "NumericEquals": 6}, {"Variable": "$.none", "IsNull": True}]}, False),
    ],
)  # fmt: skip
def test_choices(test: dict[str, Any], *, fits: bool) -> None:
    assert rule_of({**test, "Next": "x"}).test(DATA, {}) is fits


def test_a_variable_that_is_not_there_is_an_error() -> None:
    with pytest.raises(Problem, match="could not be found"):
        rule_of({"Variable": "$.none", "StringEquals": "x", "Next": "x"}).test(DATA, {})


def test_templates_are_filled_in() -> None:
    template = {
        "plain": "$.n",
        "n.$": "$.n",
        "deep": [{"c.$": "$.a.b[1].c"}],
        "id.$": "$$.Execution.Id",
    }
    assert fill(template, DATA, {"Execution": {"Id": "e"}}) == {
        "plain": "$.n", "n": 5, "deep": [{"c": "x"}], "id": "e",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "whole"),
    [("$", 1), (None, {"a": {"b": 2}}), ("$.c", {"a": {"b": 2}, "c": 1}), ("$.a.c", {"a": {"b": 2, "c": 1}})],
)  # fmt: skip
def test_where_a_result_goes(path: str | None, whole: Any) -> None:
    given = {"a": {"b": 2}}
    assert place(path, given, 1) == whole
    assert given == {"a": {"b": 2}}


def test_a_result_does_not_go_through_a_number() -> None:
    with pytest.raises(Problem, match="ResultPathMatchFailure"):
        place("$.n.x", DATA, 1)


def test_data_goes_through_a_state_as_its_fields_say(stage: Stage) -> None:
    state = {
        **invoking({"Payload.$": "$.x"}), "InputPath": "$.in", "ResultPath": "$.out", "End": True,
        "ResultSelector": {"said.$": "$.Payload", "status.$": "$.StatusCode"}, "OutputPath": "$.out",
    }  # fmt: skip
    found = stage.play(machine("T", T=state), {"in": {"x": 7}, "kept": 1})
    assert json.loads(found["output"]) == {"said": 7, "status": 200}


def test_pass_and_fail(stage: Stage) -> None:
    states: dict[str, dict[str, Any]] = {
        "P": {"Type": "Pass", "Result": {"code": "E1"}, "ResultPath": "$.why", "Next": "F"},
        "F": {"Type": "Fail", "ErrorPath": "$.why.code", "Cause": "because"},
    }
    found = stage.play(machine("P", **states), {"a": 1})
    assert (found["status"], found["error"], found["cause"]) == ("FAILED", "E1", "because")


def test_no_rule_fits(stage: Stage) -> None:
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.a", "NumericEquals": 1, "Next": "C"}]}
    assert stage.play(machine("C", C=choice), {"a": 2})["error"] == "States.NoChoiceMatched"


def test_too_much_data_cannot_be_caught(stage: Stage) -> None:
    stage.answers[:] = ["x" * 300_000]
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "T"}]
    state = invoking({"Payload": {}}, Catch=catch, End=True)
    assert stage.play(machine("T", T=state))["error"] == "States.DataLimitExceeded"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"Type": "Parallel", "Branches": []}, "the type Parallel of the state S"),
        ({"Type": "Task", "Resource": "arn:aws:states:::dynamodb:getItem", "End": True}, "the resource arn"),
        ({"Type": "Task", "Resource": f"{INVOKE}.waitForTaskToken", "End": True}, "waitForTaskToken"),
        (invoking({"InvocationType": "Event"}, End=True), "InvocationType in Parameters"),
        (invoking({}, HeartbeatSeconds=3, End=True), "HeartbeatSeconds of the Task state S"),
        ({"Type": "Wait", "Timestamp": "2026-01-01T00:00:00Z", "End": True}, "Timestamp of S"),
        ({"Type": "Pass", "Parameters": {"a.$": "States.UUID()"}, "End": True}, "the path States.UUID"),
        ({"Type": "Pass", "InputPath": "$.a[*].b", "End": True}, "the path $.a[*].b"),
        ({"Type": "Pass", "QueryLanguage": "JSONata", "End": True}, "QueryLanguage of the Pass state S"),
        ({"Type": "Choice", "Choices": [{"Variable": "$.a", "StringMatches": "x", "Next": "S"}]},
         "the operator StringMatches"),
        ({"Type": "Map", "End": True, "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"}}},
         "the mode DISTRIBUTED"),
    ],
)  # fmt: skip
def test_what_is_not_simulated_is_refused_by_name(
    stage: Stage, state: dict[str, Any], words: str
) -> None:
    with pytest.raises(ClientError, match="NotImplemented") as caught:
        stage.make(machine("S", S=state))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        (machine("S"), "MISSING_TRANSITION_TARGET"),
        (machine("S", S={"Type": "Pass", "Next": "T"}), "MISSING_TRANSITION_TARGET"),
        (machine("S", S={"Type": "Pass"}), "either Next or End"),
        (machine("S", S={"Type": "Wait", "End": True}), "waits for one thing"),
        (machine("S", S={"Type": "Choice", "Choices": []}), "has no Choices"),
        (machine("S", S={"Type": "Choice", "Choices": [{"Next": "S"}]}), "one operator"),
    ],
)
def test_what_is_no_machine_is_refused(stage: Stage, definition: Any, words: str) -> None:
    with pytest.raises(ClientError, match="InvalidDefinition") as caught:
        stage.make(definition)
    assert words in str(caught.value)


def test_other_kinds_of_machines_are_refused(stage: Stage) -> None:
    sfn, plain = stage.client("stepfunctions"), machine("S", S={"Type": "Succeed"})
    wanted = {"name": "m", "definition": json.dumps(plain), "roleArn": stage.role}
    for more in (
        {"type": "EXPRESS"},
        {"tracingConfiguration": {"enabled": True}},
        {"definition": json.dumps({**plain, "QueryLanguage": "JSONata"})},
    ):
        with pytest.raises(ClientError, match="does not simulate"):
            sfn.create_state_machine(**{**wanted, **more})
    for name in ("a b", "a/b", "x" * 81):
        with pytest.raises(ClientError, match="InvalidName"):
            sfn.create_state_machine(**{**wanted, "name": name})
