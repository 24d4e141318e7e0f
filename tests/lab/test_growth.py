"""Groups that scale by themselves and lose Spot instances in the middle of a canary, under load.

Target tracking on requests, Spot beside On-Demand, capacity rebalancing: all that the stacks can set,
in one deployment that stands at 25 % while both happen. Not one request is lost.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from urllib3 import request

from tests.documents.reading import shown

from .chaos import Load, load
from .conftest import ROOT, Shell, as_sample, lab_up, service_in, shell_for
from .live import Json, Site

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.timeout(400)]
SCALE = 60.0  # a minute of the lab is a second
PER_TARGET = 10  # requests a minute
QUIET, BUSY = 10, 50  # requests a second
ENOUGH = 28  # requests a second that keep SIZE instances, neither more nor fewer
FLOOR, SIZE = 2, 3  # what the serving slot keeps at least; what it has when the canary begins
WARMUP_S = 300.0 / SCALE  # the default cooldown, for want of a warm-up
PATIENCE_S = 60.0
SETTINGS = f"""
[environments.lab.canary]
weights = [25]
capacity = "full"
bake = "1m"
final_bake = "1m"
linger = "1m"
[environments.lab.analysis]
min_requests = 1
inconclusive = "promote"
metrics_delay = "70s"
max_time = "3m"
[environments.lab.probe]
path = "/health"
[environments.lab.fleet]
scale_on_requests = {PER_TARGET}
instance_types = ["t3.small"]
on_demand_base = 1
on_demand_percent = 0
"""


def wait_for(what: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.1)
    raise AssertionError(f"never came true: {what}")


@dataclass
class Told:
    """What was seen, in the order of the story: weights and slots, each time.

    before:   the canary stands at 25 %.
    replaced: EC2 has taken two instances back, which are `gone`; `serving`: who was there then.
    frozen:   the old slot's policy has wanted less for a while.
    grown:    the load has grown, and its policy has answered; `causes`: of what its group did.
    after:    it was shipped. later: the load has grown once more.
    """

    before: Json = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    serving: dict[str, set[str]] = field(default_factory=dict)
    replaced: Json = field(default_factory=dict)
    frozen: Json = field(default_factory=dict)
    grown: Json = field(default_factory=dict)
    causes: list[str] = field(default_factory=list)
    result: Json = field(default_factory=dict)
    after: Json = field(default_factory=dict)
    later: Json = field(default_factory=dict)
    loads: list[Load] = field(default_factory=list)


@dataclass
class Scene:
    """The lab, and the canary that runs in it."""

    site: Site
    told: Told = field(default_factory=Told)

    @property
    def shell(self) -> Shell:
        return self.site.shell

    def rows(self, slot: str) -> list[Json]:
        """What `deployer lab status` knows of the slot's instances."""
        group = self.site.topology["slots"][slot]["group"]
        found = request("GET", f"{self.site.endpoint}/_lab/instances", timeout=10).json()
        return [row for row in found if row["group"] == group]

    def serving(self, slot: str) -> dict[str, str]:
        """Market of each instance that is in service."""
        return {
            row["instance"]: row["market"]
            for row in self.rows(slot)
            if row["lifecycle"] == "InService"
        }

    def grown(self, slot: str, beyond: int) -> bool:
        """Whether it was asked for more than that, and has it."""
        desired = self.site.slot(slot)["desired"]
        return bool(desired > beyond and len(self.serving(slot)) >= desired)

    def take_back(self, slot: str, signal: str) -> str:
        """EC2's word to one of the slot's Spot instances, and wait until another is in its place."""
        before = self.serving(slot)
        doomed = min(key for key, market in before.items() if market == "spot")
        body = json.dumps({"instance": doomed, "signal": signal})
        answer = request("POST", f"{self.site.endpoint}/_lab/spot", body=body, timeout=10)
        assert answer.status == 200, answer.data
        wait_for(lambda: doomed not in self.serving(slot))
        wait_for(lambda: len(self.serving(slot)) >= self.site.slot(slot)["desired"])
        return doomed

    def types(self, command: str) -> str:
        """What the page's command says, in a shell of the lab."""
        done = subprocess.run(
            ["bash", "-euc", command], env=dict(self.shell.variables), capture_output=True,
            text=True, check=False, timeout=30,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def causes(self, slot: str) -> list[str]:
        """Of the launches and terminations of the slot's group, the newest first."""
        found = self.site.client("autoscaling").describe_scaling_activities(
            AutoScalingGroupName=self.site.topology["slots"][slot]["group"]
        )
        return [activity["Cause"] for activity in found["Activities"]]

    def low_alarm(self, slot: str) -> str:
        """State of the alarm that asks for a scale-in."""
        group = self.site.topology["slots"][slot]["group"]
        (alarm,) = self.site.client("cloudwatch").describe_alarms(
            AlarmNamePrefix=f"TargetTracking-{group}-AlarmLow"
        )["MetricAlarms"]
        return str(alarm["StateValue"])

    @contextmanager
    def canary(self, release: str) -> Iterator[Iterator[Json]]:
        with subprocess.Popen(
            self.shell.command("--output", "json", "canary", release, "--approve", "25"),
            env=dict(self.shell.variables), cwd=ROOT, text=True, stdout=subprocess.PIPE,
        ) as runner:  # fmt: skip
            assert runner.stdout is not None
            try:
                yield map(json.loads, runner.stdout)
            finally:
                runner.terminate()

    def play(self) -> None:
        """The story; what is asked of it is asked by the tests."""
        told = self.told
        with ExitStack() as stack:
            # Its own policy makes it so large, and has no reason to take that back before the plan.
            with load(self.shell, ENOUGH) as seen:
                told.loads.append(seen)
                wait_for(lambda: len(self.serving("blue")) == SIZE)
                events = stack.enter_context(self.canary("v2"))
                next(e for e in events if e["event"] == "waiting")  # it has begun
            told.loads.append(stack.enter_context(load(self.shell, QUIET)))
            next(e for e in events if e["event"] == "waiting" and "approv" in e.get("note", ""))
            told.before = self.site.owned()
            self.stand()
            assert self.shell.run("approve").returncode == 0
            for event in events:
                told.result = event
            told.after = self.site.owned()
            size = told.after["green"]["desired"]
            with self.busy(PER_TARGET * (size + 1)):
                wait_for(partial(self.grown, "green", size))
                told.later = {**self.site.owned(), "causes": self.causes("green")}

    def stand(self) -> None:
        """What happens while the canary waits for somebody's approval."""
        told = self.told
        # The candidate first: nothing keeps it from shrinking to what its share needs, later on.
        told.gone["green"] = self.take_back("green", "interrupt")
        told.gone["blue"] = self.take_back("blue", "rebalance")
        told.replaced, replaced_at = self.site.owned(), time.monotonic()
        told.serving = {slot: set(self.serving(slot)) for slot in ("blue", "green")}
        wait_for(
            lambda: (
                self.low_alarm("blue") == "ALARM"
                and time.monotonic() > replaced_at + WARMUP_S + 120.0 / SCALE
            )
        )
        told.frozen = self.site.owned()
        with self.busy(BUSY):
            wait_for(partial(self.grown, "blue", SIZE))
            told.grown, told.causes = self.site.owned(), self.causes("blue")

    @contextmanager
    def busy(self, rate: int) -> Iterator[None]:
        with load(self.shell, rate) as seen:
            self.told.loads.append(seen)
            yield


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    text, most = as_sample(SETTINGS), "max_instances = 8"
    assert most in text
    folder: Path = tmp_path_factory.mktemp("service")
    config = service_in(folder, text.replace(most, f"{most}\ninstances = {FLOOR}"))
    outside = shell_for(tmp_path_factory.mktemp("lab"), config)
    with lab_up(outside, "--scale", f"{SCALE:g}"):
        made = Scene(Site(Shell({**outside.variables, **outside.json("lab", "env")}), folder, {}))
        for release in ("v1", "v2"):
            made.shell.json("lab", "release", release)
        assert made.shell.json("canary", "v1")["status"] == "shipped"
        made.play()
        yield made


@pytest.fixture(scope="module")
def told(scene: Scene) -> Told:
    return scene.told


def test_nothing_was_lost(told: Told) -> None:
    assert told.result["status"] == "shipped", told.result
    for each in told.loads:
        assert each.report["failed"] == 0, each.report
    assert set(told.loads[1].report["releases"]) == {"v1", "v2"}


def test_spot_instances_are_replaced_where_they_were(told: Told, scene: Scene) -> None:
    assert told.before["weights"] == told.replaced["weights"] == {"blue": 750, "green": 250}
    for slot, release in (("blue", "v1"), ("green", "v2")):
        now, gone = told.replaced[slot], told.gone[slot]
        assert gone in told.before[slot]["instances"]
        assert gone not in told.serving[slot]
        assert len(told.serving[slot]) >= now["desired"]
        assert {r for _, r in now["instances"].values()} == {release}
    causes = " ".join(scene.causes("blue") + scene.causes("green"))
    assert "rebalance recommendation" in causes
    assert "Spot interruption notice" in causes


def test_the_old_slot_keeps_its_size_while_its_policy_wants_less(told: Told) -> None:
    assert (told.frozen["blue"]["minimum"], told.frozen["blue"]["desired"]) == (SIZE, SIZE)
    assert told.frozen["weights"] == told.before["weights"]


def test_a_policy_grows_the_old_slot_under_a_canary_that_holds_its_weights(told: Told) -> None:
    assert told.grown["weights"] == told.before["weights"]
    assert told.grown["blue"]["desired"] > SIZE
    assert any("AlarmHigh" in cause and "triggered policy" in cause for cause in told.causes)
    assert {r for _, r in told.grown["blue"]["instances"].values()} == {"v1"}
    assert told.grown["blue"]["processes"] == []


def test_afterwards_the_slot_that_serves_has_its_floor_and_grows_again(told: Told) -> None:
    assert told.after["weights"] == told.later["weights"] == {"blue": 0, "green": 999}
    blue, green = told.after["blue"], told.after["green"]
    assert (blue["minimum"], blue["desired"], blue["instances"]) == (0, 0, {})
    assert (green["minimum"], green["processes"]) == (FLOOR, [])
    assert told.later["green"]["desired"] > green["desired"] >= FLOOR
    assert told.later["blue"]["desired"] == 0
    assert any("AlarmHigh" in cause for cause in told.later["causes"])


@pytest.mark.long
def test_the_pages_words_take_an_instance_back(scene: Scene) -> None:
    """docs/lab/chaos.md, with an id of this lab's."""
    which, rebalance, interrupt = shown(
        "tests/lab/test_growth.py::test_the_pages_words_take_an_instance_back"
    )
    listed = {row["instance"]: row["market"] for row in json.loads(scene.types(which))}
    doomed = min(key for key, market in scene.serving("green").items() if market == "spot")
    assert listed[doomed] == "spot"
    for line in (rebalance, interrupt):
        assert json.loads(scene.types(line.replace("i-0123", doomed)))
    wait_for(lambda: doomed not in scene.serving("green"))
