"""Between two batches the release is judged, however many batches there are."""

from collections.abc import Mapping
from itertools import pairwise

import pytest

from deployer.changes import Terminate
from deployer.plan import Deployment, Status
from deployer.steps.replace import Replace
from deployer.steps.series import found
from deployer.steps.soak import Soak
from tests.sim.faults import Fault
from tests.sim.fleet import Behaviour
from tests.sim.play import Play, play

from .stage import BLUE, USUAL, intent, running, ship

SIZE = 60  # batches of one: a row of them that the journal folds
WANTED = intent(before=USUAL)


def group_of(behaviour: Behaviour) -> Play:
    sim = play(size=SIZE, rate=300.0, behaviours={"v1": Behaviour(errors=1), "v2": behaviour})
    sim.cloud.groups[BLUE].max_size = SIZE + 1
    return sim


def goes_bad_at(sim: Play, after_s: float, errors: int) -> None:
    """From then on the release fails `errors` of a thousand requests, wherever it runs."""
    group = sim.cloud.groups[BLUE]

    def turn() -> None:
        bad = Behaviour(errors=errors)
        group.behaviours = {**group.behaviours, "v2": bad}
        for instance in group.instances:
            if instance.release == "v2":
                instance.behaviour = bad

    sim.cloud.at(sim.clock.now() + after_s, turn)


def replaced_at(sim: Play, deployment: Deployment) -> list[float]:
    """When each batch of the way forward let its old instance go, epoch seconds."""
    turned = next((e.at for e in deployment.log if e.kind == "retreat"), float("inf"))
    gone = [at for at, change in sim.cloud.changes if isinstance(change, Terminate)]
    return [at for at in gone if at < turned]


@pytest.fixture(scope="module")
def good() -> tuple[Play, Deployment]:
    sim = group_of(Behaviour(errors=1))
    return sim, ship(sim, WANTED)


def test_each_batch_waits_for_the_verdict_on_the_one_before(good: tuple[Play, Deployment]) -> None:
    sim, deployment = good
    assert deployment.status is Status.SHIPPED
    assert running(sim) == {"v2": SIZE}
    steps = deployment.plan.steps[2:]
    assert [type(step) for step in steps] == [Replace, Soak] * SIZE
    assert [each.number for each in found(deployment.plan.steps)] == [SIZE]
    moments = replaced_at(sim, deployment)
    assert len(moments) == SIZE
    soak = steps[1]
    assert isinstance(soak, Soak)
    least_s = soak.delay_s + 60.0  # the first whole minute, once CloudWatch has it
    assert all(later - earlier >= least_s for earlier, later in pairwise(moments))
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


@pytest.mark.parametrize("phase", range(8))
def test_a_release_that_goes_bad_in_the_middle_costs_one_more_batch_at_most(
    good: tuple[Play, Deployment], phase: int
) -> None:
    """At each of eight moments between the twelfth batch and the thirteenth."""
    began, (first, second) = good[1].started_at, replaced_at(*good)[11:13]
    turns = first - began + (second - first) * phase / 8
    sim = group_of(Behaviour(errors=1))
    goes_bad_at(sim, turns, errors=300)
    deployment = ship(sim, WANTED)
    assert deployment.status is Status.ROLLED_BACK, deployment.reason
    assert "replaced" in deployment.reason
    further = [at for at in replaced_at(sim, deployment) if at > began + turns]
    assert len(further) <= 1
    assert running(sim) == {"v1": SIZE}
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


@pytest.mark.parametrize("kill", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER], ids=["before", "after"])
def test_whoever_takes_over_in_the_middle_of_the_row_goes_on_there(kill: Fault) -> None:
    """Every call of the fourth batch of eight may be the last of its process."""

    def tell(faults: Mapping[int, Fault]) -> tuple[Play, Deployment]:
        sim = play(size=8, faults=faults)
        sim.poll_s = 30.0
        return sim, ship(sim, intent(before=USUAL))

    undisturbed, _ = tell({})
    applied = [n for n, name in enumerate(undisturbed.gate.names) if name == "cloud.apply"]
    for call in range(applied[2 + 2 * 3], applied[2 + 2 * 4] + 1):  # suspended and pinned before
        sim, deployment = tell({call: kill})
        assert deployment.status is Status.SHIPPED
        assert sim.state == undisturbed.state
        assert len(replaced_at(sim, deployment)) == 8
        assert sim.oracle.violations == []
        assert sim.cloud.ledger.outages == []
