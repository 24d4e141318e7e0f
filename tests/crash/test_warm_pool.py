"""Warm pools: what a deployment leaves in one, and that it is refused where that would be an old release."""

import pytest
from msgspec.structs import replace

from deployer.intent import Intent
from deployer.model import Release, Slot
from deployer.plan import Status
from deployer.planning import preflight, strategies
from deployer.planning.preflight import Code
from tests.sim.faults import Fault
from tests.sim.fleet import Behaviour
from tests.sim.play import INTENT, Play, Strategy, play

BLUE, GREEN = Slot.BLUE, Slot.GREEN
SIZE = 3
MATCHED = replace(INTENT, capacity="matched", inconclusive="promote", patience_s=0.0)


def with_pools(kept: int, faults: dict[int, Fault] | None = None) -> Play:
    """Blue serves v1; green's pool is of the release before that."""
    sim = play(size=SIZE, faults=faults)
    sim.poll_s = 20.0
    for slot, release in ((BLUE, "v1"), (GREEN, "v0")):
        group = sim.cloud.groups[slot]
        group.keeps_warm, group.warm = kept, [(release, 0)] * kept
    return sim


def refused(sim: Play, strategy: Strategy, intent: Intent) -> bool:
    seen = sim.runner("looks").cloud.observe()
    found = preflight.of_plan(strategy(seen, intent), seen)
    assert {each.code for each in found} <= {Code.WARM_POOL}
    return bool(found)


@pytest.mark.parametrize("strategy", [strategies.canary, strategies.blue_green])
@pytest.mark.parametrize("kept", range(1, SIZE + 3))
def test_what_is_allowed_uses_the_pool_up_and_what_is_refused_would_not(
    strategy: Strategy, kept: int
) -> None:
    sim = with_pools(kept)
    says_no = refused(sim, strategy, INTENT)
    assert sim.ship(INTENT, strategy).status is Status.SHIPPED
    left = {release for release, _ in sim.cloud.groups[GREEN].warm}
    assert {i.release for i in sim.cloud.groups[GREEN].instances} == {"v2"}
    assert (left != {"v2"}) == says_no == (kept > SIZE)


def test_matched_capacity_leaves_some_behind_and_is_refused() -> None:
    sim = with_pools(SIZE)
    assert refused(sim, strategies.canary, MATCHED)
    sim.ship(MATCHED)
    assert ("v0", 0) in sim.cloud.groups[GREEN].warm


@pytest.mark.parametrize("kept", [1, SIZE])
def test_rolling_is_refused_wherever_there_is_a_pool(kept: int) -> None:
    assert refused(with_pools(kept), strategies.rolling, INTENT)
    assert not refused(with_pools(0), strategies.rolling, INTENT)


@pytest.mark.parametrize("kill", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER])
def test_a_kill_around_any_change_leaves_nothing_of_the_old_release_in_the_pool(
    kill: Fault,
) -> None:
    calls = with_pools(SIZE)
    calls.ship()
    for call, what in enumerate(calls.gate.names):
        if what != "cloud.apply":
            continue  # tests/crash/test_kill_anywhere.py
        sim = with_pools(SIZE, {call: kill})
        assert sim.ship().status is Status.SHIPPED
        assert sim.cloud.groups[GREEN].warm == calls.cloud.groups[GREEN].warm
        assert sim.oracle.violations == []


def test_after_a_bad_release_the_next_one_uses_the_pool_of_that_up() -> None:
    sim = with_pools(SIZE)
    for group in sim.cloud.groups.values():
        group.behaviours = {"v2": Behaviour(errors=30)}
    assert sim.ship(name="d1").status is Status.ROLLED_BACK
    good = replace(INTENT, release=Release("v3"))
    assert not refused(sim, strategies.canary, good)
    assert sim.ship(good, name="d2").status is Status.SHIPPED
    assert {release for release, _ in sim.cloud.groups[GREEN].warm} == {"v3"}
