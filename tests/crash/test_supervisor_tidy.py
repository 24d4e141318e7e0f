"""How soon the supervisor is there, what it does not carry on, and what it gives back afterwards."""

from dataclasses import replace
from itertools import count

import pytest
from msgspec.structs import replace as changed

from deployer.changes import ResumeProcesses
from deployer.engine.settling import RETRY_S
from deployer.errors import ChangeRefused
from deployer.hooks import HookAction, HookPoint
from deployer.journal import Active, Lease, encode, last_begun
from deployer.model import Slot
from deployer.operations.supervisor import State, Visit, overdue_s
from deployer.plan import Deployment, Status
from deployer.planning import strategies
from deployer.record.held import Suspended
from tests.crash.test_kill_anywhere import STORIES
from tests.crash.test_supervisor import (
    EVERY_S,
    KILLS,
    Watchman,
    abandoned,
    calls_of,
    record,
)
from tests.sim.faults import Fault, Killed
from tests.sim.hooks import Book
from tests.sim.play import ENVIRONMENT, INTENT, Play, play

BLUE, GREEN = Slot.BLUE, Slot.GREEN
WINDOW_S = 3600.0


# -- how soon


@pytest.mark.parametrize("phase_s", [0.0, 10.0, 29.0, 31.0, 45.0, 59.0])
def test_a_dead_runner_is_found_out_within_a_minute_and_a_half(phase_s: float) -> None:
    """A lease that should have been renewed is looked at again when it runs out."""
    for call in list(calls_of(STORIES["good"]))[::11]:
        sim = abandoned(call)
        died = sim.clock.now()
        watchman = Watchman(sim)
        sim.clock.sleep(phase_s)
        watchman.keep_coming()
        acted = next(at for at, v in watchman.visits if v.state is not State.ATTENDED)
        assert acted - died <= 95.0


@pytest.mark.parametrize(
    ("left_s", "again_s"), [(60.0, 0.0), (30.0, 0.0), (29.0, 29.0), (1.0, 1.0), (0.0, 0.0)]
)
def test_a_lease_that_should_have_been_renewed_is_looked_at_again(
    left_s: float, again_s: float
) -> None:
    active = Active(record(), Lease("alice@laptop #1", 1_000.0 + left_s))
    assert overdue_s(active, 60.0, 1_000.0) == again_s


@pytest.mark.parametrize("kill", KILLS, ids=["before", "after"])
def test_a_visit_that_was_killed_costs_a_runners_lease_and_not_two_pauses(kill: Fault) -> None:
    sim = abandoned(calls_of(STORIES["good"])[20])
    watchman = Watchman(sim)
    sim.clock.sleep(sim.lease_s)
    sim.gate.faults = {len(sim.gate.names) + 5: kill}
    assert watchman.come() is None
    died = sim.clock.now()
    watchman.keep_coming()
    acted = next(at for at, v in watchman.visits if at > died and v.state is not State.ATTENDED)
    assert acted - died <= 95.0


def test_a_visit_too_slow_for_its_own_lease_stops_and_is_no_failure() -> None:
    """Another one has taken over in the middle: that one goes on, and nobody is alarmed."""
    sim = abandoned(calls_of(STORIES["good"])[20])
    sim.clock.sleep(sim.lease_s)
    slow, other = Watchman(sim), Watchman(sim, numbers=count(1_000))
    frozen: list[int] = []

    def freeze() -> None:
        if not frozen:
            frozen.append(1)
            sim.clock.sleep(sim.lease_s + 1.0)
            other.come()

    sim.gate.hooks["cloud.observe"] = freeze
    visit = slow.come()
    assert visit is not None
    assert (visit.state, visit.problem) == (State.ATTENDED, None)
    assert slow.keep_coming().status is Status.SHIPPED
    assert sim.oracle.violations == []


def test_a_visit_that_comes_late_lets_the_deadlines_run_on() -> None:
    """One visit of the schedule is missed: what was left to the next one still waits for it."""
    sim = abandoned(calls_of(STORIES["dud"])[5], story=STORIES["dud"])
    watchman = Watchman(sim)
    watchman.pause(watchman.come())
    while sim.journal.peek(ENVIRONMENT) is not None:
        visit = watchman.come()
        assert visit is not None
        assert visit.late_s == 0.0
        sim.clock.sleep(2 * EVERY_S)


