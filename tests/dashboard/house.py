"""A dashboard over simulated environments: real server, real browser, no cloud."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deployer.cli.app import App
from deployer.cli.dashboard import Open, opened
from deployer.cli.text import TextOutput
from deployer.cli.watched import watched
from deployer.errors import CloudUnavailable
from deployer.settings.schema import Settings
from deployer.wiring.services import Services
from tests.cli.stage import SETTINGS, Stage, stage

ENVIRONMENT = """
[environments.{}]
region = "us-east-1"
zones = ["us-east-1a", "us-east-1b"]
image = "ami-0abcdef1234567890"
"""


@dataclass
class House:
    """Environments by name, each a stage of its own; `dark` ones give no answer."""

    folder: Path
    stages: dict[str, Stage]
    dark: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        head, _, rest = SETTINGS.partition("[environments.sim]")
        _, _, tail = rest.partition("[canary]")
        places = "".join(map(ENVIRONMENT.format, self.stages))
        self.config = self.folder / "house.toml"
        self.config.write_text(f"{head}{places}\n[canary]{tail}")

    def connect(self, settings: Settings) -> Services:
        name = settings.environment.name
        if name in self.dark:
            raise CloudUnavailable(f"{name}: no answer")
        return self.stages[name].connect(settings)

    @contextmanager
    def open(self, environment: str | None = None) -> Iterator[Open]:
        """The dashboard."""
        app = App(self.config, environment, TextOutput(), self.connect)
        with opened(watched(app), "127.0.0.1", 0, None) as dash:
            yield dash
            assert dash.alive()


def house(folder: Path, *names: str) -> House:
    """v1 serves in each."""
    made = {}
    for name in names:
        (folder / name).mkdir()
        made[name] = stage(folder / name)
    return House(folder, made)


def under_way(shop: Stage, after_s: float = 300.0, *flags: str) -> Stage:
    """A canary of v2 stands still, so many seconds after it began; its runner's lease is alive."""

    def die() -> None:
        raise MemoryError("killed")

    shop.at(after_s, die)
    shop.journal.forgetful = True
    assert shop.run("canary", "v2", *flags).exit_code == 1
    shop.play.cloud._happenings.clear()
    return shop
