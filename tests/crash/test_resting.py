"""An environment goes to sleep, wakes, or retires its idle slot: killed at any call, it ends the same.

Users: 50 requests a second all the while. Before the page they are served, then the page answers,
and after waking they are served again; none is lost in between.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from deployer.engine.settling import Outcome, settle
from deployer.errors import NotPossibleNow
from deployer.intent import Intent
from deployer.model import Release, Slot, Snapshot, Weights
from deployer.operations.supervisor import State
from deployer.plan import Deployment, Plan, Status
from deployer.planning import resting, strategies
from deployer.record.held import Rest
from tests.crash.test_supervisor import Watchman
from tests.sim.faults import Fault, Killed
from tests.sim.fleet import Behaviour
from tests.sim.play import ENVIRONMENT, INTENT, Play, play

KILLS = [Fault.KILLED_BEFORE, Fault.KILLED_AFTER]
Faults = Mapping[int, Fault]


def records(sim: Play) -> Sequence[Deployment]:
    return sim.journal.history(ENVIRONMENT, 20)


def known(sim: Play) -> Rest | None:
    """What the journal tells of before."""
    record = resting.remembered(records(sim))
    return record.first_plan.rest if record else None


def sleep(sim: Play, name: str = "s1") -> Deployment:
    return sim.ship(
        INTENT, lambda seen, intent: resting.asleep(seen, intent, records(sim)), name=name
    )


def wake(sim: Play, name: str = "w1") -> Deployment:
    return sim.ship(
        INTENT, lambda seen, intent: resting.awake(seen, intent, records(sim)), name=name
    )


def retire(sim: Play, name: str = "r1") -> Deployment:
    return sim.ship(INTENT, resting.retired, name=name)


def world(
    faults: Faults | None = None,
    lags: Mapping[str, Sequence[float]] | None = None,
    data_lag_s: float = 5.0,
    sticky_s: int | None = None,
) -> Play:
    """v1 serves from blue with three instances, two at least; green has one on standby."""
    sim = play(size=3, faults=faults, lags=lags, data_lag_s=data_lag_s, sticky_s=sticky_s)
    blue, green = sim.cloud.groups[Slot.BLUE], sim.cloud.groups[Slot.GREEN]
    blue.min_size = 2
    sim.oracle.floors = {Slot.BLUE: 2}
    green.desired, green.boots = 1, Release("v0")
    green.stock(sim.clock.now())
    sim.poll_s = 20.0
    return sim


def clean(sim: Play) -> None:
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    assert sim.cloud.ledger.total.ours == 0


def sizes(sim: Play) -> dict[str, tuple[int, int, int]]:
    """Asked for, there, at least."""
    groups = sim.cloud.groups
    return {
        slot.value: (groups[slot].desired, len(groups[slot].instances), groups[slot].min_size)
        for slot in Slot
    }


def is_up(sim: Play) -> bool:
    """The page."""
    return sim.cloud.asleep


AWAKE = {"blue": (3, 3, 2), "green": (1, 1, 0)}
ASLEEP = {"blue": (0, 0, 0), "green": (0, 0, 0)}


def test_it_sleeps_behind_a_page_and_wakes_as_it_was() -> None:
    sim = world()
    assert sleep(sim).status is Status.SHIPPED
    assert sizes(sim) == ASLEEP
    assert is_up(sim)
    assert sim.cloud.rule == Weights(1000, 0)  # nothing about traffic has to be put back
    sim.clock.sleep(12 * 3600.0)
    assert sim.cloud.ledger.pages > 12 * 3600 * sim.cloud.rate
    assert wake(sim).status is Status.SHIPPED
    assert sizes(sim) == AWAKE
    assert not is_up(sim)
    boots = {slot: sim.cloud.groups[slot].boots for slot in Slot}
    assert boots == {Slot.BLUE: Release("v1"), Slot.GREEN: Release("v0")}
    clean(sim)


@dataclass(frozen=True)
class Act:
    """What is done, from which world, and what it leaves behind."""

    tell: Callable[[Play], Deployment]
    asleep: bool = False
    behaviours: Mapping[str, Behaviour] | None = None
    ends: Status = Status.SHIPPED


def fast_asleep(faults: Faults | None = None) -> Play:
    """The same world after a night; faults count from now."""
    sim = world()
    sleep(sim)
    sim.clock.sleep(8 * 3600.0)
    sim.gate.names.clear()
    sim.gate.faults = faults or {}
    return sim


def aborted(after_s: float, act: Callable[[Play], Deployment]) -> Callable[[Play], Deployment]:
    def tell(sim: Play) -> Deployment:
        sim.abort_at(after_s)
        return act(sim)

    return tell


ACTS = {
    "sleep": Act(sleep),
    "wake": Act(wake, asleep=True),
    "retire": Act(retire),
    "sleep, woken while the page waits": Act(aborted(150.0, sleep), ends=Status.ROLLED_BACK),
    "sleep, woken while slots empty": Act(aborted(330.0, sleep), ends=Status.ROLLED_BACK),
    "wake, sent back to sleep": Act(aborted(75.0, wake), asleep=True, ends=Status.ROLLED_BACK),
    "wake of what does not start": Act(
        wake, asleep=True, behaviours={"v1": Behaviour(healthy=False)}, ends=Status.ROLLED_BACK
    ),
}


def told(act: Act, faults: Faults) -> tuple[Play, Deployment]:
    sim = fast_asleep(faults) if act.asleep else world(faults)
    if act.behaviours:
        for group in sim.cloud.groups.values():
            group.behaviours = act.behaviours
    return sim, act.tell(sim)


@pytest.mark.parametrize("kill", KILLS, ids=["before", "after"])
@pytest.mark.parametrize("name", ACTS)
def test_a_kill_at_any_call_changes_nothing_about_the_end(name: str, kill: Fault) -> None:
    act = ACTS[name]
    undisturbed, deployment = told(act, {})
    assert deployment.status is act.ends, deployment.reason
    clean(undisturbed)
    for call, what in enumerate(undisturbed.gate.names):
        sim, deployment = told(act, {call: kill})
        clean(sim)
        assert deployment.status is act.ends, (call, what, deployment.reason)
        assert sim.state == undisturbed.state, f"killed at call {call}, {what}"
        assert deployment.first_plan.rest is not None
        assert deployment.first_plan.rest.blue.desired == 3  # never overwritten by zeros


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.REPLY_LOST], ids=["refused", "lost"])
@pytest.mark.parametrize("name", ["sleep", "wake", "retire"])
def test_an_answer_lost_at_any_call_changes_nothing_about_the_end(name: str, fault: Fault) -> None:
    undisturbed, _ = told(ACTS[name], {})
    for call, what in enumerate(undisturbed.gate.names):
        sim, deployment = told(ACTS[name], {call: fault})
        clean(sim)
        assert deployment.status is Status.SHIPPED, (call, what, deployment.reason)
        assert sim.state == undisturbed.state, f"no answer at call {call}, {what}"


@pytest.mark.parametrize("lag_s", [20.0, 60.0])
def test_late_readings_neither_empty_a_slot_that_serves_nor_serve_from_an_empty_one(
    lag_s: float,
) -> None:
    """Asleep, awake and asleep again without a pause: each reading may be from before the last act."""
    lags = {"weights": (0.0, lag_s, lag_s / 2), "groups": (lag_s, 0.0)}
    sim = world(lags=lags, data_lag_s=15.0)
    assert sleep(sim, "s1").status is Status.SHIPPED
    assert wake(sim, "w1").status is Status.SHIPPED
    assert sleep(sim, "s2").status is Status.SHIPPED
    assert wake(sim, "w2").status is Status.SHIPPED
    assert sizes(sim) == AWAKE
    clean(sim)


def test_a_second_sleep_remembers_what_the_first_one_did() -> None:
    sim = fast_asleep()
    before = known(sim)
    again = sleep(sim, "s2")
    assert again.status is Status.SHIPPED
    assert again.first_plan.rest == before
    assert before is not None
    assert (before.blue.desired, before.blue.floor, before.green.desired) == (3, 2, 1)
    wake(sim)
    assert sizes(sim) == AWAKE


def test_a_wake_that_fails_leaves_it_asleep_and_the_next_one_wakes_it() -> None:
    sim = fast_asleep()
    for group in sim.cloud.groups.values():
        group.behaviours = {"v1": Behaviour(healthy=False)}
    assert wake(sim, "w1").status is Status.ROLLED_BACK
    assert is_up(sim)
    assert sizes(sim) == ASLEEP
    for group in sim.cloud.groups.values():
        group.behaviours = {}
    assert wake(sim, "w2").status is Status.SHIPPED
    assert sizes(sim) == AWAKE
    clean(sim)


def test_what_fails_once_users_are_served_again_does_not_send_it_back_to_sleep() -> None:
    """The standby slot comes last: v0 does not start any more."""
    sim = fast_asleep()
    sim.cloud.groups[Slot.GREEN].behaviours = {"v0": Behaviour(healthy=False)}
    ended = wake(sim)
    assert ended.status is Status.HALTED
    assert ended.reason.startswith("v1 serves again, but")
    assert not is_up(sim)
    assert sizes(sim)["blue"] == AWAKE["blue"]
    clean(sim)


def test_a_page_that_somebody_takes_away_stops_it_before_an_instance_leaves() -> None:
    sim = world()
    sim.cloud.at(sim.clock.now() + 120.0, lambda: sim.cloud.show_page(up=False))
    ended = sleep(sim)
    assert ended.status is Status.HALTED
    assert "the page is gone" in ended.reason
    assert sizes(sim) == AWAKE
    clean(sim)


def test_the_next_release_after_waking_ships_and_can_go_back() -> None:
    sim = fast_asleep()
    wake(sim)
    shipped = sim.ship(INTENT, strategies.canary, name="d1")
    assert shipped.status is Status.SHIPPED, shipped.reason
    assert sim.cloud.rule == Weights(0, 1000)
    clean(sim)


@pytest.mark.parametrize("strategy", [*strategies.STRATEGIES.values(), strategies.return_to])
def test_nothing_is_shipped_into_a_sleeping_environment(
    strategy: Callable[[Snapshot, Intent], Plan],
) -> None:
    sim = fast_asleep()
    seen = sim.runner("p").cloud.observe()
    with pytest.raises(NotPossibleNow, match=r"asleep.*`deployer wake` first"):
        strategy(seen, INTENT)


def test_waking_is_refused_when_traffic_was_moved_behind_the_page() -> None:
    sim = fast_asleep()
    sim.cloud.rule = Weights(0, 1000)
    seen = sim.runner("p").cloud.observe()
    with pytest.raises(NotPossibleNow, match="find out who moved it"):
        resting.awake(seen, INTENT, records(sim))


def test_a_size_that_nobody_knows_is_not_guessed() -> None:
    sim = world()
    blue = sim.cloud.groups[Slot.BLUE]
    blue.desired, blue.min_size = 0, 0
    seen = sim.runner("p").cloud.observe()
    with pytest.raises(NotPossibleNow, match="nobody knows how many"):
        resting.asleep(seen, INTENT)


def test_the_supervisor_leaves_a_sleeping_environment_alone() -> None:
    sim = fast_asleep()
    watchman = Watchman(sim)
    changes = len(sim.cloud.changes)
    for _ in range(60):
        visit = watchman.come()
        assert visit is not None
        assert visit.state is State.FREE
        watchman.pause(visit)
    assert len(sim.cloud.changes) == changes
    assert sizes(sim) == ASLEEP


def test_the_supervisor_carries_on_what_died_on_the_way_to_sleep() -> None:
    sim = world()
    sim.gate.hooks["metrics.traffic"] = lambda: _die(sim)
    runner = sim.runner("alice #1")
    plan = sim.open(runner, INTENT, resting.asleep, "d1")
    with pytest.raises(Killed):
        runner.run(plan)
    assert is_up(sim)
    ended = Watchman(sim).keep_coming()
    assert ended.status is Status.SHIPPED
    assert sizes(sim) == ASLEEP
    clean(sim)


def _die(sim: Play) -> None:
    del sim.gate.hooks["metrics.traffic"]
    raise Killed


def test_stickiness_that_is_owed_outlives_a_night() -> None:
    """Nothing about the rule is forgotten: it is given back once no cookie is left."""
    sim = world(sticky_s=1800)
    shipped = sim.ship(INTENT, strategies.blue_green, name="d1")
    assert shipped.unstuck is not None
    sleep(sim)
    sim.clock.sleep(8 * 3600.0)
    runner = sim.runner("settler")
    assert settle(runner, ENVIRONMENT).outcome is Outcome.GIVEN
    assert is_up(sim)
    wake(sim)
    assert sim.cloud.sticky_s == 1800
    clean(sim)
