"""What the commands share: the global options, the environment's settings, services and output."""

import os
import re
import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from deployer.cli.ending import Ending
from deployer.cli.output import Output
from deployer.cli.stream import StreamOutput
from deployer.cli.text import TextOutput
from deployer.errors import DeployError, NotFound, SettingsInvalid
from deployer.process import clock
from deployer.settings import reading
from deployer.settings.schema import Settings
from deployer.wiring.services import Services, connect

if TYPE_CHECKING:
    from deployer.wiring.formation import Formation

OPTION = re.compile(r"^option: \w+\.(\w+)")  # how settings.reading calls what came from a flag
NOTHING: Mapping[str, Any] = MappingProxyType({})
UNWRITTEN = "deployer.unwritten"
SHOWN = ("ok", "planned")  # endings of commands whose answer is their output


def fleets_of(region: str, environments: Mapping[str, Settings]) -> "Formation":
    """The service's fleets; `region` of their stack."""
    from deployer.wiring import formation  # noqa: PLC0415  only `--fleet` needs it

    return formation.connect(region, environments)


@dataclass
class App:
    """One invocation of the command line.

    environment: as asked for; None: the only one that there is.
    connect:     settings -> services; tests give their own.
    fleets:      Region and settings of all environments -> the service's fleets; likewise.
    """

    config: Path
    environment: str | None
    output: Output
    connect: Callable[[Settings], Services] = connect
    fleets: "Callable[[str, Mapping[str, Settings]], Formation]" = fleets_of
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def settings(self) -> Settings:
        """The environment's settings, with the command's flags merged in.

        Raises:
            NotFound: no such file or environment.
            SettingsInvalid: something in it is wrong.
        """
        try:
            return reading.load(self.found(), self.environment, self.overrides)
        except SettingsInvalid as error:
            raise SettingsInvalid(OPTION.sub(flag_of, str(error))) from error

    def found(self) -> Path:
        """The settings' file.

        Raises:
            NotFound: no such file.
        """
        if not self.config.exists():
            raise NotFound(
                f"{self.config.name} not found in {self.config.absolute().parent}: run this where "
                "it lies, or name it with --config or DEPLOYER_CONFIG (deployer.example.toml "
                "explains every setting)"
            )
        return self.config

    @cached_property
    def services(self) -> Services:
        """Everything that the environment offers; talks to AWS."""
        return self.connect(self.settings)


def flag_of(found: re.Match[str]) -> str:
    """What was typed, for a setting that came from it: `--bake` for `canary.final_bake` too."""
    return f"--{found[1].removeprefix('final_').replace('_', '-')}"


def app_of(ctx: click.Context, overrides: Mapping[str, Any] = NOTHING) -> App:
    """The invocation's App. `overrides`: settings that the command's flags change."""
    options, given = ctx.find_root().params, ctx.find_root().obj
    return App(
        config=Path(options["config"]),
        environment=options["env"],
        output=output_of(ctx),
        connect=given or connect,
        fleets=getattr(given, "fleets", fleets_of),
        overrides={key: value for key, value in overrides.items() if value is not None},
    )


def output_of(ctx: click.Context) -> Output:
    """What fits --output."""
    root = ctx.find_root()
    if root.params["output"] == "json":
        return StreamOutput(unwritten=unwritten_of(root))
    return TextOutput(flags_of(root), unwritten=unwritten_of(root))


def unwritten_of(root: click.Context) -> list[OSError]:
    """What kept results of this invocation from being written, by whichever output."""
    found: list[OSError] = root.meta.setdefault(UNWRITTEN, [])
    return found


def flags_of(root: click.Context) -> str:
    """The global options that were typed, as they must be typed again: `--env prod `."""
    typed = {
        f"--{name}": root.params[name]
        for name in ("config", "env")
        if root.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    return "".join(f"{name} {shlex.quote(value)} " for name, value in typed.items())


def say_result(ctx: click.Context, ending: Ending) -> int:
    """The last word; returns the exit status.

    A deployment goes on when nobody can be told, and its status is that of its end. What only
    shows something has done nothing where its page could not be written.
    """
    output_of(ctx).result(ending, now())
    unwritten = unwritten_of(ctx.find_root())
    if not unwritten:
        return ending.exit_code
    with suppress(OSError):  # nor can this be
        click.echo(f"Error: the output cannot be written: {unwritten[0].strerror}", err=True)
    return 1 if ending.status in SHOWN else ending.exit_code


def now() -> float:
    """Epoch seconds by the clock that the environment names, if it names a good one."""
    try:
        return clock.from_environment(os.environ).now()
    except DeployError:
        return clock.WallClock().now()
