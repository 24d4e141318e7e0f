"""The lab's commands, as users run them, one canary and its neighbours included."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from deployer.lab import home

from .conftest import ROOT, Shell, shell_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]


def children(pid: int) -> list[int]:
    """Every descendant of a process, read from /proc."""
    found: list[int] = []
    tasks = Path(f"/proc/{pid}/task")
    for task in tasks.iterdir() if tasks.exists() else ():
        for child in (task / "children").read_text().split():
            found += [int(child), *children(int(child))]
    return found


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_up_tells_where_everything_is(outside: Shell) -> None:
    state = Path(outside.variables["DEPLOYER_LAB"], "state.json")
    facts = outside.json("lab", "status")
    assert state.exists()
    assert {"endpoint", "url", "test_url", "account", "region", "pid", "scale"} <= facts.keys()
    assert facts["endpoint"].startswith("http://localhost:")
    assert facts["url"].startswith("http://127.")


def test_env_is_shell_that_leads_to_the_lab(outside: Shell) -> None:
    lines = outside.run("lab", "env").stdout.splitlines()
    exported = dict(shlex.split(line)[1].split("=", 1) for line in lines if "export" in line)
    assert exported["AWS_ENDPOINT_URL"].startswith("http://localhost:")
    assert exported["DEPLOYER_ENV"] == "lab"
    assert Path(exported["DEPLOYER_CONFIG"]) == ROOT / "deployer.toml"
    assert exported["DEPLOYER_CLOCK"].endswith("@20.0")


def test_a_second_lab_in_the_same_folder_is_refused(outside: Shell) -> None:
    refused = outside.run("lab", "up", "--detach")
    assert refused.returncode == 2
    assert "deployer lab down" in refused.stderr


def test_a_release_never_changes_under_its_name(outside: Shell) -> None:
    first = outside.json("lab", "release", "fixed")
    assert outside.json("lab", "release", "fixed") == first
    refused = outside.run("lab", "release", "fixed", "--error-rate", "0.5")
    assert refused.returncode == 2
    assert "--replace" in refused.stderr


def test_commands_without_a_lab_say_how_to_start_one(tmp_path: Path) -> None:
    for command in (("env",), ("status",), ("load",), ("cdk", "--", "deploy", "--all")):
        refused = shell_for(tmp_path).run("lab", *command)
        assert refused.returncode == 2
        assert "deployer lab up" in refused.stderr
    assert "No lab was running" in shell_for(tmp_path).run("lab", "down").stdout


@pytest.mark.long
def test_kill_the_deployer_in_mid_canary_and_carry_on_without_losing_a_request(
    inside: Shell,
) -> None:
    for release in ("v1", "v2"):
        inside.json("lab", "release", release)
    assert inside.json("canary", "v1")["status"] == "shipped"
    load = subprocess.Popen(
        inside.command("--output", "json", "lab", "load", "--rps", "100", "--duration", "60s"),
        env=dict(inside.variables), cwd=ROOT, text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    runner = subprocess.Popen(
        inside.command("--output", "json", "canary", "v2", "--bake", "2m"),
        env=dict(inside.variables), cwd=ROOT, text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert runner.stdout is not None
    for line in runner.stdout:
        if "send blue 95 %" in line:
            break
    runner.kill()
    runner.communicate()
    locked = inside.run("canary", "v2")
    assert locked.returncode == 5, locked.stderr
    resumed = inside.run("resume")
    while resumed.returncode == 2:  # the dead runner's lease is still alive
        assert "whose lease lasts until" in resumed.stderr
        time.sleep(0.5)
        resumed = inside.run("resume")
    assert resumed.returncode == 0, resumed.stderr
    load.send_signal(signal.SIGINT)  # the report still comes
    report = json.loads(load.communicate(timeout=60)[0])
    assert report["failed"] == 0
    assert report["requests"] > 500
    assert report["releases"]["v2"]["requests"] > 0
    weights = [event for event in inside.events("status") if event["event"] == "status"]
    assert weights[0]["weights"] == {"blue": 0.0, "green": 100.0}


def test_nothing_survives_a_lab_that_is_killed_or_has_lost_its_folder(tmp_path: Path) -> None:
    shell = shell_for(tmp_path / "lab")
    pid = shell.json("lab", "up", "--detach", "--no-stacks")["pid"]
    assert "-- bootstrap`, then" in shell.run("lab", "load").stderr
    family = children(pid)
    assert family  # Envoy at least
    os.kill(pid, signal.SIGKILL)
    assert survivors(family) == []
    assert shell.run("lab", "env").returncode == 2
    again = shell.json("lab", "up", "--detach", "--no-stacks")  # in spite of what the dead one left
    assert again["pid"] != pid
    family = [again["pid"], *children(again["pid"])]
    shutil.rmtree(tmp_path / "lab")
    assert survivors(family) == []


def survivors(family: Sequence[int]) -> list[int]:
    """Who of them is still there after twenty seconds."""
    deadline = time.monotonic() + 20
    while not all(map(gone, family)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [one for one in family if not gone(one)]


def test_what_is_wrong_is_told_before_anything_is_started(tmp_path: Path) -> None:
    shell = shell_for(tmp_path / "lab")
    for arguments, words in (
        (("--env", "moon", "lab", "up"), "no environment 'moon'"),
        (("--config", "nowhere.toml", "lab", "up"), "no such file"),
        (("lab", "up", "--scale", "nan"), "is not a number"),
    ):
        refused = shell.run(*arguments)
        assert refused.returncode == 2
        assert words in refused.stderr
    assert not (tmp_path / "lab").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = shell_for(tmp_path / "file").run("lab", "up", "--detach")
    assert refused.returncode == 2
    assert f"cannot write into its folder {tmp_path}/file: File exists" in refused.stderr
    assert "No lab was running" in shell_for(tmp_path / "file").run("lab", "down").stdout


def test_tables_are_whole_where_there_is_no_terminal(outside: Shell) -> None:
    assert "…" not in outside.run("lab", "status").stdout
    shown = outside.run("lab", "load", "--rps", "10", "--duration", "1s").stdout
    assert max(len(line.rstrip()) for line in shown.splitlines()) < 200


def test_a_start_that_is_interrupted_leaves_no_lab(tmp_path: Path) -> None:
    shell = shell_for(tmp_path)
    with subprocess.Popen(
        shell.command("lab", "up", "--detach", "--no-stacks"),
        env=dict(shell.variables), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as starting:  # fmt: skip
        deadline = time.monotonic() + 20
        while not home.running(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.01)
        family = children(starting.pid)
        assert family
        starting.send_signal(signal.SIGINT)
        said = starting.communicate(timeout=10)[1].decode()
        assert starting.returncode == 130
        assert said == "interrupted: `deployer lab status` tells where it stands\n"
    assert survivors(family) == []
