"""[pipeline] of deployer.toml: what it may say, how long builds last, when the window is open."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import NODEFAULT
from msgspec.structs import fields, replace

from deployer.errors import SettingsInvalid
from deployer.operations.naming import release_of
from deployer.settings.pipeline import (
    LONGEST_S,
    PipelineSettings,
    longest_s,
    runtimes,
    timeout_minutes,
)
from deployer.settings.reading import load, load_pipeline
from deployer.settings.windows import DAYS, Window

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deployer.example.toml"
PLACE = (
    'region = "us-east-1"\nzones = ["us-east-1a", "us-east-1b"]\nimage = "ami-0abcdef1234567890"\n'
)
BASE = f"""
[service]
name = "shop"
[environments.staging]
{PLACE}
[environments.prod]
{PLACE}
[environments.far]
{PLACE.replace("us-east-1", "eu-west-1")}
"""


def written(folder: Path, section: str) -> Path:
    path = folder / "deployer.toml"
    path.write_text(f"{BASE}\n[pipeline]\n{section}")
    return path


def test_the_example_names_every_setting_of_the_pipeline_with_its_default() -> None:
    said = tomllib.loads(EXAMPLE.read_text())["pipeline"]
    assert sorted(said) == sorted(field.encode_name for field in fields(PipelineSettings))
    parsed = load_pipeline(EXAMPLE)
    assert parsed is not None
    for field in fields(PipelineSettings):
        if field.default is not NODEFAULT:
            assert getattr(parsed, field.name) == field.default, field.encode_name


def test_without_the_section_there_is_no_pipeline() -> None:
    assert load_pipeline(ROOT / "deployer.toml") is None


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ('environments = ["staging", "prod"]\nwindow = "mon-fri 09:00-17:00"', ""),
        ("environments = []", "pipeline.environments = []: must be environments such as"),
        ('environments = ["nowhere"]', "must be of the file's own: staging, prod, far"),
        ('environments = ["prod", "prod"]', "must be different ones: each once"),
        ('environments = ["staging", "far"]', "must be of one account and Region"),
        (
            'environments = ["prod"]\nwindow = "9 to 5"',
            'must be days and whole hours such as "mon-fri',
        ),
        ('environments = ["prod"]\nwindow = "mon 17:00-09:00"', "never opens"),
        ('environments = ["prod"]\ntime_zone = "Berlin"', "must be a time zone such as"),
        ('environments = ["prod"]\nrepository = "a/b"', "given exactly where pipeline.connection"),
        ('environments = ["prod"]\ntimeout = "1m"', "must be 0s, or from 5m to 36h"),
        ('environments = ["prod"]\ntimeout = "37h"', "from 5m to 36h"),
        ('environments = ["prod"]\nartifact = "../up"', "a path within the source"),
        ('environments = ["prod"]\npython = "3.10"', 'must be a Python such as "3.11" or newer'),
        ('environments = ["prod"]\nstages = 3', "pipeline.stages is not a setting"),
        (
            'environments = ["prod"]\n[canary]\nbake = "30h"',
            "may take longer than a build's 36h, after which the supervisor carries it on",
        ),
        ('environments = ["prod"]\ntimeout = "8h"\n[canary]\nbake = "30h"', ""),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, section: str, said: str) -> None:
    path = written(tmp_path, section)
    if not said:
        assert load_pipeline(path) is not None
        return
    with pytest.raises(SettingsInvalid) as refused:
        load_pipeline(path)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_only_codebuilds_own_images_have_a_python_to_choose() -> None:
    said = PipelineSettings(environments=("prod",))
    assert runtimes(said) == {"python": "3.11"}
    assert runtimes(replace(said, python="3.14")) == {"python": "3.14"}
    assert runtimes(replace(said, image="123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1")) == {}


@pytest.mark.parametrize("strategy", ["canary", "blue-green", "rolling"])
def test_a_build_lasts_as_long_as_its_plan_may(tmp_path: Path, strategy: str) -> None:
    path = written(tmp_path, 'environments = ["prod"]')
    path.write_text(
        path.read_text().replace(
            "[environments.prod]", f'[environments.prod]\nstrategy = "{strategy}"'
        )
    )
    pipeline, settings = load_pipeline(path), load(path, "prod")
    assert pipeline is not None
    minutes = timeout_minutes(pipeline, settings)
    assert longest_s(settings) <= minutes * 60 < longest_s(settings) + 60
    assert 30 <= minutes <= LONGEST_S / 60
    path.write_text(f'{path.read_text()}\n[analysis]\ninconclusive = "hold"\n')
    assert longest_s(load(path, "prod")) - longest_s(settings) == settings.canary.approve_within_s
    assert timeout_minutes(PipelineSettings(environments=("prod",), timeout_s=400), settings) == 7  # type: ignore[arg-type]


@given(
    st.lists(st.sampled_from(DAYS), min_size=1, unique=True),
    st.integers(0, 23),
    st.integers(1, 24),
)
def test_a_window_is_the_hours_that_it_says(days: list[str], opens: int, closes: int) -> None:
    text = f"{','.join(days)} {opens:02}:00-{closes:02}:00"
    if opens >= closes:
        with pytest.raises(ValueError, match="never opens"):
            Window.parse(text)
        return
    window = Window.parse(text)
    assert (set(window.days), window.opens, window.closes) == (set(days), opens, closes)
    seconds, minutes, hours, day, month, weekdays, year = window.cron.split()
    assert (seconds, minutes, day, month, year) == ("*", "*", "?", "*", "*")
    assert hours == f"{opens}-{closes - 1}"
    assert weekdays.lower().split(",") == days


@pytest.mark.parametrize(
    "text", ["fri-mon 09:00-17:00", "mon,mon 09:00-17:00", "xxx 09:00-17:00", "mon 9-17", ""]
)
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Window.parse(text)


@given(st.text(min_size=1).filter(lambda text: text.strip() not in ("", "null")))
def test_every_revision_makes_a_name_that_a_release_can_have(revision: str) -> None:
    name = release_of(revision)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name)
    assert release_of(f" {revision}\n") == name


def test_a_commit_is_recognised_in_its_name_and_a_missing_revision_is_refused() -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    assert release_of(commit) == "c0123456789ab"
    assert release_of("3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY").startswith("s")
    for nothing in ("", " ", "null"):
        with pytest.raises(ValueError, match="keeps versions"):
            release_of(nothing)
