"""Somebody else's load balancer, made by plain boto3 calls: init, verify, what it says to do, a canary.

Every command that `deployer verify` prints is run by a shell, as a person would; the canary runs under
load, and not one request is lost.
"""

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.documents.reading import shown
from tests.lab import awscli
from tests.lab.theirs import Theirs

from .conftest import ROOT, Shell, admin, lab_up, shell_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
SCALE = 20.0
# As if Terraform had made the group: what `terraform show -json` would say of it.
GROUP = {"name": "web", "launch_template": [{"version": "$Default"}]}
RESOURCE = {"address": "the.group", "type": "aws_autoscaling_group", "values": GROUP}
STATE = {"format_version": "1.0", "values": {"root_module": {"resources": [RESOURCE]}}}
# And what it would say of a plan that sets the size of that group.
CHANGE = {
    "address": RESOURCE["address"],
    "type": RESOURCE["type"],
    "change": {
        "actions": ["update"],
        "before": {**GROUP, "min_size": 0},
        "after": {**GROUP, "min_size": 2},
    },
}
PAGE = "tests/lab/test_adoption.py::test_from_what_runs_to_a_canary_without_losing_a_request"
LOOK = "deployer verify"
QUICK = """
[environments.prod.canary]
weights = [25]
bake = "1m"
final_bake = "30s"
linger = "10s"
[environments.prod.analysis]
min_requests = 10
metrics_delay = "1s"
max_time = "3m"
inconclusive = "promote"
"""


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A lab without stacks, an empty folder to work in, and an `aws` on PATH."""
    home = tmp_path_factory.mktemp("lab")
    outside = shell_for(home)
    with lab_up(outside, "--no-stacks", "--scale", str(SCALE)):
        given = outside.json("lab", "env", "--role", "admin")
        config = tmp_path_factory.mktemp("work") / "deployer.toml"
        plain = {k: v for k, v in given.items() if k != "DEPLOYER_ENV"}
        mine = Shell({**outside.variables, **plain, "DEPLOYER_CONFIG": str(config)})
        bin_, client = config.parent / "bin", lambda service: admin(mine, service)
        with awscli.installed(bin_, client) as folder:
            yield Shell({**mine.variables, "PATH": f"{folder}:{mine.variables['PATH']}"})


@pytest.fixture(scope="module")
def theirs(shell: Shell) -> Theirs:
    """Two instances of theirs serve."""
    made = Theirs(lambda service: admin(shell, service), SCALE)
    made.build()
    deadline = time.monotonic() + 30
    while made.serving() < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return made


def bash(shell: Shell, *lines: str) -> None:
    script = "set -eu\n" + "\n".join(lines)
    done = subprocess.run(
        ["bash", "-c", script], env=dict(shell.variables), text=True, check=False,
        capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stderr}"


def typed(shell: Shell, line: str) -> list[Any]:
    """The events of a command of the page, which ends as the page says; its files are beside the settings."""
    _, *words = shlex.split(line, comments=True)
    folder = Path(shell.variables["DEPLOYER_CONFIG"]).parent
    events = shell.events(*(str(folder / x) if x.endswith(".json") else x for x in words))
    _, _, said = line.partition("exit status ")
    if said or "verify" not in words:
        assert events[-1]["exit_code"] == int(said[:1] or 0), events[-1]
    return events


def findings(shell: Shell, line: str) -> list[Any]:
    return [each for each in typed(shell, line) if each["event"] == "finding"]


def wrong(found: list[Any]) -> set[str]:
    return {each["check"] for each in found if each["level"] == "problem"}


def follow(shell: Shell, found: list[Any]) -> None:
    """Do what the problems say, as far as it is commands."""
    for each in found:
        if each["level"] in ("problem", "warning"):
            lines = [x for x in each["todo"] if x.startswith("aws ") or "=$(aws " in x]
            if lines:
                bash(shell, *lines)


def test_from_what_runs_to_a_canary_without_losing_a_request(shell: Shell, theirs: Theirs) -> None:
    config = Path(shell.variables["DEPLOYER_CONFIG"])
    begin, look, todo, again, same, canary, state, plan = shown(PAGE)
    made = typed(shell, begin)
    assert any("twin" in each for each in made[0]["unknown"])

    found = findings(shell, look)
    assert {"complete", "launches", "boots"} <= wrong(found), wrong(found)
    assert todo.startswith("#")
    follow(shell, found)
    typed(shell, again)
    assert config.with_name("deployer.toml.before").exists()
    config.write_text(
        config.read_text().replace('artifact_bucket = ""', 'artifact_bucket = "releases"') + QUICK
    )
    follow(shell, findings(shell, LOOK))  # what only the twin can lack
    assert wrong(findings(shell, same)) == set()

    before = theirs.client("elbv2").describe_rules(ListenerArn=listener(theirs))["Rules"][-1]
    theirs.release("v1")
    with load(shell) as seen:
        shipped = typed(shell, canary)
    assert shipped[-1]["status"] == "shipped", json.dumps(shipped[-1])
    report = seen[-1]
    assert report["failed"] == 0, report
    assert report["releases"]["v1"]["requests"] > 0
    assert report["releases"]["v0"]["requests"] > 0
    after = theirs.client("elbv2").describe_rules(ListenerArn=listener(theirs))["Rules"][-1]
    assert before["IsDefault"]
    assert after == before
    config.with_name("state.json").write_text(json.dumps(STATE))
    config.with_name("plan.json").write_text(json.dumps({**STATE, "resource_changes": [CHANGE]}))
    found = findings(shell, state)
    assert wrong(found) == set()
    assert [each["where"] for each in found if each["check"] == "terraform"] == ["the.group"]
    assert wrong(findings(shell, plan)) == {"terraform"}


def listener(theirs: Theirs) -> str:
    elb = theirs.client("elbv2")
    balancer = elb.describe_load_balancers(Names=["web"])["LoadBalancers"][0]["LoadBalancerArn"]
    return str(elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"])


class load:  # noqa: N801  # reads as `with load(...)`
    """Users, while the context lasts; the last document is the report."""

    def __init__(self, shell: Shell) -> None:
        text = Path(shell.variables["DEPLOYER_CONFIG"]).read_text()
        self.url = next(x.split('"')[1] for x in text.splitlines() if x.startswith("url = "))
        self.shell = shell

    def __enter__(self) -> list[Any]:
        self.seen: list[Any] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deployer.lab.load", f"{self.url}/", "--rps", "60",
             "--duration", "120"],
            env=dict(self.shell.variables), cwd=ROOT, text=True, stdout=subprocess.PIPE,
        )  # fmt: skip
        return self.seen

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        out = self.process.communicate(timeout=60)[0]
        self.seen += [json.loads(line) for line in out.splitlines()]
