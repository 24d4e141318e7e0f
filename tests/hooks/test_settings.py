"""[hooks] of deployer.toml, and what an artifact says of itself."""

import re
from pathlib import Path

import pytest

from deployer.aws.artifacts import safe
from deployer.aws.hooks import facts_of, variables
from deployer.errors import SettingsInvalid, UsageError
from deployer.hooks import HookAction, HookPoint
from deployer.model import Release
from deployer.settings.hooks import HooksSettings
from deployer.settings.reading import load
from deployer.settings.schema import Settings
from deployer.wiring.intents import intent_of
from tests.hooks.runs import hook

ROOT = Path(__file__).parents[2]
MINIMAL = """
[service]
name = "shop"
[environments.dev]
region = "eu-west-1"
zones = ["eu-west-1a", "eu-west-1b"]
image = "ami-0123456789abcdef0"
"""


def reading(folder: Path, more: str) -> Settings:
    path = folder / "deployer.toml"
    path.write_text(MINIMAL + more)
    return load(path)


def test_no_hooks_unless_somebody_wants_some(tmp_path: Path) -> None:
    assert intent_of(reading(tmp_path, ""), Release("v2"), "canary").hooks == {}


def test_each_kind_becomes_an_action(tmp_path: Path) -> None:
    settings = reading(tmp_path, """
        [hooks]
        before_traffic = { command = ["./migrate", "--prepare"], deadline = "10m" }
        after_traffic = { url = "https://ci.example.com/deploys?token=t" }
        on_rollback = { function = "arn:aws:lambda:us-east-1:123456789012:function:page:live" }
    """)  # fmt: skip
    assert intent_of(settings, Release("v2"), "canary").hooks == {
        HookPoint.BEFORE_TRAFFIC: HookAction(("./migrate", "--prepare"), deadline_s=600.0),
        HookPoint.AFTER_TRAFFIC: HookAction(url="https://ci.example.com/deploys?token=t"),
        HookPoint.ON_ROLLBACK: HookAction(
            function="arn:aws:lambda:us-east-1:123456789012:function:page:live"
        ),
    }


def test_an_environments_own_replaces_the_whole_hook(tmp_path: Path) -> None:
    settings = reading(tmp_path, """
        [hooks]
        before_traffic = { command = ["./migrate"], deadline = "10m" }
        after_traffic = { function = "smoke" }
        before_retire = { function = "goodbye" }
        [environments.dev.hooks]
        before_traffic = { url = "http://localhost:8000/" }
        after_traffic = {}
    """)  # fmt: skip
    assert settings.hooks.actions() == {
        HookPoint.BEFORE_TRAFFIC: HookAction(url="http://localhost:8000/"),
        HookPoint.BEFORE_RETIRE: HookAction(function="goodbye"),
    }


@pytest.mark.parametrize(
    "value",
    [
        '{ command = "./migrate" }',
        "{ command = [] , url = 1 }",
        '{ command = [""] }',
        '{ command = ["a\\u0000b"] }',
        '{ url = "ftp://example.com/" }',
        '{ url = "https://user:password@example.com/" }',
        '{ url = "https://example.com/a b" }',
        '{ url = "https://" }',
        '{ function = "not a name" }',
        '{ command = ["a"], url = "https://example.com/" }',
        '{ command = ["a"], deadline = "0s" }',
        '{ command = ["a"], deadline = "25h" }',
        '{ command = ["a"], deadline = 5 }',
        '{ script = "a" }',
        '"./migrate"',
        "true",
    ],
)
def test_what_is_no_hook_is_told_in_one_line(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        reading(tmp_path, f"[hooks]\nbefore_retire = {value}\n")
    (line,) = str(refused.value).splitlines()
    assert line.startswith("deployer.toml: hooks.before_retire = ")
    assert 'must be {} for none, or one of {command = ["program", "argument"]}' in line


def test_there_are_no_other_hooks(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsInvalid, match=r"hooks\.before_trafic is not a setting; did you mean"
    ):
        reading(tmp_path, '[hooks]\nbefore_trafic = { command = ["a"] }\n')


def test_every_point_is_a_setting_and_documented() -> None:
    points = {point.value for point in HookPoint}
    assert set(HooksSettings.__struct_fields__) == points
    manual = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z]+_[a-z]+)` \|", manual, re.MULTILINE)) == points
    assert set(re.findall(r"^\| `([a-z_]+)` \|", manual, re.MULTILINE)) - points == {
        "command", "url", "function", "deadline",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [({}, True), ({"rollback-safe": "true"}, True), ({"rollback-safe": "false"}, False)],
)
def test_what_an_artifact_says_of_itself(metadata: dict[str, str], *, expected: bool) -> None:
    assert safe(metadata, "s3://b/k") is expected


@pytest.mark.parametrize("said", ["no", "False", "", "0"])
def test_what_is_not_clear_is_not_guessed(said: str) -> None:
    with pytest.raises(UsageError, match="s3://b/k: its metadata says rollback-safe"):
        safe({"rollback-safe": said}, "s3://b/k")


def test_everything_that_a_hook_is_told_is_documented() -> None:
    manual = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
    told = facts_of(hook(HookAction()), "shop", "prod")
    documented = re.findall(r"^\| `(DEPLOYER_[A-Z]+)` \| `([a-z]+)` \|", manual, re.MULTILINE)
    assert dict(documented) == {name: key for key, name in zip(told, variables(told), strict=True)}
