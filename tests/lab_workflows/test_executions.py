"""Executions in the lab: what they do, how long they wait, what their history tells."""

import json
from collections import Counter

import pytest
from botocore.exceptions import ClientError

from deployer.lab.wire import Refused
from deployer.lab.workflows.history import MOST
from tests.lab_scheduler.conftest import FUNCTION, allow, trusting
from tests.lab_workflows.conftest import MACHINE, START, Stage, invoking, machine

DONE = {"Type": "Succeed"}
PAYLOAD = {"Payload.$": "$"}
# As a detached deployment's: call, look at the answer, wait for as long as it says, call again.
LOOP = machine(
    "Tick",
    Tick=invoking(PAYLOAD, OutputPath="$.Payload", Next="Done?"),
    **{
        "Done?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.done", "BooleanEquals": True, "Next": "End"}],
            "Default": "Wait",
        }
    },
    Wait={"Type": "Wait", "SecondsPath": "$.wait_s", "Next": "Tick"},
    End=DONE,
)
TICK = ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"]
ASKED = ["ChoiceStateEntered", "ChoiceStateExited"]
WAITED = ["WaitStateEntered", "WaitStateExited"]


def test_a_loop_waits_as_long_as_its_function_says(stage: Stage) -> None:
    stage.answers[:] = [
        {"done": False, "wait_s": 30},
        {"done": False, "wait_s": 60},
        {"done": True},
    ]
    arn = stage.start(stage.make(LOOP), "e", {"id": "d1"})
    stage.beat(29.0)
    assert len(stage.heard) == 1
    stage.beat(1.0)
    assert len(stage.heard) == 2
    assert stage.told(arn)["status"] == "RUNNING"
    stage.beat(60.0)
    found = stage.told(arn)
    assert (found["status"], json.loads(found["output"])) == ("SUCCEEDED", {"done": True})
    assert (found["stopDate"] - found["startDate"]).total_seconds() == 90.0
    assert stage.heard == [{"id": "d1"}, *({"done": False, "wait_s": wait} for wait in (30, 60))]


def test_its_history_has_the_events_that_aws_counts(stage: Stage) -> None:
    """Nine for each turn of the loop: five of the task, two of the choice, two of the wait."""
    stage.answers[:] = [{"done": False, "wait_s": 30}, {"done": True}]
    arn = stage.start(stage.make(LOOP), "e")
    stage.beat(30.0)
    assert stage.types(arn) == [
        "ExecutionStarted", *TICK, *ASKED, *WAITED, *TICK, *ASKED,
        "SucceedStateEntered", "SucceedStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    events = stage.events(arn)
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert all(event["previousEventId"] == event["id"] - 1 for event in events)
    scheduled = events[2]["taskScheduledEventDetails"]
    assert (scheduled["resourceType"], scheduled["resource"]) == ("lambda", "invoke")


def test_twenty_five_thousand_events_are_the_end(stage: Stage) -> None:
    """Two states that hand on to each other for ever: four events each time."""
    there, back = ({"Type": "Pass", "Next": name} for name in ("B", "A"))
    found = stage.play(machine("A", A=there, B=back))
    assert found["status"] == "FAILED"
    assert "maximum number of history events (25000)" in found["cause"]
    history = stage.workflows.book.execution(found["executionArn"]).history
    assert len(history.events) == MOST
    assert history.events[-1]["type"] == "ExecutionFailed"
    assert history.counts()["PassStateExited"] == 12_499


def test_starting_again_is_starting_once_while_it_runs_with_that_input(stage: Stage) -> None:
    stage.answers[:] = [{"done": False, "wait_s": 30}, {"done": True}]
    arn = stage.make(LOOP)
    first = stage.start(arn, "e", {"a": 1})
    assert stage.start(arn, "e", {"a": 1}) == first
    for given in ({"a": 2}, {"a": 1}):
        if given == {"a": 1}:
            stage.beat(30.0)  # it has ended
        with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
            stage.start(arn, "e", given)
    assert len(stage.heard) == 2


def test_stopping_is_told(stage: Stage) -> None:
    stage.answers[:] = [{"done": False, "wait_s": 30}]
    arn = stage.start(stage.make(LOOP), "e")
    sfn = stage.client("stepfunctions")
    sfn.stop_execution(executionArn=arn, error="Ours", cause="enough")
    stage.beat(60.0)
    found = stage.told(arn)
    assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "Ours", "enough")
    assert stage.types(arn)[-1] == "ExecutionAborted"
    assert len(stage.heard) == 1
    assert sfn.list_executions(stateMachineArn=MACHINE, statusFilter="RUNNING")["executions"] == []
    (listed,) = sfn.list_executions(stateMachineArn=MACHINE)["executions"]
    assert listed["executionArn"] == arn


