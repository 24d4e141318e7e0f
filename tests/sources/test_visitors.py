"""The tool's own visitors: how many are due, to whom, and that nobody waits for them."""

import threading
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.analysis.counts import Counts, Observation, Pair
from deployer.analysis.limits import FAILURES, Limits
from deployer.analysis.trial import run
from deployer.model import Slot, Weights
from deployer.ports import ProbeReport
from deployer.sources.visitors import OwnVisitors, due
from tests.contract.conftest import ManualClock

BLUE, GREEN = Slot.BLUE, Slot.GREEN
TENTH = Weights(blue=900, green=100)


@dataclass
class Door:
    """A prober that counts."""

    came: dict[Slot, int] = field(default_factory=lambda: dict.fromkeys(Slot, 0))
    open: threading.Event = field(default_factory=threading.Event)

    def probe(self, slot: Slot, release: str, requests: int) -> ProbeReport:
        self.open.wait(20)
        self.came[slot] += requests
        return ProbeReport(requests, {})


@pytest.fixture
def door() -> Door:
    made = Door()
    made.open.set()
    return made


def test_in_an_hour_each_slot_gets_its_share_of_them(door: Door) -> None:
    clock = ManualClock()
    visitors = OwnVisitors(door, clock, 10.0)
    for _ in range(709):  # the first look makes up for a minute
        visitors.visit(TENTH, 30)
        visitors.wait()
        clock.sleep(5)
    assert door.came == {BLUE: 1620, GREEN: 180}


def test_looks_in_a_process_each_let_as_many_come_as_those_of_one(door: Door) -> None:
    """A detached deployment: every tick may be in another process."""
    clock = ManualClock()
    for _ in range(60):
        visitors = OwnVisitors(door, clock, 10.0)
        visitors.visit(TENTH, 5)
        visitors.wait()
        clock.sleep(60)
    assert door.came == {BLUE: 270, GREEN: 30}


def test_a_share_of_one_per_mille_gets_one_at_last(door: Door) -> None:
    clock = ManualClock()
    visitors = OwnVisitors(door, clock, 10.0)
    for _ in range(20):
        visitors.visit(Weights(blue=999, green=1), 60)
        visitors.wait()
        clock.sleep(60)
    assert 1 <= door.came[GREEN] <= 2


def test_nobody_is_sent_to_a_slot_without_weight(door: Door) -> None:
    clock = ManualClock()
    visitors = OwnVisitors(door, clock, 10.0)
    for _ in range(20):
        visitors.visit(Weights(blue=1000, green=0), 6000)
        visitors.wait()
        clock.sleep(60)
    assert door.came[GREEN] == 0


def test_after_a_pause_they_do_not_all_come_at_once(door: Door) -> None:
    clock = ManualClock()
    visitors = OwnVisitors(door, clock, 10.0)
    visitors.visit(TENTH, 60)
    clock.sleep(7200)
    visitors.visit(TENTH, 60)
    visitors.wait()
    assert sum(door.came.values()) <= 60 + 60


def test_an_application_that_hangs_delays_nobody_and_is_not_besieged(door: Door) -> None:
    clock, others = ManualClock(), threading.active_count()
    visitors = OwnVisitors(door, clock, 10.0)
    door.open.clear()
    for _ in range(50):
        visitors.visit(TENTH, 600)  # returns at once: nothing is answered meanwhile
        clock.sleep(5)
    assert threading.active_count() - others < 20
    door.open.set()
    visitors.wait()
    assert door.came == {BLUE: 540, GREEN: 60}
    visitors.visit(TENTH, 600)
    visitors.wait()
    assert sum(door.came.values()) <= 600 + 600


def test_who_hangs_is_waited_for_so_long_and_no_longer(door: Door) -> None:
    door.open.clear()
    visitors = OwnVisitors(door, ManualClock(), 0.01)
    visitors.visit(TENTH, 60)
    visitors.wait()
    assert door.came == {BLUE: 0, GREEN: 0}
    door.open.set()


@given(
    st.floats(0, 6000),
    st.floats(1.7e9, 1.8e9),
    st.lists(st.floats(0, 300), max_size=30),
)
def test_whoever_looks_and_whenever_as_many_come_in_all(
    per_minute: float, since: float, steps: list[float]
) -> None:
    times = [since, *(since := since + step for step in steps)]
    came = sum(due(per_minute, *each) for each in pairwise(times))
    assert came == due(per_minute, times[0], times[-1])
    assert abs(came - per_minute * (times[-1] - times[0]) / 60) <= 1.001
    assert due(per_minute, times[-1], times[0]) == 0  # a clock that is put back


def noticed(own: tuple[float, float]) -> bool:
    """Whether a candidate that fails a tenth of its users, five times as many as stable, goes back.

    Of 6,000 users a minute it has a tenth; 6,000 probes, that never fail, come beside them.

    own: the candidate's part of the probes, and stable's.
    """
    fails = {GREEN: (600.0, 0.1, own[0]), BLUE: (5400.0, 0.02, own[1])}
    counts = {
        slot: Counts(users + 6000 * part, users * rate)
        for slot, (users, rate, part) in fails.items()
    }
    minute = Pair(counts[GREEN], counts[BLUE])
    seen = [Observation(60.0 * n, 100, {"failures": minute}) for n in range(30)]
    return run(Limits(metrics=(FAILURES,)), {}, seen).crossing is not None


def test_in_proportion_they_hide_nothing_and_evenly_they_would() -> None:
    """Why they go where users go: docs/decisions/0023."""
    assert noticed((0.0, 0.0))
    assert noticed((0.1, 0.9))
    assert not noticed((1.0, 1.0))
