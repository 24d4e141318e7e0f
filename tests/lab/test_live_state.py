"""`cdk deploy` in the middle of a canary, under load: whatever it changes, users notice nothing.

The real CDK CLI, the project's own stacks, a canary that stands at 25 % and waits for approval.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from deployer.lab import cdk
from deployer.lab.load.runner import Load
from deployer.lab.load.target import Schedule

from .conftest import ROOT, Shell, shell_for
from .live import INSTANCE_CALLS, RULE_CALLS, Json, Site
from .variants import MOST, TAKEN, TYPES

pytestmark = [pytest.mark.lab, pytest.mark.cdk, pytest.mark.timeout(400)]
RPS = 60.0
SLOTS = ("blue", "green")
QUICK = """instances = 3

[environments.lab.canary]
weights = [25]
capacity = "matched"
bake = "1s"
final_bake = "1s"
linger = "1s"
[environments.lab.analysis]
min_requests = 1
inconclusive = "promote"
metrics_delay = "1s"
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A lab whose stacks the CDK CLI has deployed before, and every later version of them."""
    home, variants = tmp_path_factory.mktemp("service"), tmp_path_factory.mktemp("variants")
    for name in ("app.py", "cdk.json", "examples"):
        (home / name).symlink_to(ROOT / name)
    text = (ROOT / "deployer.toml").read_text()
    settings = home / "deployer.toml"
    before = text[: text.index("[environments.lab.canary]")]
    settings.write_text(before + QUICK)
    outside = shell_for(tmp_path_factory.mktemp("lab"))
    outside = Shell({**outside.variables, "DEPLOYER_CONFIG": str(settings)})
    with subprocess.Popen(
        [sys.executable, "-m", "tests.lab.variants", str(settings), str(variants)],
        cwd=ROOT, env=cdk_variables(),
    ) as synthesis:  # fmt: skip
        started = outside.run("--output", "json", "lab", "up", "--detach", "--scale", "60")
        assert started.returncode == 0, started.stderr
        assert synthesis.wait() == 0
    made = Site(Shell({**outside.variables, **outside.json("lab", "env")}), variants)
    made.cdk("bootstrap", "aws://123456789012/us-east-1")
    yield made
    assert outside.run("lab", "down").returncode == 0


def cdk_variables() -> dict[str, str]:
    return cdk.environment("")


@dataclass
class Held:
    """A canary that stands at 25 % and waits for somebody's approval."""

    site: Site
    events: Iterator[Json]

    def until(self, kind: str, words: str) -> None:
        """Read on until such an event."""
        told = []
        for event in self.events:
            told.append(event)
            if event["event"] == kind and words in event.get("note", ""):
                return
        raise AssertionError(f"no {kind} with {words!r} in {told}")


@pytest.fixture(scope="module")
def held(site: Site) -> Iterator[Held]:
    shell = site.shell
    for release in ("v1", "v2", "v3"):
        shell.json("lab", "release", release)
    assert shell.json("canary", "v1")["status"] == "shipped"
    with subprocess.Popen(
        shell.command("--output", "json", "canary", "v2", "--approve", "25"),
        env=dict(shell.variables), cwd=ROOT, text=True, stdout=subprocess.PIPE,
    ) as runner:  # fmt: skip
        assert runner.stdout is not None
        waiting = Held(site, map(json.loads, runner.stdout))
        waiting.until("waiting", "approv")
        yield waiting
        runner.terminate()


def url(site: Site) -> str:
    return str(site.topology["url"]) + "/"


def served(load: Load) -> Json:
    """What came back: every request was answered, by a release."""
    report = load.report.as_json()
    assert (report["failed"], report["skipped"]) == (0, 0), report["failures"]
    assert set(report["releases"]) <= {"v1", "v2", "v3"}
    return report


def quarter(load: Load) -> None:
    """A quarter went to the canary; chance may take five standard deviations from it."""
    report = served(load)
    assert set(report["releases"]) == {"v1", "v2"}
    requests, candidate = report["requests"], report["releases"]["v2"]["requests"]
    assert requests > RPS
    assert abs(candidate - requests / 4) < 5 * (requests * 3 / 16) ** 0.5, (candidate, requests)


def moves(site: Site, since: int) -> list[Json]:
    """Calls that moved users or instances, whoever made them."""
    return [call for call in site.calls(since) if call["outcome"] == "ok" and moving(site, call)]


def moving(site: Site, call: Json) -> bool:
    if call["service"] == "elbv2":  # the test listener's rules are the stack's own
        listener = site.topology["listener"].rpartition("/")[2]
        return call["action"] in RULE_CALLS and listener in str(call["parameters"])
    return (call["service"], call["action"]) in INSTANCE_CALLS


UPDATES = (
    # variant, what the CLI says, its exit status, what the stack is then
    ("unrelated", "✅", 0, "UPDATE_COMPLETE"),
    ("unrelated", "(no changes)", 0, "UPDATE_COMPLETE"),
    ("tag", "✅", 0, "UPDATE_COMPLETE"),
    ("type", "✅", 0, "UPDATE_COMPLETE"),
    ("size", "✅", 0, "UPDATE_COMPLETE"),
    ("broken", "already exists", 1, "UPDATE_ROLLBACK_COMPLETE"),
    ("size", "(no changes)", 0, "UPDATE_ROLLBACK_COMPLETE"),
)


def test_no_update_of_the_stacks_moves_anything(held: Held) -> None:
    site = held.site
    before, since = site.owned(), len(site.calls())
    versions = [site.slot(name)["newest"] for name in SLOTS]
    assert before["weights"] == {"blue": 750, "green": 250}
    assert len(site.slot("green")["instances"]) == 2  # it grows to three later on
    site.client("ssm").put_parameter(Name=TAKEN, Value="theirs", Type="String")
    for variant, says, status, ends in UPDATES:
        with Load(url(site), Schedule(RPS, 300)) as load:
            told = site.deploy(variant, status=status)
        assert says in told, told
        assert site.stack_status() == ends, variant
        assert site.owned() == before, variant
        quarter(load)
    assert moves(site, since) == []
    assert [site.slot(name)["maximum"] for name in SLOTS] == [MOST[1], MOST[1]]
    assert [site.slot(name)["newest"] for name in SLOTS] > versions


def test_the_canary_ends_as_if_nothing_had_been_and_the_next_release_is_what_the_stack_says(
    held: Held,
) -> None:
    site = held.site
    with Load(url(site), Schedule(RPS, 300)) as load:
        site.shell.json("approve")
        ended = list(held.events)[-1]
    assert ended["status"] == "shipped", ended
    served(load)
    kinds = list(site.slot("green")["instances"].values())
    assert kinds == [(TYPES[0], "v2")] * 3  # one of them launched after the stack had another type
    with Load(url(site), Schedule(RPS, 300)) as load:
        done = site.shell.run("canary", "v3", timeout_s=300)
    assert done.returncode == 0, done.stderr
    served(load)
    kinds = list(site.slot("blue")["instances"].values())
    assert kinds == [(TYPES[1], "v3")] * 3
    assert site.slot("green")["desired"] == 0
