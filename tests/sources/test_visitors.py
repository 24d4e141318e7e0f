"""The tool's own visitors: how many are due, to whom, and that nobody waits for them."""

import threading
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.analysis.counts import Counts, Observation, Pair
from deployer.analysis.limits import FAILURES, Limits
from deployer.analysis.trial import run
from deployer.model import Slot, Weights
from deployer.ports import ProbeReport
from deployer.sources.visitors import LONGEST_S, OwnVisitors, owed
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
    visitors = OwnVisitors(door, clock)
    for _ in range(720):
        visitors.visit(TENTH, 30)
        visitors.wait(10)
        clock.sleep(5)
    assert door.came == {BLUE: 1620, GREEN: 180}


def test_a_share_of_one_per_mille_gets_one_at_last(door: Door) -> None:
    clock = ManualClock()
    visitors = OwnVisitors(door, clock)
    for _ in range(20):
        visitors.visit(Weights(blue=999, green=1), 60)
        visitors.wait(10)
        clock.sleep(60)
    assert door.came[GREEN] == 1


def test_nobody_is_sent_to_a_slot_without_weight(door: Door) -> None:
    clock = ManualClock()
    visitors = OwnVisitors(door, clock)
    for _ in range(20):
        visitors.visit(Weights(blue=1000, green=0), 6000)
        visitors.wait(10)
        clock.sleep(60)
    assert door.came[GREEN] == 0


def test_after_a_pause_they_do_not_all_come_at_once(door: Door) -> None:
    clock = ManualClock()
    visitors = OwnVisitors(door, clock)
    visitors.visit(TENTH, 60)
    clock.sleep(7200)
    visitors.visit(TENTH, 60)
    visitors.wait(10)
    assert sum(door.came.values()) <= 5 + 60


def test_an_application_that_hangs_delays_nobody_and_is_not_besieged(door: Door) -> None:
    clock = ManualClock()
    visitors = OwnVisitors(door, clock)
    door.open.clear()
    for _ in range(50):
        visitors.visit(TENTH, 600)  # returns at once: nothing is answered meanwhile
        clock.sleep(5)
    assert threading.active_count() < 20
    door.open.set()
    visitors.wait(10)
    assert door.came == {BLUE: 45, GREEN: 5}
    visitors.visit(TENTH, 600)
    visitors.wait(10)
    assert sum(door.came.values()) <= 50 + 600


@given(
    st.integers(0, 1000),
    st.integers(0, 6000),
    st.lists(st.floats(-10, 300), max_size=30),
)
def test_what_is_owed_is_never_more_than_a_minutes_and_in_proportion(
    share: int, per_minute: int, elapsed: list[float]
) -> None:
    weights = Weights(blue=1000 - share, green=share)
    due = dict.fromkeys(Slot, 0.0)
    for passed in elapsed:
        due = owed(due, weights, per_minute, passed)
        for slot in Slot:
            most = per_minute * weights[slot] / 1000
            assert 0 <= due[slot] <= max(most, 1.0)
    minutes = sum(min(max(each, 0.0), LONGEST_S) for each in elapsed) / 60
    if minutes <= 1 and per_minute * share >= 1000:
        assert due[GREEN] == pytest.approx(per_minute * share / 1000 * minutes)


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
