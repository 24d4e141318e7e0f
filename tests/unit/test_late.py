"""Metrics that come later than usual: they are waited for, and nobody is sent back because of it."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deployer.analysis.dispersion import Base
from deployer.analysis.limits import Limits
from deployer.analysis.terms import Terms
from deployer.intent import Intent
from deployer.model import Minute, Snapshot
from deployer.plan import Plan, Status
from deployer.planning import strategies
from deployer.steps.beside import told
from tests.rolling.stage import intent as rolled
from tests.sim.fleet import Behaviour
from tests.sim.play import INTENT, play

USUAL = {name: Base(2e-3, 1.0, 300) for name in ("failures", "slow")}
JUDGED = replace(INTENT, terms=Terms(Limits(), USUAL, 1.0, 12_000.0))
OLD = Behaviour(errors=1, slow=1)
LATE_S = 170.0  # INTENT waits for a minute: these are nearly two minutes later

Strategy = Callable[[Snapshot, Intent], Plan]


def minutes(counts: list[int | None]) -> list[Minute]:
    return [Minute(60.0 * n, count) for n, count in enumerate(counts)]


COUNTS = st.lists(st.tuples(*[st.none() | st.integers(0, 9)] * 2), max_size=12)


@given(COUNTS, st.integers(0, 4))
def test_only_the_newest_silence_of_both_is_late(
    counts: list[tuple[int | None, int | None]], most: int
) -> None:
    own, other = minutes([one for one, _ in counts]), minutes([two for _, two in counts])
    kept, beside = told(own, other, most)
    assert list(kept) == own[: len(kept)]
    assert list(beside) == other[: len(kept)]
    left = counts[len(kept) :]
    assert len(left) <= most
    assert all(pair == (None, None) for pair in left)
    silent = [pair == (None, None) for pair in counts]
    ends = [n for n, (one, two) in enumerate(pairwise([False, *silent])) if two and not one]
    longer = bool(silent) and silent[-1] and len(counts) - ends[-1] > most
    assert longer or not kept or counts[len(kept) - 1] != (None, None)


def test_failures_without_requests_are_no_silence() -> None:
    broken = [Minute(0.0, 5), Minute(60.0, None, connection_errors=3)]
    assert told(broken, minutes([5, None]), 4)[0] == broken


@pytest.mark.parametrize(
    ("strategy", "intent"),
    [
        (strategies.canary, JUDGED),
        (strategies.canary, INTENT),
        (strategies.blue_green, INTENT),
        (strategies.rolling, rolled()),
    ],
)
def test_late_metrics_only_cost_time(strategy: Strategy, intent: Intent) -> None:
    sim = play(behaviours={"v1": OLD, "v2": OLD}, rate=200.0, metrics_delay_s=LATE_S)
    assert sim.ship(intent, strategy).status is Status.SHIPPED


def test_late_metrics_condemn_as_before() -> None:
    bad = Behaviour(errors=10, slow=1)
    sim = play(behaviours={"v1": OLD, "v2": bad}, rate=200.0, metrics_delay_s=LATE_S)
    done = sim.ship(JUDGED)
    assert (done.status, "worse than stable" in done.reason) == (Status.ROLLED_BACK, True)


def test_metrics_that_never_come_are_not_late() -> None:
    sim = play(behaviours={"v1": OLD, "v2": OLD}, rate=200.0, metrics_delay_s=1e6)
    assert sim.ship(INTENT).status is Status.ROLLED_BACK
