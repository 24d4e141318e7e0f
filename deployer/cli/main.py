"""`deployer`: the root command and its options. Imports nothing that makes `--help` slow."""

import os
import sys
from typing import TYPE_CHECKING

import click

from deployer.cli.group import Deployer
from deployer.process import heap

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def installed_version() -> str:
    """As pip knows it; `0` for a checkout that is not installed."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  reads mail headers

    try:
        return version("deployer")
    except PackageNotFoundError:
        return "0"


def show_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    """The line of --version; nobody else pays for reading it."""
    if asked and not ctx.resilient_parsing:
        click.echo(f"deployer {installed_version()}")
        ctx.exit()


def offer_environments(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> "list[CompletionItem[str]]":
    """What a shell offers for --env."""
    from deployer.cli.offering import environments  # noqa: PLC0415  only a shell asks

    return environments(ctx, param, incomplete)


@click.group(cls=Deployer, context_settings={"max_content_width": 100})
@click.option(
    "--config", default="deployer.toml", show_default=True, envvar="DEPLOYER_CONFIG",
    show_envvar=True, type=click.Path(), help="The settings.",
)  # fmt: skip
@click.option(
    "--env", metavar="NAME", envvar="DEPLOYER_ENV", show_envvar=True,
    shell_complete=offer_environments,
    help="The environment: a section [environments.NAME] of the settings. Not needed if there is "
    "only one.",
)  # fmt: skip
@click.option(
    "--output", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="For people, or for programs: one JSON object per line on stdout, `result` last.",
)  # fmt: skip
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=show_version,
    help="Show the version and exit.",
)  # fmt: skip
def cli(*, config: str, env: str | None, output: str) -> None:
    """Zero-downtime releases for services on EC2 Auto Scaling behind a load balancer.

    A release starts beside the one that serves, proves itself on a little real traffic,
    gets more, and gets all of it; or everything goes back by itself. Progress goes to
    stderr, results to stdout.

    \b
    deployer canary v42          ship a release
    deployer status --watch      see what serves and what runs
    deployer rollback            go back

    \b
    Durations are written 90s, 10m, 1h30m; shares are percents: 5, 0.1, 25%.
    AWS credentials come from where the AWS CLI takes them (AWS_PROFILE, ...).
    Exit status:
      0  shipped, or done as asked     4    halted: a person must look
      1  unexpected error              5    another deployment runs
      2  refused: usage or settings    129, 130, 143  stopped by a signal
      3  rolled back                   6    verify found a problem
    """  # noqa: D301  \b is for click


def open_what_is_closed() -> None:
    """`deployer ... >&-`, or a scheduler that gives no output: what is said goes nowhere.

    Left closed, Python has no such stream, and the next file that is opened takes its number.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


def main() -> None:
    """The console script."""
    open_what_is_closed()
    heap.spare_what_stays()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows its code: never an exception.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            cli(prog_name="deployer")
        finally:
            sys.stdout.flush()
    except OSError as error:
        # What is still in the buffer would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"Error: the output cannot be written: {error.strerror}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
