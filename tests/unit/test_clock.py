"""The clock: the wall's, or the lab's."""

import threading
import time

import pytest

from deployer.errors import SettingsInvalid
from deployer.process.clock import VARIABLE, ScaledClock, WallClock, from_environment


def test_without_a_lab_it_is_the_walls() -> None:
    assert from_environment({}) == WallClock()
    assert from_environment({VARIABLE: ""}) == WallClock()
    before = time.time()
    WallClock().sleep(-1.0)
    assert before <= WallClock().now() <= time.time()


def test_the_labs_clock_survives_the_environment() -> None:
    clock = ScaledClock(1_800_000_000.25, 60.0)
    assert from_environment({VARIABLE: str(clock)}) == clock


@pytest.mark.parametrize(
    "text", ["now", "1@", "@2", "1@0", "1@-3", "1@2@3", "1", "nan@2", "inf@2", "1@inf", "1@nan"]
)
def test_what_is_no_clock(text: str) -> None:
    with pytest.raises(SettingsInvalid, match="is not ORIGIN@SCALE; run: eval"):
        from_environment({VARIABLE: text})


def test_virtual_time_passes_faster() -> None:
    clock = ScaledClock(time.time() - 100.0, 1000.0)
    assert clock.now() - clock.origin >= 100_000.0
    assert clock.real(60.0) == pytest.approx(0.06)


def test_waiting_for_an_event_and_sleeping() -> None:
    clock = ScaledClock(time.time(), 1e6)
    event = threading.Event()
    assert not clock.wait(event, 10.0)
    event.set()
    assert clock.wait(event, 1e9)
    before = clock.now()
    clock.sleep(1000.0)
    assert clock.now() >= before + 1000.0
    clock.sleep(-5.0)
