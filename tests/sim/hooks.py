"""Hooks that take simulated time, and a book of what really ran, whoever has heard of it."""

from collections.abc import Collection
from dataclasses import dataclass, field

from deployer.hooks import HookPoint, HookReport, RunHook
from tests.sim.clock import SimClock
from tests.sim.faults import Gate


@dataclass
class Book:
    """What the outside saw of all hooks, whichever process began them.

    lasts_s: how long each run takes.
    fails:   hooks that end badly.
    outlive: they end even if their process dies: a function does, a command does not.
    began:   every run in order, with what it was told.
    done:    keys of the runs that had their effect.
    ended:   keys of those that were told to stop before that, and when.
    """

    lasts_s: float = 45.0
    fails: Collection[HookPoint] = ()
    outlive: bool = False
    began: list[RunHook] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    ended: dict[str, float] = field(default_factory=dict)

    def points(self) -> list[HookPoint]:
        """The hooks that were begun, in order, each repetition once."""
        return list(dict.fromkeys(run.point for run in self.began))


@dataclass
class SimHooks:
    """The port `Hooks` of one process."""

    clock: SimClock
    gate: Gate
    book: Book
    run: RunHook | None = None
    began_at: float = 0.0
    counted: bool = False

    def begin(self, run: RunHook) -> None:
        self.gate.through("hooks.begin", lambda: self._begin(run))

    def _begin(self, run: RunHook) -> None:
        if self.run is not None and self.run.key == run.key:
            return
        self.close()
        self.run, self.began_at, self.counted = run, self.clock.now(), False
        self.book.began.append(run)
        if self.book.outlive:
            self._count()

    def report(self, key: str) -> HookReport | None:
        run = self.run
        if run is None or run.key != key:
            return None
        limit_s = run.action.deadline_s
        if self.clock.now() - self.began_at >= limit_s and self.book.lasts_s > limit_s:
            return HookReport("failed", "killed at its deadline")
        if self.clock.now() - self.began_at < self.book.lasts_s:
            return HookReport("running")
        self._count()
        if run.point in self.book.fails:
            return HookReport("failed", "exit status 1", "it went wrong")
        return HookReport("succeeded", "", "it went well")

    def _count(self) -> None:
        if self.run is not None and not self.counted:
            self.counted = True
            self.book.done.append(self.run.key)

    def end(self) -> None:
        self.close()

    def close(self) -> None:
        if self.run is not None and not self.counted:
            self.book.ended[self.run.key] = self.clock.now()
        self.run = None
