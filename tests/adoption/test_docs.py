"""docs/adoption.md says what is so: checks, updates, permissions, commands."""

import json
import re
from pathlib import Path

import click
import pytest

from deployer.aws.verify import reading, table, terraform
from deployer.cli.main import cli
from deployer.findings import Bite

DOCS = (Path(__file__).parents[2] / "docs" / "adoption.md").read_text(encoding="utf-8")
LINES = sorted(set(re.findall(r"^\$ (deployer .*?)(?: +#.*)?$", DOCS, re.MULTILINE)))


def test_every_check_is_told() -> None:
    section = DOCS.split("## What verify looks at", 1)[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)) == set(table.CODES)


def test_every_update_that_bites_is_one_of_ours() -> None:
    section = DOCS.split("## Made by other CDK code", 1)[1].split("\n## ")[0]
    rows = [line.split("|")[2] for line in section.splitlines() if line.startswith("| ")][1:]
    told = {word.strip() for row in rows for word in re.split("[,:;]", row)}
    assert {bite.value for bite in Bite} <= told


def test_the_policy_is_what_is_called() -> None:
    policy = json.loads(DOCS.split("```json", 1)[1].split("```")[0])
    assert policy["Statement"][0]["Action"] == sorted({need.action for need in reading.NEEDS})


@pytest.mark.parametrize("line", LINES)
def test_every_command_is_one(line: str) -> None:
    """The lab's test runs them; that they parse is shown here for each as it is written."""
    _, name, *arguments = line.split()
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    command.make_context(name, arguments)


def test_the_terraform_snippet_ignores_what_verify_asks_for() -> None:
    snippet = DOCS.split("```hcl", 1)[1].split("```")[0]
    for keys in terraform.IGNORED.values():
        assert f"ignore_changes = [{', '.join(keys)}]" in snippet
    assert "update_default_version =" not in snippet
    assert 'version = "$Default"' in snippet
