"""The root command: loads commands when they are named, and turns every error into an exit status.

Nothing heavier than click is imported here, so that `deployer --help` is instant (tests/cli/test_help.py
counts the modules, benchmarks/start.py the time); and this is the one place where exceptions meet exit codes, so that no command has a `try`.
"""

# ruff: noqa: ARG002  what a protocol or click hands over need not all be used

import errno
import io
import os
import sys
from contextlib import redirect_stderr
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from deployer.errors import DeployError, NotPossibleNow

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from deployer.cli.ending import Ending

DEBUG = "DEPLOYER_DEBUG"
COMPLETING = "_DEPLOYER_COMPLETE"  # a shell's question, by click's naming
INTERRUPTED = 130


class Entry(NamedTuple):
    """Where a command is, and its help in one line; `needs`: a module that `extra` brings."""

    module: str
    help: str
    needs: str = ""
    extra: str = "lab"


COMMANDS = {
    "canary": Entry("ship", "Ship RELEASE a little at a time, judging it at each stop."),
    "blue-green": Entry("ship", "Ship RELEASE in one change, and keep the old one warm."),
    "rolling": Entry(
        "rolling", "Ship RELEASE into the live group, a batch of instances at a time."
    ),
    "deploy": Entry("ship", "Ship RELEASE the way that the environment's settings name."),
    "fleet": Entry("fleet", "Ship RELEASE to many environments, a wave at a time."),
    "status": Entry("look", "Show what serves, what runs and how the last deployment ended."),
    "history": Entry("history", "List the deployments, newest first."),
    "show": Entry("look", "Show one deployment: plan, events, evidence, reason."),
    "report": Entry(
        "report", "Say in one line what became of a deployment, and write files to keep."
    ),
    "dashboard": Entry(
        "dashboard",
        "Show all environments live in the browser, and act on them there.",
        needs="starlette",
        extra="dashboard",
    ),
    "replay": Entry("replay", "Play a past deployment's minutes through other systems' rules."),
    "windows": Entry("windows", "Show when something may begin, and when a freeze is on."),
    "publish": Entry("publish", "Put an artifact where releases lie; the name tells its revision."),
    "rollback": Entry("back", "Go back to the release before, or to RELEASE."),
    "pause": Entry("steer", "Hold the running deployment where it is."),
    "resume": Entry("steer", "Let a paused deployment go on, or carry on an abandoned one."),
    "promote": Entry(
        "steer", "End the bake or window; with --full, go straight to all of the traffic."
    ),
    "approve": Entry("steer", "Say that the deployment that waits for approval may go on."),
    "abort": Entry("steer", "Ask the running deployment to go back."),
    "supervise": Entry("supervise", "Carry on deployments whose runner is gone."),
    "teardown": Entry("teardown", "Retire the idle slot, put to sleep, or delete an environment."),
    "wake": Entry("wake", "Let a sleeping environment serve again, as it was."),
    "extend": Entry("wake", "Keep an environment from being torn down by a schedule for a while."),
    "settle": Entry("settle", "Give back what an ended deployment still owes, if it is time."),
    "init": Entry("init", "Write deployer.toml, from what is running or for new stacks."),
    "cost": Entry("cost", "Compare what shipping RELEASE takes and costs, each way."),
    "verify": Entry(
        "verify", "Check the environment, and what its owner's templates would do to it."
    ),
    "recommend": Entry("recommend", "Recommend a strategy and settings, with the reasons."),
    "completion": Entry("completion", "Print the script by which a shell completes commands."),
    "lab": Entry("lab", "Run a local AWS with real traffic, and use it.", needs="moto"),
    "demo": Entry(
        "demo",
        "Show everything: lab, cdk deploy, a first release, a good canary, a bad one.",
        needs="moto",
    ),
}


class Deployer(click.Group):
    """The root command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of a manual, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module.

        Raises:
            NotPossibleNow: it belongs to an extra that is not installed.
        """
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        if entry.needs and find_spec(entry.needs) is None:
            raise NotPossibleNow(
                f"`deployer {cmd_name}` needs the {entry.extra}, which is not installed: "
                f"pip install 'deployer[{entry.extra}]'"
            )
        if ctx.resilient_parsing:  # a shell asks, and somebody waits
            from deployer.cli.unloaded import FIRST, Unloaded  # noqa: PLC0415  nobody else needs it

            if cmd_name in FIRST:
                return Unloaded(cmd_name, lambda: loaded(cmd_name))
        return loaded(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A slip of the hand is told which command is written like it."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches  # noqa: PLC0415  no command that is one needs it

            if not (like := get_close_matches(args[0], COMMANDS, n=1)):
                raise
            raise click.UsageError(f"{error.message} Did you mean '{like[0]}'?", ctx) from error

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run, or complete: then nothing that goes wrong may be said into the line somebody types."""
        if not os.environ.get(COMPLETING, "").endswith("_complete") or os.environ.get(DEBUG):
            return super().main(*args, **extra)
        try:
            with redirect_stderr(io.StringIO()):
                return super().main(*args, **extra)
        except Exception:  # noqa: BLE001  whatever it is: nothing is offered
            sys.exit(0)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[str]]":
        """The commands, without importing any; and options."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415  no other command needs it

        fitting = [name for name in COMMANDS if name.startswith(incomplete)]
        named = [CompletionItem(name, help=COMMANDS[name].help) for name in fitting]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; its `Ending` becomes the last line and the exit status."""
        try:
            from deployer.cli.ending import Ending  # noqa: PLC0415  it imports the model
        except KeyboardInterrupt:
            click.echo("interrupted before anything began", err=True)
            ctx.exit(INTERRUPTED)
        try:
            ending = super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort):
            raise
        except click.ClickException as error:
            ending = Ending("error", error.exit_code, error.format_message())
            if ctx.params["output"] != "json":
                raise
            error.show()
        except DeployError as error:
            ending = failed(error)
        except KeyboardInterrupt:
            ending = interrupted(ctx.invoked_subcommand)
        except Exception as error:
            full = isinstance(error, OSError) and error.errno == errno.ENOSPC
            if full or os.environ.get(DEBUG):
                raise  # `main` says that nothing can be written
            reason = f"unexpected {type(error).__name__}: {error}"
            ending = Ending("error", 1, f"{reason} (for the traceback: {DEBUG}=1 deployer ...)")
        if isinstance(ending, Ending):
            from deployer.cli.app import say_result  # noqa: PLC0415  it imports rich

            ctx.exit(say_result(ctx, ending))
        return ending


def loaded(name: str) -> click.Command:
    """The command, out of its module."""
    module = import_module(f"deployer.cli.{COMMANDS[name].module}")
    command: click.Command = getattr(module, name.replace("-", "_"))
    return command


def interrupted(command: str | None) -> "Ending":
    """Ctrl-C where nothing else was arranged; those that deploy nothing leave nothing to look at."""
    from deployer.cli.ending import Ending  # noqa: PLC0415  as above

    look = {
        "lab": "deployer lab status",
        "demo": "",
        "init": "",
        "verify": "",
        "recommend": "",
        "dashboard": "",
    }.get(command or "", "deployer status")
    return Ending(
        "interrupted",
        INTERRUPTED,
        f"interrupted: `{look}` tells where it stands" if look else "interrupted",
    )


def failed(error: DeployError) -> "Ending":
    """The end of a command that could not do what it was asked."""
    from deployer.cli.ending import Ending  # noqa: PLC0415  as above

    stopped = error.exit_code > 128
    return Ending("interrupted" if stopped else "error", error.exit_code, str(error))
