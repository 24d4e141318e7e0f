"""AWS answers with yesterday's truth: aborts at every second, while readings are late."""

import pytest

from deployer.changes import SetDesired
from deployer.errors import CloudUnavailable
from deployer.model import Slot, Weights
from deployer.plan import Status
from tests.sim.fleet import Behaviour
from tests.sim.play import INTENT, play

LATE = [
    {"groups": [20.0]},
    {"groups": [0.0, 40.0]},
    {"weights": [20.0]},
    {"weights": [0.0, 40.0, 40.0]},
    {"weights": [15.0], "groups": [45.0, 0.0]},
]


@pytest.mark.parametrize("lags", LATE, ids=str)
def test_an_abort_at_any_time_costs_nothing_although_readings_are_late(
    lags: dict[str, list[float]],
) -> None:
    ends = set()
    for second in range(0, 740, 5):
        sim = play(lags=lags)
        sim.abort_at(second)
        ends.add(sim.ship().status)
        assert sim.oracle.violations == []
        assert sim.cloud.ledger.outages == []
    assert ends >= {Status.ROLLED_BACK}


def test_the_way_back_does_not_believe_a_reading_from_before_the_last_step_forward() -> None:
    sim = play(lags={"weights": [40.0]})
    sim.gate.hooks["cloud.apply"] = lambda: (
        sim.abort_at(1.0) if len(sim.cloud.changes) == 2 else None
    )
    deployment = sim.ship()
    assert deployment.status is Status.ROLLED_BACK
    assert sim.cloud.rule == Weights(1000, 0)
    assert sim.oracle.violations == []


def test_a_slot_scaled_in_for_want_of_traffic_gets_its_size_back_before_more_of_it() -> None:
    sim = play(size=4)

    def scale_in() -> None:
        sim.cloud.groups[Slot.GREEN].desired = 1

    sim.cloud.at(sim.clock.now() + 100.0, scale_in)
    deployment = sim.ship(INTENT)
    assert deployment.status is Status.SHIPPED, deployment.reason
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    sizes = (SetDesired(Slot.GREEN, 4), SetDesired(Slot.GREEN, 4, live=1))
    asked = [change for _, change in sim.cloud.changes if change in sizes]
    assert len(asked) >= 2


def test_a_stable_slot_scaled_in_is_restored_before_it_gets_its_traffic_back() -> None:
    sim = play(size=4)
    blue, green = sim.cloud.groups[Slot.BLUE], sim.cloud.groups[Slot.GREEN]

    def trouble() -> None:
        """Without traffic the old slot is scaled in; then the new release falls over."""
        if sim.cloud.flowing == Weights(0, 1000):
            del sim.gate.hooks["cloud.observe"]
            blue.desired = 0
            for _ in range(4):
                green.break_one(sim.clock.now())

    sim.gate.hooks["cloud.observe"] = trouble
    deployment = sim.ship(INTENT)
    assert deployment.status is Status.ROLLED_BACK
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    assert SetDesired(Slot.BLUE, 4) in [change for _, change in sim.cloud.changes]


def test_the_journal_may_fail_while_a_refused_change_is_written_down() -> None:
    sim = play()
    sim.cloud.groups[Slot.GREEN].least = 1  # so that its retirement is refused
    sim.abort_at(30.0)
    failed: list[int] = []

    def fail_once() -> None:
        halting = sim.cloud.groups[Slot.GREEN].desired and len(failed) < 3 and sim.clock.now() > 0
        refused = len(sim.cloud.changes) == 3 and sim.gate.names[-2] == "cloud.apply"
        if halting and refused:
            failed.append(len(sim.gate.names))
            raise CloudUnavailable("the journal does not answer")

    sim.gate.hooks["journal.save"] = fail_once
    deployment = sim.ship()
    assert failed
    assert deployment.status is Status.HALTED
    assert "outside 1..12" in deployment.reason


def test_a_limit_lowered_in_mid_deployment_does_not_stop_the_way_back() -> None:
    sim = play(behaviours={"v2": Behaviour(errors=200)})

    def lower() -> None:
        sim.cloud.groups[Slot.GREEN].max_size = 1

    sim.cloud.at(sim.clock.now() + 60.0, lower)
    assert sim.ship().status is Status.ROLLED_BACK
    assert sim.cloud.ledger.outages == []


def test_what_was_asked_for_right_before_an_abort_is_not_left_behind() -> None:
    """The slot still reads as empty then."""
    asked = set()
    for second in range(40, 120, 5):
        sim = play(lags={"groups": [50.0]})
        sim.abort_at(second)
        assert sim.ship().status is Status.ROLLED_BACK
        asked.add(SetDesired(Slot.GREEN, 2) in [change for _, change in sim.cloud.changes])
        assert sim.cloud.groups[Slot.GREEN].desired == 0
        assert sim.oracle.violations == []
    assert asked == {True, False}
