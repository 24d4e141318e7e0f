"""A group of a thousand: calls grow with batches and looks, never with instances times looks."""

from collections import Counter

import pytest

from deployer.changes import SetDesired, Terminate
from deployer.journal import encode
from deployer.plan import Status
from tests.sim.fleet import Behaviour
from tests.sim.play import Play, play

from .stage import BLUE, USUAL, changes, intent, running, ship

SIZE = 1000


def fleet(**facts: object) -> Play:
    sim = play(size=SIZE, rate=1000.0, **facts)  # type: ignore[arg-type]
    sim.cloud.groups[BLUE].max_size = 2 * SIZE
    return sim


@pytest.mark.parametrize(("surge", "batches"), [("10%", 10), ("25%", 4)])
def test_two_changes_a_batch_and_one_reading_a_look(surge: str, batches: int) -> None:
    """changes = 2 × batches + 3 (suspend, pin, resume); each look is one reading of both groups.

    A reading is five calls, whatever the size (tests/contract/test_environment.py), and letting a
    batch go is one more for each hundred instances (tests/contract/test_replacing.py). All of it with
    real adapters, and the memory that it takes: tests/scale.
    """
    sim = fleet()
    began = sim.clock.now()
    assert ship(sim, intent(surge=surge, before=USUAL)).status is Status.SHIPPED
    looks = (sim.clock.now() - began) / sim.poll_s
    calls = sim.gate.calls
    assert changes(sim, SetDesired) == changes(sim, Terminate) == batches
    assert calls["cloud.apply"] == 2 * batches + 3
    assert calls["cloud.observe"] <= looks + 4 * batches + 10
    assert calls["metrics.traffic"] <= 2 * looks
    assert running(sim) == {"v2": SIZE}
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


def test_the_same_formula_holds_for_more_batches_than_anybody_reads() -> None:
    """Fifty batches, with a judgement behind each."""
    sim = play(size=50)
    sim.cloud.groups[BLUE].max_size = 51
    sim.poll_s = 30.0
    began = sim.clock.now()
    deployment = ship(sim, intent(before=USUAL))
    assert deployment.status is Status.SHIPPED
    looks, calls = (sim.clock.now() - began) / sim.poll_s, sim.gate.calls
    assert calls["cloud.apply"] == 2 * 50 + 3
    assert calls["cloud.observe"] <= looks + 4 * calls["cloud.apply"] + 10
    assert calls["metrics.traffic"] <= 2 * looks
    assert len(encode(deployment)) < 100_000  # with the newest 200 events
    assert sim.oracle.violations == []


def test_ten_times_the_instances_in_as_many_batches_cost_the_same_calls() -> None:
    counts: list[Counter[str]] = []
    for size in (100, 1000):
        sim = play(size=size)
        sim.cloud.groups[BLUE].max_size = 2 * size
        assert ship(sim, intent(surge="20%", before=USUAL)).status is Status.SHIPPED
        counts.append(sim.gate.calls)
    assert counts[0] == counts[1]


def test_a_dud_costs_one_batch_and_its_way_back() -> None:
    sim = fleet(behaviours={"v2": Behaviour(healthy=False)})
    assert ship(sim, intent(surge="10%", before=USUAL)).status is Status.ROLLED_BACK
    assert changes(sim, SetDesired) == changes(sim, Terminate) == 1
    assert running(sim) == {"v1": SIZE}
