"""Every strategy × every kind of release × every way to die or to be cut off: what is proven where.

|                                   | canary              | blue/green        | rolling               |
|-----------------------------------|---------------------|-------------------|-----------------------|
| killed before and after each call:|                     |                   |                       |
| good, dud, crashing, unhealthy    | test_kill_anywhere  | test_blue_green   | rolling/test_plays    |
| slow                              | here                | here              | rolling/test_plays    |
| aborted                           | test_kill_anywhere  | test_blue_green   | rolling/test_plays    |
| no answer, each call:             |                     |                   |                       |
| refused, or reply lost            | test_kill_anywhere  | test_blue_green   | rolling/test_plays    |
| a hard world, each call:          |                     |                   |                       |
| killed or reply lost, readings    |                     |                   |                       |
| late, data plane later, an        | here, each kind     | here, each kind   | here, each kind       |
| instance dies                     |                     |                   |                       |
| chance in everything              | properties          | properties        | rolling/test_chance   |
| with hooks; visits of a timer     | hooks/test_plays,   | hooks/test_plays  | hooks/test_plays,     |
|                                   | hooks/test_visits   |                   | hooks/test_visits     |

A *dud* answers its users with errors (there called failing), an *unhealthy* release never passes a
health check (there called dud), a *crashing* one dies after a while, a *slow* one needs minutes.

Chance runs a bounded number of schedules in CI (300 each). For a hunt:
HYPOTHESIS_PROFILE=hunt python -m pytest --timeout=0 tests/properties tests/rolling/test_chance.py
runs 4,000 of each of nine, other ones each time, and prints what reproduces a failure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from deployer.model import Slot
from deployer.plan import Deployment, Intent, Status
from deployer.strategies import STRATEGIES
from tests.rolling.stage import intent as rolling_intent
from tests.sim.faults import Fault
from tests.sim.fleet import Behaviour
from tests.sim.play import INTENT, Play, play

RELEASES = {
    "good": Behaviour(),
    "slow": Behaviour(boot_s=120.0, health_s=45.0),
    "dud": Behaviour(errors=300),
    "crashing": Behaviour(crash_after_s=40.0),
    "unhealthy": Behaviour(healthy=False),
}
GOOD = ("good", "slow")
QUICK = replace(INTENT, weights=(500,), probe_allowed_failures=20, window_s=60.0)
FAULTS = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.REPLY_LOST)
LATE = {"weights": [15.0, 0.0, 5.0], "groups": [0.0, 15.0, 5.0, 5.0]}


@dataclass(frozen=True)
class Cell:
    """One strategy and one kind of release."""

    strategy: str
    release: str

    @property
    def intent(self) -> Intent:
        return rolling_intent() if self.strategy == "rolling" else QUICK

    def tell(self, faults: Mapping[int, Fault], *, hard: bool = True) -> tuple[Play, Deployment]:
        """hard: readings are late, the data plane is later, and an instance dies by itself."""
        world = {"lags": LATE, "data_lag_s": 30.0} if hard else {}
        sim = play(size=3, behaviours={"v2": RELEASES[self.release]}, faults=faults, **world)  # type: ignore[arg-type]
        sim.poll_s = 20.0  # fewer looks: every one of them is a place to die at
        if hard:
            sim.kill_instance_at(100.0, Slot.BLUE)
        return sim, sim.ship(self.intent, STRATEGIES[self.strategy])


def check(sim: Play, deployment: Deployment, cell: Cell) -> None:
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    ends = Status.SHIPPED if cell.release in GOOD else Status.ROLLED_BACK
    if deployment.status is not ends:
        # Instances of one group die with requests in flight: rolling cannot tell whose they were.
        assert cell.strategy == "rolling", deployment.reason
        assert deployment.status is Status.ROLLED_BACK, deployment.reason
        assert "slot" in deployment.reason or "healthy" in deployment.reason


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_in_a_hard_world_any_call_may_be_the_last_or_get_no_answer(
    strategy: str, release: str
) -> None:
    cell = Cell(strategy, release)
    undisturbed, deployment = cell.tell({})
    check(undisturbed, deployment, cell)
    for call in range(len(undisturbed.gate.names)):
        check(*cell.tell({call: FAULTS[call % len(FAULTS)]}), cell)


@pytest.mark.parametrize("kill", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER], ids=["before", "after"])
@pytest.mark.parametrize("strategy", ["canary", "blue-green"])
def test_a_slow_release_ships_whichever_call_is_the_last_of_a_process(
    strategy: str, kill: Fault
) -> None:
    cell = Cell(strategy, "slow")
    undisturbed, _ = cell.tell({}, hard=False)
    for call in range(len(undisturbed.gate.names)):
        sim, deployment = cell.tell({call: kill}, hard=False)
        check(sim, deployment, cell)
        assert sim.state == undisturbed.state
