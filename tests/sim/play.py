"""A whole environment under simulation, and how a person would ship with it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle

from msgspec.structs import replace

from deployer.changes import Change
from deployer.engine.loop import Runner
from deployer.errors import CloudUnavailable, NotFound, NotPossibleNow, PlanInvalid
from deployer.intent import Intent, Limits
from deployer.journal import Ask, Lease, Request
from deployer.model import Admitted, Blocked, Release, Slot, Snapshot, Weights
from deployer.plan import Deployment, Event, Plan, Status
from deployer.planning import preflight, stickiness, strategies
from tests.sim.clock import SimClock
from tests.sim.cloud import SimCloud
from tests.sim.faults import Fault, Gate, Killed
from tests.sim.fleet import Behaviour, SimGroup
from tests.sim.hooks import Book, SimHooks
from tests.sim.journal import SimJournal
from tests.sim.oracles import Oracle
from tests.sim.telemetry import SimAlarms, SimMetrics, SimProber

Strategy = Callable[[Snapshot, Intent], Plan]
ENVIRONMENT = "sim"

INTENT = Intent(
    release=Release("v2", artifact="s3://artifacts/shop/v2.tar.gz"),
    weights=(50, 500),
    bake_s=120.0,
    final_bake_s=60.0,
    linger_s=300.0,
    delay_s=60.0,
    patience_s=300.0,
    approve_s=600.0,
    window_s=120.0,
    limits=Limits(provision_s=300.0, probe_s=60.0, route_s=120.0, retire_s=300.0),
)


@dataclass
class CloudPort:
    """The deployer's sight of the cloud: through the gate, under the oracle's eyes, perhaps stale.

    lags: ages in seconds of the readings to come, of weights and of groups, over and over.
    """

    truth: SimCloud
    gate: Gate
    oracle: Oracle
    owner: str
    history: list[Snapshot]
    lags: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._weights_lag = cycle(self.lags.get("weights") or (0.0,))
        self._groups_lag = cycle(self.lags.get("groups") or (0.0,))

    def observe(self) -> Snapshot:
        return self.gate.through("cloud.observe", self._observe)

    def apply(self, change: Change) -> None:
        self.gate.through("cloud.apply", lambda: self._apply(change))

    def _apply(self, change: Change) -> None:
        self._remember()
        self.oracle.before(change, self.owner)
        self.truth.carry_out(change)
        self._remember()

    def _remember(self) -> None:
        groups, now = self.truth.groups, self.truth.clock.now()
        if not self.lags and self.history and self.history[-1].at < now:
            self.history.clear()  # nobody will read the past
        blue, green = (groups[slot].state(now) for slot in (Slot.BLUE, Slot.GREEN))
        self.history.append(
            Snapshot(
                now,
                self.truth.rule,
                blue,
                green,
                self.truth.cohort,
                self.truth.sticky_s,
                self.truth.asleep,
            )
        )

    def _observe(self) -> Snapshot:
        self._remember()
        now = self.truth.clock.now()
        rules = self._as_of(now - next(self._weights_lag))
        groups = self._as_of(now - next(self._groups_lag))
        return Snapshot(
            now, rules.weights, groups.blue, groups.green, rules.cohort, rules.sticky_s,
            rules.asleep,
        )  # fmt: skip

    def _as_of(self, moment: float) -> Snapshot:
        """The oldest remembered reading that is no older than `moment`."""
        found = self.history[-1]
        for snapshot in reversed(self.history):
            if snapshot.at < moment:
                break
            found = snapshot
        return found


@dataclass
class Play:
    """One simulated environment and everything around it.

    absence_s: how long nobody looks after a process has died; longer than a lease.
    """

    clock: SimClock
    cloud: SimCloud
    gate: Gate
    journal: SimJournal
    metrics: SimMetrics
    prober: SimProber
    oracle: Oracle
    lags: Mapping[str, Sequence[float]]
    poll_s: float = 10.0
    lease_s: float = 60.0
    absence_s: float = 61.0
    events: list[tuple[Event, str]] = field(default_factory=list)
    history: list[Snapshot] = field(default_factory=list)
    hooks: Book = field(default_factory=Book)

    def __post_init__(self) -> None:
        self.alarms = SimAlarms(self.gate)

    def runner(self, owner: str) -> Runner:
        """A process that runs deployments."""
        cloud = CloudPort(self.cloud, self.gate, self.oracle, owner, self.history, self.lags)
        return Runner(
            cloud=cloud,
            metrics=self.metrics,
            prober=self.prober,
            journal=self.journal,
            clock=self.clock,
            owner=owner,
            poll_s=self.poll_s,
            lease_s=self.lease_s,
            tell=lambda deployment, event, _: self.events.append((event, deployment.id)),
            alarms=self.alarms,
            hooks=SimHooks(self.clock, self.gate, self.hooks),
        )

    def lease(self, owner: str) -> Lease:
        return Lease(owner, self.clock.now() + self.lease_s)

    def open(self, runner: Runner, intent: Intent, strategy: Strategy, name: str) -> Deployment:
        """Compile a plan and take the environment, as the command line does."""
        seen = runner.cloud.observe()
        now = self.clock.now()
        last = next(iter(self.journal.history(ENVIRONMENT, 1)), None)
        deployment = Deployment(
            id=name,
            environment=ENVIRONMENT,
            status=Status.RUNNING,
            plan=strategy(seen, intent),
            started_at=now,
            entered_at=now,
            written=seen.weights,
            cohort=seen.admitted,
            unstuck=stickiness.inherited(last, seen),
            calm_since=now if preflight.disturbed(last, seen) else None,
        )
        return self.journal.begin(deployment, self.lease(runner.owner))

    def ship(
        self, intent: Intent = INTENT, strategy: Strategy = strategies.canary, name: str = "d1"
    ) -> Deployment:
        """Deploy; whenever the process dies, another one resumes after `absence_s`."""
        for life in range(20):
            runner = self.runner(f"{name}-runner-{life}")
            try:
                return self._finish(runner.run(self._patiently(runner, intent, strategy, name)))
            except Killed:
                self.clock.sleep(self.absence_s)
        raise AssertionError("twenty processes were not enough")

    def _resume(self, runner: Runner, name: str) -> Deployment:
        try:
            return self.journal.take_over(ENVIRONMENT, self.lease(runner.owner), self.clock.now())
        except NotFound:
            return self.journal.load(ENVIRONMENT, name)

    def _patiently(
        self, runner: Runner, intent: Intent, strategy: Strategy, name: str
    ) -> Deployment:
        """Open it, or resume it; again and again until that is possible, as a person would."""
        while True:
            try:
                if name in self.journal.stored:
                    return self._resume(runner, name)
                return self.open(runner, intent, strategy, name)
            except (CloudUnavailable, NotPossibleNow):
                self.clock.sleep(self.poll_s)
            except PlanInvalid:
                if not intent.approve:
                    raise
                # The stable slot has died meanwhile: run it again as the refusal says.
                intent = replace(intent, approve=())

    def _finish(self, deployment: Deployment) -> Deployment:
        self.oracle.at_the_end(deployment)
        return deployment

    def abort_at(self, after_s: float) -> None:
        """Somebody runs `deployer abort`, `after_s` seconds from now; too late is no harm."""
        self.cloud.at(self.clock.now() + after_s, self._abort)

    def _abort(self) -> None:
        with suppress(NotPossibleNow):
            self.journal.ask(ENVIRONMENT, Request(Ask.ABORT, "alice", "r1"))

    def stick_at(self, after_s: float, sticky_s: int | None) -> None:
        """Somebody switches the rule's stickiness on or off by hand, `after_s` seconds from now."""

        def switch() -> None:
            self.oracle.sticky_s = sticky_s
            self.cloud.set_sticky(sticky_s)

        self.cloud.at(self.clock.now() + after_s, switch)

    def kill_instance_at(self, after_s: float, slot: Slot) -> None:
        """An instance of `slot` dies by itself, `after_s` seconds from now."""
        moment = self.clock.now() + after_s
        self.cloud.at(moment, lambda: self.cloud.groups[slot].break_one(moment))

    def autoscale_at(self, after_s: float, slot: Slot, desired: int) -> None:
        """Target tracking sizes `slot` while it has traffic, `after_s` seconds from now."""

        def scale() -> None:
            if self.cloud.rule is not None and self.cloud.rule[slot] and self.cloud.flowing:
                group = self.cloud.groups[slot]
                group.desired = max(desired, group.min_size)

        self.cloud.at(self.clock.now() + after_s, scale)

    def move_weights_at(self, after_s: float, weights: Weights) -> None:
        """Somebody moves traffic by hand, `after_s` seconds from now."""

        def move() -> None:
            self.oracle.foreign_at = self.clock.now()
            self.cloud.move(weights)

        self.cloud.at(self.clock.now() + after_s, move)

    def divert_at(self, after_s: float, cohort: Admitted | Blocked | None) -> None:
        """Somebody changes the user group's rule by hand, `after_s` seconds from now."""

        def divert() -> None:
            self.oracle.foreign_at = self.clock.now()
            self.cloud.divert(cohort)

        self.cloud.at(self.clock.now() + after_s, divert)

    @property
    def state(self) -> tuple[object, ...]:
        """The end state: what two runs of the same story must agree on."""
        groups = self.cloud.groups.values()
        return (
            self.cloud.rule,
            self.cloud.cohort,
            tuple((g.slot, g.desired, g.boots, len(g.instances)) for g in groups),
            self.cloud.sticky_s,
            self.cloud.asleep,
        )


