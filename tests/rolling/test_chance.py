"""Whatever happens while instances are replaced, users lose nothing that could have been saved."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from deployer.plan import Status
from tests.sim.faults import Fault
from tests.sim.fleet import NEVER, Behaviour
from tests.sim.play import Play, play

from .stage import BLUE, intent, ship

behaviours = st.builds(
    Behaviour,
    boot_s=st.sampled_from([5.0, 30.0, 90.0, 400.0]),
    health_s=st.sampled_from([1.0, 10.0, 45.0]),
    healthy=st.integers(0, 9).map(bool),
    errors=st.sampled_from([0, 0, 0, 5, 30, 200, 1000]),
    crash_after_s=st.sampled_from([NEVER, NEVER, NEVER, 15.0, 130.0, 400.0]),
)
faults = st.dictionaries(st.integers(0, 150), st.sampled_from(Fault), max_size=6)
lags = st.fixed_dictionaries(
    {
        "weights": st.lists(st.sampled_from([0.0, 0.0, 5.0, 15.0]), max_size=5),
        "groups": st.lists(st.sampled_from([0.0, 0.0, 5.0, 15.0, 40.0]), max_size=5),
    }
)


@dataclass(frozen=True)
class Tale:
    """Everything that chance decides about one rolling deployment."""

    size: int
    surge: int
    max_unavailable: int
    release: Behaviour
    abort_s: float | None
    deaths: list[float]
    sizes: list[tuple[float, int]]

    def set_up(self, **facts: object) -> Play:
        sim = play(size=self.size, behaviours={"v2": self.release}, **facts)  # type: ignore[arg-type]
        sim.cloud.load = max(1, self.size - self.dip)
        sim.cloud.groups[BLUE].max_size = 40
        if self.abort_s is not None:
            sim.abort_at(self.abort_s)
        for death in self.deaths:
            sim.kill_instance_at(death, BLUE)
        for second, more in self.sizes:
            self.scale_out_at(sim, second, more)
        return sim

    def scale_out_at(self, sim: Play, second: float, more: int) -> None:
        """Target tracking finds the load too high."""
        group = sim.cloud.groups[BLUE]

        def happen() -> None:
            group.desired = max(group.desired, self.size + more)

        sim.cloud.at(sim.clock.now() + second, happen)

    @property
    def dip(self) -> int:
        return min(self.size - 1, self.max_unavailable)


@st.composite
def tales(draw: st.DrawFn) -> Tale:
    surge = draw(st.integers(0, 4))
    return Tale(
        size=draw(st.integers(1, 7)),
        surge=surge,
        max_unavailable=draw(st.integers(0 if surge else 1, 3)),
        release=draw(behaviours),
        abort_s=draw(st.none() | st.floats(0.0, 900.0)),
        deaths=draw(st.lists(st.floats(30.0, 900.0), max_size=2)),
        sizes=draw(st.lists(st.tuples(st.floats(0.0, 900.0), st.integers(0, 6)), max_size=2)),
    )


def judge(sim: Play, tale: Tale) -> None:
    """It ends, nothing stays suspended, and whatever it could have saved was saved."""
    deployment = ship(sim, intent(surge=tale.surge, max_unavailable=tale.max_unavailable))
    assert deployment.status.final
    assert deployment.suspended is None
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    assert sim.cloud.ledger.total.ours == 0
    group = sim.cloud.groups[BLUE]
    assert not group.suspended
    rolled = deployment.first_plan.strategy == "rolling"  # a dead group is not replaced but left
    if deployment.status is not Status.HALTED and rolled:
        wanted = "v2" if deployment.status is Status.SHIPPED else "v1"
        staying = [i for i in group.instances if i.leaving_at == NEVER]
        assert group.boots is not None
        assert group.boots.name == wanted
        assert {i.release for i in staying} <= {wanted}
        assert group.desired >= tale.size


@given(tale=tales())
def test_any_release_in_any_group(tale: Tale) -> None:
    judge(tale.set_up(), tale)


@given(tale=tales(), faults=faults)
def test_any_faults_at_any_calls(tale: Tale, faults: dict[int, Fault]) -> None:
    judge(tale.set_up(faults=faults), tale)


@given(tale=tales(), faults=faults, lags=lags)
def test_late_readings(tale: Tale, faults: dict[int, Fault], lags: dict[str, list[float]]) -> None:
    judge(tale.set_up(faults=faults, lags=lags), tale)
