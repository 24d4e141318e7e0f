"""deployer.example.toml documents every setting, with its default."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from deployer.settings.checking import written
from deployer.settings.existing import ExistingSettings
from deployer.settings.reading import environments, load
from deployer.settings.schema import EnvironmentSettings, Settings

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deployer.example.toml"
DOCUMENT = tomllib.loads(EXAMPLE.read_text())
SECTIONS = {
    field.name: field.type
    for field in fields(Settings)
    if field.name not in ("environment", "existing")
}
PLACE = {key: value for key, value in DOCUMENT["environments"]["prod"].items() if key != "canary"}


def documented(section: str) -> dict[str, Any]:
    return PLACE if section == "environment" else DOCUMENT[section]


def own_fields(kind: type[Struct]) -> list[FieldInfo]:
    hidden = "name" if kind is EnvironmentSettings else None
    return [field for field in fields(kind) if field.encode_name != hidden]


KINDS = [*SECTIONS.items(), ("environment", EnvironmentSettings)]


@pytest.mark.parametrize(("section", "kind"), KINDS)
def test_the_example_names_every_setting_and_no_other(section: str, kind: type[Struct]) -> None:
    assert sorted(documented(section)) == sorted(field.encode_name for field in own_fields(kind))


@pytest.mark.parametrize(("section", "kind"), KINDS)
def test_the_example_shows_the_defaults(section: str, kind: type[Struct]) -> None:
    parsed = getattr(load(EXAMPLE), section)
    for field in own_fields(kind):
        if field.default is not NODEFAULT:
            assert getattr(parsed, field.name) == field.default, field.encode_name


@pytest.mark.parametrize(("section", "kind"), KINDS)
def test_the_example_says_where_there_is_no_default(section: str, kind: type[Struct]) -> None:
    lines = EXAMPLE.read_text().splitlines()
    for field in own_fields(kind):
        if field.default is NODEFAULT and field.default_factory is NODEFAULT:
            assert any(
                line.startswith(f"{field.encode_name} = ") and line.endswith("# no default")
                for line in lines
            ), field.encode_name


def test_every_setting_of_the_example_has_a_comment_above_its_group() -> None:
    lines = EXAMPLE.read_text().splitlines()
    uncommented = [
        lines[i + 1]
        for i, line in enumerate(lines[:-1])
        if line == "" and " = " in lines[i + 1] and not lines[i + 1].startswith("#")
    ]
    assert uncommented == []


def test_the_sample_has_a_lab_and_a_protected_prod() -> None:
    sample = ROOT / "deployer.toml"
    assert environments(sample) == ("lab", "prod")
    lab, prod = load(sample, "lab"), load(sample, "prod")
    assert (lab.environment.protected, prod.environment.protected) == (False, True)
    assert lab.environment.listener_port >= 1024
    assert (prod.environment.listener_port, prod.environment.test_listener_port) == (80, 8080)


@pytest.mark.parametrize(
    ("section", "key", "text"),
    [
        ("canary", "bake", '"10m"'),
        ("canary", "weights", '"auto"'),
        ("canary", "hold_back", '"auto"'),
        ("analysis", "slow", '"auto"'),
        ("analysis", "alpha", "0.01"),
        ("environment", "protected", "true"),
        ("environment", "zones", '["us-east-1a", "us-east-1b"]'),
    ],
)
def test_a_value_is_spelled_as_the_file_has_it(section: str, key: str, text: str) -> None:
    assert written(getattr(load(EXAMPLE), section), key) == text


def uncommented(tmp_path: Path) -> Path:
    """The example with its last section, for resources of others, in force."""
    lines = EXAMPLE.read_text().splitlines()
    start = lines.index("#[environments.prod.existing]")
    path = tmp_path / "deployer.toml"
    path.write_text("\n".join([*lines[:start], *(line[1:] for line in lines[start:])]))
    return path


def test_the_section_for_resources_of_others_is_documented_whole(tmp_path: Path) -> None:
    path = uncommented(tmp_path)
    said = tomllib.loads(path.read_text())["environments"]["prod"]["existing"]
    assert sorted(said) == sorted(field.encode_name for field in fields(ExistingSettings))
    parsed = load(path).existing
    for field in fields(ExistingSettings):
        lines = [x for x in path.read_text().splitlines() if x.startswith(f"{field.name} = ")]
        assert lines[-1].endswith("# no default") is (field.default is NODEFAULT), field.name
        if field.default is not NODEFAULT:
            assert getattr(parsed, field.name) == field.default, field.name
