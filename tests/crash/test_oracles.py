"""The judges can say no: plans that break an invariant are caught at it.

Each of these is a strategy that somebody might write. A judge that never objects proves nothing.
"""

import pytest
from msgspec.structs import replace

from deployer.changes import Change, Freeze, SetDesired, SetWeights, Suspend, Terminate
from deployer.intent import Intent
from deployer.model import Slot, Snapshot, Weights
from deployer.plan import Plan, Status
from deployer.planning import strategies
from deployer.steps.kinds import Step
from deployer.steps.linger import Linger
from deployer.steps.provision import Provision
from deployer.steps.retire import Retire
from deployer.steps.route import Route
from tests.sim.fleet import Behaviour
from tests.sim.play import INTENT, Play, Strategy, play

GREEN, BLUE = Slot.GREEN, Slot.BLUE
ALL_GREEN = Weights(0, 1000)


def strategy(*steps: Step) -> Strategy:
    """The canary's plan with other steps."""

    def compiled(seen: Snapshot, intent: Intent) -> Plan:
        return replace(strategies.canary(seen, intent), steps=steps)

    return compiled


def provision(count: int) -> Provision:
    return Provision(GREEN, INTENT.release, count, 300.0)


def broken(sim: Play) -> set[str]:
    return {violation.split(":")[0] for violation in sim.oracle.violations}


def test_big_bang_sends_users_to_nobody() -> None:
    sim = play()
    sim.ship(strategy=strategy(Route(ALL_GREEN, 0, 60.0), provision(2)))
    assert "I2/I7" in broken(sim)
    assert sim.cloud.ledger.total.ours > 0


def test_too_little_capacity_for_the_share() -> None:
    sim = play(size=4)
    sim.ship(strategy=strategy(provision(1), Route(ALL_GREEN, 1, 60.0)))
    assert broken(sim) == {"I2/I7"}
    assert sim.cloud.ledger.total.ours > 0


def test_retired_before_the_data_plane_has_followed() -> None:
    sim = play(data_lag_s=30.0)
    hasty = strategy(provision(2), Route(ALL_GREEN, 2, 60.0), Retire(BLUE, 300.0))
    sim.ship(strategy=hasty)
    assert broken(sim) == {"I5"}
    assert sim.cloud.ledger.total.ours > 0


def test_the_same_with_a_linger_is_fine() -> None:
    sim = play(data_lag_s=30.0)
    linger = Linger(BLUE, 60.0, 60.0, 300.0)
    patient = strategy(provision(2), Route(ALL_GREEN, 2, 60.0), linger, Retire(BLUE, 300.0))
    assert sim.ship(strategy=patient).status is Status.SHIPPED
    assert broken(sim) == set()
    assert sim.cloud.ledger.outages == []


def test_a_step_without_a_deadline() -> None:
    sim = play()
    sim.ship(strategy=strategy(Provision(GREEN, INTENT.release, 2, 0.0)))
    assert broken(sim) >= {"I8"}


def test_an_end_with_traffic_on_both_slots() -> None:
    sim = play()
    sim.ship(strategy=strategy(provision(2), Route(Weights(500, 500), 2, 60.0)))
    assert broken(sim) == {"I10"}


def test_a_change_without_a_lease_and_one_that_is_not_in_the_journal() -> None:
    sim = play()
    runner = sim.runner("one")
    sim.open(runner, INTENT, strategies.canary, "d1")
    change = provisioned(sim)
    runner.cloud.apply(change)
    assert broken(sim) == {"intent first", "I2/I7"}
    sim.oracle.violations.clear()
    sim.runner("two").cloud.apply(change)
    assert "I6" in broken(sim)
    assert "I4" in broken(sim)


V1 = frozenset({"blue-1", "blue-2"})
FORBIDDEN: dict[str, tuple[Change, set[str]]] = {
    "a slot with traffic shrinks": (SetDesired(BLUE, 1), {"I3", "I5"}),
    "its instances are ended": (Terminate(BLUE, ("blue-1",), True, V1, 2), {"I3"}),
    "they are replaced, and nobody stands in": (Terminate(BLUE, tuple(V1), False, V1, 2), {"I3"}),
    "a process is suspended that nobody will resume": (Suspend(BLUE, ("AZRebalance",)), {"I9"}),
    "a minimum is raised that nobody will lower": (Freeze(BLUE, 2, 0), {"I9"}),
}  # fmt: skip


@pytest.mark.parametrize("what", FORBIDDEN)
def test_what_no_runner_may_ask_for(what: str) -> None:
    change, invariants = FORBIDDEN[what]
    sim = play()
    runner = sim.runner("one")
    sim.open(runner, INTENT, strategies.canary, "d1")
    runner.cloud.apply(change)
    assert broken(sim) == invariants


def test_what_no_deployment_may_leave_behind() -> None:
    sim = play()
    shipped = sim.ship()
    assert (shipped.status, broken(sim)) == (Status.SHIPPED, set())
    sim.oracle.at_the_end(replace(shipped, status=Status.HALTED, reason=""))
    assert broken(sim) == {"I10"}
    sim.oracle.violations.clear()
    sim.cloud.rule = Weights(1000, 0)
    sim.oracle.at_the_end(shipped)
    assert broken(sim) == {"I10"}
    sim.oracle.violations.clear()
    sim.cloud.groups[GREEN].suspended = {"Launch"}
    sim.oracle.at_the_end(replace(shipped, status=Status.HALTED, reason="no capacity"))
    assert broken(sim) == {"I9"}
    sim.oracle.violations.clear()
    sim.cloud.groups[GREEN].suspended, sim.cloud.groups[BLUE].min_size = set(), 2
    sim.oracle.at_the_end(replace(shipped, status=Status.HALTED, reason="no capacity"))
    assert broken(sim) == {"I9"}


def test_an_end_that_keeps_the_environment() -> None:
    sim = play(weights=None)
    runner = sim.runner("one")
    record = sim.open(runner, INTENT, strategies.canary, "d1")
    sim.oracle.at_the_end(replace(record, status=Status.ROLLED_BACK))
    assert broken(sim) == {"I10"}


def provisioned(sim: Play) -> SetWeights:
    return SetWeights(ALL_GREEN, sim.cloud.rule)


@pytest.mark.parametrize(
    ("behaviour", "ours"), [(Behaviour(errors=500), 0.0), (Behaviour(crash_after_s=1.0), 0.0)]
)
def test_a_bad_release_is_not_blamed_on_the_deployer(behaviour: Behaviour, ours: float) -> None:
    sim = play(behaviours={"v2": behaviour})
    sim.ship(strategy=strategy(provision(2), Route(ALL_GREEN, 2, 60.0)))
    assert sim.cloud.ledger.total.ours == ours
    assert sim.cloud.ledger.total.errors + sim.cloud.ledger.total.broken > 0