def test_an_update_leaves_what_runs_alone(stage: Stage) -> None:
    stage.answers[:] = [{"done": False, "wait_s": 30}, {"done": True}]
    arn = stage.start(stage.make(LOOP), "e")
    other = json.dumps(machine("Other", Other={"Type": "Fail", "Error": "New"}))
    stage.client("stepfunctions").update_state_machine(stateMachineArn=MACHINE, definition=other)
    stage.beat(30.0)
    assert stage.told(arn)["status"] == "SUCCEEDED"
    assert stage.told(stage.start(MACHINE, "f"))["error"] == "New"


def test_deleting_a_machine_ends_what_runs(stage: Stage) -> None:
    stage.answers[:] = [{"done": False, "wait_s": 30}]
    arn = stage.start(stage.make(LOOP), "e")
    stage.client("stepfunctions").delete_state_machine(stateMachineArn=MACHINE)
    stage.beat(30.0)
    assert stage.told(arn)["status"] == "ABORTED"
    with pytest.raises(ClientError, match="StateMachineDoesNotExist"):
        stage.start(MACHINE, "f")


RETRY = [
    {"ErrorEquals": ["Lambda.TooManyRequestsException"], "IntervalSeconds": 5, "MaxAttempts": 2}
]


def test_what_is_worth_it_is_tried_again_with_growing_pauses(stage: Stage) -> None:
    throttled = Refused("TooManyRequestsException", "Rate Exceeded.", 429)
    stage.answers[:] = [throttled, throttled, {"ok": True}]
    arn = stage.start(stage.make(machine("T", T=invoking(PAYLOAD, Retry=RETRY, End=True))), "e")
    for wait_s, heard in ((4.9, 1), (0.1, 2), (9.9, 2), (0.1, 3)):
        stage.beat(wait_s)
        assert len(stage.heard) == heard
    assert stage.told(arn)["status"] == "SUCCEEDED"
    assert Counter(stage.types(arn))["TaskFailed"] == 2
    assert Counter(stage.types(arn))["TaskStateEntered"] == 1


def test_after_the_last_attempt_it_fails_with_the_errors_name(stage: Stage) -> None:
    stage.answers[:] = [Refused("TooManyRequestsException", "Rate Exceeded.", 429)] * 3
    arn = stage.start(stage.make(machine("T", T=invoking(PAYLOAD, Retry=RETRY, End=True))), "e")
    for _ in range(4):
        stage.beat(60.0)
    found = stage.told(arn)
    assert (found["status"], found["error"]) == ("FAILED", "Lambda.TooManyRequestsException")
    assert len(stage.heard) == 3


@pytest.mark.parametrize(
    ("names", "caught"),
    [
        (["ValueError"], True),
        (["States.ALL"], True),
        (["States.TaskFailed"], True),
        (["KeyError"], False),
        (["States.Timeout"], False),
    ],
)
def test_a_functions_error_is_known_by_its_type(
    stage: Stage, names: list[str], *, caught: bool
) -> None:
    stage.answers[:] = [ValueError("no such release")]
    catch = [{"ErrorEquals": names, "Next": "Caught", "ResultPath": "$.why"}]
    tried = invoking(PAYLOAD, Catch=catch, End=True)
    found = stage.play(machine("T", T=tried, Caught={"Type": "Pass", "End": True}), {"a": 1})
    if not caught:
        assert (found["status"], found["error"]) == ("FAILED", "ValueError")
        assert json.loads(found["cause"])["errorMessage"] == "no such release"
        return
    output = json.loads(found["output"])
    assert (output["a"], output["why"]["Error"]) == (1, "ValueError")


def test_the_role_decides_what_a_task_may_call(stage: Stage) -> None:
    stage.may(allow("lambda:InvokeFunction", f"{FUNCTION}-other"))
    found = stage.play(machine("T", T=invoking(PAYLOAD, End=True)))
    assert found["error"] == "Lambda.AWSLambdaException"
    assert "assumed-role/runs/states is not authorized" in found["cause"]
    assert stage.heard == []


