"""The deployer killed, stopped, told to end and cut off from AWS, under load: nothing is lost.

One lab for all of them, its clock forty times as fast. Every change of a good and of a bad deployment
of each strategy is struck; the simulation (tests/crash/test_matrix.py) is exhaustive.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Self

import pytest

from tests.lab.forked import Forked

from .chaos import (
    CHANGES,
    WRITES,
    Lab,
    is_change,
    load,
    newest,
    settings,
    standing,
    through_deaths,
    what,
)
from .conftest import ROOT, Shell, lab_up, shell_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
_numbers = count(1)
AFTER = {"kind": "kill_after", **CHANGES, "times": 1}
BEFORE = {"kind": "kill", **CHANGES, "times": 1}
# Each life is killed at its first change before that took effect, or, once it has repeated the
# change of the one before, after the next one did: every change is struck once.
ALTERNATELY = (BEFORE, {**AFTER, "skip": 1})


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """v1 serves in a lab of its own."""
    outside = shell_for(tmp_path_factory.mktemp("lab"))
    with lab_up(outside, "--scale", "40"):
        config: Path = tmp_path_factory.mktemp("config") / "deployer.toml"
        config.write_text(settings())
        made = Forked(
            {**outside.variables, **outside.json("lab", "env"), "DEPLOYER_CONFIG": str(config)}
        )
        made.json("lab", "release", "v1")
        made.json("lab", "release", "bad", "--error-rate", "0.5")
        assert made.json("canary", "v1")["status"] == "shipped"
        yield made


@pytest.fixture
def lab(shell: Shell) -> Iterator[Lab]:
    """Its faults, cleared afterwards."""
    yield Lab(shell)
    Lab(shell).clear()


@pytest.fixture
def fresh(shell: Shell) -> str:
    """A good release that no other test ships."""
    name = f"w{next(_numbers)}"
    shell.json("lab", "release", name)
    return name


def configured(shell: Shell, folder: Path, **changes: str) -> Shell:
    """The same with other settings."""
    config = folder / "deployer.toml"
    config.write_text(settings(**changes))
    return Forked({**shell.variables, "DEPLOYER_CONFIG": str(config)})


SERVING = (2, 2, 0, ())
EMPTY = (0, 0, 0, ())


# How the processes of each strategy's good and bad release die.
DEATHS: dict[tuple[str, str], tuple[dict[str, Any], ...]] = {
    ("canary", "good"): ALTERNATELY,
    ("canary", "bad"): (AFTER,),
    ("blue-green", "good"): ALTERNATELY,
    ("blue-green", "bad"): (AFTER,),
    ("rolling", "good"): (AFTER,),
    ("rolling", "bad"): (BEFORE, AFTER),
}
STRATEGIES = ("canary", "blue-green", "rolling")


@pytest.mark.parametrize(
    "strategy", ["canary", *(pytest.param(s, marks=pytest.mark.long) for s in STRATEGIES[1:])]
)
def test_a_good_release_killed_at_each_change_ships(
    shell: Shell, lab: Lab, fresh: str, strategy: str
) -> None:
    with load(shell) as seen:
        story = through_deaths(shell, [strategy, fresh], DEATHS[strategy, "good"])
    assert story.result["status"] == "shipped", story.result
    assert seen.lost == 0, seen.report
    assert seen.report["failed"] == 0
    assert story.struck == {what(row) for row in story.changes}
    assert story.kills >= 6
    after = standing(shell)
    assert (after.serves, after.boots) == ((fresh,), fresh)
    assert (after.size, after.idle) == (SERVING, EMPTY)


@pytest.mark.long
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_bad_release_killed_at_each_change_and_on_its_way_back_goes_back(
    shell: Shell, lab: Lab, strategy: str
) -> None:
    """No process outlives a change of its own; of the rolling one none even makes the first."""
    before, deaths = standing(shell), DEATHS[strategy, "bad"]
    with load(shell) as seen:
        story = through_deaths(shell, [strategy, "bad"], deaths)
    assert story.result["status"] == "rolled_back", story.result
    assert seen.lost == 0, seen.report
    assert seen.report["releases"]["bad"]["failures"].keys() == {"http_500"}
    survived = [row["action"] for row in story.changes if row["fault"] != "kill_after"]
    assert survived in ([], ["ResumeProcesses"])  # the repetition of one that was struck twice
    assert story.kills >= (len(story.changes) - len(survived)) * len(deaths) >= 6
    assert standing(shell) == before


# One call in five, whatever it is, by turns refused or cut off before or after it took effect.
A_FIFTH: list[dict[str, Any]] = [
    {"kind": kind, "share": 0.055} for kind in ("throttle", "error", "unheard", "lost_reply")
]
# Longer than botocore's three attempts, in the middle of the changes.
BURSTS: list[dict[str, Any]] = [
    {"kind": "throttle", "service": "elbv2", "skip": 40, "times": 12},
    {"kind": "error", "service": "autoscaling", "skip": 30, "times": 12},
    {"kind": "lost_reply", **WRITES, "skip": 4, "times": 5},
    {"kind": "unheard", "service": "cloudwatch", "skip": 6, "times": 12},
]
# Each ends the process that meets it; the credentials of the next one are good.
EXPIRED: list[dict[str, Any]] = [
    {"kind": "expired", "service": service, "skip": skip, "times": 1}
    for service, skip in (("elbv2", 30), ("autoscaling", 25), ("dynamodb", 12))
]
WEATHERS = {"a fifth": A_FIFTH, "bursts": BURSTS, "expired": EXPIRED}


@pytest.mark.long
@pytest.mark.parametrize(
    ("play", "weather"),
    [
        ("canary good", "a fifth"),
        ("canary bad", "expired"),
        ("blue-green good", "bursts"),
        ("rolling bad", "a fifth"),
    ],
)
def test_aws_fails_again_and_again_and_nothing_is_lost(
    shell: Shell, lab: Lab, fresh: str, play: str, weather: str
) -> None:
    """Whoever runs it says it again when the tool could not even begin to look."""
    strategy, kind = play.split()
    mark = lab.mark()
    with load(shell) as seen:
        until(lambda: lab.calls(mark), "users have found the service")
        for fault in WEATHERS[weather]:
            lab.add(**fault)
        ended = patiently(shell, [strategy, fresh if kind == "good" else "bad"])
        lab.clear()
    assert ended["status"] == ("shipped" if kind == "good" else "rolled_back"), ended
    assert seen.lost == 0, seen.report
    struck = [row for row in lab.calls(mark) if row["fault"]]
    assert len(struck) >= (3 if weather == "expired" else 20)
    assert {row["service"] for row in struck} >= {"elbv2", "autoscaling", "dynamodb"}
    assert standing(shell).idle == EMPTY


def patiently(shell: Shell, command: list[str]) -> Any:
    """The result of the process that ended it; each of the others says what it could not reach."""
    arguments = command
    for _ in range(20):
        done = shell.run("--output", "json", *arguments)
        result = json.loads(done.stdout.strip().splitlines()[-1])
        if result["status"] in ("shipped", "rolled_back", "halted"):
            return result
        assert done.returncode in (1, 2), result
        assert result["reason"], done.stderr
        begun = "nothing is being deployed" not in result["reason"]
        arguments = ["resume"] if begun else command
    raise AssertionError(f"still not ended: {result}")


class Runner:
    """A `deployer` process in the background, told apart in the log of calls by its name."""

    def __init__(self, shell: Shell, name: str, *arguments: str) -> None:
        self.name = name
        self.process = subprocess.Popen(
            shell.command(*arguments),
            env={**shell.variables, "AWS_SDK_UA_APP_ID": name}, cwd=ROOT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def ended(self) -> tuple[int, str]:
        """Exit status and what it told people, once it has ended."""
        _, told = self.process.communicate(timeout=90)
        return self.process.returncode, told

    def changes(self, lab: Lab) -> list[str]:
        """Every action of its own that changed something, in order."""
        mine = [row for row in lab.calls() if f"app/{self.name}" in row["source"]]
        return [
            row["action"]
            for row in mine
            if row["outcome"] == "ok" and (is_change(row["action"]) or is_write(row["action"]))
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()  # nothing is left of it if the test fails
        self.process.communicate()


def is_write(action: str) -> bool:
    return action in WRITES["action"].split(",")


def until(fact: Callable[[], object], what: str) -> None:
    """Wait for `fact` to hold."""
    deadline = time.monotonic() + 60
    while not fact():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.02)


def stopped(runner: Runner) -> bool:
    stat = Path(f"/proc/{runner.process.pid}/stat").read_text()
    return stat.rsplit(")", 1)[1].split()[0] == "T"


def status_of(shell: Shell) -> Any:
    return next(event for event in shell.events("status") if event["event"] == "status")


def waits_for_approval(shell: Shell) -> bool:
    active = status_of(shell)["active"]
    return bool(active and active["approval_until"])


def abandoned(shell: Shell) -> bool:
    """Its runner has not been heard of for longer than the lease."""
    return "deployer resume" in (status_of(shell)["next_command"] or "")


def test_a_runner_stopped_for_longer_than_its_lease_changes_nothing_more(
    shell: Shell, lab: Lab, fresh: str
) -> None:
    """It stands still right after it wrote down what it is about to do; another one does it."""
    # Of its saves the first is the intent to pin the release, the second to ask for instances.
    lab.add(kind="stop", service="dynamodb", action="UpdateItem", times=1, skip=1)
    with load(shell) as seen, Runner(shell, "first", "canary", fresh, "--approve", "50") as first:
        until(lambda: stopped(first), "the first one stands still")
        before = ["TransactWriteItems", "UpdateItem", "CreateLaunchTemplateVersion"]
        before += ["ModifyLaunchTemplate", "UpdateItem"]
        assert first.changes(lab) == before
        until(lambda: abandoned(shell), "its lease has run out")
        with Runner(shell, "second", "resume") as second:
            until(lambda: waits_for_approval(shell), "the second one waits for approval")
            os.kill(first.process.pid, signal.SIGCONT)
            status, told = first.ended()
            assert shell.run("approve").returncode == 0
            assert second.ended()[0] == 0
    assert status == 5, told
    assert "is no longer ours" in told
    assert first.changes(lab) == before
    assert second.changes(lab).count("UpdateAutoScalingGroup") >= 2
    assert seen.report["failed"] == 0
    assert standing(shell).serves == (fresh,)


def told_while_traffic_moves(
    shell: Shell, lab: Lab, number: signal.Signals, *arguments: str
) -> tuple[int, str]:
    """The signal comes while a change of the weights is on its way; status and last words."""
    mark = lab.mark()
    lab.add(kind="latency", latency_s=1.0, service="elbv2", action="ModifyRule", times=1)
    with Runner(shell, "told", *arguments) as runner:
        until(lambda: not lab.rules(), "the change is on its way")
        assert not lab.calls(mark, "elbv2", "ModifyRule")
        runner.process.send_signal(number)
        status, told = runner.ended()
    assert [row["outcome"] for row in lab.calls(mark, "elbv2", "ModifyRule")][:1] == ["ok"]
    return status, told


def test_sigterm_finishes_the_change_in_hand_and_lets_the_lease_go(
    shell: Shell, lab: Lab, fresh: str
) -> None:
    with load(shell) as seen:
        status, told = told_while_traffic_moves(shell, lab, signal.SIGTERM, "canary", fresh)
        assert status == 143, told
        assert "`deployer resume` goes on, `deployer abort` goes back" in told
        resumed = shell.json("resume")  # at once: no lease is waited for
    assert resumed["status"] == "shipped"
    assert seen.report["failed"] == 0


def test_ctrl_c_goes_back_where_the_settings_say_so(
    shell: Shell, lab: Lab, fresh: str, tmp_path: Path
) -> None:
    turning = configured(shell, tmp_path, on_interrupt="rollback")
    before = standing(shell)
    with load(shell) as seen:
        status, told = told_while_traffic_moves(turning, lab, signal.SIGINT, "blue-green", fresh)
    assert status == 3, told
    assert "Ctrl-C: going back (journal.on_interrupt)" in told
    after = standing(shell)
    assert (after.serves, after.size, after.idle) == (before.serves, before.size, before.idle)
    assert seen.report["failed"] == 0
    assert newest(shell)["status"] == "rolled_back"
