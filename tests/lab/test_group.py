"""A user group under load: it gets the release before anybody else, and nobody loses a request."""

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from deployer.lab.load.runner import Load
from deployer.lab.load.target import Schedule

from .conftest import ROOT, Shell

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.timeout(180)]
CANARY = (
    "canary", "v2", "--group", "cookie:beta=1", "--group-bake", "1m", "--weights", "50",
    "--bake", "1m",
)  # fmt: skip


def answers(load: Load, release: str) -> int:
    """Requests that `release` has answered so far."""
    found: dict[str, Any] = load.progress()["releases"].get(release, {})
    return int(found.get("requests", 0))


def until(events: Iterator[Any], kind: str, words: str) -> None:
    """Read on until such an event."""
    assert any(event["event"] == kind and words in event["note"] for event in events)


def test_a_group_gets_the_release_first_and_keeps_it_until_all_have_it(inside: Shell) -> None:
    for release in ("v1", "v2"):
        inside.json("lab", "release", release)
    assert inside.json("canary", "v1")["status"] == "shipped"
    url, schedule = inside.json("lab", "status")["url"], Schedule(rps=60, duration_s=150)
    with (
        Load(url, schedule, headers={"Cookie": "a=b; beta=1"}) as group,
        Load(url, schedule, headers={"Cookie": "xbeta=1; beta=10"}) as others,
        subprocess.Popen(
            inside.command("--output", "json", *CANARY),
            env=dict(inside.variables), cwd=ROOT, text=True, stdout=subprocess.PIPE,
        ) as runner,
    ):  # fmt: skip
        assert runner.stdout is not None
        events = map(json.loads, runner.stdout)
        until(events, "step_done", "admit the users cookie:beta=1 to green")
        while not answers(group, "v2"):
            time.sleep(0.02)
        before = answers(group, "v1")
        until(events, "step_done", "bake green")
        assert answers(group, "v2") > 100
        assert answers(others, "v2") == 0
        until(events, "change", "where everybody goes")
        assert answers(others, "v2") > 0
        assert answers(group, "v1") <= before + 2  # two were on their way; none at half, nor since
        ended = list(events)[-1]
        until_now = answers(others, "v2")
    assert ended["status"] == "shipped", ended
    assert until_now > 100
    assert (group.report.failed, others.report.failed) == (0, 0)
    assert inside.events("status")[0]["group"] is None
