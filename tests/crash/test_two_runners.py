"""Two processes on one deployment: only one of them acts."""

from dataclasses import replace

import pytest

from deployer.engine.loop import Runner
from deployer.errors import LeaseLost, Locked
from deployer.model import Snapshot
from deployer.plan import Deployment, Event, Status
from deployer.planning import strategies
from tests.sim.play import ENVIRONMENT, INTENT, Play, play


def opened() -> tuple[Play, Runner, Deployment]:
    sim = play()
    runner = sim.runner("one")
    return sim, runner, sim.open(runner, INTENT, strategies.canary, "d1")


def test_a_living_lease_keeps_everybody_else_out() -> None:
    sim, _, _ = opened()
    with pytest.raises(Locked):
        sim.journal.take_over(ENVIRONMENT, sim.lease("two"), sim.clock.now())


@pytest.mark.parametrize("turns", range(60))
def test_a_runner_that_slept_through_its_lease_changes_nothing_more(turns: int) -> None:
    sim, one, deployment = opened()
    lease_until = sim.clock.now() + sim.lease_s
    for _ in range(turns):
        deployment, lease_until = one.turn(deployment, lease_until)
        sim.clock.sleep(sim.poll_s)
    sim.clock.sleep(sim.lease_s)
    two = sim.runner("two")
    taken = sim.journal.take_over(ENVIRONMENT, sim.lease("two"), sim.clock.now())
    changes = len(sim.cloud.changes)
    with pytest.raises(LeaseLost):
        one.run(deployment)
    assert len(sim.cloud.changes) == changes
    assert two.run(taken).status is Status.SHIPPED
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


@pytest.mark.parametrize("nth", range(6))
def test_a_runner_frozen_between_its_intent_and_its_change_does_not_make_it(nth: int) -> None:
    """It wakes up after its lease has run out and another runner has finished the work."""
    sim, one, deployment = opened()
    ended: list[Deployment] = []

    def freeze(deployment: Deployment, event: Event, seen: Snapshot | None) -> None:
        if event.kind == "change" and len(sim.cloud.changes) == nth and not ended:
            sim.clock.sleep(sim.lease_s + 1.0)
            two = sim.runner("two")
            taken = sim.journal.take_over(ENVIRONMENT, sim.lease("two"), sim.clock.now())
            ended.append(two.run(taken))

    final = replace(one, tell=freeze).run(deployment)
    assert final == ended[0]
    assert final.status is Status.SHIPPED
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
