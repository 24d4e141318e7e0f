"""A clock that only moves when somebody sleeps; the world moves with it."""

from collections.abc import Callable

NOON = 1_800_000_017.0  # epoch seconds; in the middle of a minute on purpose


class Stuck(AssertionError):
    """A deployment ran for longer than any deployment may."""


class SimClock:
    """Epoch seconds from `start` on. `limit_s`: simulated seconds after which a run counts as stuck."""

    def __init__(self, *, start: float = NOON, limit_s: float = 48 * 3600.0) -> None:
        self._now = self._start = start
        self._end = start + limit_s
        self._advance: Callable[[float], None] = lambda _: None

    def moves(self, advance: Callable[[float], None]) -> None:
        """`advance(until)` is called whenever time passes."""
        self._advance = advance

    def now(self) -> float:
        return self._now

    def sleep(self, duration_s: float) -> None:
        """Let `duration_s` seconds pass.

        Raises:
            Stuck: the simulation has run for too long.
        """
        self._now += duration_s
        if self._now > self._end:
            raise Stuck(f"still running after {self._now - self._start:.0f} simulated seconds")
        self._advance(self._now)
