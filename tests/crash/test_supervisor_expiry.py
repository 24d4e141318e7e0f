"""The supervisor empties an idle slot that nobody can want any more, and no other one."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from msgspec.structs import replace as changed

from deployer.freezes import NO_FREEZES, Freezes
from deployer.hooks import HookAction
from deployer.journal import last_begun
from deployer.model import Slot, Snapshot, Weights
from deployer.operations.expiry import LOOK_S, Expiry, idle, settled
from deployer.operations.supervisor import State, Supervisor, Visit
from deployer.plan import SLEEP, Deployment, Status
from deployer.planning import strategies
from deployer.planning.preflight import Surroundings
from tests.crash.test_supervisor import (
    EVERY_S,
    Watchman,
    record,
)
from tests.sim.play import ENVIRONMENT, INTENT, Play, play

BLUE, GREEN = Slot.BLUE, Slot.GREEN
WINDOW_S = 3600.0


@dataclass
class Yard:
    """The ground of a simulated environment, as `wiring.Services` is one of a real one."""

    sim: Play
    environment: str = ENVIRONMENT
    sticks_s: int = 0
    lacking: Callable[[HookAction], str] = lambda _: ""
    look_around: Callable[[], Surroundings] = Surroundings
    freezes: Freezes = NO_FREEZES

    def __getattr__(self, name: str) -> object:
        if name == "cloud":
            return self.sim.runner("ground").cloud
        return getattr(self.sim, name)


def expiry(sim: Play, **more: object) -> Expiry:
    made = Expiry(
        ground=Yard(sim),  # type: ignore[arg-type]
        window_s=WINDOW_S,
        span_s=EVERY_S,
        intent=INTENT,
        new_id=lambda now: f"r{now:.0f}",
        by="supervisor",
    )
    return replace(made, **more)  # type: ignore[arg-type]


def keeper(sim: Play, **more: object) -> Supervisor:
    return replace(Watchman(sim).supervisor(), expire=expiry(sim, **more).begin)


def to_a_look(sim: Play) -> None:
    sim.clock.sleep(LOOK_S - sim.clock.now() % LOOK_S)


def filled(sim: Play) -> Slot:
    """Somebody has filled the idle slot; its name."""
    sole = sim.cloud.rule.sole if sim.cloud.rule else None
    assert sole is not None
    sim.cloud.groups[sole.twin].desired = 2
    sim.clock.sleep(200.0)
    return sole.twin


def come(sim: Play, **more: object) -> Visit:
    """Visits until nothing is left to do; what the first one came to."""
    first = keeper(sim, **more).visit()
    for _ in range(30):
        if sim.journal.peek(ENVIRONMENT) is None:
            return first
        sim.clock.sleep(EVERY_S)
        keeper(sim, **more).visit()
    raise AssertionError("thirty visits were not enough")


def test_an_idle_slot_is_emptied_once_its_window_is_over_and_not_before() -> None:
    sim = play()
    sim.ship()
    slot = filled(sim)
    to_a_look(sim)
    assert come(sim).state is State.FREE
    assert sim.cloud.groups[slot].desired == 2
    sim.clock.sleep(WINDOW_S)
    to_a_look(sim)
    assert come(sim).state is State.EXPIRED
    assert sim.cloud.groups[slot].desired == 0
    last = last_begun(sim.journal, ENVIRONMENT)
    assert last is not None
    assert (last.first_plan.strategy, last.status, last.by) == (
        "retire",
        Status.SHIPPED,
        "supervisor",
    )
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


def test_what_is_to_stay_on_standby_stays() -> None:
    sim = play()
    sim.ship()
    slot = filled(sim)
    sim.clock.sleep(WINDOW_S)
    to_a_look(sim)
    assert come(sim, intent=changed(INTENT, standby=2)).state is State.FREE
    assert sim.cloud.groups[slot].desired == 2


def test_of_more_than_that_only_the_rest_leaves() -> None:
    sim = play()
    sim.ship()
    slot = filled(sim)
    sim.clock.sleep(WINDOW_S)
    to_a_look(sim)
    assert come(sim, intent=changed(INTENT, standby=1)).state is State.EXPIRED
    assert sim.cloud.groups[slot].desired == 1


def test_what_the_last_deployment_was_told_to_keep_on_standby_stays() -> None:
    """`blue-green --standby 2`: the settings know nothing of it."""
    sim = play()
    sim.ship(changed(INTENT, standby=2), strategies.blue_green)
    last = last_begun(sim.journal, ENVIRONMENT)
    assert last is not None
    assert last.plan.stable is not None
    assert sim.cloud.groups[last.plan.stable].desired == 2
    sim.clock.sleep(10 * WINDOW_S)
    to_a_look(sim)
    assert come(sim).state is State.FREE
    assert sim.cloud.groups[last.plan.stable].desired == 2


def test_the_cloud_is_read_for_it_once_in_a_quarter_of_an_hour() -> None:
    sim = play()
    sim.ship()
    sim.clock.sleep(WINDOW_S)
    to_a_look(sim)
    looks = sim.gate.names.count("cloud.observe")
    for _ in range(15):
        keeper(sim).visit()
        sim.clock.sleep(EVERY_S)
    assert sim.gate.names.count("cloud.observe") == looks + 1


def ended(**fields: object) -> Deployment:
    base = changed(record(), status=Status.SHIPPED, finished_at=1_000.0)
    return changed(base, **fields)


@pytest.mark.parametrize(
    ("last", "over"),
    [
        (None, False),
        (ended(), True),
        (ended(status=Status.ROLLED_BACK), True),
        (ended(status=Status.HALTED), False),
        (ended(finished_at=None), False),
        (ended(finished_at=1_001.0), False),
        (ended(plan=changed(record().plan, strategy=SLEEP)), False),
    ],
)
def test_when_nobody_can_want_it_any_more(last: Deployment | None, over: bool) -> None:
    assert settled(last, 1_000.0 + WINDOW_S, WINDOW_S) is over


def read(sim: Play) -> Snapshot:
    return sim.runner("anybody").cloud.observe()


def test_a_slot_with_traffic_or_behind_a_page_is_never_idle() -> None:
    sim = play()
    sim.ship()
    filled(sim)
    seen = read(sim)
    assert idle(seen, 0)
    assert not idle(seen, 2)
    assert not idle(replace(seen, weights=Weights(999, 1)), 0)
    assert not idle(replace(seen, weights=None), 0)
    assert not idle(replace(seen, asleep=True), 0)
