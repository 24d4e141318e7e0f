"""Whether a command that a page shows is one: its program knows the words. Nothing is run."""

import re
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import botocore.session
import click
from botocore import xform_name

from deployer.cli.main import cli
from tests.documents.reading import ROOT

# What a shell or a machine brings; everything else that a page shows must be known below.
_PLAIN = {
    ".", "chmod", "cut", "curl", "cd", "done", "eval", "export", "for", "git", "jq", "mkdir", "open", "pip",
    "python3", "sha256sum", "source", "tar",
}  # fmt: skip
_OURS = {"lint-imports", "mypy", "ruff"}  # what `make venv` brings besides
_CDK = {"bootstrap", "deploy", "destroy", "diff", "drift", "synth", "ls"}
_AWS_GLOBAL = {"region", "output", "query", "profile"}


def check(words: Sequence[str]) -> None:
    """Nothing, if the command is one.

    Raises:
        ValueError: it is not; says why.
    """
    program, *rest = (words[0].removeprefix(".venv/bin/"), *words[1:])
    match program:
        case "deployer":
            parse(rest)
        case "make":
            _known([w for w in rest if "=" not in w], targets(), "a target of the Makefile")
        case "cdk":
            _known(rest[:1], _CDK, "a command of the CDK")
        case "python" if rest[:1] == ["-m"]:
            if find_spec(rest[1]) is None:
                raise ValueError(f"there is no module {rest[1]}")
        case "aws":
            _aws(rest)
        case _:
            _known([program], _PLAIN | _OURS, "a program that the pages may use")


def parse(words: Sequence[str]) -> None:
    """As the command line itself would, up to the point where it begins to work."""
    try:
        context = cli.make_context("deployer", list(words))
        while isinstance(context.command, click.Group):
            rest = [*context._protected_args, *context.args]
            name, command, rest = context.command.resolve_command(context, rest)
            assert command is not None
            context = command.make_context(name, rest, parent=context)
    except click.exceptions.Exit:
        return  # --help, --version
    except click.ClickException as error:
        raise ValueError(error.format_message()) from error


def mention(text: str) -> None:
    """As `check`, of what a sentence names: `deployer canary RELEASE [--auto]`, `deployer pause`.

    Raises:
        ValueError: no such command, or no such option of it.
    """
    command: click.Command = cli
    context = click.Context(cli)
    for word in re.sub(r"[\[\],;]|\.\.\.", "", text).split()[1:]:
        if word == "--":
            return
        if word.startswith("-"):
            options = {opt for p in command.params for opt in (*p.opts, *p.secondary_opts)}
            _known([word.partition("=")[0]], {*options, "--help"}, f"an option of {command.name}")
        elif isinstance(command, click.Group) and word not in ("COMMAND", ""):
            found = command.get_command(context, word)
            if found is None and not _value(command, text, word):
                raise ValueError(f"{word!r} is no command of deployer")
            command = found or command


def _value(command: click.Command, text: str, word: str) -> bool:
    """Whether the word is what an option takes."""
    before = text.partition(word)[0].rpartition(" ")[0].rpartition(" ")[2]
    return any(before in p.opts for p in command.params)


def _aws(words: Sequence[str]) -> None:
    service, operation, *rest = words
    if service == "s3" and operation in ("cp", "ls"):
        return
    model = _service(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    _known([operation], set(names), f"an operation of {service}")
    shape = model.operation_model(names[operation]).input_shape
    members = {xform_name(name, "-") for name in (shape.members if shape else ())}
    options = {word[2:] for word in rest if word.startswith("--")}
    _known(sorted(options), members | {f"no-{m}" for m in members} | _AWS_GLOBAL, "an option of it")


@cache
def _service(name: str) -> Any:
    return botocore.session.get_session().get_service_model(name)


@cache
def targets() -> frozenset[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z-]+):", text, re.MULTILINE))


def _known(words: Sequence[str], known: set[str] | frozenset[str], what: str) -> None:
    if strange := [word for word in words if word not in known]:
        raise ValueError(f"{strange[0]!r} is not {what}")
