"""Instances of another release leave a slot once it serves nobody, whoever had moved traffic before.

The slot of the next release still holds one that served a moment ago, has no weight any more, and
has traffic nevertheless: the data plane follows late, or clients hold cookies of it (I5).
"""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from deployer.changes import SetDesired
from deployer.intent import Intent
from deployer.model import Release, Slot, Weights
from deployer.plan import Deployment, Status
from deployer.planning import strategies
from deployer.planning.strategies import Strategy
from tests.sim.faults import Fault
from tests.sim.play import Play, intent_for, play

BLUE, GREEN = Slot.BLUE, Slot.GREEN
ALL_BLUE, ALL_GREEN = Weights(1000, 0), Weights(0, 1000)
LAG_S = 40.0
ANOTHER = intent_for("v3", weights=(500,), bake_s=60.0, window_s=60.0)
COMPILERS = {
    "canary": strategies.canary,
    "blue-green": strategies.blue_green,
    "rollback": strategies.return_to,
}


def moved(
    lag_s: float = LAG_S, ago_s: float = 5.0,
    faults: dict[int, Fault] | None = None,
) -> Play:  # fmt: skip
    """v2 shipped to green, blue kept v1 on standby, and somebody has just given everything to blue."""
    sim = play(data_lag_s=lag_s)
    blue = sim.cloud.groups[BLUE]
    shipped = sim.ship(intent_for("v2", weights=(), standby=2, window_s=0.0), strategies.blue_green)
    assert (shipped.status, blue.desired) == (Status.SHIPPED, 2)
    sim.clock.sleep(600.0)
    sim.cloud.move(ALL_BLUE)
    sim.clock.sleep(ago_s)
    sim.gate.faults = {len(sim.gate.names) + call: fault for call, fault in (faults or {}).items()}
    return sim


def ship(sim: Play, compiler: Strategy = strategies.canary, intent: Intent = ANOTHER) -> Deployment:
    return sim.ship(intent, compiler, "d2")


def check(sim: Play) -> None:
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


def emptied_after_s(sim: Play, began: float) -> float:
    """From the beginning until green was asked for nothing."""
    return next(
        at for at, change in sim.cloud.changes if change == SetDesired(GREEN, 0) and at >= began
    ) - began  # fmt: skip


@pytest.mark.parametrize("name", COMPILERS)
def test_a_slot_that_still_serves_is_not_emptied_although_it_has_no_weight(name: str) -> None:
    sim = moved()
    ended = ship(sim, COMPILERS[name])
    assert ended.status is Status.SHIPPED, ended.reason
    check(sim)


def test_a_kill_after_any_call_on_the_way_there_changes_nothing() -> None:
    """Which is a kill before the call after it."""
    undisturbed = moved()
    began = undisturbed.clock.now()
    ship(undisturbed)
    check(undisturbed)
    assert emptied_after_s(undisturbed, began) > LAG_S
    for call in range(50):
        sim = moved(faults={call: Fault.KILLED_AFTER})
        ended = ship(sim)
        assert (ended.status, sim.state) == (Status.SHIPPED, undisturbed.state)
        check(sim)


@pytest.mark.parametrize("back_s", [15.0, 70.0])
def test_what_somebody_moves_and_moves_back_meanwhile_is_waited_for_too(back_s: float) -> None:
    """Blue serves, green is on standby, and for a moment green has everything: after the plan was made."""
    sim = moved(ago_s=600.0)
    sim.move_weights_at(1.0, ALL_GREEN)
    sim.move_weights_at(1.0 + back_s, ALL_BLUE)
    sim.poll_s = 10.0
    ended = ship(sim)
    assert ended.status is (Status.SHIPPED if back_s < 60.0 else Status.HALTED), ended.reason
    check(sim)


def window_over(flap_s: float | None = None) -> tuple[Play, float]:
    """Blue/green to its end, and when blue was emptied; `flap_s`: blue has everything for 15 s then."""
    sim = play(data_lag_s=LAG_S)
    began = sim.clock.now()
    if flap_s is not None:
        sim.move_weights_at(flap_s, ALL_BLUE)
        sim.move_weights_at(flap_s + 15.0, ALL_GREEN)
    intent = intent_for("v2", weights=(), window_s=300.0)
    assert sim.ship(intent, strategies.blue_green).status is Status.SHIPPED
    return sim, next(t for t, change in sim.cloud.changes if change == SetDesired(BLUE, 0)) - began


