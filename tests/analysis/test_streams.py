"""The benchmark's streams: the same requests for every policy at every weight; and how it ends."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from benchmarks.analysis import scenarios
from benchmarks.analysis.compare import OURS, PEERS, Known, swept
from benchmarks.analysis.limit import least_harm
from benchmarks.analysis.ours import bases
from benchmarks.analysis.play import Outcome, play
from benchmarks.analysis.report import details, summary, wilson
from benchmarks.analysis.stream import EDGES, Stream
from deployer.analysis.chance import binomial, poisson
from deployer.analysis.peers.policy import Act, Seen

CALM = next(one for one in scenarios.GOOD if one.name == "constant 100/s")
DEAD = next(one for one in scenarios.BAD if one.name == "all fail, 100/s")


def test_there_are_enough_scenarios() -> None:
    assert len(scenarios.ALL) >= 30
    assert len({one.name for one in scenarios.ALL}) == len(scenarios.ALL)
    assert {one.bad for one in scenarios.GOOD} == {False}
    assert min(one.rps for one in scenarios.ALL) == 1
    assert max(one.rps for one in scenarios.ALL) == 5000


def test_a_seed_is_a_stream() -> None:
    one, again, other = Stream(CALM, 1), Stream(CALM, 1), Stream(CALM, 2)
    assert one.minute(3, 100) == again.minute(3, 100) != other.minute(3, 100)
    assert one.history() == again.history()


def test_a_larger_weight_adds_to_the_requests_that_were_there() -> None:
    stream = Stream(scenarios.BAD[4], 1)
    for low, high in pairwise(EDGES[1:]):
        few, many = stream.minute(5, low), stream.minute(5, high)
        assert few.candidate.requests <= many.candidate.requests
        assert few.candidate.failed <= many.candidate.failed
        assert few.stable.slow >= many.stable.slow
        both = few.candidate.requests + few.stable.requests
        assert both == many.candidate.requests + many.stable.requests


@pytest.mark.parametrize("mean", [0.3, 7.0, 400.0])
def test_draws_have_their_means(mean: float) -> None:
    uniforms = [(n + 0.5) / 2000 for n in range(2000)]
    assert sum(poisson(u, mean) for u in uniforms) / 2000 == pytest.approx(mean, rel=0.01)
    n = 1000
    for p in (mean / n, 1 - mean / n):
        drawn = sum(binomial(u, n, p) for u in uniforms) / 2000
        assert drawn == pytest.approx(n * p, rel=0.01)
    assert (binomial(0.5, 0, 0.5), binomial(0.5, 9, 0.0), binomial(0.5, 9, 1.0)) == (0, 0, 9)


def test_harm_is_what_the_weights_do() -> None:
    """All of 6,000 requests a minute fail at 10 % for six minutes, and nobody looks."""

    class Blind:
        def act(self, now: int, seen: Sequence[Seen]) -> Act:
            return Act(100) if now < 5 else Act(0, ended=True)

    found = play(Blind(), Stream(DEAD, 1))
    assert (found.aborted, found.promoted) == (None, None)
    assert found.harm == pytest.approx(5 * 600 * 0.995, rel=0.01)


def test_a_dead_release_is_back_as_soon_as_its_first_minute_is_published() -> None:
    stream = Stream(DEAD, 1)
    known = Known(stream, bases(stream), {})
    for make in OURS.values():
        assert play(make(known), stream).aborted == 2
    for make in (*PEERS.values(), *swept().values()):
        make(known)  # every setting can be made


def test_nobody_can_do_less_harm_than_the_limit() -> None:
    assert least_harm(DEAD) == pytest.approx(0.001 * 6000 * 2 * 0.995, rel=0.01)
    loaded = next(one for one in scenarios.BAD if one.name == "fails under load")
    assert least_harm(loaded) == pytest.approx(
        0.5 * 18_000 * 2 * 0.02
    )  # nobody sees it below a half
    bursts = next(one for one in scenarios.BAD if one.name == "x3 in bursts of 12")
    assert least_harm(bursts) == pytest.approx(12 * least_harm(replace(bursts, cluster=1)))
    few = replace(DEAD, rps=1.0)
    assert 0.8 < least_harm(few) < 1.0  # ln(100) nats, and one failure is worth ln(1/0.005)


def test_the_report_adds_up() -> None:
    back, on = Outcome(5, None, 10.0), Outcome(None, 20, 100.0)
    of = {one.name: [back, on] for one in scenarios.BAD} | {
        one.name: [on, on] for one in scenarios.GOOD
    }
    found = summary(of)
    assert (found.false, found.detected, found.found_min, found.promoted_min) == (0, 0.5, 5, 20)
    assert (found.worst, found.worst_most) == (0, wilson(0, 2)[1])  # two runs say next to nothing
    assert found.harm == pytest.approx(56)
    assert found.harm_interval[0] <= found.harm <= found.harm_interval[1]
    assert "| errors x5 | 50.0% |" in details(of)
    assert wilson(0, 100)[1] == pytest.approx(0.037, abs=1e-3)
