"""A lab in the test's own thread, and Auto Scaling over a cloud in memory."""

from pathlib import Path

import pytest

from deployer.lab import actions, server
from deployer.lab.context import Context
from deployer.process.clock import ScaledClock
from tests.lab_autoscaling.world import World


@pytest.fixture
def context(tmp_path: Path) -> Context:
    server.reset()
    made = Context(
        directory=tmp_path,
        network=79,
        endpoint="http://localhost:5999",
        clock=ScaledClock(1_700_000_000.0, 20.0),
    )
    actions.install(made)
    return made


@pytest.fixture
def world(context: Context) -> World:
    return World(context)
