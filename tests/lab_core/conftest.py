from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.lab import actions, server
from deployer.lab.cloudformation import api
from deployer.lab.context import Context
from deployer.process.clock import ScaledClock
from tests.lab_core.stacks import Cloud


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    server.reset()
    made = Context(
        directory=tmp_path,
        network=77,
        endpoint=f"http://localhost:{server.reserve_port()}",
        clock=ScaledClock(1_700_000_000.0, 10.0),
    )
    actions.install(made)
    yield made
    server.release_ports()


@pytest.fixture
def served(context: Context) -> Iterator[server.Server]:
    running = server.serve(context)
    yield running
    running.close()


@pytest.fixture
def cloud(context: Context) -> Iterator[Cloud]:
    engine = api.install(context)
    yield Cloud(context, engine)
    engine.close()
