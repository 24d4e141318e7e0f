"""Whole deployments on the benchmark's streams: ramp, verdict and delays together. Few seeds, fixed.

`make bench-analysis` measures; this holds what it found.
"""

from collections.abc import Iterator

import pytest

from benchmarks.analysis.ours import bases, terms
from benchmarks.analysis.play import Outcome, play
from benchmarks.analysis.scenarios import ALL
from benchmarks.analysis.stream import Stream
from deployer.analysis.limits import Limits
from deployer.analysis.replay.ours import Adaptive

SEEDS = 4
BY_NAME = {one.name: one for one in ALL}


def played(name: str, limits: Limits | None = None) -> Iterator[Outcome]:
    for seed in range(SEEDS):
        stream = Stream(BY_NAME[name], seed)
        yield play(Adaptive(terms(stream, bases(stream), limits or Limits())), stream)


@pytest.mark.parametrize(
    "name",
    ["shared incident", "bursts of 12", "correlated instances", "cold start", "day and night"],
)
def test_good_releases_are_never_sent_back(name: str) -> None:
    assert all(one.aborted is None for one in played(name))


@pytest.mark.parametrize(("name", "minutes"), [("constant 5000/s", 12), ("one in ten fails", 12)])
def test_where_there_is_enough_evidence_they_are_promoted_early(name: str, minutes: int) -> None:
    for one in played(name):
        assert one.promoted is not None
        assert one.promoted <= minutes


@pytest.mark.parametrize(
    ("name", "minutes", "harm"),
    [
        ("all fail, 5000/s", 2, 610), ("all fail, 100/s", 2, 61), ("all fail, 1/s", 6, 45),
        ("errors x5", 20, 60), ("latency x2", 20, 60), ("one endpoint of many", 20, 60),
    ],
)  # fmt: skip
def test_bad_ones_are_sent_back_in_time(name: str, minutes: int, harm: float) -> None:
    for one in played(name):
        assert one.aborted is not None
        assert one.aborted <= minutes
        assert one.harm <= harm


def test_a_larger_budget_costs_more_requests() -> None:
    usual = max(one.harm for one in played("all fail, 100/s"))
    assert min(one.harm for one in played("all fail, 100/s", Limits(harm_budget=2000))) > 5 * usual
