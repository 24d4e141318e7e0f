"""The slot to go back to keeps its size while it may be needed, and is set free on every way out."""

import pytest

from deployer.changes import Freeze, SetDesired, Thaw
from deployer.errors import ChangeRefused
from deployer.model import Slot, Weights
from deployer.plan import Status
from deployer.planning import strategies
from tests.sim.faults import Fault
from tests.sim.fleet import Behaviour
from tests.sim.play import ENVIRONMENT, Play, Strategy, intent_for, play

GOOD, BAD = intent_for("v2"), intent_for("v2", weights=(500,))
ENDS = {
    "shipped": {},
    "rolled back": {"v2": Behaviour(errors=200)},
    "never healthy": {"v2": Behaviour(healthy=False)},
}
STRATEGIES = {"canary": strategies.canary, "blue-green": strategies.blue_green}


def shrinking(made: Play) -> Play:
    """Target tracking takes an instance of the old slot away whenever that has lost traffic."""
    blue = made.cloud.groups[Slot.BLUE]

    def shrink() -> None:
        if made.cloud.flowing is not None and made.cloud.flowing[Slot.BLUE] < 1000:
            blue.desired = max(blue.desired - 1, blue.min_size)

    made.gate.hooks["cloud.observe"] = shrink
    return made


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
def test_going_back_meets_every_instance_although_target_tracking_shrinks(
    strategy: Strategy,
) -> None:
    made = shrinking(play(size=4, behaviours={"v2": Behaviour(errors=200)}))
    assert made.ship(BAD, strategy).status is Status.ROLLED_BACK
    assert SetDesired(Slot.BLUE, 4) not in [change for _, change in made.cloud.changes]
    assert made.cloud.groups[Slot.BLUE].desired == 4
    assert made.oracle.violations == []


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
@pytest.mark.parametrize("behaviours", ENDS.values(), ids=ENDS)
def test_it_is_set_free_at_every_end(behaviours: dict[str, Behaviour], strategy: Strategy) -> None:
    made = play(size=3, behaviours=behaviours)
    made.ship(GOOD, strategy)
    changes = [change for _, change in made.cloud.changes]
    assert changes.count(Freeze(Slot.BLUE, 3, 0)) == 1
    assert changes[-1] == Thaw(Slot.BLUE, 0, 3)
    assert {group.min_size for group in made.cloud.groups.values()} == {0}
    assert made.oracle.violations == []


def test_a_second_freeze_remembers_the_minimum_of_before_the_first() -> None:
    """The group was asked for less when it was frozen first; its own minimum is what it gets back."""
    made = play(size=3)
    blue = made.cloud.groups[Slot.BLUE]
    blue.min_size = 1
    made.oracle.floors = {Slot.BLUE: 1}
    made.cloud.at(made.clock.now() + 5.0, lambda: setattr(blue, "desired", 2))
    made.cloud.at(made.clock.now() + 25.0, lambda: setattr(blue, "desired", 3))
    assert made.ship(GOOD).status is Status.SHIPPED
    changes = [change for _, change in made.cloud.changes]
    assert [c.was for c in changes if isinstance(c, Freeze)] == [1, 2]
    assert Thaw(Slot.BLUE, 1, 3) in changes


def test_a_minimum_that_somebody_else_raised_meanwhile_stays() -> None:
    """More is expected tonight: that wish is not ours to take back."""
    made = play(size=3)
    blue = made.cloud.groups[Slot.BLUE]
    made.oracle.floors = {Slot.BLUE: 5}

    def raise_it() -> None:
        blue.desired = blue.min_size = 5

    made.cloud.at(made.clock.now() + 60.0, raise_it)
    made.abort_at(120.0)
    assert made.ship(GOOD).status is Status.ROLLED_BACK
    assert Freeze(Slot.BLUE, 3, 0) in [change for _, change in made.cloud.changes]
    assert blue.min_size == 5


def test_a_minimum_that_is_large_enough_is_left_alone() -> None:
    made = play(size=3)
    made.cloud.groups[Slot.BLUE].min_size = 3
    assert made.ship(GOOD).status is Status.SHIPPED
    assert not [c for _, c in made.cloud.changes if isinstance(c, Freeze | Thaw)]


def test_halting_sets_it_free_too() -> None:
    made = play(size=3)
    made.move_weights_at(200.0, Weights(770, 230))
    assert made.ship(GOOD).status is Status.HALTED
    assert made.cloud.groups[Slot.BLUE].min_size == 0


def test_who_cannot_set_it_free_says_so_and_how() -> None:
    made = play(size=3, behaviours=ENDS["never healthy"])

    def refuse_thaw() -> None:
        record = made.journal.peek(ENVIRONMENT)
        if record is not None and record.deployment.ending is not None:
            raise ChangeRefused("not authorized")

    made.gate.hooks["cloud.apply"] = refuse_thaw
    runner = made.runner("r")
    done = runner.run(made.open(runner, GOOD, strategies.canary, "d1"))
    assert done.status is Status.HALTED
    assert "never" in done.reason or "healthy" in done.reason
    assert "the minimum of blue could not be put back to 0 (" in done.reason
    assert "not authorized): do it by hand (aws autoscaling update-auto-" in done.reason


@pytest.mark.parametrize("behaviours", ENDS.values(), ids=ENDS)
def test_a_kill_around_freezing_and_setting_free_changes_nothing_about_the_end(
    behaviours: dict[str, Behaviour],
) -> None:
    quiet = play(size=3, behaviours=behaviours)
    status = quiet.ship(GOOD).status
    applied = [n for n, name in enumerate(quiet.gate.names) if name == "cloud.apply"]
    kinds = [type(change) for _, change in quiet.cloud.changes]
    calls = {
        number + around
        for number, kind in zip(applied, kinds, strict=True)
        for around in (-1, 0, 1)
        if kind in (Freeze, Thaw)
    }
    for number in calls:
        for fault in Fault:
            made = play(size=3, behaviours=behaviours, faults={number: fault})
            assert made.ship(GOOD).status is status
            assert made.state == quiet.state
            assert {group.min_size for group in made.cloud.groups.values()} == {0}
            assert made.oracle.violations == []
