"""Every command of the tree is typed on a terminal by the lab's story, or it is said who does it."""

import re

import click
import pytest
from click.testing import CliRunner

from deployer.cli.main import cli
from docs.generate.commands import walk
from tests.documents.parsing import parse
from tests.documents.reading import ROOT
from tests.lab.typed import ALL, ELSEWHERE

TREE = {name.removeprefix("deployer").strip(): command for name, command in walk(cli, "deployer")}
COMMANDS = {name for name, command in TREE.items() if not isinstance(command, click.Group)}


def command_of(words: str) -> str:
    """`lab up` of `lab up --detach`."""
    first, second, *_ = [*words.split(), ""]
    return f"{first} {second}" if isinstance(TREE.get(first), click.Group) else first


def test_every_command_is_typed_by_the_story_or_named() -> None:
    typed = {command_of(each.words) for each in ALL}
    assert typed | set(ELSEWHERE) == COMMANDS
    assert not typed & set(ELSEWHERE)


@pytest.mark.parametrize("command", ELSEWHERE)
def test_who_runs_the_others_is_there(command: str) -> None:
    found = re.search(r"(tests/[\w/]+\.py)::(\w+)", ELSEWHERE[command])
    assert found is not None
    assert f"def {found[2]}(" in (ROOT / found[1]).read_text(encoding="utf-8")


@pytest.mark.parametrize("words", sorted({each.words for each in ALL}))
def test_what_is_typed_parses(words: str) -> None:
    parse(words.split())


@pytest.mark.parametrize("name", TREE)
def test_help_fits_a_terminal_of_80_columns(name: str) -> None:
    typed = [*name.split(), "--help"]
    done = CliRunner(env={"COLUMNS": "80"}).invoke(cli, typed, prog_name="deployer")
    assert done.exit_code == 0
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []
