"""Three environments of one service: two that answer, and one that does not."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from deployer.cli.main import cli
from deployer.errors import CloudUnavailable
from deployer.settings.schema import Settings
from deployer.wiring.services import Services
from tests.cli.stage import SETTINGS, stage

DEAD = "no answer from dead"


class Several:
    """`sim` and `other`, a quarter of an hour apart, and `dead`."""

    def __init__(self, folder: Path) -> None:
        self.sim, self.other = stage(folder), stage(folder)
        own = SETTINGS.partition("[environments.sim]")[2].partition("[canary]")[0]
        more = "".join(f"[environments.{name}]{own}" for name in ("other", "dead"))
        self.config = self.sim.config
        self.config.write_text(SETTINGS.replace("[canary]", f"{more}\n[canary]"))
        self.other.play.clock.sleep(900)
        self.silent = {"dead"}

    def connect(self, settings: Settings) -> Services:
        name = settings.environment.name
        if name in self.silent:
            raise CloudUnavailable(DEAD)
        part = self.sim if name == "sim" else self.other
        return replace(part.connect(settings), environment=name)

    def run(self, *arguments: str, **environ: str) -> Result:
        """`deployer ARGUMENTS`."""
        env = {"DEPLOYER_CONFIG": str(self.config), **environ}
        return CliRunner(env=env).invoke(cli, arguments, obj=self.connect, prog_name="deployer")

    def json(self, *arguments: str) -> tuple[list[dict[str, Any]], int]:
        """`deployer --output json ARGUMENTS`: documents and exit status."""
        done = self.run("--output", "json", *arguments)
        return [json.loads(line) for line in done.stdout.splitlines()], done.exit_code