def test_what_somebody_gives_the_old_slot_at_the_end_of_its_window_is_waited_for() -> None:
    """It was silent all along, until a moment before it would have been emptied."""
    undisturbed, due = window_over()
    check(undisturbed)
    later = set[bool]()
    for before in range(-10, 61, 5):
        sim, emptied = window_over(due - before)
        check(sim)
        later.add(emptied >= due + 45.0)
    assert later == {True, False}, "seen, or over between two looks"


def test_instances_that_somebody_starts_after_the_plan_was_made_leave_in_silence_too() -> None:
    sim = play(data_lag_s=LAG_S)
    green = sim.cloud.groups[GREEN]
    green.boots = Release("v0")
    sim.cloud.at(sim.clock.now() + 1.0, lambda: setattr(green, "desired", 2))
    assert sim.ship(ANOTHER).status is Status.SHIPPED
    check(sim)


@pytest.mark.parametrize("name", COMPILERS)
def test_what_has_been_on_standby_for_long_waits_for_nothing(name: str) -> None:
    sim = play()
    sim.ship(intent_for("v2", weights=(), standby=2, window_s=0.0), strategies.blue_green)
    sim.clock.sleep(600.0)
    began = sim.clock.now()
    plan = strategies.canary(sim.runner("x").cloud.observe(), ANOTHER)
    assert "blue has 2 instances of v1: leave first, once" in plan.notes[-1]
    ended = sim.ship(ANOTHER, COMPILERS[name], "d2")
    assert ended.status is Status.SHIPPED
    emptied = next(at for at, change in sim.cloud.changes if change == SetDesired(BLUE, 0))
    assert emptied - began <= sim.poll_s
    check(sim)


def test_clients_with_cookies_of_it_are_not_sent_into_the_void() -> None:
    """The rule sticks, and never falls silent: told, and nothing is changed."""
    sim = moved()
    sim.stick_at(0.0, 3600)
    sim.clock.sleep(LAG_S + 1.0)
    sim.cloud.pinned = {BLUE: 0.0, GREEN: 1.0}
    ended = ship(sim, intent=replace(ANOTHER, linger_s=120.0))
    assert ended.status is Status.ROLLED_BACK
    assert "clients hold cookies of it (AWSALBTG)" in ended.reason


def test_silence_that_cannot_be_told_is_waited_for_as_long_as_any_slot_is() -> None:
    sim = moved()
    sim.metrics.missing = range(int(sim.clock.now() // 60) - 60, int(sim.clock.now() // 60) + 6)
    began = sim.clock.now()
    assert ship(sim, intent=replace(ANOTHER, linger_s=200.0)).status is Status.SHIPPED
    assert 200.0 <= emptied_after_s(sim, began) <= 220.0
    check(sim)


def test_where_nothing_healthy_serves_a_minute_is_all_that_is_waited() -> None:
    """Green holds v2, blue has everything and is dead: each minute more is a minute without service."""
    sim = moved(ago_s=0.0)
    sim.cloud.groups[BLUE].no_capacity = "no capacity"
    for instance in sim.cloud.groups[BLUE].instances:
        instance.fails_at = sim.clock.now()
    sim.clock.sleep(60.0)
    began = sim.clock.now()
    ended = ship(sim, intent=replace(ANOTHER, size=2))
    assert (ended.first_plan.strategy, ended.status) == ("first", Status.SHIPPED), ended.reason
    assert emptied_after_s(sim, began) <= 80.0
    assert sim.oracle.violations == []


def back_and_forth(at_s: float, rest_s: float) -> Callable[[Play], None]:
    """Somebody gives green everything for a while, and takes it away again."""

    def happens(sim: Play) -> None:
        sim.move_weights_at(at_s, ALL_GREEN)
        sim.move_weights_at(at_s + rest_s, ALL_BLUE)

    return happens


def nothing(_sim: Play) -> None:
    """Nobody touches anything."""


happenings: st.SearchStrategy[Callable[[Play], None]] = st.one_of(
    st.just(nothing), st.builds(back_and_forth, st.floats(0.0, 120.0), st.floats(1.0, 50.0))
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    lag_s=st.floats(0.0, 59.0), ago_s=st.floats(0.0, 400.0), happens=happenings,
    name=st.sampled_from(sorted(COMPILERS)),
    faults=st.dictionaries(st.integers(0, 40), st.sampled_from(Fault), max_size=3),
)  # fmt: skip
def test_whenever_and_however_traffic_was_moved(
    *, lag_s: float, ago_s: float, happens: Callable[[Play], None], name: str,
    faults: dict[int, Fault],
) -> None:  # fmt: skip
    sim = moved(lag_s=lag_s, ago_s=ago_s, faults=faults)
    happens(sim)
    ended = ship(sim, COMPILERS[name])
    assert ended.status.final
    check(sim)
