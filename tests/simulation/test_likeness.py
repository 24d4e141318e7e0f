"""A large fleet's outlook is that of a smaller one like it: it agrees with that of the whole fleet.

Tolerance: times within 3 % and two looks, or a batch; instance hours within 5 % of those of the plan's
largest move; what becomes of a bad release within a quarter, or a minute. Where capacity is matched to
shares, two shares may need as many in the smaller fleet: within a boot and two instances for each.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace as altered

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from deployer.amount import Amount
from deployer.errors import NotPossibleNow, PlanInvalid
from deployer.intent import Intent, Roll
from deployer.model import Release, Slot, Snapshot, Weights
from deployer.operations.foreseeing import QUICK, THOROUGH, Circumstances, foresee
from deployer.operations.likeness import Likeness, effort, likenesses
from deployer.plan import Plan, Status
from deployer.planning import strategies
from deployer.record.outlook import Assumed, Outlook, Reduced
from tests.sim.play import play
from tests.simulation.test_foreseeing import PRICE, TERMS, USUAL, seen

POLL_S = 5.0
MINUTE_S = 60.0
Strategy = Callable[[Snapshot, Intent], Plan]
ENDLESS = 1e9  # of work: whatever the size, it is simulated whole


def outlook(plan: Plan, there: Snapshot, work: float, rate: float | None = 60_000.0) -> Outlook:
    under = Circumstances(Assumed(boot_s=90.0, requests_per_min=rate), POLL_S, PRICE, work)
    return foresee(plan, there, under)


def both(
    strategy: Strategy, intent: Intent, there: Snapshot, work: float, rate: float | None = 60_000.0
) -> tuple[Outlook, Outlook]:
    """Of the whole fleet, and of a smaller one."""
    plan = strategy(there, intent)
    whole, small = outlook(plan, there, ENDLESS, rate), outlook(plan, there, work, rate)
    assert whole.reduced is None
    assert small.reduced is not None
    return whole, small


def alike(
    whole: Outlook, small: Outlook, size: int, batch_s: float = 0.0, instances: float = 0.0
) -> None:
    """Within the tolerance that this module states."""
    near_s = 2 * POLL_S + MINUTE_S + batch_s
    assert (small.full_s is None) is (whole.full_s is None), (whole.why, small.why)
    assert small.people == whole.people
    if whole.full_s is not None:
        assert small.full_s == pytest.approx(whole.full_s, rel=0.03, abs=near_s)
        assert small.end_s == pytest.approx(whole.end_s, rel=0.03, abs=near_s)
        longest_h = (whole.end_s or 0.0) / 3600
        off = 0.05 * size + instances
        assert small.extra_hours == pytest.approx(whole.extra_hours, rel=0.05, abs=off * longest_h)
    assert (small.undo_s is None) is (whole.undo_s is None)
    if whole.undo_s is not None:
        assert small.undo_s == pytest.approx(whole.undo_s, rel=0.03, abs=near_s)
    assert (small.bad is None) is (whole.bad is None), (whole.unfound, small.unfound)
    if whole.bad is not None and small.bad is not None:
        assert small.bad.found_s == pytest.approx(whole.bad.found_s, rel=0.25, abs=near_s)
        assert small.bad.back_s == pytest.approx(whole.bad.back_s, rel=0.25, abs=near_s)
        if whole.bad.exposed is not None:
            minutes = max(1.0, whole.bad.found_s / MINUTE_S)
            near = 2.0 / 0.05 + 2 * whole.bad.exposed / minutes  # two failures, a minute's requests
            assert small.bad.exposed == pytest.approx(whole.bad.exposed, rel=0.25, abs=near)


def rolled(surge: str, away: str, **more: object) -> Intent:
    roll = Roll(surge=Amount.parse(surge), max_unavailable=Amount.parse(away), **more)  # type: ignore[arg-type]
    return replace(USUAL, roll=roll)


WAYS: Mapping[str, tuple[Strategy, Intent, int]] = {
    "canary": (strategies.canary, USUAL, 150),
    "held to evidence": (strategies.canary, replace(USUAL, terms=TERMS), 150),
    "ramp": (strategies.canary, replace(USUAL, terms=TERMS, auto=True), 150),
    "matched": (strategies.canary, replace(USUAL, capacity="matched"), 150),
    "matched from 1 %": (
        strategies.canary, replace(USUAL, capacity="matched", weights=(10, 100)), 207,
    ),
    "hold-back": (strategies.canary, replace(USUAL, hold_back=50, hold_back_s=600.0), 150),
    "blue-green": (strategies.blue_green, USUAL, 150),
    "standby": (strategies.blue_green, replace(USUAL, standby=7), 150),
    "floor": (strategies.blue_green, replace(USUAL, floor=3), 150),
    "rolling": (strategies.rolling, rolled("10%", "0"), 150),
    "rolling without surge": (strategies.rolling, rolled("0", "25%"), 150),
    "rolling by odd numbers": (strategies.rolling, rolled("13", "7"), 151),
    "rolling, one at a time": (strategies.rolling, rolled("1", "0"), 60),
    "rolling with a checkpoint": (strategies.rolling, rolled("20%", "0", until=Amount(7)), 150),
}  # fmt: skip


OFTEN = {"canary", "matched from 1 %", "standby", "rolling by odd numbers"}
EACH = [pytest.param(way, marks=() if way in OFTEN else pytest.mark.long) for way in WAYS]


@pytest.mark.parametrize("way", EACH)
def test_the_smaller_fleet_fares_as_the_whole_one(way: str) -> None:
    strategy, intent, size = WAYS[way]
    whole, small = both(strategy, intent, seen(size), work=8_000.0)
    alike(whole, small, size)


def test_one_at_a_time_with_few_requests_fares_alike() -> None:
    """The first instances take long to judge: so few requests reach them."""
    intent = replace(rolled("1", "0"), patience_s=10_000.0)
    alike(*both(strategies.rolling, intent, seen(40), 8_000.0, 300.0), size=40)


def half_way(size: int, old: int) -> Snapshot:
    """An earlier deployment of the release has replaced all but `old` instances, and halted."""
    there, release = seen(size), USUAL.release
    version = there.blue.version + 1
    instances = tuple(
        altered(each, release=release.name, version=version) if nth >= old else each
        for nth, each in enumerate(there.blue.instances)
    )
    blue = altered(
        there.blue, instances=instances, boots=release, version=version,
        known=(*there.blue.known, release),
    )  # fmt: skip
    return altered(there, blue=blue)


@pytest.mark.parametrize(
    ("size", "old", "surge", "away"),
    [
        (60, 20, "1", "0"),
        pytest.param(120, 60, "0", "1", marks=pytest.mark.long),
        pytest.param(120, 60, "10%", "0", marks=pytest.mark.long),
    ],
)
def test_one_that_was_half_way_fares_as_the_whole_one(
    size: int, old: int, surge: str, away: str
) -> None:
    """Users meet a bad release on all instances that have it already, and all of these go back."""
    there = half_way(size, old)
    alike(*both(strategies.rolling, rolled(surge, away), there, 6_000.0), size, batch_s=240.0)


@pytest.mark.parametrize(
    "old", [5, *(pytest.param(n, marks=pytest.mark.long) for n in (1, 30, 2_500))]
)
def test_what_is_left_of_a_large_one_is_told_of_at_once(old: int) -> None:
    there = half_way(5_000, old)
    for surge, away, rate in (("1", "0", 300.0), ("2", "1", 60_000.0), ("10%", "0", 60_000.0)):
        found = outlook(strategies.rolling(there, rolled(surge, away)), there, QUICK, rate)
        assert found.full_s is not None, (surge, away, found.why)
        assert found.bad is not None, (surge, away, found.unfound)


def test_one_that_is_never_judged_is_told_of_from_few_batches_too() -> None:
    found = outlook(strategies.rolling(seen(200), rolled("1", "0")), seen(200), QUICK, 100.0)
    assert found.reduced is not None
    assert found.full_s is None
    assert "Even a good release would not get everything: no verdict within" in found.why[0]


@pytest.mark.long
@pytest.mark.timeout(600)  # minutes of processor, and others want it too
@settings(max_examples=25, deadline=None)
@given(
    size=st.integers(90, 160),
    surge=st.one_of(st.integers(0, 60).map(str), st.integers(1, 100).map(lambda n: f"{n}%")),
    away=st.one_of(st.integers(0, 60).map(str), st.integers(0, 100).map(lambda n: f"{n}%")),
    work=st.sampled_from([10_000.0, 20_000.0, QUICK]),
    rate=st.sampled_from([None, 2_000.0, 60_000.0]),
)
def test_whatever_the_batches_the_smaller_fleet_fares_alike(
    size: int, surge: str, away: str, work: float, rate: float | None
) -> None:
    there = seen(size)
    try:
        plan = strategies.rolling(there, rolled(surge, away))
    except PlanInvalid:
        return
    small = outlook(plan, there, work, rate)
    if small.reduced is None:
        return
    whole = outlook(plan, there, ENDLESS, rate)
    alike(whole, small, size, batch_s=300.0)


@pytest.mark.long
@pytest.mark.timeout(600)  # minutes of processor, and others want it too
@settings(max_examples=25, deadline=None)
@given(
    size=st.integers(500, 800),
    weights=st.lists(st.integers(1, 999), min_size=1, max_size=4, unique=True).map(sorted),
    matched=st.booleans(),
    live=st.sampled_from([Weights(1000, 0), Weights(0, 1000)]),
    strategy=st.sampled_from([strategies.canary, strategies.blue_green]),
    standby=st.integers(0, 40),
)
def test_whatever_the_shares_the_smaller_fleet_fares_alike(  # noqa: PLR0917
    size: int, weights: list[int], matched: bool, live: Weights, strategy: Strategy, standby: int
) -> None:
    intent = replace(
        USUAL, weights=tuple(weights), capacity="matched" if matched else "full", standby=standby
    )
    there = seen(size, weights=live)
    plan = strategy(there, intent)
    small = outlook(plan, there, QUICK)
    if small.reduced is None:  # few stops
        return
    whole = outlook(plan, there, ENDLESS)
    margin = 2 * small.reduced.one_to if matched else 0.0
    boots_s = 100.0 * len(weights) if matched else 0.0
    alike(whole, small, size, batch_s=boots_s, instances=margin)


# Very large fleets: nothing to compare with in the time of a test, but what must hold.


@pytest.mark.parametrize("size", [pytest.param(1_000, marks=pytest.mark.long), 5_000])
@pytest.mark.parametrize("way", EACH)
def test_every_plan_of_a_large_fleet_has_an_outlook(way: str, size: int) -> None:
    strategy, intent, usual = WAYS[way]
    there = large(size)
    found = outlook(strategy(there, intent), there, QUICK)
    assert found.full_s is not None, found.why
    assert found.bad is not None, found.unfound
    assert found.undo_s is not None
    assert found.reduced is not None
    if intent.roll == USUAL.roll:
        small = outlook(strategy(seen(usual), intent), seen(usual), ENDLESS)
        alike(scaled(small, size / usual), found, size)


def large(size: int) -> Snapshot:
    """As `seen`, without a simulation of that size."""
    small = seen(1)
    one = small.blue.instances[0]
    those = tuple(altered(one, id=f"i-{n}", zone="ab"[n % 2]) for n in range(size))
    blue = altered(small.blue, desired=size, max_size=2 * size, instances=those)
    return altered(small, blue=blue, green=altered(small.green, max_size=2 * size))


def scaled(found: Outlook, times: float) -> Outlook:
    return replace(found, extra_hours=times * (found.extra_hours or 0.0))


@pytest.mark.parametrize("size", [400, 5_000])
@pytest.mark.parametrize("way", EACH)
def test_what_a_plan_takes_of_time_is_bounded(way: str, size: int) -> None:
    """By counting looks: each rehearsal keeps to its work, and there are few of them."""
    strategy, intent, _ = WAYS[way]
    there = large(size)
    for found in likenesses(strategy(there, intent), there, QUICK):
        each = effort(found.plan, max(len(found.seen.blue.instances), 1), found.rounds)
        assert each <= QUICK
        assert each * sum(1 for _ in found.strides()) <= 1.5 * QUICK


def test_ways_back_and_first_releases_of_large_fleets_have_an_outlook() -> None:
    there = large(3_000)
    back = outlook(strategies.return_to(there, replace(USUAL, release=Release("v0"))), there, QUICK)
    nothing = altered(seen(2), weights=None)
    first = strategies.canary(nothing, replace(USUAL, size=5))
    assert first.strategy == "first"
    assert outlook(first, nothing, QUICK).full_s is not None
    assert back.reduced is not None
    assert back.full_s is not None
    usual = seen(100)
    alike(
        scaled(
            outlook(
                strategies.return_to(usual, replace(USUAL, release=Release("v0"))), usual, ENDLESS
            ),
            30,
        ),
        back,
        3_000,
    )


def test_the_way_back_of_a_rolling_one_that_halted_is_rehearsed_in_some_batches() -> None:
    sim = play(size=60, rate=50.0)
    sim.cloud.groups[Slot.BLUE].max_size = 100
    there = sim.runner("reader").cloud.observe()
    plan = strategies.rolling(there, rolled("1", "0"))
    halted = sim.open(sim.runner("r"), rolled("1", "0"), lambda *_: plan, "d1")
    halted = replace(halted, status=Status.HALTED, cursor=len(plan.steps) - 1)
    mixed = altered(
        there,
        blue=altered(
            there.blue,
            boots=Release("v2"),
            instances=tuple(altered(i, release="v2", version=9) for i in there.blue.instances),
        ),
    )
    back = strategies.rollback(mixed, halted)
    whole, small = outlook(back, mixed, ENDLESS), outlook(back, mixed, 8_000.0)
    assert small.reduced is not None
    assert small.reduced.of_batches == 60
    assert small.end_s == pytest.approx(whole.end_s, rel=0.15)


def test_what_was_already_replaced_is_not_rehearsed_again() -> None:
    there = large(1_000)
    half = tuple(
        altered(i, release="v2", version=5) if n % 2 else i
        for n, i in enumerate(there.blue.instances)
    )
    mixed = altered(
        there,
        blue=altered(there.blue, instances=half, boots=Release("v2"), version=5, known=(Release("v1"), Release("v2"))),
    )  # fmt: skip
    intent = rolled("10%", "0")
    whole, rest = (outlook(strategies.rolling(s, intent), s, QUICK) for s in (there, mixed))
    assert rest.full_s is not None, rest.why
    assert whole.full_s is not None
    assert 0.4 * whole.full_s < rest.full_s < 0.6 * whole.full_s


def test_small_fleets_and_who_has_time_are_simulated_whole() -> None:
    there = seen(150)
    plan = strategies.canary(there, USUAL)
    assert outlook(plan, there, QUICK).reduced is None
    later = seen(1_000)
    again = strategies.canary(later, USUAL)
    first = next(likenesses(again, later, THOROUGH))
    assert first == Likeness(again, later)
    assert first.reduced is None
    quick = next(likenesses(again, later, QUICK))
    assert quick.reduced is not None
    assert quick.reduced.batches is None
    assert quick.reduced.one_to > 3


def test_where_that_was_too_much_all_the_same_a_much_smaller_one_is_taken() -> None:
    """Nobody knows how long verdicts take where few requests come, before it was tried."""
    there = seen(150)
    slow = replace(USUAL, weights=tuple(range(20, 60, 5)), bake_s=60.0, patience_s=1e5)
    plan = strategies.canary(there, slow)
    first, second = (found.scale for found in likenesses(plan, there, QUICK))
    assert first is None
    assert second is not None
    found = outlook(plan, there, QUICK, rate=60.0)
    assert found.full_s is not None
    assert found.reduced is not None
    assert found.reduced.one_to == second.one_to


def test_numbers_that_matter_are_whole_in_the_miniature() -> None:
    """1 % of 5,000 instances with its margin is 60: a scale is taken at which that comes out."""
    there = large(5_000)
    plan = strategies.canary(there, replace(USUAL, capacity="matched", weights=(10, 500)))
    found = next(likenesses(plan, there, QUICK))
    assert found.scale is not None
    counts = [step.count for step in found.plan.steps if hasattr(step, "count")]
    assert min(counts) * found.scale.one_to == pytest.approx(60, rel=0.5)
    assert found.plan.capacity * found.one_to == pytest.approx(5_000, rel=0.01)


def test_nothing_to_replace_or_ship_is_refused_before_it_is_rehearsed() -> None:
    there = large(400)
    with pytest.raises(NotPossibleNow):
        strategies.return_to(there, replace(USUAL, release=Release("v1")))


def test_an_outlook_that_was_reduced_says_how_much() -> None:
    there = large(5_000)
    found = next(likenesses(strategies.rolling(there, rolled("1", "0")), there, QUICK))
    assert isinstance(found.reduced, Reduced)
    assert found.reduced.of_batches == 5_000
    assert found.reduced.batches == found.rounds < 50