def test_a_role_that_trusts_somebody_else_is_refused(stage: Stage) -> None:
    stage.client("iam").update_assume_role_policy(
        RoleName="runs", PolicyDocument=trusting("lambda.amazonaws.com")
    )
    with pytest.raises(ClientError, match="assume the provided role"):
        stage.make(machine("D", D=DONE))


def test_a_task_that_lasts_too_long_is_given_up(stage: Stage) -> None:
    """The call itself goes on; nobody listens to it any more."""
    stage.hands.hold = True
    arn = stage.start(
        stage.make(machine("T", T=invoking(PAYLOAD, TimeoutSeconds=10, End=True))), "e"
    )
    stage.beat(9.0)
    assert stage.told(arn)["status"] == "RUNNING"
    stage.beat(1.0)
    stage.hands.held[0]()
    stage.beat()
    assert stage.told(arn)["error"] == "States.Timeout"
    assert "TaskTimedOut" in stage.types(arn)


def test_a_machine_has_its_own_deadline(stage: Stage) -> None:
    stage.answers[:] = [{"done": False, "wait_s": 500}]
    arn = stage.start(stage.make({**LOOP, "TimeoutSeconds": 100}), "e")
    stage.beat(100.0)
    assert stage.told(arn)["status"] == "TIMED_OUT"
    assert stage.types(arn)[-1] == "ExecutionTimedOut"


def test_it_goes_on_as_an_execution_of_its_own(stage: Stage) -> None:
    onward = {
        "Type": "Task", "Resource": START, "End": True, "ResultPath": None,
        "Parameters": {
            "StateMachineArn.$": "$$.StateMachine.Id",
            "Name.$": "$.next",
            "Input": {"next": "e-3", "from.$": "$$.Execution.Name"},
        },
    }  # fmt: skip
    fork = {
        "Type": "Choice", "Default": "End",
        "Choices": [{"Variable": "$.next", "StringEquals": "e-2", "Next": "Onward"}],
    }  # fmt: skip
    first = stage.start(
        stage.make(machine("F", F=fork, Onward=onward, End=DONE)), "e", {"next": "e-2"}
    )
    stage.beat()
    assert stage.told(first)["status"] == "SUCCEEDED"
    second = stage.told(f"{first}-2")
    assert second["status"] == "SUCCEEDED"
    assert json.loads(second["input"]) == {"next": "e-3", "from": "e"}


def test_going_on_under_a_name_that_is_taken_is_an_error_with_a_name(stage: Stage) -> None:
    onward = {
        "Type": "Task", "Resource": START, "End": True,
        "Parameters": {"StateMachineArn": MACHINE, "Name": "e", "Input": {"other": 1}},
    }  # fmt: skip
    found = stage.play(machine("O", O=onward))
    assert found["error"] == "StepFunctions.ExecutionAlreadyExistsException"


EACH = {
    "Type": "Map", "ItemsPath": "$.items", "ItemSelector": {"n.$": "$$.Map.Item.Value"},
    "MaxConcurrency": 2, "End": True,
    "ItemProcessor": {
        "ProcessorConfig": {"Mode": "INLINE"},
        **machine("T", T=invoking({"Payload.$": "$.n"}, OutputPath="$.Payload", End=True)),
    },
}  # fmt: skip


def test_a_map_goes_over_items_so_many_at_a_time(stage: Stage) -> None:
    found = stage.play(machine("M", M=EACH), {"items": [1, 2, 3]})
    assert json.loads(found["output"]) == [1, 2, 3]
    counts = Counter(stage.types(found["executionArn"]))
    assert counts["MapIterationSucceeded"] == 3
    assert [
        counts[f"MapState{what}"] for what in ("Entered", "Started", "Succeeded", "Exited")
    ] == [1] * 4


def test_never_more_than_so_many_at_a_time(stage: Stage) -> None:
    stage.hands.hold = True
    arn = stage.start(stage.make(machine("M", M=EACH)), "e", {"items": [1, 2, 3]})
    held = stage.hands.held
    assert len(held) == 2
    held[1]()
    stage.beat()
    assert len(held) == 3
    held[0]()
    held[2]()
    stage.beat()
    assert json.loads(stage.told(arn)["output"]) == [1, 2, 3]


def test_an_item_that_fails_ends_the_others(stage: Stage) -> None:
    stage.answers[:] = [1, ValueError("no")]
    found = stage.play(machine("M", M=EACH), {"items": [1, 2, 3]})
    assert (found["status"], found["error"]) == ("FAILED", "ValueError")
    assert "MapStateFailed" in stage.types(found["executionArn"])
