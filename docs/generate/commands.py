"""The reference of the command line, from click: every command, argument, option and default."""

import re
from collections.abc import Iterator

import click

from deployer.cli.main import cli
from docs.generate.markdown import anchor, cell, code, paragraphs, table

_DEFAULT = re.compile(r"\s*\[default: (.+?)\]\s*$", re.DOTALL)
_INTRO = (
    "Every command as `deployer COMMAND --help` tells it. What they do, with examples, and how they "
    "belong together: [the command line](../cli.md)."
)


def page() -> str:
    """The whole page."""
    every = list(walk(cli, "deployer"))
    contents = table(
        ("command", "what it does"),
        [(f"[`{name}`](#{anchor(name)})", cell(_short(one))) for name, one in every[1:]],
    )
    return "\n\n".join(
        ("# Reference: commands", _INTRO, contents, *(_section(*each) for each in every))
    )


def walk(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Each command below with its whole name; what is hidden is left out."""
    yield name, command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for each in command.list_commands(ctx):
            child = command.get_command(ctx, each)
            if child is not None and not child.hidden:
                yield from walk(child, f"{name} {each}")


def _section(name: str, command: click.Command) -> str:
    ctx = click.Context(command, info_name=name)
    usage = " ".join((name, *command.collect_usage_pieces(ctx)))
    options = [_row(ctx, param) for param in command.params if isinstance(param, click.Option)]
    parts = [f"## `{name}`", f"```text\n{usage}\n```", *paragraphs(command.help or "")]
    if options:
        parts.append(table(("option", "meaning", "default"), options))
    return "\n\n".join(parts)


def _row(ctx: click.Context, option: click.Option) -> tuple[str, str, str]:
    """`--bake DURATION` | its help | its default, said by itself or within the help."""
    metavar = "" if option.is_flag or option.count else f" {option.make_metavar(ctx)}"
    help_text = " ".join((option.help or "").split())
    said = _DEFAULT.search(help_text)
    default = said[1] if said else _default(option)
    names = " / ".join(f"`{each}{metavar}`" for each in (*option.opts, *option.secondary_opts))
    variable = f" (also {code(str(option.envvar))})" if option.envvar else ""
    return cell(names), cell(_DEFAULT.sub("", help_text)) + variable, cell(default)


def _default(option: click.Option) -> str:
    shown = option.show_default
    if not shown or option.is_flag:
        return ""
    return shown if isinstance(shown, str) else f"{option.default}"


def _short(command: click.Command) -> str:
    """The first sentence of the help, whole."""
    first = (command.help or "").partition("\n\n")[0]
    return " ".join(first.replace("\b", "").split())
