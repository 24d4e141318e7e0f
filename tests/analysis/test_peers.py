"""The peers' rules, minute by minute: what their sources say that they do."""

from collections.abc import Sequence
from statistics import fmean, pstdev

import pytest

from deployer.analysis.peers.argo import Argo
from deployer.analysis.peers.codedeploy import CodeDeploy
from deployer.analysis.peers.flagger import Flagger
from deployer.analysis.peers.policy import Act, Policy, Seen, Served
from deployer.analysis.peers.spinnaker import Even, Spinnaker
from deployer.analysis.peers.z_test import ZTest


def ticks(policy: Policy, failed: Sequence[int], requests: int = 100) -> list[Act]:
    """What it does minute by minute, without delay."""
    seen = [Seen(100, Served(requests, bad, 0), Served(900, 0, 0)) for bad in failed]
    return [policy.act(now, seen[:now]) for now in range(len(seen) + 1)]


def test_flagger_never_forgives_and_goes_back_a_tick_late() -> None:
    acts = ticks(Flagger(threshold=2), [0, 0, 5, 0, 5, 0, 0])
    assert [act.aborted for act in acts] == [False] * 6 + [True, True]
    assert ticks(Flagger(), [0] * 8)[-1] == Act(1000, ended=True)


def test_flagger_takes_silence_for_failure() -> None:
    assert ticks(Flagger(threshold=1), [0, 0, 0, 0], requests=0)[-1].aborted


def test_argo_forgives_as_many_as_its_limit() -> None:
    assert not ticks(Argo(limit=1, step_min=30), [10] * 5)[-1].aborted
    assert ticks(Argo(limit=0, step_min=30), [10] * 5)[-1].aborted
    assert ticks(Argo(limit=1, step_min=30), [10] * 10)[-1].aborted


def test_codedeploy_hears_alarms_only_while_it_deploys() -> None:
    assert ticks(CodeDeploy(), [0, 0, 1, 0])[-1].aborted
    assert ticks(CodeDeploy(None, 0.01, 2), [0, 0, 5, 0, 5])[-1] == Act(1000, ended=True)


def test_argo_takes_five_measurements_without_data_for_a_reason_to_go_back() -> None:
    acts = ticks(Argo(limit=9, step_min=60), [0] * 26, requests=0)
    assert [now for now, act in enumerate(acts) if act.aborted] == [25, 26]


def test_spinnaker_goes_back_at_the_first_bad_score_and_on_after_the_last_good_one() -> None:
    bad = ticks(Spinnaker({}), [9 + n % 3 for n in range(21)])
    assert [now for now, act in enumerate(bad) if act.aborted] == [20]
    assert ticks(Spinnaker({}, lifetime=40), [0] * 40)[-1] == Act(1000, ended=True)


def test_a_z_test_goes_back_as_soon_as_chance_is_unlikely() -> None:
    acts = ticks(ZTest(), [5] * 4)
    assert [now for now, act in enumerate(acts) if act.aborted] == [3, 4]


def test_noise_is_normal_and_the_same_each_time() -> None:
    drawn, again = Even(), Even()
    values = [drawn.gauss(3, 2) for _ in range(1023)]
    assert values == [again.gauss(3, 2) for _ in range(1023)]
    assert len(set(values)) == len(values)
    assert fmean(values) == pytest.approx(3, abs=0.01)
    assert pstdev(values) == pytest.approx(2, rel=0.02)
