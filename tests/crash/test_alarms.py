"""Alarms while a canary runs: one that rings, one that is gone, and a source that is away."""

import math

import pytest

from deployer.errors import CloudUnavailable
from deployer.model import Weights
from deployer.plan import Status
from tests.sim.faults import Fault
from tests.sim.play import Play, intent_for, play

GUARDED = intent_for("v2", alarms=("fatal",))


def guarded(rings_after_s: float = math.inf, faults: dict[int, Fault] | None = None) -> Play:
    made = play(faults=faults)
    made.alarms.rings_from["fatal"] = made.clock.now() + rings_after_s
    return made


def away(made: Play, from_s: float, until_s: float) -> None:
    """The source of alarms does not answer in that time."""
    start = made.clock.now()

    def fail() -> None:
        if start + from_s <= made.clock.now() < start + until_s:
            raise CloudUnavailable("alarms.ringing: Rate exceeded")

    made.gate.hooks["alarms.ringing"] = fail


def test_silence_ships() -> None:
    made = guarded()
    assert made.ship(GUARDED).status is Status.SHIPPED
    assert made.gate.calls["alarms.ringing"] > 10


@pytest.mark.parametrize("after_s", [100.0, 200.0, 300.0, 350.0])
def test_an_alarm_that_rings_sends_everything_back(after_s: float) -> None:
    made = guarded(after_s)
    done = made.ship(GUARDED)
    assert done.status is Status.ROLLED_BACK
    assert done.reason == "alarm fatal is in ALARM: 7 > 5"
    assert made.cloud.rule == Weights(1000, 0)
    assert made.oracle.violations == []


def test_an_alarm_that_was_deleted_guards_nothing() -> None:
    made = guarded()
    made.cloud.at(made.clock.now() + 150.0, made.alarms.rings_from.clear)
    done = made.ship(GUARDED)
    assert (done.status, done.reason) == (Status.ROLLED_BACK, "alarm fatal does not exist")


def test_a_source_that_pauses_is_waited_for() -> None:
    made = guarded()
    away(made, 0.0, 260.0)
    done = made.ship(GUARDED)
    assert done.status is Status.SHIPPED


def test_a_source_that_never_answers_never_reads_as_good() -> None:
    made = guarded()
    away(made, 0.0, math.inf)
    done = made.ship(GUARDED)
    assert done.status is Status.ROLLED_BACK
    assert "alarms.ringing: Rate exceeded" in done.reason
    assert made.cloud.rule == Weights(1000, 0)


def test_a_kill_at_any_look_at_the_alarms_changes_nothing_about_the_end() -> None:
    quiet = guarded(200.0)
    quiet.ship(GUARDED)
    looks = [n for n, name in enumerate(quiet.gate.names) if name == "alarms.ringing"]
    for number in looks:
        for fault in (Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.THROTTLED):
            made = guarded(200.0, {number: fault})
            assert made.ship(GUARDED).status is Status.ROLLED_BACK
            assert made.state == quiet.state
            assert made.oracle.violations == []
