"""Outlooks: the engine carries a plan out in a simulated environment like the one that was read."""

from collections.abc import Callable, Mapping
from dataclasses import replace as altered

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from deployer.amount import Amount
from deployer.analysis.limits import FAILURES, Limits, Metric
from deployer.analysis.terms import Terms
from deployer.cohort import Cohort
from deployer.hooks import HookAction, HookPoint
from deployer.intent import Intent, Roll
from deployer.journal import decode, encode
from deployer.model import Release, Snapshot, Weights
from deployer.operations.foreseeing import QUICK, THOROUGH, Circumstances, foresee
from deployer.plan import Plan
from deployer.planning import strategies
from deployer.record.outlook import Assumed, Outlook, Price
from tests.sim.play import INTENT, Play, play

USUAL = replace(INTENT, weights=(50, 250, 500), bake_s=600.0, final_bake_s=600.0, patience_s=1500.0)
TERMS = Terms(Limits(metrics=(FAILURES,)), {}, None, 1000.0)
PRICE = Price(usd=0.1, type="m7g.large", source="here")
Strategy = Callable[[Snapshot, Intent], Plan]


def seen(size: int = 2, **how: object) -> Snapshot:
    sim: Play = play(size=size, **how)  # type: ignore[arg-type]
    for group in sim.cloud.groups.values():
        group.max_size = 2 * size + 10
    return sim.runner("reader").cloud.observe()


def outlook(
    strategy: Strategy = strategies.canary,
    intent: Intent = USUAL,
    there: Snapshot | None = None,
    *,
    rate: float | None = 1000.0,
    boot_s: float = 90.0,
    work: float = THOROUGH,
) -> Outlook:
    there = there or seen()
    under = Circumstances(Assumed(boot_s=boot_s, requests_per_min=rate), 5.0, PRICE, work)
    return foresee(strategy(there, intent), there, under)


def known(found: Outlook) -> tuple[float, float, float]:
    assert found.full_s is not None, found.why
    assert found.end_s is not None
    assert found.extra_hours is not None
    return found.full_s, found.end_s, found.extra_hours


OPTIONS: Mapping[str, tuple[Strategy, Intent]] = {
    "canary": (strategies.canary, USUAL),
    "held to evidence": (strategies.canary, replace(USUAL, terms=TERMS)),
    "ramp": (strategies.canary, replace(USUAL, terms=TERMS, auto=True)),
    "probes of the tool's own": (
        strategies.canary,
        replace(USUAL, terms=Terms(Limits(metrics=(FAILURES,)), {}, None, 10.0, 600)),
    ),
    "a metric of the service's own": (
        strategies.canary,
        replace(USUAL, terms=Terms(Limits(metrics=(FAILURES, Metric("orders"))), {}, None, 1000.0)),
    ),
    "latency": (strategies.canary, replace(USUAL, terms=Terms(Limits(), {}, 0.2, 1000.0))),
    "matched": (strategies.canary, replace(USUAL, capacity="matched")),
    "hold-back": (strategies.canary, replace(USUAL, hold_back=50, hold_back_s=600.0)),
    "a user group": (strategies.canary, replace(USUAL, cohort=Cohort.parse("header:X-Beta=yes"))),
    "alarms": (strategies.canary, replace(USUAL, alarms=("too-slow",))),
    "a hook": (
        strategies.canary,
        replace(USUAL, hooks={HookPoint.BEFORE_TRAFFIC: HookAction(command=("true",))}),
    ),
    "blue-green": (strategies.blue_green, USUAL),
    "standby": (strategies.blue_green, replace(USUAL, standby=1)),
    "rolling": (strategies.rolling, USUAL),
    "rolling without surge": (
        strategies.rolling,
        replace(USUAL, roll=Roll(surge=Amount(0), max_unavailable=Amount(1))),
    ),
}  # fmt: skip


@pytest.mark.parametrize("option", OPTIONS)
def test_every_way_to_ship_can_be_rehearsed(option: str) -> None:
    """Else a step waits for something that the simulator does not have."""
    strategy, intent = OPTIONS[option]
    found = outlook(strategy, intent, seen(4))
    full_s, end_s, _ = known(found)
    assert 0 < full_s <= end_s
    assert found.bad is not None, found.unfound
    assert found.bad.exposed is not None
    assert found.bad.failed == pytest.approx(0.05 * found.bad.exposed)
    assert found.undo_s is not None


def test_a_first_release_and_one_into_a_sticky_rule() -> None:
    full_s, *_ = known(outlook(there=seen(weights=None)))
    assert full_s < 300
    assert known(outlook(there=seen(sticky_s=1200)))[1] > known(outlook())[1]


def test_times_are_those_of_the_plan_and_of_the_instances() -> None:
    full_s, end_s, extra = known(outlook())
    assert 3 * 600 + 90 < full_s < 3 * 600 + 90 + 120
    assert full_s + 600 < end_s
    slower = known(outlook(boot_s=190.0))
    assert slower[0] - full_s == pytest.approx(100, abs=70)  # bakes begin at whole minutes
    assert 2 * (end_s - 400) / 3600 < extra < 2 * end_s / 3600


