"""Buildspecs: what is read, what is refused, and what becomes of a failing command (in a real shell)."""

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.pipelines import building, buildspec
from deployer.lab.wire import Refused

AL2023 = "aws/codebuild/amazonlinux-x86_64-standard:5.0"


def spec(**phases: Any) -> str:
    return json.dumps({"version": "0.2", "phases": phases})


def carried_out(folder: Path, text: str) -> tuple[building.Told, list[str], int]:
    """What the shell told, what it printed, its status."""
    told = folder / "told"
    told.touch()
    script = buildspec.script(buildspec.parse(text), str(told))
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stdout.splitlines() if not line.startswith("[Container]")]
    return building.read(told.read_text()), lines, done.returncode


def test_phases_share_one_shell(tmp_path: Path) -> None:
    text = spec(
        install={"commands": ["export WHO=me", "cd /"]},
        build={"commands": ['echo "$WHO at $PWD"']},
    )
    told, lines, status = carried_out(tmp_path, text)
    assert lines == ["me at /"]
    assert (list(told.ended), status) == (["install", "build"], 0)


def test_a_failing_command_ends_its_phase_and_the_last_words_come_all_the_same(
    tmp_path: Path,
) -> None:
    text = spec(
        build={"commands": ["echo one", "(exit 3)", "echo never"], "finally": ["echo last"]},
        post_build={"commands": ['echo "good: $CODEBUILD_BUILD_SUCCEEDING"']},
    )
    told, lines, _ = carried_out(tmp_path, text)
    assert lines == ["one", "last", "good: 0"]
    assert told.ended["build"] == ("FAILED", 3, 2)
    phase, why = building.verdict(buildspec.parse(text), told, 0)
    assert (phase, why) == (
        "build",
        "Error while executing command: (exit 3). Reason: exit status 3",
    )


@pytest.mark.parametrize(
    ("failing", "run"),
    [
        ("install", ["install"]),
        ("pre_build", ["install", "pre_build"]),
        ("build", ["install", "pre_build", "build", "post_build"]),
        ("post_build", ["install", "pre_build", "build", "post_build"]),
        ("", ["install", "pre_build", "build", "post_build"]),
    ],
)
def test_which_phases_follow_one_that_failed(tmp_path: Path, failing: str, run: list[str]) -> None:
    phases = {
        name: {"commands": ["false" if name == failing else "true"]} for name in buildspec.PHASES
    }
    told, _, _ = carried_out(tmp_path, spec(**phases))
    assert list(told.ended) == run


def test_a_build_that_aborts_has_no_post_build(tmp_path: Path) -> None:
    text = spec(
        build={"commands": ["false"], "on-failure": "ABORT"}, post_build={"commands": ["echo x"]}
    )
    assert list(carried_out(tmp_path, text)[0].ended) == ["build"]


def test_a_command_that_ends_the_shell_fails_its_phase(tmp_path: Path) -> None:
    text = spec(build={"commands": ["exit 7"]})
    told, _, status = carried_out(tmp_path, text)
    assert (told.unended, status) == ("build", 7)
    assert building.verdict(buildspec.parse(text), told, status)[0] == "build"


def test_exported_variables_arrive_whatever_is_in_them(tmp_path: Path) -> None:
    text = json.dumps(
        {
            "version": "0.2",
            "env": {"exported-variables": ["SAID", "UNSET"], "variables": {"A": "1"}},
            "phases": {"build": {"commands": ["""SAID="it's $(printf 'a b')"; """]}},
        }
    )
    told, _, _ = carried_out(tmp_path, text)
    assert told.exported == {"SAID": "it's a b", "UNSET": ""}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"version": "0.1"}, "version 0.2"),
        ({"version": "0.2", "reports": {}}, "does not simulate reports of the buildspec"),
        ({"version": "0.2", "cache": {}}, "does not simulate cache"),
        ({"version": "0.2", "batch": {}}, "does not simulate batch"),
        ({"version": "0.2", "env": {"parameter-store": {}}}, "does not simulate parameter-store"),
        ({"version": "0.2", "env": {"shell": "powershell.exe"}}, "the shell powershell.exe"),
        ({"version": "0.2", "phases": {"deploy": {}}}, "unknown phases: deploy"),
        (
            {"version": "0.2", "phases": {"install": {"runtime-versions": {"nodejs": 22}}}},
            "does not simulate runtime-versions of nodejs",
        ),
        (
            {"version": "0.2", "phases": {"build": {"runtime-versions": {"python": "3.11"}}}},
            "does not simulate runtime-versions of phases.build",
        ),
        (
            {"version": "0.2", "phases": {"build": {"on-failure": "RETRY-3", "commands": []}}},
            "on-failure RETRY-3",
        ),
        ({"version": "0.2", "artifacts": {"discard-paths": "yes"}}, "artifacts.discard-paths"),
        ({"version": "0.2", "phases": {"build": {"commands": "make"}}}, "a list of commands"),
    ],
)
def test_what_is_not_carried_out_is_refused(document: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refused:
        buildspec.parse(json.dumps(document))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("chosen", "image", "said"),
    [
        ({"python": "3.11"}, AL2023, ""),
        ({}, "registry/own:1", ""),
        # An unquoted 3.10 of YAML is the number 3.1.
        ({"python": 3.1}, AL2023, "Unknown runtime version named '3.1' of python"),
        ({"python": "latest"}, AL2023, "Unknown runtime version named 'latest'"),
        ({"python": "3.11"}, "registry/own:1", "not supported by this build image: registry/own:1"),
    ],
)
def test_a_python_is_chosen_from_those_that_the_image_has(
    chosen: dict[str, Any], image: str, said: str
) -> None:
    read = buildspec.parse(spec(install={"runtime-versions": chosen}))
    if not said:
        buildspec.require_runtimes(read, image)
        return
    with pytest.raises(Refused) as refused:
        buildspec.require_runtimes(read, image)
    assert said in str(refused.value)


@given(st.dictionaries(st.from_regex(r"[A-Z]{1,5}", fullmatch=True), st.text()))
def test_what_was_told_is_read_whatever_was_said(exported: dict[str, str]) -> None:
    plain = {k: v.replace("\n", " ").replace("\r", " ") for k, v in exported.items()}
    plain = {k: " ".join(v.split()) for k, v in plain.items()}
    lines = [f"export {name} {shlex.quote(value)}" for name, value in plain.items()]
    assert building.read("\n".join(lines)).exported == plain
