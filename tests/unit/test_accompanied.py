"""While a candidate is compared with a stable slot, the tool's own visitors come, if the terms say so."""

from dataclasses import dataclass, field, replace

import pytest

from deployer.analysis.judge import Rule
from deployer.analysis.limits import Limits
from deployer.analysis.terms import Terms
from deployer.model import Weights
from deployer.planning.strategies import canary
from deployer.ports import World
from deployer.record.course import Stretch
from deployer.steps.bake import Bake
from deployer.steps.base import Waiting
from deployer.steps.ramp import Ramp
from tests.sim.play import ENVIRONMENT, intent_for, play
from tests.unit.world import BLUE, GREEN, NOW, FixedMetrics, instances, slot, snapshot, world


@dataclass
class Noted:
    came: list[tuple[Weights, int]] = field(default_factory=list)

    def visit(self, weights: Weights, per_minute: int) -> None:
        self.came.append((weights, per_minute))

    def wait(self) -> None:
        raise AssertionError("no look waits for them")


def looked(
    share: int, terms: Terms | None, step: Bake | Ramp | None = None
) -> list[tuple[Weights, int]]:
    """Who was sent at one look of `step`, or of a bake at `share`."""
    noted, weights = Noted(), Weights(1000 - share, share)
    seen = snapshot(weights, slot(BLUE, *instances(4)), slot(GREEN, *instances(4, "v2")))
    plain: World = world(seen, metrics=FixedMetrics({BLUE: (), GREEN: ()}))
    shares = (Stretch(NOW - 600, NOW - 600, share),)
    step = step or Bake(
        candidate=GREEN, share=share, capacity=4, bake_s=300.0, rule=Rule(), delay_s=60.0,
        patience_s=900.0, inconclusive="abort", deadline_s=1000.0,
    )  # fmt: skip
    progress = step.advance(replace(plain, terms=terms, shares=shares, visitors=noted))
    assert isinstance(progress, Waiting)
    return noted.came


def test_each_look_of_a_comparison_lets_them_come_by_the_live_weights() -> None:
    assert looked(100, Terms(Limits(), probes=30)) == [(Weights(900, 100), 30)]


def test_a_ramp_lets_them_come_too() -> None:
    ramp = Ramp(candidate=GREEN, capacity=4, delay_s=60.0, grow_s=600.0, deadline_s=9000.0)
    assert looked(100, Terms(Limits(), probes=30), ramp) == [(Weights(900, 100), 30)]


@pytest.mark.parametrize(
    ("share", "terms"),
    [
        (100, Terms(Limits())),  # nobody asked for them
        (100, None),
        (1000, Terms(Limits(), probes=30)),  # nothing is beside it
        (0, Terms(Limits(), probes=30)),  # a user group alone, of which nobody knows the share
    ],
)
def test_nobody_comes_otherwise(share: int, terms: Terms | None) -> None:
    assert looked(share, terms) == []


def test_a_visit_ends_when_they_are_back() -> None:
    """Whoever goes away after a look (a tick in the cloud) would take them along."""
    sim, waited = play(), [0]

    class Guests(Noted):
        def wait(self) -> None:
            waited[0] += 1

    runner = replace(sim.runner("timer"), visitors=Guests())
    sim.open(runner, intent_for("v2"), canary, "d1")
    for visits in (1, 2):
        active = sim.journal.peek(ENVIRONMENT)
        assert active is not None
        runner.visit(active, 300.0)
        assert waited == [visits]
