"""People at other terminals: what they ask at a given time, and what they ask when they see it fit."""

from collections.abc import Callable
from dataclasses import dataclass, field

from deployer.engine import control
from deployer.errors import NotPossibleNow
from deployer.journal import Ask, Request
from deployer.plan import Deployment
from tests.sim.play import ENVIRONMENT, Play


def ask_at(sim: Play, after_s: float, ask: Ask) -> None:
    """Somebody asks `after_s` seconds from now, whether it makes sense or not."""
    moment = sim.clock.now() + after_s
    wish = Request(ask, "alice", f"{ask}-{moment}")
    sim.cloud.at(moment, lambda: hand_in(sim, wish))


def hand_in(sim: Play, wish: Request) -> bool:
    """Whether the journal took it."""
    try:
        sim.journal.ask(ENVIRONMENT, wish)
    except NotPossibleNow:
        return False
    return True


@dataclass
class Person:
    """Looks every `every_s` seconds and asks what `wants` says, as far as the command line lets one.

    asked: what was handed in, and when (epoch seconds).
    """

    sim: Play
    wants: Callable[[Deployment, float], Ask | None]
    every_s: float = 20.0
    asked: list[tuple[Ask, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._come_back(self.sim.clock.now())

    def _come_back(self, last: float) -> None:
        moment = last + self.every_s
        self.sim.cloud.at(moment, lambda: self._look(moment))

    def _look(self, now: float) -> None:
        self._come_back(now)
        active = self.sim.journal.peek(ENVIRONMENT)
        ask = self.wants(active.deployment, now) if active else None
        if active is None or ask is None or ask not in control.possible(active.deployment):
            return
        if hand_in(self.sim, Request(ask, "bob", f"bob-{now}")):
            self.asked.append((ask, now))


def approves(deployment: Deployment, _now: float) -> Ask | None:
    """Approves whatever waits for it."""
    return Ask.APPROVE if Ask.APPROVE in control.possible(deployment) else None


def resumes(after_s: float) -> Callable[[Deployment, float], Ask | None]:
    """Lets go on what has been paused for `after_s` seconds."""

    def wants(deployment: Deployment, now: float) -> Ask | None:
        since = deployment.paused_at
        return Ask.RESUME if since is not None and now - since >= after_s else None

    return wants