def play(
    *,
    size: int = 2,
    weights: Weights | None = Weights(1000, 0),  # noqa: B008 - frozen
    behaviours: Mapping[str, Behaviour] | None = None,
    faults: Mapping[int, Fault] | None = None,
    lags: Mapping[str, Sequence[float]] | None = None,
    data_lag_s: float = 5.0,
    metrics_delay_s: float = 60.0,
    rate: float = 50.0,
    group: int = 0,
    sticky_s: int | None = None,
) -> Play:
    """An environment in which v1 serves with `size` instances (or nothing does: weights None).

    group: share of the requests that a user group makes, per mille.
    """
    clock = SimClock()
    gate = Gate(clock, faults or {})
    groups = {slot: SimGroup(slot, behaviours=behaviours or {}) for slot in Slot}
    live = weights.sole if weights else None
    if live is not None:
        groups[live].desired, groups[live].boots = size, Release("v1")
        groups[live].stock(clock.now())
    cloud = SimCloud(
        clock,
        groups,
        weights,
        load=size,
        rate=rate,
        data_lag_s=data_lag_s,
        group=group,
        sticky_s=sticky_s,
    )
    journal = SimJournal(gate)
    stale_s = max([0.0, *(lag for ages in (lags or {}).values() for lag in ages)])
    return Play(
        clock=clock,
        cloud=cloud,
        gate=gate,
        journal=journal,
        metrics=SimMetrics(cloud, gate, metrics_delay_s),
        prober=SimProber(cloud, gate),
        oracle=Oracle(cloud, journal, ENVIRONMENT, blind_s=stale_s),
        lags=lags or {},
    )


def intent_for(release: str, **changes: object) -> Intent:
    """The simulator's usual intent, for another release."""
    return replace(INTENT, release=Release(release), **changes)
