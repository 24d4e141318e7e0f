"""PutMetricData: what arrives, who waits for it, and what a refusal comes to."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from deployer.aws.board import SILENT_S, WAITING, CloudWatchBoard
from deployer.aws.session import Aws
from deployer.engine.marks import Reading
from deployer.lab.chaos import Fault, Kind
from deployer.lab.context import Context
from deployer.lab.telemetry.telemetry import Telemetry
from deployer.model import Slot
from tests.contract.conftest import ManualClock
from tests.lab_core.monitored import Silence


@pytest.fixture(scope="module", autouse=True)
def _metrics(context: Context) -> None:
    Telemetry(context, Silence())


@pytest.fixture
def board(aws: Aws, fresh: str, clock: ManualClock) -> CloudWatchBoard:
    return CloudWatchBoard(aws, fresh, "prod", clock)


def weights(at: float, green: float) -> tuple[Reading, Reading]:
    return (
        Reading("Weight", 100 - green, at, Slot.BLUE),
        Reading("Weight", green, at, Slot.GREEN),
    )


@pytest.fixture
def noon(context: Context) -> float:
    """A whole minute of the lab's, not long ago."""
    return context.clock.now() // 60 * 60 - 600


Kept = Callable[..., dict[float, float]]


@pytest.fixture
def kept(admin: Callable[[str], Any], fresh: str, noon: float) -> Kept:
    """What CloudWatch tells of a metric of `board`: minute -> value."""

    def told(metric: str, statistic: str, slot: str = "") -> dict[float, float]:
        dimensions = {"Service": fresh, "Environment": "prod"} | ({"Slot": slot} if slot else {})
        found = admin("cloudwatch").get_metric_statistics(
            Namespace="Deployer", MetricName=metric, Period=60, Statistics=[statistic],
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=datetime.fromtimestamp(noon - 600, UTC),
            EndTime=datetime.fromtimestamp(noon + 600, UTC),
        )  # fmt: skip
        return {one["Timestamp"].timestamp(): one[statistic] for one in found["Datapoints"]}

    return told


def test_weights_and_marks_arrive_in_their_minutes(
    board: CloudWatchBoard, kept: Kept, noon: float
) -> None:
    board.show((Reading("Begun", 1.0, noon - 300), *weights(noon, 0.0)))
    board.show(weights(noon + 61, 5.0))
    board.show((Reading("Begun", 1.0, noon - 300),))  # by a runner that has taken over
    board.close()
    assert board.trouble() == ""
    assert kept("Weight", "Average", "green") == {noon: 0.0, noon + 60: 5.0}
    assert kept("Weight", "Average", "blue") == {noon: 100.0, noon + 60: 95.0}
    assert kept("Begun", "Maximum") == {noon - 300: 1.0}


def test_a_refusal_is_said_once_and_then_nothing_is_sent_for_a_while(
    board: CloudWatchBoard, faults: Any, kept: Kept, clock: ManualClock, noon: float
) -> None:
    faults.add(Fault(Kind.EXPIRED, "cloudwatch", "PutMetricData", times=1))
    board.show(weights(noon, 1.0))
    board.close()
    assert "the AWS credentials have expired (cloudwatch:PutMetricData)" in board.trouble()
    board.show(weights(noon, 2.0))
    board.close()
    assert board.trouble() == ""
    assert kept("Weight", "Average", "green") == {}
    clock.time += SILENT_S
    board.show(weights(noon, 3.0))
    board.close()
    assert kept("Weight", "Average", "green") == {noon: 3.0}


class Stuck:
    """CloudWatch whose answer does not come before `answer` is set; one call at a time."""

    def __init__(self) -> None:
        self.answer = threading.Event()
        self.asked = threading.Event()
        self.calls = 0

    def put_metric_data(self, **_params: object) -> None:
        self.calls += 1
        self.asked.set()
        assert self.answer.wait(30)


@dataclass
class Only:
    """An Aws with this one client."""

    cloudwatch: Stuck


def test_nobody_waits_for_an_answer_that_does_not_come(clock: ManualClock, noon: float) -> None:
    stuck = Stuck()
    untyped: Any = Only(stuck)
    board = CloudWatchBoard(untyped, "shop", "prod", clock)
    board.show(weights(noon, 1.0))
    assert stuck.asked.wait(30)
    for _ in range(WAITING):
        board.show(weights(noon, 1.0))
    assert board.trouble() == ""
    board.show(weights(noon, 1.0))
    assert "does not answer in time" in board.trouble()
    stuck.answer.set()
    board.close()
    assert stuck.calls == 1  # what waited is given up: it is silent now
