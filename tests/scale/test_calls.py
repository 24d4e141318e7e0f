"""API calls of a whole deployment through the real adapter: docs/scale.md, "The formula"."""

import json
import math
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from deployer.aws import answers
from deployer.changes import (
    Change,
    Freeze,
    PinRelease,
    ResumeProcesses,
    SetDesired,
    SetWeights,
    Suspend,
    Terminate,
    Thaw,
)
from deployer.intent import Intent
from deployer.journal import encode
from deployer.model import Slot
from deployer.plan import Status
from tests.sim.play import INTENT

from .conftest import Fleets
from .fleets import INTENTS, Fleet

# What each look asks, and what each change asks besides.
LOOK = Counter(
    DescribeLaunchTemplates=1, DescribeAutoScalingGroups=1, DescribeTargetHealth=2, DescribeRules=1
)
CHANGES: dict[type, Counter[str]] = {
    SetWeights: Counter(DescribeRules=1, ModifyRule=1),
    PinRelease: Counter(
        DescribeLaunchTemplates=1, CreateLaunchTemplateVersion=1, ModifyLaunchTemplate=1
    ),
    SetDesired: Counter(DescribeAutoScalingGroups=1, UpdateAutoScalingGroup=1),
    Freeze: Counter(DescribeAutoScalingGroups=1, UpdateAutoScalingGroup=1),
    Thaw: Counter(DescribeAutoScalingGroups=1),  # emptying the group has lowered its minimum
    Terminate: Counter(DescribeAutoScalingGroups=1),
    Suspend: Counter(SuspendProcesses=1),
    ResumeProcesses: Counter(ResumeProcesses=1),
}
AT_ONCE = 100  # members that one TerminateInstanceInAutoScalingGroup takes


def formula(looks: int, changes: Iterable[Change], pages: int = 1) -> Counter[str]:
    """Calls by operation; no instance is counted here, but those that one call lets go."""
    calls = Counter({name: looks * each for name, each in LOOK.items()})
    for change in changes:
        calls += CHANGES[type(change)]
        if isinstance(change, Terminate):
            calls["TerminateInstanceInAutoScalingGroup"] += math.ceil(
                len(change.instances) / AT_ONCE
            )
    calls["DescribeAutoScalingGroups"] += looks * (pages - 1)
    return calls


def occasional(calls: Counter[str]) -> Counter[str]:
    """What is asked only when there is something to learn, taken out of `calls`."""
    names = ("DescribeLaunchTemplateVersions", "DescribeScalingActivities")
    return Counter({name: calls.pop(name, 0) for name in names})


def shipped(fleet: Fleet, strategy: str, intent: Intent) -> Fleet:
    deployment = fleet.ship(strategy, intent)
    assert deployment.status is Status.SHIPPED, deployment.reason
    assert fleet.sim.oracle.violations == []
    assert fleet.sim.cloud.ledger.outages == []
    assert len(encode(deployment)) < 100_000  # of the 400 KB that an item of DynamoDB may have
    return fleet


@pytest.mark.parametrize("strategy", INTENTS)
def test_calls_grow_with_looks_and_changes_and_nothing_else(fleets: Fleets, strategy: str) -> None:
    """A thousand instances, to the very number."""
    fleet = fleets(1000)
    fleet.sim.poll_s = 20.0
    began = fleet.sim.clock.now()
    shipped(fleet, strategy, INTENTS[strategy])
    looks = fleet.sim.gate.calls["cloud.observe"]
    calls, changes = Counter(fleet.wire.calls), fleet.cloud.changes
    learnt = occasional(calls)
    assert calls == formula(looks, changes)
    assert learnt["DescribeLaunchTemplateVersions"] == 3  # both templates', and the new one
    resized = sum(isinstance(change, SetDesired | Terminate) for change in changes)
    assert learnt["DescribeScalingActivities"] <= 2 * resized  # while instances boot, 30 s
    seconds = fleet.sim.clock.now() - began
    assert looks <= seconds / fleet.sim.poll_s + 4 * len(changes) + 10


@pytest.mark.parametrize("strategy", INTENTS)
def test_ten_times_the_instances_cost_the_same_calls(fleets: Fleets, strategy: str) -> None:
    few, many = (shipped(fleets(size), strategy, INTENTS[strategy]) for size in (12, 120))
    assert few.sim.gate.calls == many.sim.gate.calls
    assert few.wire.calls == many.wire.calls


def test_groups_that_come_a_page_each_are_all_read(fleets: Fleets) -> None:
    """AWS may answer with fewer groups than it was asked for, and say where to go on."""
    fleet = shipped(fleets(4, groups_a_page=1), "canary", INTENT)
    calls = Counter(fleet.wire.calls)
    occasional(calls)
    looks = fleet.sim.gate.calls["cloud.observe"]
    assert calls == formula(looks, fleet.cloud.changes, pages=2)


@pytest.mark.parametrize("strategy", ["canary", "rolling"])
def test_a_process_of_its_own_needs_little_memory(strategy: str) -> None:
    """All that the process ever held: Python, botocore's models, and the simulated cloud as well."""
    measured = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", strategy, "30"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )  # fmt: skip
    found = json.loads(measured.stdout)
    assert found["instances"] == 1000
    assert 0 < found["memory_mib"] < 200


def test_a_version_that_was_deleted_is_looked_for_once_a_look(fleets: Fleets) -> None:
    """Not once for each instance that runs it."""
    made = fleets(50)
    for instance in made.sim.cloud.groups[Slot.BLUE].instances:
        instance.version = 7
    made.cloud.observe()
    before = made.wire.calls["DescribeLaunchTemplateVersions"]
    seen = made.cloud.observe()
    assert made.wire.calls["DescribeLaunchTemplateVersions"] == before + 1
    assert {instance.release for instance in seen.blue.instances} == {None}


def test_what_has_not_changed_is_neither_parsed_nor_put_together_again(fleets: Fleets) -> None:
    made = fleets(20)
    first = made.cloud.observe()
    parsed = answers.understood.cache_info().misses
    again = made.cloud.observe()
    assert answers.understood.cache_info().misses == parsed
    for slot in Slot:
        assert again[slot].instances is first[slot].instances
    made.sim.cloud.groups[Slot.BLUE].instances.pop()
    changed = made.cloud.observe()
    assert answers.understood.cache_info().misses == parsed + 2  # both groups, and blue's targets
    assert changed.blue.instances == first.blue.instances[:-1]
    assert changed.green.instances is first.green.instances
