"""One plan, carried out by the real engine in a simulated environment, as fast as nothing happens.

Between two looks of a real runner nothing may change for minutes. Here the clock goes on to the next
moment at which something can: an instance is ready, a minute is published, a step's own time is over.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from deployer.changes import Change
from deployer.engine.loop import Runner
from deployer.errors import DeployError
from deployer.journal import Ask
from deployer.model import Slot, Snapshot
from deployer.plan import Deployment, Event, Plan, Status
from deployer.planning.milestones import to_full
from deployer.simulation.clock import Stuck
from deployer.simulation.cloud import SimCloud
from deployer.simulation.memory import WHO, Memory
from deployer.simulation.telemetry import Callers, Instantly, Published, Silence, Smoke
from deployer.steps.bake import A_PERSON
from deployer.steps.soak import Soak

LEASE_S = 1e12
BESIDES = 25  # what a look costs beside its instances, in instances
Rest = Callable[[Deployment, float], float]


class Sight(Protocol):
    """What a rehearsal is asked to stop for."""

    def __call__(self, play: "Rehearsal", event: Event) -> bool:
        """Whether that was enough."""
        ...


class Enough(Exception):
    """What was to be seen has been seen."""


class TooLong(Exception):
    """More looks at more instances than anybody wants to wait for."""


@dataclass
class Rehearsal:
    """A run, and what was seen of it; times are epoch seconds of the simulated clock.

    rest:    seconds until anything can happen to a deployment that only waits (`operations.pace`).
    work:    how many instances may be looked at, over all looks; `BESIDES` is added to each look.
    enough:  ends it early.
    full_at: the last step that moves traffic was done; None: it was not.
    left_at: first time after the way back began at which nobody reached the release.
    turned:  why the way back began, and when.
    held:    why a person must decide; empty: nobody has to.
    found:   requests that failed until the way back began.
    marks:   after each batch that was judged: when, and the seconds of instances until then.
    """

    cloud: SimCloud
    plan: Plan
    poll_s: float
    rest: Rest
    work: float
    further: tuple[str, ...] = ()
    wish: Ask | None = None
    enough: Sight = lambda _play, _event: False
    began_at: float = 0.0
    full_at: float | None = None
    turned_at: float | None = None
    turned: str = ""
    left_at: float | None = None
    held: str = ""
    found: float = 0.0
    first_user_at: float | None = None
    marks: list[tuple[float, float]] = field(default_factory=list)
    _passed: int = 0
    _to_full: int = 0
    _waits: bool = False
    memory: Memory = field(init=False)

    def __post_init__(self) -> None:
        now = self.cloud.clock.now()
        self.began_at = now
        self._to_full = to_full(self.plan)
        self.memory = Memory(
            Deployment(
                id="rehearsal", environment="", status=Status.RUNNING, plan=self.plan,
                started_at=now, entered_at=now, written=self.cloud.rule,
                cohort=self.cloud.admitted, surge=self.plan.surge, by=WHO,
            ),
            wish=self.wish,
        )  # fmt: skip

    def run(self) -> Deployment:
        """To its end, or until enough was seen; the record as it is then.

        Raises:
            TooLong: more work than was allowed.
        """
        runner = Runner(
            cloud=Sighted(self.cloud), metrics=Published(self.cloud, self.further),
            prober=Smoke(self.cloud), journal=self.memory, clock=self, owner=WHO,
            poll_s=self.poll_s, lease_s=LEASE_S, tell=self.tell, alarms=Silence(),
            hooks=Instantly(), visitors=Callers(self.cloud),
        )  # fmt: skip
        try:
            return runner.run(self.memory.record)
        except Enough:
            return self.memory.record
        except (DeployError, Stuck) as error:
            self.held = self.held or str(error)
            return self.memory.record

    def tell(self, deployment: Deployment, event: Event, _seen: Snapshot | None) -> None:
        """What the engine says."""
        self.memory.record, self._waits = deployment, event.kind == "waiting"
        now = self.cloud.clock.now()
        if event.kind == "retreat":
            self.turned_at, self.turned = now, event.note
            self.found = self.cloud.ledger.total.errors
        if deployment.status is Status.RUNNING:
            self._mark(deployment.cursor, now)
        if self.full_at is None and self._has_all(deployment):
            self.full_at = now
        if self.turned_at is not None and self.left_at is None and self._left(deployment):
            self.left_at = now
        if event.note.startswith(A_PERSON) and deployment.status is Status.RUNNING:
            self.held = event.note
            raise Enough
        if self.enough(self, event):
            raise Enough

    def _mark(self, cursor: int, now: float) -> None:
        for step in self.plan.steps[self._passed : cursor]:
            if isinstance(step, Soak):
                self.marks.append((now, self.cloud.instance_s))
        self._passed = max(self._passed, cursor)

    def _has_all(self, deployment: Deployment) -> bool:
        passed = deployment.cursor >= self._to_full
        running = deployment.status is Status.RUNNING
        return (running and passed) or deployment.status is Status.SHIPPED

    def _left(self, deployment: Deployment) -> bool:
        """Nobody reaches the release any more: in place, only once all its instances are replaced."""
        plan = deployment.first_plan
        if plan.in_place:
            group = self.cloud.groups[plan.candidate]
            return not any(i.release == plan.release.name for i in group.instances)
        return not self.cloud.reaching(plan.candidate)

    # The clock of the runner.

    def now(self) -> float:
        return self.cloud.clock.now()

    def sleep(self, duration_s: float) -> None:
        """To the next moment at which anything can have changed, `duration_s` at least.

        Raises:
            TooLong: that was one look too many.
        """
        minutes = (self.now() - self.memory.record.entered_at) / 60
        self.work -= BESIDES + self.cloud.instances + minutes / 10
        if self.work < 0:
            raise TooLong
        now = self.now()
        ahead_s = duration_s
        if self._waits:  # what was changed a moment ago shows at the very next look
            ahead_s = min(self.rest(self.memory.record, now), self.cloud.next_moment() - now)
        looks = max(1, math.ceil(ahead_s / duration_s - 1e-9))
        self.cloud.clock.sleep(looks * duration_s)
        if self.first_user_at is None and self.plan.ships:
            slot = self.plan.candidate
            if self.plan.in_place or self.cloud.reaching(slot):
                self.first_user_at = now


@dataclass(frozen=True, slots=True)
class Sighted:
    """The port `Cloud`: everything is seen as it is, at once."""

    truth: SimCloud

    def observe(self) -> Snapshot:
        truth, now = self.truth, self.truth.clock.now()
        blue, green = (truth.groups[slot].state(now) for slot in (Slot.BLUE, Slot.GREEN))
        return Snapshot(now, truth.rule, blue, green, truth.cohort, truth.sticky_s, truth.asleep)

    def apply(self, change: Change) -> None:
        self.truth.carry_out(change)
