"""A live group of four under load: rolling with a good release and with a dud, and a canary that grows
ahead of its share; not one request is lost."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT, Shell

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def four(inside: Shell, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """v1 serves with four instances."""
    config: Path = tmp_path_factory.mktemp("config") / "deployer.toml"
    text = (ROOT / "deployer.toml").read_text()
    config.write_text(text.replace("max_instances = 8", "max_instances = 8\ninstances = 4"))
    shell = Shell({**inside.variables, "DEPLOYER_CONFIG": str(config)})
    for release in ("v1", "v2"):
        shell.json("lab", "release", release)
    shell.json("lab", "release", "dud", "--boot", "3h")
    assert shell.json("canary", "v1")["status"] == "shipped"
    return shell


class Load:
    """What users saw, once the load has ended."""

    report: Any = None


@contextmanager
def load(shell: Shell) -> Iterator[Load]:
    seen = Load()
    process = subprocess.Popen(
        shell.command("--output", "json", "lab", "load", "--rps", "100", "--duration", "180s"),
        env=dict(shell.variables), cwd=ROOT, text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield seen
    finally:
        process.send_signal(signal.SIGINT)  # the report still comes
        seen.report = json.loads(process.communicate(timeout=60)[0])


def serving(shell: Shell) -> tuple[str, Any]:
    """The slot that has everything, and how it stands."""
    (status,) = [event for event in shell.events("status") if event["event"] == "status"]
    slot = next(slot for slot, share in status["weights"].items() if share == 100)
    return slot, status["slots"][slot]


def other(group: Any) -> str:
    """A good release that does not serve: the tests come in any order."""
    return next(name for name in ("v1", "v2") if name not in group["releases"])


def test_four_instances_give_way_without_losing_a_request(four: Shell) -> None:
    slot, before = serving(four)
    release = other(before)
    with load(four) as seen:
        shipped = four.events("rolling", release, "--surge", "1", "--max-unavailable", "0")
    assert shipped[-1]["status"] == "shipped", shipped[-1]
    assert seen.report["failed"] == 0, seen.report
    assert seen.report["releases"][before["boots"]]["requests"] > 0
    assert seen.report["releases"][release]["requests"] > 0
    where, group = serving(four)
    assert where == slot
    assert (group["releases"], group["boots"], group["desired"]) == ([release], release, 4)
    notes = [event["note"] for event in shipped if event["event"] == "change"]
    assert sum(note.startswith("terminate") for note in notes) == 4
    assert notes[0].startswith("suspend AZRebalance")
    assert notes[-1].startswith("resume AZRebalance")
    healthy = [event["healthy"][slot] for event in shipped if event.get("healthy")]
    assert min(healthy) >= 4


@pytest.mark.long
def test_a_dud_goes_back_without_losing_a_request(four: Shell) -> None:
    before = serving(four)[1]["releases"]
    with load(four) as seen:
        ended = four.events("rolling", "dud", "--surge", "1", "--max-unavailable", "0")
    assert ended[-1]["status"] == "rolled_back", ended[-1]
    assert seen.report["failed"] == 0, seen.report
    assert "dud" not in seen.report["releases"]
    group = serving(four)[1]
    assert (group["releases"], group["desired"], group["boots"]) == (before, 4, before[0])


@pytest.mark.long
def test_a_matched_canary_grows_ahead_of_its_share_without_losing_a_request(four: Shell) -> None:
    stable, before = serving(four)
    release, candidate = other(before), {"blue": "green", "green": "blue"}[stable]
    flags = ("--capacity", "matched", "--weights", "20", "--bake", "1m", "--linger", "10s")
    with load(four) as seen:
        events = four.events("canary", release, *flags)
    assert events[-1]["status"] == "shipped", events[-1]
    assert seen.report["failed"] == 0, seen.report
    assert seen.report["releases"][release]["requests"] > 0
    weighed = [event for event in events if event.get("weights")]
    for share, count in {20.0: 2, 100.0: 4}.items():
        with_it = [event for event in weighed if event["weights"][candidate] == share]
        assert min(event["healthy"][candidate] for event in with_it) >= count
    at_fifth = [event for event in weighed if event["weights"][candidate] == 20.0]
    assert at_fifth[0]["desired"] == {stable: 4, candidate: 2}
    assert {e["desired"][stable] for e in weighed if e["weights"][stable] > 0} == {4}