def test_a_fleet_twice_as_large_takes_as_long_and_costs_twice_as_much() -> None:
    small, large = outlook(there=seen(4)), outlook(there=seen(8))
    assert known(large)[:2] == known(small)[:2]
    assert large.usd == pytest.approx(2 * (small.usd or 0.0), rel=0.01)


def test_more_users_are_exposed_where_they_come_at_once() -> None:
    canary, switch = outlook(), outlook(strategies.blue_green)
    assert canary.bad is not None
    assert switch.bad is not None
    assert (switch.bad.exposed or 0) > 5 * (canary.bad.exposed or 0) > 0
    assert known(switch)[0] < known(canary)[0] / 5


def test_people_are_counted_and_not_waited_for() -> None:
    asking = outlook(intent=replace(USUAL, approve=(50, 1000), approve_s=86_400.0))
    assert asking.people == 2
    assert known(asking)[0] < known(outlook())[0] + 120
    paused = outlook(
        strategies.rolling, replace(USUAL, roll=Roll(until=Amount(share=500))), seen(4)
    )
    assert paused.people == 1


def test_so_few_requests_that_no_verdict_comes_are_told_of() -> None:
    few = outlook(rate=30.0)
    assert (few.full_s, few.end_s, few.extra_hours, few.usd) == (None, None, None, None)
    assert "Even a good release would not get everything: no verdict within" in few.why[0]


def test_one_that_a_person_must_decide_is_told_of() -> None:
    held = Terms(Limits(metrics=(FAILURES,), inconclusive="hold"), {}, None, 4.0)
    found = outlook(intent=replace(USUAL, terms=held), rate=4.0)
    assert found.full_s is None
    told = "there is no verdict in time, and a person must decide"
    assert found.why[0] == f"Even a good release would not get everything: {told}."


def test_a_bad_release_that_nobody_would_find_is_told_of() -> None:
    lenient = replace(USUAL, rule=altered(USUAL.rule, tolerance=0.2))
    found = outlook(intent=lenient)
    assert found.bad is None
    assert "would not be found out" in found.unfound
    known(found)


def test_unknown_load_is_enough_to_judge_by_and_exposes_nobody_knows_how_many() -> None:
    found = outlook(rate=None)
    known(found)
    assert found.bad is not None
    assert (found.bad.exposed, found.bad.failed) == (None, None)
    assert found.bad.found_s > 0


def test_what_is_too_large_is_not_estimated_and_says_so() -> None:
    found = outlook(there=seen(40), work=1000.0)
    assert (found.full_s, found.bad) == (None, None)
    assert found.why == ("The plan is too large to be simulated that quickly.",)
    assert "too large" in found.unfound


def test_a_bake_of_two_days_is_no_more_work_than_a_plan_may_take() -> None:
    days = replace(USUAL, bake_s=86_400.0, patience_s=90_000.0)
    full_s, *_ = known(outlook(intent=days, work=QUICK))
    assert full_s == pytest.approx(3 * 86_400, rel=0.01)


def test_a_release_that_cannot_go_back_has_no_way_back() -> None:
    release = Release("v2", rollback_safe=False)
    found = outlook(intent=replace(USUAL, release=release))
    known(found)
    assert found.undo_s is None
    assert found.bad is None
    assert found.unfound


def test_the_way_back_of_a_rollback_is_not_rehearsed() -> None:
    there = seen()
    back = strategies.return_to(there, replace(USUAL, release=Release("v0")))
    under = Circumstances(Assumed(boot_s=90.0, requests_per_min=1000.0), 5.0, PRICE)
    found = foresee(back, there, under)
    known(found)
    assert (found.bad, found.undo_s) == (None, None)


def test_an_outlook_is_kept_with_the_record_and_does_not_change_what_the_plan_is() -> None:
    there = seen()
    plan = strategies.canary(there, USUAL)
    ahead = replace(plan, outlook=outlook())
    assert ahead.fingerprint == plan.fingerprint
    sim = play()
    record = sim.open(sim.runner("r"), USUAL, lambda *_: ahead, "d1")
    assert decode(encode(record)).plan.outlook == ahead.outlook


@settings(max_examples=25, deadline=None)
@given(
    size=st.integers(1, 12),
    rate=st.none() | st.floats(0.0, 1e6),
    boot_s=st.floats(0.0, 900.0),
    strategy=st.sampled_from([strategies.canary, strategies.blue_green, strategies.rolling]),
    weights=st.lists(st.integers(1, 999), min_size=1, max_size=4, unique=True).map(sorted),
    live=st.sampled_from([Weights(1000, 0), Weights(0, 1000)]),
)
def test_whatever_is_there_an_outlook_comes_of_it_and_is_finite(  # noqa: PLR0917
    size: int,
    rate: float | None,
    boot_s: float,
    strategy: Strategy,
    weights: list[int],
    live: Weights,
) -> None:
    intent = replace(USUAL, weights=tuple(weights))
    found = outlook(strategy, intent, seen(size, weights=live), rate=rate, boot_s=boot_s)
    if found.full_s is None:
        assert found.why
    else:
        full_s, end_s, extra = known(found)
        assert 0 <= full_s <= end_s
        assert -size * end_s / 3600 <= extra <= 3 * size * end_s / 3600
    assert found.bad is not None or found.unfound
