"""Ctrl-C and its like: the change in hand finishes, then the run stops where it would have slept."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import ClassVar

from deployer.errors import DeployError
from deployer.ports import Clock

SLICE_S = 0.1  # wall seconds between two looks at whether a signal has come


class Interrupted(DeployError):
    """Ctrl-C."""

    exit_code = 130
    signal: ClassVar[str] = "Ctrl-C"


class Terminated(Interrupted):
    """SIGTERM."""

    exit_code = 143
    signal = "SIGTERM"


class HungUp(Interrupted):
    """The terminal has gone."""

    exit_code = 129
    signal = "SIGHUP"


class Stranded(DeployError):
    """The runner cannot go on by itself: not refused, since the deployment stands half-way."""

    exit_code = 1


SIGNALS = {
    signal.SIGINT: Interrupted,
    signal.SIGTERM: Terminated,
    signal.SIGHUP: HungUp,
}


@dataclass(slots=True)
class Stop:
    """Whether somebody wants us to stop; the second signal does not wait for anything."""

    heard: type[Interrupted] | None = None

    def hear(self, number: int, _frame: FrameType | None) -> None:
        """A signal handler."""
        if self.heard is not None:
            raise KeyboardInterrupt
        self.heard = SIGNALS[signal.Signals(number)]


def heed(stop: Stop) -> None:
    """The last moment before something begins.

    Raises:
        Interrupted: a signal has come; the kind that fits it.
    """
    if stop.heard is not None:
        raise stop.heard("nothing was begun")


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Within, signals are only noted."""
    stop = Stop()
    before = {number: signal.signal(number, stop.hear) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def pause(clock: Clock, stop: Stop, scale: float, duration_s: float) -> bool:
    """Sleep in slices; False as soon as a signal has come."""
    until = clock.now() + duration_s
    while stop.heard is None:
        left_s = until - clock.now()
        if left_s <= 0:
            return True
        clock.sleep(min(left_s, SLICE_S * scale))
    return False


@dataclass(frozen=True, slots=True)
class StoppableClock:
    """A clock whose sleep a signal ends.

    Raises (sleep):
        Interrupted: the kind that fits the signal.
    """

    clock: Clock
    stop: Stop
    scale: float

    def now(self) -> float:
        return self.clock.now()

    def sleep(self, duration_s: float) -> None:
        if not pause(self.clock, self.stop, self.scale, duration_s) and self.stop.heard:
            raise self.stop.heard("stopped by a signal")


@dataclass(slots=True)
class TurningClock:
    """A clock whose sleep the first signal ends; then time goes on, and everything goes back.

    turn_back: asks for the way back because of the signal; false if that has to be tried again.
    """

    clock: Clock
    stop: Stop
    scale: float
    turn_back: Callable[[type[Interrupted]], bool]
    turned: bool = False

    def now(self) -> float:
        return self.clock.now()

    def sleep(self, duration_s: float) -> None:
        if not self.turned:
            if pause(self.clock, self.stop, self.scale, duration_s) or self.stop.heard is None:
                return
            self.turned = self.turn_back(self.stop.heard)
            if self.turned:
                return
        self.clock.sleep(duration_s)
