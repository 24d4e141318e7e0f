"""docs/cli.md names everything that the command line has: undocumented is failing."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from deployer.cli.ending import EXIT
from deployer.cli.group import COMMANDS
from deployer.cli.main import cli
from deployer.cli.stopping import SIGNALS
from deployer.cli.verify import UNFIT
from deployer.errors import DeployError
from deployer.planning.preflight import Code
from tests.cli.conftest import Staged

DOCS = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
OURS = [name for name, entry in COMMANDS.items() if not entry.needs]


def command(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


def family(kind: type[DeployError]) -> Iterator[type[DeployError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    assert re.search(rf"^### .*`deployer {name}\b", DOCS, re.MULTILINE)


@pytest.mark.parametrize("name", OURS)
def test_every_option_is_documented_with_its_command(name: str) -> None:
    section = DOCS.split(f"### `deployer {name}", 1)[1].split("\n### ")[0]
    for param in command(name).params:
        if isinstance(param, click.Option):
            assert param.opts[0] in section, f"deployer {name} {param.opts[0]}"


def test_every_global_option_and_variable_is_documented() -> None:
    for param in cli.params:
        assert f"`{param.opts[0]}" in DOCS
        if param.envvar:
            assert f"`{param.envvar}`" in DOCS


def test_every_exit_status_is_documented() -> None:
    section = DOCS.split("## Exit status", 1)[1].split("\n## ")[0]
    documented = {
        int(n)
        for n in re.findall(r"\d+", "".join(re.findall(r"^\| [\d, ]+\|", section, re.MULTILINE)))
    }
    codes = {kind.exit_code for kind in family(DeployError)} | {0, UNFIT, *EXIT.values()}
    codes |= {kind.exit_code for kind in SIGNALS.values()}
    assert documented == codes


def keys_of(document: Any) -> set[str]:
    """Every key of ours in a document; what slots and evidence are called is told in words."""
    if isinstance(document, dict):
        return set(document).union(*(keys_of(each) for each in document.values()))
    if isinstance(document, list):
        return set().union(*(keys_of(each) for each in document))
    return set()


def test_every_json_key_and_event_is_documented(staged: Staged) -> None:
    shop = staged()
    seen: list[dict[str, Any]] = []
    shop.at(200, lambda: seen.extend(shop.json("status")[0]))
    shop.at(210, lambda: seen.extend(shop.json("abort")[0]))
    for arguments in (("canary", "v2"), ("status",), ("history",), ("canary", "v2", "--dry-run")):
        seen += shop.json(*arguments)[0]
    seen += shop.json("show", shop.records[0].id)[0]
    section = DOCS.split("## JSON", 1)[1]
    documented = set(re.findall(r"`([a-z_]+)`", section))
    used = keys_of(seen) - {"blue", "green", "probes", "failed"}
    assert used <= documented, used - documented
    assert {each["event"] for each in seen} <= documented
    assert {each["status"] for each in seen if "status" in each} <= documented


def test_every_objection_is_documented() -> None:
    section = DOCS.split("### Refused to begin", 1)[1].split("\n### ")[0]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)) == set(Code)
