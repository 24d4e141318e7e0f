"""A plan and its fleet in miniature: which numbers become smaller, and that nothing else does."""

from dataclasses import replace as altered
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from deployer.amount import Amount
from deployer.intent import Intent, Roll
from deployer.model import Slot, Snapshot, WarmPool
from deployer.planning import strategies
from deployer.record.held import Surge
from deployer.simulation.miniature import (
    OF_INSTANCES,
    Scale,
    fleet,
    rarer,
    rounds,
    small_fleet,
    small_pace,
    small_plan,
)
from deployer.steps.batches import Pace
from deployer.steps.kinds import Step
from deployer.steps.provision import Provision
from deployer.steps.replace import Replace
from deployer.steps.soak import Soak
from tests.sim.play import INTENT, play

OTHERWISE = {"share", "requests", "allowed_failures", "nth", "probes_per_min"}
"""Whole numbers in steps that are not of instances."""


def seen(size: int) -> Snapshot:
    sim = play(size=size)
    for group in sim.cloud.groups.values():
        group.max_size = 3 * size + 10
    return sim.runner("reader").cloud.observe()


def rolled(**how: Amount) -> Intent:
    return replace(INTENT, roll=Roll(**{"surge": Amount(0), **how}))  # type: ignore[arg-type]


def test_of_every_number_in_a_step_it_is_known_whether_it_is_of_instances() -> None:
    """Else a new one would stay as large as it was in a fleet that has become smaller."""
    numbers = {field.name for kind in get_args(Step) for field in fields(kind) if field.type is int}
    assert numbers - OTHERWISE == OF_INSTANCES
    assert {field.name for field in fields(Pace)} == {"count", "max_unavailable", "surge"}
    assert {f.name for f in fields(Surge) if f.type is int} == {"base", "top"}
    ints = {field.name for field in fields(Intent) if field.type is int}
    others = {"hold_back", "probe_requests", "probe_allowed_failures"}
    assert ints - others == {"standby", "size", "floor"}


@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 10_000))
def test_whatever_there_was_one_of_there_is_one_of(part: int, more: int, number: int) -> None:
    scale = Scale(part, part + more)
    assert scale.of(number) <= number
    assert bool(scale.of(number)) is bool(number)
    assert scale.of(number + 1) >= scale.of(number)
    assert abs(scale.of(number) * scale.one_to - number) < scale.one_to


@given(st.integers(1, 5_000), st.integers(0, 300), st.integers(0, 300), st.integers(1, 400))
def test_a_batch_stays_a_batch(count: int, surge: int, away: int, part: int) -> None:
    pace = Pace(count, min(count - 1, away), surge)
    if not pace.batch:
        return
    scale = Scale(min(part, count), count)
    small = small_pace(pace, scale)
    assert small.batch == scale.of(pace.batch) >= 1
    assert 0 <= small.max_unavailable < small.count
    assert (small.surge > 0) >= (pace.max_unavailable == 0)


def test_a_fleet_keeps_its_kinds_and_sizes_in_proportion() -> None:
    there = seen(200)
    old, protected = there.blue.instances[:3], there.blue.instances[3:5]
    mixed = altered(
        there.blue,
        instances=(
            *(altered(i, release="v0") for i in old),
            *(altered(i, protected=True) for i in protected),
            *there.blue.instances[5:],
        ),
        pool=WarmPool("sim-blue", size=30, up_to=40),
    )
    small = small_fleet(altered(there, blue=mixed), Scale(20, 200)).blue
    assert (small.desired, len(small.instances)) == (20, 20)
    assert small.releases == ("v0", "v1")
    assert sum(i.protected for i in small.instances) == 1
    assert small.pool is not None
    assert (small.pool.size, small.pool.up_to) == (3, 4)
    assert len({i.id for i in small.instances}) == 20
    zones = [sum(i.zone == zone for i in small.instances) for zone in ("a", "b")]
    assert max(zones) - min(zones) <= 2
    assert small_fleet(there, Scale(20, 200)).green.empty


