"""Whatever happens, users lose nothing that the deployer could have saved.

Random fleets, strategies, weights, releases, faults, late readings, aborts and people's wishes. The oracles judge each change
when it is made (tests/sim/oracles.py); the ledger judges by what users saw.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as altered
from itertools import count

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deployer.analysis.dispersion import Base
from deployer.analysis.limits import Limits
from deployer.analysis.terms import Terms
from deployer.changes import ResumeProcesses, Thaw
from deployer.engine.loop import Runner
from deployer.errors import LeaseLost
from deployer.intent import Intent
from deployer.journal import Ask
from deployer.model import Release, Slot, Snapshot, Weights
from deployer.plan import Deployment, Event, Status
from deployer.planning.strategies import STRATEGIES, Strategy
from deployer.steps.retire import Retire
from tests.sim.faults import Fault
from tests.sim.fleet import NEVER, Behaviour
from tests.sim.people import Person, ask_at, resumes
from tests.sim.play import ENVIRONMENT, INTENT, Play, play


@st.composite
def behaviours(draw: st.DrawFn) -> Behaviour:
    return Behaviour(
        boot_s=draw(st.sampled_from([5.0, 30.0, 90.0, 400.0])),
        health_s=draw(st.sampled_from([1.0, 10.0, 45.0])),
        healthy=draw(st.integers(0, 9)) > 0,
        errors=draw(st.sampled_from([0, 0, 0, 5, 30, 200, 1000])),
        crash_after_s=draw(st.sampled_from([NEVER, NEVER, NEVER, 15.0, 130.0, 400.0])),
    )


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    """What a canary is held to beside the stable slot; its time is short, and so is people's."""
    limits = Limits(
        max_minutes=draw(st.integers(3, 9)),
        harm_budget=draw(st.sampled_from([30.0, 1e5])),
        beta=draw(st.sampled_from([0.05, 0.9])),
        inconclusive=draw(st.sampled_from(["promote", "hold", "abort"])),
    )
    return Terms(
        limits, {"failures": Base(1e-3, 1.0, 300)}, 1.0, draw(st.sampled_from([None, 3e3]))
    )


@st.composite
def intents(draw: st.DrawFn) -> Intent:
    weights = draw(st.sets(st.integers(1, 999), max_size=3))
    left = 1000 - max(weights, default=0)
    held_to = draw(st.one_of(st.none(), st.none(), terms()))
    return replace(
        INTENT,
        release=Release("v2"),
        weights=tuple(sorted(weights)),
        bake_s=draw(st.sampled_from([0.0, 60.0, 150.0])),
        final_bake_s=draw(st.sampled_from([0.0, 60.0])),
        capacity=draw(st.sampled_from(["full", "matched"])),
        hold_back=draw(st.sampled_from([0, 0, min(10, left - 1)])),
        hold_back_s=60.0,
        window_s=draw(st.sampled_from([0.0, 150.0])),
        standby=draw(st.integers(0, 1)),
        linger_s=draw(st.sampled_from([60.0, 300.0])),
        inconclusive=draw(st.sampled_from(["abort", "promote", "hold"])),
        terms=held_to,
        auto=held_to is not None and draw(st.booleans()),
    )


faults = st.dictionaries(st.integers(0, 150), st.sampled_from(Fault), max_size=6)
bursts = st.builds(
    lambda start, length: dict.fromkeys(range(start, start + length), Fault.THROTTLED),
    st.integers(0, 120),
    st.integers(1, 25),
)
lags = st.fixed_dictionaries(
    {
        "weights": st.lists(st.sampled_from([0.0, 0.0, 5.0, 15.0, 40.0]), max_size=5),
        "groups": st.lists(st.sampled_from([0.0, 0.0, 5.0, 15.0, 40.0]), max_size=5),
    }
)
moments = st.one_of(st.none(), st.floats(0.0, 900.0))


