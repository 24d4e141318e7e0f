"""The command line over the simulated environment `sim`: type a command, look at what it said."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from deployer.cli.main import cli
from deployer.errors import NotFound
from deployer.journal import Lease
from deployer.model import Release, Weights
from deployer.operations.detached import NO_MACHINE, Machine
from deployer.operations.looking_back import UNKEPT, Recordings
from deployer.operations.notifying import SILENT, Outbox
from deployer.operations.pages import UNPUBLISHED, Pages
from deployer.operations.prospects import Costs
from deployer.plan import Deployment
from deployer.planning.preflight import Surroundings
from deployer.ports import UNRECORDED, History
from deployer.settings import freezing
from deployer.settings.schema import Settings
from deployer.wiring.services import Services
from tests.sim.board import SimBoard
from tests.sim.fleet import Behaviour
from tests.sim.hooks import SimHooks
from tests.sim.journal import SimJournal
from tests.sim.play import CloudPort, Play, play

RELEASES = ("v1", "v2", "v3", "u1")  # u1 migrates a schema: it is not safe to roll back
STACKS = ("shop-sim-network", "shop-sim-service", "shop-sim-control")
QUIET = Surroundings(stacks=dict.fromkeys(STACKS, "UPDATE_COMPLETE"))
SETTINGS = """
[service]
name = "shop"

[environments.sim]
region = "us-east-1"
zones = ["us-east-1a", "us-east-1b"]
image = "ami-0abcdef1234567890"

[canary]
weights = [5, 50]
bake = "2m"
final_bake = "1m"
linger = "5m"

[analysis]
metrics_delay = "1m"
warm_up = "0s"
max_time = "3m"
"""


@dataclass
class StageJournal(SimJournal):
    """The simulated journal.

    forgetful: as if the process had been killed before it could give its lease back.
    """

    forgetful: bool = False

    def release(self, deployment: Deployment, lease: Lease) -> None:
        if not self.forgetful:
            super().release(deployment, lease)


@dataclass
class Stage:
    """One simulated environment, and a shell in front of it."""

    play: Play
    folder: Path
    commands: int = 0
    connections: list[Settings] = field(default_factory=list)
    around: Surroundings = QUIET
    board: SimBoard = field(default_factory=SimBoard)
    machine: Machine = NO_MACHINE
    outbox: Outbox = SILENT
    recordings: Recordings = UNKEPT
    pages: Pages = UNPUBLISHED
    past: History = UNRECORDED

    def __post_init__(self) -> None:
        self.journal = StageJournal(self.play.gate)
        self.play.journal = self.play.oracle.journal = self.journal
        self.config = self.folder / "deployer.toml"
        self.config.write_text(SETTINGS)

    def connect(self, settings: Settings) -> Services:
        """What deployer.wiring.services.connect does, over the simulation; a new process each time."""
        self.commands += 1
        self.connections.append(settings)
        owner = f"alice@laptop #{self.commands}"
        play = self.play
        return Services(
            service="shop", environment="sim", url="http://shop.example",
            cloud=CloudPort(play.cloud, play.gate, play.oracle, owner, play.history),
            metrics=play.metrics, prober=play.prober, journal=self.journal, clock=play.clock,
            find_release=find_release, poll_s=10.0, lease_s=60.0, owner=owner,
            caller="alice@laptop", scale=100.0, alarms=play.alarms,
            look_around=lambda: self.around, on_interrupt=settings.journal.on_interrupt,
            takeover=settings.journal.takeover,
            hooks=SimHooks(play.clock, play.gate, play.hooks),
            sticks_s=int(settings.environment.stickiness_s), board=self.board,
            machine=self.machine, freezes=freezing.calendar(settings.windows), outbox=self.outbox, recordings=self.recordings, history=self.past,
            pages=self.pages,
            costs=Costs("us-east-1", "t3.micro", dict(settings.cost.hourly)),
        )  # fmt: skip

    def run(self, *arguments: str, **environ: str) -> Result:
        """`deployer ARGUMENTS`."""
        env = {"DEPLOYER_CONFIG": str(self.config), **environ}
        return CliRunner(env=env).invoke(cli, arguments, obj=self.connect, prog_name="deployer")

    def json(self, *arguments: str) -> tuple[list[dict[str, Any]], int]:
        """`deployer --output json ARGUMENTS`: documents and exit status."""
        done = self.run("--output", "json", *arguments)
        return [json.loads(line) for line in done.stdout.splitlines()], done.exit_code

    def at(self, after_s: float, happening: Callable[[], object]) -> None:
        """Something happens `after_s` simulated seconds from now."""
        play = self.play
        play.cloud.at(play.clock.now() + after_s, lambda: (happening(), None)[1])

    @property
    def records(self) -> list[Deployment]:
        """The journal's, newest first."""
        return list(self.journal.history("sim", 100))


def find_release(name: str) -> Release:
    """Four releases exist."""
    if name not in RELEASES:
        raise NotFound(f"no release {name}: s3://artifacts/shop/{name}.tar.gz does not exist")
    uri = f"s3://artifacts/shop/{name}.tar.gz"
    return Release(name, uri, rollback_safe=not name.startswith("u"))


def stage(
    folder: Path,
    *,
    weights: Weights | None = Weights(1000, 0),  # noqa: B008 - frozen
    behaviours: Mapping[str, Behaviour] | None = None,
) -> Stage:
    """v1 serves from blue with two instances, or whatever is asked for."""
    sim = play(weights=weights, behaviours=behaviours)
    live = weights.sole if weights else None
    if live is not None:
        sim.cloud.groups[live].pin(find_release("v1"))
    return Stage(sim, folder)
