"""`deployer completion`: the script by which a shell completes `deployer` commands."""

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete
from rich.text import Text

from deployer.cli.app import now, output_of
from deployer.cli.ending import Ending
from deployer.cli.group import COMPLETING
from deployer.render.words import iso

PROGRAM = "deployer"
SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command(short_help="Print the script by which a shell completes commands.")
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def completion(ctx: click.Context, *, shell: str) -> Ending:
    """Print the script by which a shell completes commands.

    Commands, options, environments (from the settings), releases and deployments (from
    the journal, remembered for a minute) are completed. What cannot be known quickly is
    not offered; nothing is ever printed instead.

    \b
    bash  eval "$(deployer completion bash)"           in ~/.bashrc; 4.4 or newer
    zsh   eval "$(deployer completion zsh)"            in ~/.zshrc, after compinit
    fish  deployer completion fish > ~/.config/fish/completions/deployer.fish

    \b
    Exit status: 0; 2 if the shell is not one of these.
    Example:     deployer completion bash
    """  # noqa: D301  \b is for click
    script = SHELLS[shell](ctx.find_root().command, {}, PROGRAM, COMPLETING).source()
    if ctx.find_root().params["output"] == "text":
        click.echo(script)
    else:
        document = {
            "at": iso(now()), "deployment": None, "event": "script", "shell": shell, "text": script,
        }  # fmt: skip
        output_of(ctx).page(lambda _: Text(script), [document])
    return Ending()
