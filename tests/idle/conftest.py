"""The adapters of the sweeps meet the lab's API over HTTP; set-up goes through it in process."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from deployer.aws.pacing import Pacing
from deployer.aws.session import Aws
from deployer.lab import actions, server, tagging
from deployer.lab.autoscaling.component import Fleet
from deployer.lab.context import REGION, Context
from deployer.lab.scheduler.component import Scheduler
from deployer.lab.telemetry.telemetry import Telemetry
from deployer.lab.traffic import Traffic
from tests.contract.conftest import ManualClock
from tests.idle.cloud import NOW, Hand, Region


class Silent:
    """A TrafficSource without any."""

    def read(self) -> Traffic:
        return Traffic()


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    server.reset()
    Hand.time = NOW
    context = Context(
        directory=tmp_path_factory.mktemp("lab"),
        network=78,
        endpoint=f"http://localhost:{server.reserve_port()}",
        clock=Hand(NOW, 1.0),
    )
    actions.install(context)
    fleet = Fleet(context)
    telemetry = Telemetry(context, Silent())
    tagging.install(context)
    scheduler = Scheduler(context)
    running = server.serve(context)
    yield Region(context, telemetry, fleet._reconciler.store)
    running.close()
    scheduler.close()
    telemetry.close()
    fleet.close()
    server.release_ports()
    server.reset()


@pytest.fixture(scope="module")
def aws(region: Region) -> Iterator[Aws]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "lab")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "lab")
        patch.setenv("AWS_ENDPOINT_URL", region.context.endpoint)
        patch.delenv("AWS_PROFILE", raising=False)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        yield Aws(REGION, Pacing(ManualClock()))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def faults(region: Region) -> Iterator[Any]:
    yield actions.faults()
    actions.faults().clear()
