"""Real releases under 300 requests a second, each judged by its own evidence: all end as they should.

One lab, sixty times as fast, and users who never stop coming: a virtual minute holds 300 of their
requests. So little is known after a minute, and a bad release can do little meanwhile.
"""

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployer.lab import incident
from deployer.lab.incident import Incident
from tests.lab.forked import Forked

from .chaos import newest
from .conftest import Shell, lab_up, service_in, shell_for
from .scenes import ALL, COLD, OTHERS, RPS, TWICE_AS_SLOW, USUAL, Scene, evidence, settings
from .users import Users, users

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
# Virtual minutes each.
HISTORY_S = 18
INCIDENT_S = 6
QUICK, PATIENT = "12m", "60m"  # until a good release goes on without a verdict; a bad one is found


@dataclass(frozen=True)
class Stage:
    """A lab in which v1 serves, its users, and where settings are; `lab`: the lab's own folder."""

    shell: Shell
    users: Users
    folder: Path
    lab: Path

    def wait_for_a_past(self, release: str) -> None:
        """Until a ramp can be planned: the release before may have had everybody for a minute only."""
        told = ""
        for _ in range(2 * HISTORY_S):
            planned = self.shell.run("canary", release, "--auto", "--dry-run")
            told = planned.stdout + planned.stderr
            assert planned.returncode == 0, told
            if "No ramp" not in told:
                return
            time.sleep(1)
        raise AssertionError(told)

    def play(self, release: str, status: int, max_time: str = QUICK) -> Any:
        """Ship it by an adaptive canary, which must end with that exit status; its record."""
        config = self.folder / "deployer.toml"
        config.write_text(settings(max_time))
        self.wait_for_a_past(release)
        done = self.shell.run("canary", release, "--auto", timeout_s=200)
        assert done.returncode == status, f"{done.stdout}\n{done.stderr}"
        found = newest(self.shell)
        assert found["release"] == release
        (record, _) = self.shell.events("show", found["deployment"])
        return record


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("service")
    shell = shell_for(tmp_path_factory.mktemp("lab"), service_in(folder, settings(QUICK)))
    with lab_up(shell, "--scale", "60") as lab:
        inside = Forked({**shell.variables, **shell.json("lab", "env")})
        inside.json("lab", "release", "v1", *USUAL)
        assert inside.json("canary", "v1")["status"] == "shipped"
        with users(inside, f"{lab['url']}/", RPS) as coming:
            time.sleep(HISTORY_S)
            yield Stage(inside, coming, folder, Path(inside.variables["DEPLOYER_LAB"]))


def require_found_out(stage: Stage, scene: Scene) -> None:
    """It goes back, before it has done much; the record tells minute by minute what was known."""
    scene.pack(stage.shell)
    record = stage.play(scene.release, 3, PATIENT)
    assert any(word in record["reason"] for word in scene.words), record["reason"]
    failed = stage.users.failures(scene.release)
    assert sum(failed.values()) <= scene.most, failed
    if not scene.metric:
        return
    known = evidence(record, scene.metric)
    assert known[0]["against"] < record["evidence"]["threshold"]
    assert [minute["condemned"] for minute in record["evidence"]["minutes"]].count(True) > 0
    assert known[-1]["cost"] > 1
    assert known[-1]["cost_at_all_traffic"] > known[-1]["cost"]


def require_shipped(record: Any) -> None:
    """Nobody was condemned, at no minute."""
    minutes = record["evidence"]["minutes"]
    assert len(minutes) > 8
    assert not any(minute["condemned"] for minute in minutes)
    shares = [minute["share"] for minute in minutes if minute["share"] is not None]
    assert shares[0] < 50 <= shares[-1]


def test_one_that_is_twice_as_slow_goes_back(stage: Stage) -> None:
    require_found_out(stage, TWICE_AS_SLOW)


@pytest.mark.long
def test_one_that_fails_altogether_goes_back(stage: Stage) -> None:
    require_found_out(stage, ALL)


@pytest.mark.long
@pytest.mark.parametrize("scene", OTHERS, ids=lambda scene: scene.release)
def test_one_that_fails_some_goes_back(stage: Stage, scene: Scene) -> None:
    require_found_out(stage, scene)


def test_the_traffic_that_comes_is_what_is_advised_by(stage: Stage) -> None:
    answer: Any = {}
    for _ in range(2 * HISTORY_S):
        advice, _ = stage.shell.events("recommend", "--stage", "production", "--no-input")
        (answer,) = [each for each in advice["answers"] if each["question"] == "traffic"]
        if answer["source"] == "read":
            break
        time.sleep(1)
    assert answer["source"] == "read", answer
    assert RPS / 60 / 2 < float(answer["answer"]) < RPS / 60 * 2
    assert advice["evidence"] != "unknown"
    assert advice["strategy"] in ("canary", "blue-green")


def test_a_shell_is_offered_what_the_journal_knows(stage: Stage, tmp_path: Path) -> None:
    asked = {
        "_DEPLOYER_COMPLETE": "zsh_complete",
        "COMP_WORDS": "deployer rollback ",
        "COMP_CWORD": "2",
    }
    for _ in range(20):
        told = subprocess.run(
            stage.shell.command(), env={**stage.shell.variables, **asked, "XDG_CACHE_HOME": str(tmp_path)},
            text=True, check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        assert told.stderr == ""
        if told.stdout.strip():  # on a busy machine the second press of the key knows
            break
        time.sleep(1)
    assert "v1" in told.stdout.splitlines()


def test_an_incident_that_hits_both_slots_is_held_against_neither(stage: Stage) -> None:
    """It begins when the candidate has users, and is over before it could have all of them."""
    stage.shell.json("lab", "release", "unlucky", *USUAL)
    with ThreadPoolExecutor(1) as beside:
        playing = beside.submit(stage.play, "unlucky", 0)
        stage.users.reach("unlucky", 1)
        incident.begin(stage.lab, Incident(error_rate=0.1, latency_ms=50))
        time.sleep(INCIDENT_S)
        assert incident.end(stage.lab)
        record = playing.result(200)
    require_shipped(record)
    failed = {"candidate": 0, "stable": 0}
    for minute in evidence(record, "failures"):
        for slot in failed:
            failed[slot] += minute[slot][0]
    assert min(failed.values()) > 0, failed


@pytest.mark.long
def test_a_cold_start_is_forgiven(stage: Stage) -> None:
    stage.shell.json("lab", "release", "cold", *COLD, *USUAL)
    require_shipped(stage.play("cold", 0))


@pytest.mark.long
def test_a_healthy_one_is_shipped(stage: Stage) -> None:
    stage.shell.json("lab", "release", "healthy", *USUAL)
    require_shipped(stage.play("healthy", 0))
    assert stage.users.failures("healthy") == {}
