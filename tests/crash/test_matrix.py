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
| killed before, killed after,      |                     |                   |                       |
| reply lost; each kind, below      | here                | here              | here                  |
| chance in everything              | properties          | properties        | rolling/test_chance   |
| with hooks; visits of a timer     | hooks/test_plays,   | hooks/test_plays  | hooks/test_plays,     |
|                                   | hooks/test_visits   |                   | hooks/test_visits     |

A hard world is one in which readings are late, the data plane is later than the control plane, or
instances of the live slot die by themselves; or all of it.

A *dud* answers its users with errors (there called failing), an *unhealthy* release never passes a
health check (there called dud), a *crashing* one dies after a while, a *slow* one needs minutes.

The whole product has 3 strategies x 5 releases x 5 worlds x every call x 3 faults. CI strikes each call
of each hard world once, by turns with each of the faults, and what is proven nowhere else three
times, but for a fault at a reading that the next call says already; chance runs a bounded number of schedules (300 each). Everything, by one command:

HYPOTHESIS_PROFILE=hunt python -m pytest --timeout=0 tests/crash/test_matrix.py tests/properties \
    tests/rolling/test_chance.py

strikes each call with each fault in each world, and runs 4,000 of each of nine schedules, other ones
each time; it prints what reproduces a failure.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from deployer.analysis.judge import Rule
from deployer.intent import Intent
from deployer.model import Slot
from deployer.plan import Deployment, Status
from deployer.planning.strategies import STRATEGIES
from tests.rolling.stage import intent as rolling_intent
from tests.sim.faults import Fault, repeats
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
# Older than the look before, 20 s ago, or the one before that; never older than LATE_READING_S.
LATE = {"weights": [45.0, 0.0, 25.0], "groups": [0.0, 45.0, 25.0, 25.0]}
WHOLE = os.environ.get("HYPOTHESIS_PROFILE") == "hunt"


@dataclass(frozen=True)
class Hard:
    """What is hard about a world.

    deaths: when an instance of the live slot dies by itself, seconds after the beginning; a slow
            release's later, by as much as it is slow.
    """

    lags: Mapping[str, Sequence[float]] = field(default_factory=dict)
    data_lag_s: float = 5.0
    deaths: tuple[float, ...] = ()


WORLDS = {
    "calm": Hard(),
    "late readings": Hard(lags=LATE),
    "data plane later": Hard(data_lag_s=30.0),
    "instances die": Hard(deaths=(100.0, 400.0)),
    "all of it": Hard(lags=LATE, data_lag_s=30.0, deaths=(100.0, 400.0)),
}


@dataclass(frozen=True)
class Cell:
    """One strategy and one kind of release in one world."""

    strategy: str
    release: str
    world: str

    @property
    def intent(self) -> Intent:
        """Instances of one group die with requests in flight: rolling cannot tell whose they were.

        And each that dies in the middle of a batch makes that longer, by as long as a release boots.
        """
        if self.strategy != "rolling":
            return QUICK
        if not WORLDS[self.world].deaths or self.release not in GOOD:
            return rolling_intent()
        patient = replace(INTENT.limits, provision_s=600.0)
        return rolling_intent(rule=Rule(tolerance=1.0), limits=patient)

    def tell(self, faults: Mapping[int, Fault]) -> tuple[Play, Deployment]:
        hard = WORLDS[self.world]
        sim = play(
            size=3, behaviours={"v2": RELEASES[self.release]}, faults=faults, lags=hard.lags,
            data_lag_s=hard.data_lag_s,
        )  # fmt: skip
        sim.poll_s = 20.0  # fewer looks: every one of them is a place to die at
        for second in hard.deaths:
            sim.kill_instance_at(second + (140.0 if self.release == "slow" else 0.0), Slot.BLUE)
        return sim, sim.ship(self.intent, STRATEGIES[self.strategy])

    def faults_at(self, call: int, what: str) -> Sequence[Fault]:
        """What strikes that call, and is not said by what strikes the next one."""
        return [fault for fault in self._turn(call) if WHOLE or not repeats(fault, what)]

    def _turn(self, call: int) -> Sequence[Fault]:
        elsewhere = self.release != "slow" or self.strategy == "rolling"
        if WHOLE or (self.world == "calm" and not elsewhere):
            return FAULTS
        turn = (call + list(WORLDS).index(self.world)) % len(FAULTS)
        return FAULTS[turn : turn + 1] if self.world != "calm" else ()


def check(sim: Play, deployment: Deployment, cell: Cell) -> None:
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    ends = Status.SHIPPED if cell.release in GOOD else Status.ROLLED_BACK
    if deployment.status is not ends:
        # Whoever dies while nobody knows whether the release works may end it (docs/rolling.md).
        assert cell.strategy == "rolling", deployment.reason
        assert WORLDS[cell.world].deaths, deployment.reason
        assert deployment.status is Status.ROLLED_BACK, deployment.reason
        assert "none of v2 yet that could stand in" in deployment.reason


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_any_call_may_be_the_last_of_a_process_or_get_no_answer(
    strategy: str, release: str, world: str
) -> None:
    cell = Cell(strategy, release, world)
    undisturbed, deployment = cell.tell({})
    check(undisturbed, deployment, cell)
    ended = deployment.status
    for call, what in enumerate(undisturbed.gate.names):
        for fault in cell.faults_at(call, what):
            sim, deployment = cell.tell({call: fault})
            check(sim, deployment, cell)
            same = sim.state == undisturbed.state
            assert same or deployment.status is not ended, f"call {call}, {what}: {fault}"


def test_each_world_is_as_hard_as_it_says() -> None:
    """A lag that no look meets, or a death that nobody sees, would prove nothing."""
    tales = {world: Cell("canary", "good", world).tell({})[0] for world in WORLDS}
    calm = tales["calm"]
    assert len(tales["late readings"].gate.names) > len(calm.gate.names)
    later = tales["data plane later"].cloud.ledger.minutes
    assert later != calm.cloud.ledger.minutes
    assert calm.cloud.ledger.total.broken == 0 < tales["instances die"].cloud.ledger.total.broken
    whole = tales["all of it"]
    assert len(whole.gate.names) > len(calm.gate.names)
    assert whole.cloud.ledger.total.broken > 0