def test_a_hook_that_cannot_run_here_sends_nothing_back() -> None:
    sim = play(faults={30: Fault.KILLED_BEFORE})
    sim.hooks = Book()
    runner = sim.runner("alice@laptop #1")
    hooked = changed(INTENT, hooks={HookPoint.BEFORE_RETIRE: HookAction(command=("./migrate",))})
    with pytest.raises(Killed):
        runner.run(sim.open(runner, hooked, strategies.canary, "d1"))
    sim.clock.sleep(sim.lease_s)
    before = list(sim.cloud.changes)
    missing = replace(
        Watchman(sim).supervisor(),
        lacking=lambda _: "there is no program ./migrate",
        stay_s=4_000.0,
    )
    visit = missing.visit()
    assert visit.state is State.STUCK
    assert "hook before_retire cannot run here: there is no program ./migrate" in str(visit.problem)
    assert visit.deployment is not None
    assert list(sim.cloud.changes) == before


# -- processes that an ended deployment has left suspended


def left_suspended(sim: Play) -> Deployment:
    """A record as `parting.give_up` leaves it: AWS refused for too long to resume them."""
    sim.ship()
    ended = last_begun(sim.journal, ENVIRONMENT)
    assert ended is not None
    held = changed(
        ended, status=Status.HALTED, suspended=Suspended(GREEN, ("AZRebalance",)), version=1
    )
    sim.journal.stored[ended.id] = encode(held)
    sim.journal._read.clear()
    sim.cloud.groups[GREEN].suspended = {"AZRebalance"}
    return held


def test_processes_that_a_deployment_left_suspended_are_resumed_once_it_can_be() -> None:
    sim = play()
    held = left_suspended(sim)
    watchman = Watchman(sim)
    assert watchman.come() == Visit(State.FREE)  # it was tried a moment ago
    sim.clock.sleep(RETRY_S)
    visit = watchman.come()
    assert visit is not None
    assert visit.state is State.SETTLED
    assert not sim.cloud.groups[GREEN].suspended
    after = last_begun(sim.journal, ENVIRONMENT)
    assert after is not None
    assert (after.id, after.status, after.suspended) == (held.id, Status.HALTED, None)
    assert sim.journal.peek(ENVIRONMENT) is None
    assert watchman.come() == Visit(State.FREE)


def test_what_aws_still_refuses_to_resume_is_told_and_tried_again_later() -> None:
    sim = play()
    left_suspended(sim)
    sim.clock.sleep(RETRY_S)

    def refuse() -> None:
        raise ChangeRefused("not now")

    sim.gate.hooks["cloud.apply"] = refuse
    visit = Watchman(sim).come()
    assert visit is not None
    assert visit.state is State.STUCK
    assert "still to resume AZRebalance of green" in str(visit.problem)
    assert sim.journal.peek(ENVIRONMENT) is None
    tries = sim.gate.names.count("cloud.apply")
    Watchman(sim).come()
    assert sim.gate.names.count("cloud.apply") == tries
    sim.gate.hooks.clear()
    sim.clock.sleep(RETRY_S)
    again = Watchman(sim).come()
    assert again is not None
    assert again.state is State.SETTLED


@pytest.mark.parametrize("kill", KILLS, ids=["before", "after"])
def test_resuming_them_survives_a_kill_at_any_call(kill: Fault) -> None:
    undisturbed = play()
    left_suspended(undisturbed)
    undisturbed.clock.sleep(RETRY_S)
    first = len(undisturbed.gate.names)
    Watchman(undisturbed).come()
    for call in range(first, len(undisturbed.gate.names)):
        sim = play()
        left_suspended(sim)
        sim.clock.sleep(RETRY_S)
        sim.gate.faults = {call: kill}
        watchman = Watchman(sim)
        watchman.come()
        for _ in range(60):
            watchman.pause(watchman.come())
        assert not sim.cloud.groups[GREEN].suspended, f"killed at call {call}"
        assert sim.journal.peek(ENVIRONMENT) is None
        resumed = [c for _, c in sim.cloud.changes if isinstance(c, ResumeProcesses)]
        assert len(resumed) in (1, 2)
