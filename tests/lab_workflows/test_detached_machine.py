"""The state machine of detached deployments, in the lab: its loop, its history, its end."""

import json
from collections import Counter
from typing import Any

from deployer.lab.wire import Refused
from deployer.lab.workflows.history import MOST
from deployer.operations.detached import MOST_TICKS
from stacks.states import MOST_RETRIES, definition
from tests.lab_scheduler.conftest import FUNCTION, allow
from tests.lab_workflows.conftest import MACHINE, Stage

PER_TICK = 9  # five events of the task, two of the choice, two of the wait
PER_RETRY = 3
FIRST = {"deployment": "d1", "part": 1, "ticks": 0, "stretch": 1.0}


def answer(following: str, wait_s: int = 30, ticks: int = 1, name: str = "") -> dict[str, Any]:
    mandate = {**FIRST, "ticks": ticks}
    return {
        "next": following, "mandate": mandate, "stands": "step", "wait_s": wait_s, "name": name,
    }  # fmt: skip


def begun(stage: Stage) -> str:
    return stage.start(stage.make(definition(FUNCTION)), "d1", FIRST)


def test_it_rests_as_long_as_a_tick_says_and_hands_the_answer_to_the_next(stage: Stage) -> None:
    stage.answers[:] = [answer("rest", 45), answer("rest", 10, 2), answer("end", 0, 3)]
    arn = begun(stage)
    stage.beat(45.0)
    stage.beat(10.0)
    found = stage.told(arn)
    assert found["status"] == "SUCCEEDED"
    assert json.loads(found["output"])["mandate"]["ticks"] == 3
    assert stage.heard == [FIRST, answer("rest", 45), answer("rest", 10, 2)]
    assert (found["stopDate"] - found["startDate"]).total_seconds() == 55.0


def test_nine_events_for_each_tick(stage: Stage) -> None:
    stage.answers[:] = [*(answer("rest", 1, n) for n in range(50)), answer("end")]
    arn = begun(stage)
    for _ in range(50):
        stage.beat(1.0)
    counts = Counter(stage.types(arn))
    first_and_last = 2 + 2  # the execution's and the last state's
    assert sum(counts.values()) == 50 * PER_TICK + (PER_TICK - 2) + first_and_last
    transitions = sum(number for kind, number in counts.items() if kind.endswith("StateEntered"))
    assert transitions == 50 * 3 + 2 + 1


def test_an_execution_ends_long_before_its_history_is_full() -> None:
    """Even if each of its ticks had to be tried as often as the machine tries."""
    assert MOST_TICKS * (PER_TICK + MOST_RETRIES * PER_RETRY) + 20 < MOST


def test_the_last_tick_of_an_execution_goes_on_as_another_one(stage: Stage) -> None:
    stage.may(allow("lambda:InvokeFunction", FUNCTION), allow("states:StartExecution", MACHINE))
    stage.answers[:] = [answer("onward", 20, 0, "d1-2"), answer("end")]
    arn = begun(stage)
    stage.beat(19.0)
    assert stage.told(arn)["status"] == "RUNNING"
    stage.beat(1.0)
    stage.beat()
    assert stage.told(arn)["status"] == "SUCCEEDED"
    second = stage.told(f"{arn}-2")
    assert second["status"] == "SUCCEEDED"
    assert json.loads(second["input"]) == answer("onward", 20, 0, "d1-2")["mandate"]


def test_one_that_goes_on_already_is_not_begun_again(stage: Stage) -> None:
    stage.answers[:] = [answer("rest", 900), answer("onward", 1, 0, "d1-2")]
    other = stage.start(stage.make(definition(FUNCTION)), "d1-2", {"other": 1})
    arn = stage.start(MACHINE, "d1", FIRST)
    stage.beat(1.0)
    assert stage.told(arn)["status"] == "SUCCEEDED"
    assert stage.told(other)["status"] == "RUNNING"


def test_a_tick_that_died_is_called_again_and_one_that_cannot_ends_it(stage: Stage) -> None:
    throttled = Refused("TooManyRequestsException", "Rate Exceeded.", 429)
    stage.answers[:] = [throttled, answer("rest"), ValueError("no permission")]
    arn = begun(stage)
    stage.beat(5.0)
    assert len(stage.heard) == 2
    stage.beat(30.0)
    found = stage.told(arn)
    assert (found["status"], found["error"]) == ("FAILED", "ValueError")
