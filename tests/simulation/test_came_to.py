"""What deployments came to, by their records; and how many instances they used."""

import pytest
from msgspec.structs import replace

from deployer.engine.spending import counted
from deployer.operations.came_to import came_to
from deployer.operations.foreseeing import Circumstances, foresee
from deployer.plan import Status
from deployer.planning import strategies
from deployer.record.outlook import Assumed, Spent
from tests.sim.fleet import Behaviour
from tests.sim.play import INTENT, play

PLAIN = replace(INTENT, weights=(50, 500), bake_s=300.0, final_bake_s=300.0, patience_s=900.0)


@pytest.mark.parametrize(
    "strategy",
    [strategies.canary, strategies.blue_green, strategies.rolling],
    ids=lambda s: s.__name__,
)
def test_what_is_foreseen_is_what_comes(strategy: strategies.Strategy) -> None:
    """In the world of the property tests: another cloud, journal and clock than the estimate's."""
    sim = play(size=4, rate=50.0)
    seen = sim.runner("reader").cloud.observe()
    plan = strategy(seen, PLAIN)
    under = Circumstances(Assumed(boot_s=40.0, drain_s=20.0, requests_per_min=3000.0), sim.poll_s)
    ahead = foresee(plan, seen, under)
    was = came_to(sim.ship(PLAIN, strategy))
    assert ahead.full_s is not None
    assert ahead.end_s is not None
    assert was.full_s == pytest.approx(ahead.full_s, rel=0.1)
    assert was.end_s == pytest.approx(ahead.end_s, rel=0.1)
    assert was.extra_hours == pytest.approx(ahead.extra_hours, rel=0.2)
    assert (was.exposed, was.found_s, was.back_s) == (None, None, None)


def test_what_is_foreseen_of_a_bad_release_is_what_comes() -> None:
    sim = play(size=4, rate=50.0, behaviours={"v2": Behaviour(errors=50)})
    seen = sim.runner("reader").cloud.observe()
    under = Circumstances(Assumed(boot_s=40.0, drain_s=20.0, requests_per_min=3000.0), sim.poll_s)
    ahead = foresee(strategies.canary(seen, PLAIN), seen, under).bad
    was = came_to(sim.ship(replace(PLAIN, probe_allowed_failures=20)))
    assert ahead is not None
    assert was.found_s == pytest.approx(ahead.found_s, abs=70)
    assert was.back_s is not None
    assert 0 < was.back_s <= ahead.back_s + 2 * sim.poll_s
    assert was.exposed is not None
    assert ahead.exposed is not None
    assert was.exposed <= ahead.exposed * 1.5
    assert was.failed == pytest.approx(0.05 * was.exposed, rel=0.2)
    assert was.full_s is None


def test_requests_of_a_mixed_slot_are_nobodys() -> None:
    sim = play(size=4, rate=50.0, behaviours={"v2": Behaviour(errors=200)})
    was = came_to(sim.ship(PLAIN, strategies.rolling))
    assert (was.exposed, was.failed) == (None, None)
    assert was.back_s is not None


def test_instances_are_counted_from_save_to_save() -> None:
    spent = Spent(before=2, at=100.0, now=2)
    grown = spent.until(160.0, 4).until(220.0, 2)
    assert grown.instance_s == 2 * 60 + 4 * 60
    assert grown.extra_hours(100.0) == pytest.approx(120 / 3600)
    assert (
        grown.until(200.0, 2).instance_s == grown.instance_s
    )  # time that goes back counts nothing


def test_a_record_from_before_has_used_nobody_knows_how_much() -> None:
    ended = replace(play().ship(), spent=None)
    assert came_to(ended).extra_hours is None
    assert came_to(ended).end_s is not None


def test_what_is_taken_up_again_after_its_end_counts_nothing_more() -> None:
    sim = play()
    ended = sim.ship()
    assert ended.spent is not None
    again = replace(ended, status=Status.RUNNING, ending=Status.SHIPPED)
    seen = sim.runner("reader").cloud.observe()
    assert counted(again, seen, sim.clock.now() + 86_400).spent == ended.spent


def test_without_a_reading_there_are_as_many_as_before() -> None:
    sim = play()
    begun = sim.open(sim.runner("r"), INTENT, strategies.canary, "d1")
    assert counted(begun, None, begun.started_at).spent is None
    seen = sim.runner("reader").cloud.observe()
    first = counted(begun, seen, begun.started_at)
    unseen = counted(first, None, begun.started_at + 60)
    assert unseen.spent == Spent(before=2, at=begun.started_at + 60, now=2, instance_s=120.0)
