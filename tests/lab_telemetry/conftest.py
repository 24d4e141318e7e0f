"""A lab without load balancer and server: AWS answers in the test's own thread."""

from pathlib import Path

import pytest

from deployer.clock import ScaledClock
from deployer.lab import actions, server
from deployer.lab.context import Context


@pytest.fixture
def context(tmp_path: Path) -> Context:
    server.reset()
    made = Context(
        directory=tmp_path,
        network=78,
        endpoint="http://localhost:5999",
        clock=ScaledClock(1_700_000_000.0, 10.0),
    )
    actions.install(made)
    return made
