"""A lab without load balancer and server: AWS answers in the test's own thread, at set times."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from deployer.lab import actions, inprocess, server
from deployer.lab.context import Context
from deployer.lab.telemetry.telemetry import Telemetry
from deployer.lab.traffic import Traffic
from deployer.process.clock import ScaledClock

T0 = 1_700_000_040  # a whole minute


class Hand(ScaledClock):
    """A clock whose hand the test moves."""

    time: ClassVar[float] = T0

    def now(self) -> float:
        return Hand.time


class Counters:
    """A TrafficSource that shows what the test sets."""

    def __init__(self) -> None:
        self.traffic = Traffic()

    def read(self) -> Traffic:
        return self.traffic


@pytest.fixture
def hand() -> Iterator[type[Hand]]:
    Hand.time = T0
    yield Hand
    Hand.time = T0


@pytest.fixture
def context(tmp_path: Path, hand: type[Hand]) -> Context:
    server.reset()
    made = Context(
        directory=tmp_path,
        network=78,
        endpoint="http://localhost:5999",
        clock=Hand(T0, 10.0),
    )
    actions.install(made)
    return made


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def telemetry(context: Context, counters: Counters) -> Telemetry:
    return Telemetry(context, counters)


@pytest.fixture
def cloudwatch(context: Context, telemetry: Telemetry) -> Any:
    return inprocess.client(context, "cloudwatch")