def test_batches_keep_their_number_and_too_many_become_fewer() -> None:
    there = seen(200)
    plan = strategies.rolling(there, rolled(surge=Amount(share=100)))
    for part in (10, 20, 50, 100):
        scale = Scale(part, 200)
        small = small_plan(plan, small_fleet(there, scale), scale)
        assert rounds(small, small_fleet(there, scale)) == rounds(plan, there) == 10
        assert [type(step) for step in small.steps] == [type(step) for step in plan.steps]
    single = strategies.rolling(there, rolled(surge=Amount(1)))
    scale = Scale(10, 200)
    small = small_plan(single, small_fleet(there, scale), scale)
    assert (rounds(single, there), rounds(small, small_fleet(there, scale))) == (200, 10)


def test_what_watches_a_step_is_of_the_same_size_as_the_step() -> None:
    there = seen(200)
    plan = strategies.rolling(there, rolled(surge=Amount(10), max_unavailable=Amount(30)))
    scale = Scale(20, 200)
    small = small_plan(plan, small_fleet(there, scale), scale)
    first = next(step for step in small.steps if isinstance(step, Replace))
    assert (first.until, first.pace) == (4, Pace(20, 3, 1))
    assert first.watch is not None
    assert (first.watch.until, first.watch.count, first.watch.away) == (4, 20, 3)


@pytest.mark.parametrize("first", [1, 10, 50, 333])
def test_matched_capacity_is_enough_for_its_first_share(first: int) -> None:
    there = seen(200)
    plan = strategies.canary(there, replace(INTENT, weights=(first, 900), capacity="matched"))
    scale = Scale(20, 200)
    small = small_plan(plan, small_fleet(there, scale), scale)
    again = strategies.canary(
        small_fleet(there, scale), replace(INTENT, weights=(first, 900), capacity="matched")
    )
    launched = [[s.count for s in p.steps if isinstance(s, Provision)] for p in (small, again)]
    assert launched[0] >= launched[1]


def test_what_an_earlier_deployment_left_of_its_surge_is_in_proportion() -> None:
    there = seen(200)
    names = tuple(i.id for i in there.blue.instances[:100])
    plan = replace(
        strategies.rolling(there, rolled(surge=Amount(10))),
        surge=Surge(Slot.BLUE, 200, 250, leaving=names),
    )
    scale = Scale(20, 200)
    small = small_plan(plan, small_fleet(there, scale), scale).surge
    assert small is not None
    assert (small.base, small.top) == (20, 25)
    assert 0 < len(small.leaving) <= 20


@settings(max_examples=30)
@given(st.integers(1, 1_000), st.integers(1, 5_000))
def test_the_rarer_a_release_the_more_requests_it_takes_to_judge_it(count: int, many: int) -> None:
    plan = strategies.rolling(seen(4), rolled(surge=Amount(1)))
    share = count / (count + many)
    soaks = [step for step in rarer(plan, lambda _: share).steps if isinstance(step, Soak)]
    for step, was in zip(soaks, (s for s in plan.steps if isinstance(s, Soak)), strict=True):
        assert step.rule.min_requests >= was.rule.min_requests / share
        assert step.rule.tolerance == pytest.approx(was.rule.tolerance * share)
        assert step.rule.min_failures == was.rule.min_failures
    watches = [
        s.watch for s in rarer(plan, lambda _: share).steps if isinstance(s, Replace) and s.watch
    ]
    assert [w.rule for w in watches] == [s.rule for s in soaks]


def test_a_fleet_is_as_large_as_its_larger_slot() -> None:
    there = seen(7)
    plan = strategies.canary(there, INTENT)
    assert fleet(there, plan) == 7
    assert fleet(there, replace(plan, capacity=30)) == 30
    assert rounds(plan, there) == 0
