"""Settings, JSON and Python that a page shows are good: what a reader copies is taken as it stands."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from deployer.settings.reading import environments, load, load_pipeline, load_waves
from tests.documents.reading import NAMES, Block, page

PLACE = {
    "region": "us-east-1",
    "zones": ["us-east-1a", "us-east-1b"],
    "image": "ami-03c3da4cfa8e8943a",
    "protected": False,
}


def blocks(language: str) -> list[Block]:
    return [b for name in NAMES for b in page(name).blocks if b.language == language]


def where(block: Block) -> str:
    return f"{block.page}:{block.line}"


def completed(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The settings around what is shown: a service, and what each environment must say."""
    named = shown.get("environments") or {"lab": {}, "prod": {}, "staging": {}}
    places = {name: {**PLACE, **said} for name, said in named.items()}
    return {"service": {"name": "shop"}, **shown, "environments": places}


@pytest.mark.parametrize("block", blocks("toml"), ids=where)
def test_settings_that_are_shown_are_taken(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "deployer.toml"
    path.write_text(tomlkit.dumps(completed(tomllib.loads(block.text))))
    for name in environments(path):
        assert load(path, name).environment.name == name
    load_pipeline(path)
    load_waves(path)


def test_settings_that_are_wrong_are_found(tmp_path: Path) -> None:
    wrong = Block("x.md", "toml", '[canary]\nbake = "ten minutes"\n', 1, "")
    with pytest.raises(Exception, match=r"canary\.bake"):
        test_settings_that_are_shown_are_taken(wrong, tmp_path)


@pytest.mark.parametrize("block", blocks("json"), ids=where)
def test_json_is_json(block: Block) -> None:
    assert json.loads(block.text)


@pytest.mark.parametrize("block", blocks("python"), ids=where)
def test_python_is_python(block: Block) -> None:
    compile(block.text, where(block), "exec")