def regrets(deployment: Deployment, _now: float) -> Ask | None:
    """Somebody who wants to go back when the old slot is being emptied already."""
    return Ask.ABORT if isinstance(deployment.step, Retire) else None


@dataclass(frozen=True)
class Tale:
    """Everything that chance decides about one deployment."""

    size: int
    live: Slot
    intent: Intent
    release: Behaviour
    data_lag_s: float
    metrics_delay_s: float
    abort_s: float | None
    deaths: list[float]
    sizes: list[tuple[float, int]]
    silent_minutes: frozenset[int]
    strategy: str
    gates: frozenset[int]
    wishes: list[tuple[float, Ask]]
    late: bool

    @property
    def compile_it(self) -> Strategy:
        return STRATEGIES[self.strategy]

    @property
    def wanted(self) -> Intent:
        """The intent, with approval asked for at some of the strategy's stops."""
        alone = self.strategy == "blue-green" or self.intent.auto
        stops = (1000,) if alone else (*self.intent.weights, 1000)
        gates = tuple(stop for n, stop in enumerate(stops) if n in self.gates)
        return replace(self.intent, approve=gates)

    def set_up(
        self,
        faults: Mapping[int, Fault] | None = None,
        lags: Mapping[str, list[float]] | None = None,
    ) -> Play:
        sim = play(
            size=self.size,
            weights=Weights.toward(self.live, 1000),
            behaviours={"v2": self.release},
            faults=faults,
            lags=lags,
            data_lag_s=self.data_lag_s,
            metrics_delay_s=self.metrics_delay_s,
        )
        if self.abort_s is not None:
            sim.abort_at(self.abort_s)
        for death in self.deaths:
            sim.kill_instance_at(death, self.live)
        for second, more in self.sizes:
            sim.autoscale_at(second, self.live, self.size + more)
        for second, ask in self.wishes:
            ask_at(sim, second, ask)
        Person(sim, resumes(200.0), every_s=50.0)
        if self.late:
            Person(sim, regrets, every_s=10.0)
        first = int(sim.clock.now() // 60)
        sim.metrics.missing = {first + minute for minute in self.silent_minutes}
        return sim


tales = st.builds(
    Tale,
    size=st.integers(1, 6),
    live=st.sampled_from(Slot),
    intent=intents(),
    release=behaviours(),
    data_lag_s=st.sampled_from([0.0, 5.0, 30.0]),
    metrics_delay_s=st.sampled_from([20.0, 60.0, 180.0]),
    abort_s=moments,
    deaths=st.lists(st.floats(30.0, 900.0), max_size=2),
    sizes=st.lists(st.tuples(st.floats(0.0, 900.0), st.integers(0, 3)), max_size=3),
    silent_minutes=st.frozensets(st.integers(0, 15), max_size=3),
    strategy=st.sampled_from(["canary", "blue-green"]),
    gates=st.frozensets(st.integers(0, 3), max_size=2),
    wishes=st.lists(st.tuples(st.floats(0.0, 1500.0), st.sampled_from(Ask)), max_size=5),
    late=st.integers(0, 3).map(lambda chance: chance == 0),
)


def judge(sim: Play, deployment: Deployment) -> None:
    assert deployment.status.final
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    assert sim.cloud.ledger.total.ours == 0


@given(tale=tales)
def test_any_release_on_any_fleet(tale: Tale) -> None:
    sim = tale.set_up()
    judge(sim, sim.ship(tale.wanted, tale.compile_it))


@given(tale=tales, faults=faults, burst=bursts)
def test_any_faults_at_any_calls(
    tale: Tale, faults: dict[int, Fault], burst: dict[int, Fault]
) -> None:
    sim = tale.set_up(faults={**burst, **faults})
    judge(sim, sim.ship(tale.wanted, tale.compile_it))


@given(tale=tales, faults=faults, lags=lags)
def test_late_readings(tale: Tale, faults: dict[int, Fault], lags: dict[str, list[float]]) -> None:
    sim = tale.set_up(faults, lags)
    judge(sim, sim.ship(tale.wanted, tale.compile_it))


@given(tale=tales, nth=st.integers(0, 60), turns=st.integers(0, 40))
def test_a_runner_that_sleeps_through_its_lease_changes_nothing_more(
    tale: Tale, nth: int, turns: int
) -> None:
    """Another one takes over, for some turns; when both are gone a third one ends it."""
    sim, told = tale.set_up(), count()
    one, two = sim.runner("one"), sim.runner("two")

    def taken(runner: Runner) -> Deployment:
        sim.clock.sleep(sim.lease_s + 1.0)
        if sim.journal.peek(ENVIRONMENT) is None:
            return sim.journal.load(ENVIRONMENT, "d1")
        return sim.journal.take_over(ENVIRONMENT, sim.lease(runner.owner), sim.clock.now())

    def sleeps(_deployment: Deployment, _event: Event, _seen: Snapshot | None) -> None:
        if next(told) != nth:
            return
        deployment, until = taken(two), sim.clock.now() + sim.lease_s
        for _ in range(turns):
            if not deployment.status.final:
                deployment, until = two.turn(deployment, until)
                sim.clock.sleep(sim.poll_s)

    try:
        ended = altered(one, tell=sleeps).run(sim.open(one, tale.wanted, tale.compile_it, "d1"))
    except LeaseLost:
        ended = sim.runner("three").run(taken(sim.runner("three")))
    sim.oracle.at_the_end(ended)
    judge(sim, ended)


@given(tale=tales, second=st.floats(1.0, 900.0), share=st.integers(0, 1000))
def test_somebody_else_moves_traffic(tale: Tale, second: float, share: int) -> None:
    """The deployment ends, halted unless it was over by then, and overwrites nothing."""
    sim = tale.set_up()
    foreign = Weights.toward(tale.live, share)
    sim.move_weights_at(second, foreign)
    began = sim.clock.now()
    deployment = sim.ship(tale.wanted, tale.compile_it)
    assert deployment.status.final
    assert sim.oracle.violations == []
    if deployment.status is Status.HALTED and "somebody else" in deployment.reason:
        assert sim.cloud.rule == foreign
        later = [change for at, change in sim.cloud.changes if at > began + second]
        assert all(isinstance(change, ResumeProcesses | Thaw) for change in later)


@given(
    release=behaviours(),
    intent=intents(),
    abort_s=moments,
    faults=faults,
    lags=lags,
    data_lag_s=st.sampled_from([0.0, 30.0]),
)
def test_the_first_release(
    *,
    release: Behaviour,
    intent: Intent,
    abort_s: float | None,
    faults: dict[int, Fault],
    lags: dict[str, list[float]],
    data_lag_s: float,
) -> None:
    sim = play(
        weights=None, behaviours={"v2": release}, faults=faults, lags=lags, data_lag_s=data_lag_s
    )
    if abort_s is not None:
        sim.abort_at(abort_s)
    judge(sim, sim.ship(intent))


@given(
    releases=st.lists(behaviours(), min_size=2, max_size=4),
    aborts=st.lists(moments, min_size=4, max_size=4),
    faults=faults,
    intent=intents(),
)
def test_one_deployment_after_the_other(
    releases: list[Behaviour],
    aborts: list[float | None],
    faults: dict[int, Fault],
    intent: Intent,
) -> None:
    """What one leaves behind, the next one can begin with."""
    names = [f"v{n + 2}" for n in range(len(releases))]
    sim = play(behaviours=dict(zip(names, releases, strict=True)), faults=faults)
    for name, abort_s in zip(names, aborts, strict=False):
        if abort_s is not None:
            sim.abort_at(abort_s)
        deployment = sim.ship(replace(intent, release=Release(name)), name=f"d-{name}")
        judge(sim, deployment)
        if deployment.status is Status.HALTED:
            break
