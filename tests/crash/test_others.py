"""Other people, and AWS itself, act in the middle of a deployment."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from deployer.changes import Thaw
from deployer.errors import CloudUnavailable, Halted, NotFound
from deployer.model import Slot, Weights
from deployer.plan import Status
from tests.sim.clock import NOON
from tests.sim.faults import Fault
from tests.sim.fleet import NOTICE_S, Behaviour
from tests.sim.play import INTENT, Play, play

GREEN, BLUE = Slot.GREEN, Slot.BLUE


@pytest.mark.parametrize("second", range(0, 600, 7))
def test_traffic_moved_by_somebody_else_halts_and_nothing_further_is_changed(second: int) -> None:
    sim = play()
    sim.move_weights_at(second, Weights(770, 230))
    deployment = sim.ship()
    assert deployment.status is Status.HALTED
    assert "somebody else moved traffic" in deployment.reason
    assert "deployer rollback" in deployment.reason
    assert sim.cloud.rule == Weights(770, 230)
    later = [change for at, change in sim.cloud.changes if at > NOON + second]
    assert later in ([], [Thaw(Slot.BLUE, 0, 2)])
    assert sim.oracle.violations == []


def test_a_rule_deleted_by_somebody_else_halts() -> None:
    sim = play()
    sim.cloud.at(NOON + 100.0, lambda: sim.cloud.move(None))
    assert sim.ship().status is Status.HALTED


def test_a_rule_that_is_no_longer_ours_halts_on_the_record() -> None:
    sim = play()

    def foreign() -> None:
        if sim.clock.now() > NOON + 100.0:
            raise Halted("the production rule forwards to another target group")

    sim.gate.hooks["cloud.observe"] = foreign
    deployment = sim.ship()
    assert deployment.status is Status.HALTED
    assert "another target group" in deployment.reason
    assert sim.journal.active("sim") is None


def test_a_group_deleted_after_the_halt_leaves_it_halted() -> None:
    """`cdk destroy` in mid-canary: the listener goes first, the groups while the runner leaves."""
    sim = play()

    def destroyed() -> None:
        if sim.clock.now() > NOON + 100.0:
            active = sim.journal.active("sim")
            if active is not None and active.deployment.ending is not None:
                raise NotFound("no such Auto Scaling group: shop-blue")
            raise Halted("the production rule is gone")

    sim.gate.hooks["cloud.observe"] = destroyed
    deployment = sim.ship()
    assert deployment.status is Status.HALTED
    assert "the production rule is gone" in deployment.reason
    assert sim.journal.active("sim") is None


def test_traffic_moved_and_moved_back_at_once_is_forgiven() -> None:
    sim = play()
    sim.move_weights_at(101.0, Weights(770, 230))
    sim.move_weights_at(120.0, Weights(950, 50))
    assert sim.ship().status is Status.SHIPPED


def test_traffic_moved_between_the_look_and_the_change_is_not_overwritten() -> None:
    sim = play()
    moved: list[float] = []

    def move() -> None:
        if len(sim.cloud.changes) == 4 and not moved:
            moved.append(sim.clock.now())
            sim.oracle.foreign_at = sim.clock.now()
            sim.cloud.move(Weights(770, 230))

    sim.gate.hooks["cloud.apply"] = move
    deployment = sim.ship()
    assert moved
    assert deployment.status is Status.HALTED
    assert sim.cloud.rule == Weights(770, 230)
    assert [change for _, change in sim.cloud.changes[4:]] == [Thaw(Slot.BLUE, 0, 2)]


@pytest.mark.parametrize("errors", [30, 200, 1000])
@pytest.mark.parametrize("share", [10, 50, 250])
def test_a_bad_release_fails_no_more_than_its_share_until_the_verdict(
    share: int, errors: int
) -> None:
    """Seen one metric delay after its first whole minute; then three looks and the data plane."""
    sim = play(behaviours={"v2": Behaviour(errors=errors)}, rate=500.0)
    intent = replace(INTENT, weights=(share, 500), bake_s=300.0, probe_allowed_failures=20)
    assert sim.ship(intent).status is Status.ROLLED_BACK
    to_verdict_s = 2 * 60.0 + intent.delay_s + 3 * sim.poll_s + sim.cloud.data_lag_s
    most = share / 1000 * sim.cloud.rate * errors / 1000 * to_verdict_s
    assert 0 < sim.cloud.ledger.total.errors <= most
    assert sim.cloud.ledger.outages == []


def test_a_release_that_fails_the_probe_harms_nobody() -> None:
    sim = play(behaviours={"v2": Behaviour(errors=1000)})
    deployment = sim.ship()
    assert deployment.status is Status.ROLLED_BACK
    assert "20 of 20 probes of v2: 20 × 500" in deployment.reason
    assert sim.cloud.ledger.total.errors == 0


def test_metrics_that_never_come_never_read_as_good() -> None:
    sim = play(metrics_delay_s=1e9)
    deployment = sim.ship()
    assert deployment.status is Status.ROLLED_BACK
    assert "no verdict within 8m" in deployment.reason


def test_metrics_that_pause_are_waited_for() -> None:
    sim = play()
    first = int(NOON // 60)
    sim.metrics.missing = frozenset(range(first + 2, first + 5))
    assert sim.ship().status is Status.SHIPPED


def test_no_capacity_at_aws_is_told_in_its_words() -> None:
    sim = play()
    sim.cloud.groups[GREEN].no_capacity = "InsufficientInstanceCapacity"
    deployment = sim.ship()
    assert deployment.status is Status.ROLLED_BACK
    assert "InsufficientInstanceCapacity" in deployment.reason
    assert sim.cloud.rule == Weights(1000, 0)


def test_a_target_group_that_no_rule_references_is_named() -> None:
    sim = play()
    sim.cloud.groups[GREEN].referenced = False
    deployment = sim.ship()
    assert deployment.status is Status.ROLLED_BACK
    assert "not referenced by any listener rule" in deployment.reason


def test_an_autoscaled_live_slot_is_left_alone() -> None:
    sim = play(size=2)
    for second, desired in ((60, 5), (200, 3), (350, 6)):
        sim.cloud.at(NOON + second, _ask(sim, BLUE, desired))
    assert sim.ship().status is Status.SHIPPED
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


def test_a_minute_of_throttling_delays_and_no_more() -> None:
    sim = play(faults=dict.fromkeys(range(20, 40), Fault.THROTTLED))
    assert sim.ship().status is Status.SHIPPED
    assert "unavailable" in {event.kind for event, _ in sim.events}


@pytest.mark.parametrize("silent", ["cloud.observe", "journal.save"])
def test_an_outage_of_aws_during_the_way_back_does_not_end_it(silent: str) -> None:
    """It lasts longer than any deadline: they count while something can be done."""
    sim = play(behaviours={"v2": Behaviour(errors=30)})

    def refuse() -> None:
        began = next((e.at for e, _ in sim.events if e.kind == "retreat"), None)
        if began is not None and began < sim.clock.now() < began + 7200.0:
            raise CloudUnavailable("503")

    sim.gate.hooks[silent] = refuse
    deployment = sim.ship()
    assert (deployment.status, sim.cloud.rule) == (Status.ROLLED_BACK, Weights(1000, 0))
    assert "unavailable" in {event.kind for event, _ in sim.events}
    assert sim.oracle.violations == []


def test_an_instance_that_dies_on_the_way_back_delays_it_and_no_more() -> None:
    """Found dead after capacity was restored, just before it is needed; its successor takes a while."""
    sim = play(behaviours={"v2": Behaviour(errors=30)})
    blue = sim.cloud.groups[BLUE]

    def returning() -> bool:
        return any(event.kind == "retreat" for event, _ in sim.events)

    def die() -> None:
        if returning() and blue.launched == 2:
            blue.break_one(sim.clock.now())

    def dawdle() -> None:
        if returning() and blue.launched == 2:
            sim.clock.sleep(NOTICE_S)

    sim.gate.hooks |= {"cloud.observe": die, "journal.save": dawdle}
    deployment = sim.ship(replace(INTENT, limits=replace(INTENT.limits, route_s=20.0)))
    assert blue.launched > 2
    assert (deployment.status, sim.cloud.rule) == (Status.ROLLED_BACK, Weights(1000, 0))
    assert sim.oracle.violations == []


@pytest.mark.parametrize("nth", range(40))
def test_a_laptop_that_slept_for_hours_goes_on_where_it_was(nth: int) -> None:
    sim = play()

    def sleep() -> None:
        if sim.gate.calls["cloud.observe"] == nth + 1:
            sim.clock.sleep(7200.0)

    sim.gate.hooks["cloud.observe"] = sleep
    assert sim.ship().status is Status.SHIPPED
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


def test_a_cloud_that_never_answers_a_change_is_given_up_at_the_deadline() -> None:
    sim = play()

    def refuse() -> None:
        raise CloudUnavailable("Rate exceeded")

    sim.gate.hooks["cloud.apply"] = refuse
    deployment = sim.ship()
    assert deployment.status is Status.ROLLED_BACK
    assert "provision green" in deployment.reason
    assert sim.cloud.changes == []


def test_a_stack_update_in_mid_life_is_taken_up_by_the_next_release() -> None:
    sim = play()
    assert sim.ship().status is Status.SHIPPED
    sim.cloud.groups[BLUE].stale = True
    assert sim.ship(name="d2").status is Status.SHIPPED
    assert not sim.cloud.groups[BLUE].stale


def test_where_everything_is_dead_the_next_release_takes_over_without_analysis() -> None:
    sim = play(size=3)
    for instance in sim.cloud.groups[BLUE].instances:
        instance.fails_at = NOON - 30.0
    sim.cloud.groups[BLUE].no_capacity = "InsufficientInstanceCapacity"
    deployment = sim.ship()
    assert (deployment.status, deployment.plan.strategy) == (Status.SHIPPED, "first")
    assert sim.cloud.rule == Weights(0, 1000)
    assert sim.cloud.groups[BLUE].desired == 0


def test_the_first_release_has_no_way_back_once_it_serves() -> None:
    sim = play(weights=None)
    sim.gate.hooks["cloud.apply"] = _abort_once_routed(sim)
    deployment = sim.ship()
    assert deployment.status is Status.HALTED
    assert "no earlier release" in deployment.reason


def _abort_once_routed(sim: Play) -> Callable[[], None]:
    return lambda: sim.abort_at(0.0) if len(sim.cloud.changes) == 2 else None


def _ask(sim: Play, slot: Slot, desired: int) -> Callable[[], None]:
    def happen() -> None:
        sim.cloud.groups[slot].desired = desired

    return happen
