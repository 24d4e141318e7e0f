"""What a fleet does next: one row for each thing that can happen to it."""

import pytest

from deployer.errors import NotPossibleNow, PlanInvalid
from deployer.journal import Ask
from deployer.operations.fleet import (
    LONGEST_NOTE,
    MOST_ENVIRONMENTS,
    FleetStatus,
    Member,
    Phase,
    Sight,
    Wave,
    encode,
    require_waves,
)
from deployer.operations.fleet_answers import folded
from deployer.operations.fleet_course import possible, require_possible, standing
from deployer.operations.fleet_round import again_s
from tests.fleet.world import WAVES, Site, World, carried, fleet_of, phases, sites, visit, world
from tests.sim.clock import NOON


def shipped_at(sim: World, environment: str) -> float:
    """Seconds after its beginning at which an environment began."""
    return next(iter(sim.sites[environment].begun.values())) - NOON


def test_three_good_waves_ship_everywhere_with_bakes_between_them() -> None:
    sim = world(sites())
    fleet_of(sim, WAVES)
    fleet = carried(sim)
    assert fleet.status is FleetStatus.SHIPPED
    assert set(phases(fleet).values()) == {Phase.SHIPPED}
    assert [shipped_at(sim, name) for name in ("box", "eu", "us", "ap")] == [0, 900, 2400, 2400]
    assert sim.violations == []
    assert not sim.pointer


def test_a_failing_second_wave_stops_the_third_and_leaves_the_first() -> None:
    sim = world(sites(eu=Site(ends="rolled_back")))
    fleet_of(sim, WAVES)
    fleet = carried(sim)
    assert fleet.status is FleetStatus.STOPPED
    assert phases(fleet) == {
        "box": Phase.SHIPPED, "eu": Phase.ROLLED_BACK, "us": Phase.NOT_BEGUN, "ap": Phase.NOT_BEGUN,
    }  # fmt: skip
    assert "v42 stays in box" in fleet.log[-1].note
    assert not sim.sites["us"].begun


def test_a_failing_second_wave_takes_the_first_one_back_if_that_is_wanted() -> None:
    sim = world(sites(eu=Site(ends="rolled_back")))
    fleet_of(sim, WAVES, on_failure="rollback")
    fleet = carried(sim)
    assert fleet.status is FleetStatus.ROLLED_BACK
    assert phases(fleet)["box"] is Phase.RETURNED
    assert len(sim.sites["box"].ways_back) == 1
    assert sim.violations == []


@pytest.mark.parametrize(
    ("special", "status", "phase"),
    [
        (Site(ends="halted"), FleetStatus.HALTED, Phase.HALTED),
        (Site(refuses="stack busy"), FleetStatus.STOPPED, Phase.REFUSED),
        (Site(taken_until=NOON + 86_400.0), FleetStatus.STOPPED, Phase.REFUSED),
        (Site(deaf=(NOON, NOON + 86_400.0)), FleetStatus.HALTED, Phase.LOST),
        (Site(present=True), FleetStatus.SHIPPED, Phase.PRESENT),
        (Site(taken_until=NOON + 1_800.0), FleetStatus.SHIPPED, Phase.SHIPPED),
        (Site(deaf=(NOON, NOON + 1_800.0)), FleetStatus.SHIPPED, Phase.SHIPPED),
    ],
    ids=["halted", "refused", "taken", "deaf", "present", "taken for a while", "deaf for a while"],
)
def test_what_the_second_wave_meets(special: Site, status: FleetStatus, phase: Phase) -> None:
    sim = world(sites(eu=special))
    fleet_of(sim, WAVES, wait_s=1_800.0)
    fleet = carried(sim)
    assert (fleet.status, phases(fleet)["eu"]) == (status, phase)
    begun = bool(sim.sites["us"].begun)
    assert begun == (status is FleetStatus.SHIPPED)
    assert sim.violations == []


@pytest.mark.parametrize(
    ("special", "phase", "words"),
    [
        (Site(rings_at=NOON + 600.0), Phase.RETURNED, "alarm errors rings in box"),
        (Site(ails_at=NOON + 600.0), Phase.RETURNED, "v42 fails its users in box: 9 of 90 failed"),
        (Site(gone_at=NOON + 600.0), Phase.KEPT, "does not run v42 any more: somebody shipped v9"),
    ],
    ids=["an alarm rings", "users are failed", "somebody ships something else"],
)
def test_what_happens_in_a_bake_stops_the_fleet(special: Site, phase: Phase, words: str) -> None:
    sim = world(sites(box=special))
    fleet_of(sim, WAVES, on_failure="rollback")
    fleet = carried(sim)
    assert not sim.sites["eu"].begun
    assert phases(fleet)["box"] is phase
    assert words in fleet.reason


def test_what_runs_beside_a_failure_goes_back() -> None:
    sim = world(sites(us=Site(takes_s=120.0, ends="rolled_back"), ap=Site(takes_s=7_200.0)))
    fleet_of(sim, WAVES)
    fleet = carried(sim)
    assert (phases(fleet)["us"], phases(fleet)["ap"]) == (Phase.ROLLED_BACK, Phase.ROLLED_BACK)
    assert fleet.status is FleetStatus.STOPPED


def test_what_cannot_go_back_is_waited_for_and_kept() -> None:
    ap = Site(takes_s=3_600.0, stuck=True)
    sim = world(sites(us=Site(takes_s=120.0, ends="rolled_back"), ap=ap))
    fleet_of(sim, WAVES, on_failure="rollback", irreversible=True)
    fleet = carried(sim)
    assert phases(fleet)["ap"] is Phase.KEPT
    assert fleet.status is FleetStatus.STOPPED
    assert sim.violations == []


def test_a_way_back_that_halts_halts_the_fleet() -> None:
    sim = world(sites(box=Site(back_ends="halted"), eu=Site(ends="rolled_back")))
    fleet_of(sim, WAVES, on_failure="rollback")
    fleet = carried(sim)
    assert fleet.status is FleetStatus.HALTED


def test_a_bake_does_not_end_while_somebody_who_has_the_release_is_not_heard() -> None:
    sim = world(sites(box=Site(deaf=(NOON + 600.0, NOON + 1_800.0))))
    fleet_of(sim, WAVES)
    assert carried(sim).status is FleetStatus.SHIPPED
    assert shipped_at(sim, "eu") >= 1_800.0


def test_who_has_the_release_and_is_silent_for_an_hour_stops_the_fleet() -> None:
    sim = world(sites(box=Site(deaf=(NOON + 600.0, NOON + 86_400.0))))
    fleet_of(sim, WAVES)
    fleet = carried(sim)
    assert fleet.status is FleetStatus.STOPPED
    assert "does not answer" in fleet.reason


def test_an_hour_of_silence_is_counted_from_the_last_answer() -> None:
    sim = world(sites(eu=Site(takes_s=8_000.0, deaf=(NOON + 1_000.0, NOON + 4_000.0))))
    fleet_of(sim, WAVES)
    while sim.clock.now() < NOON + 4_200.0:
        visit(sim)
        sim.clock.sleep(60.0)
    sim.sites["eu"].deaf = (NOON + 4_200.0, NOON + 7_500.0)
    fleet = carried(sim)
    assert phases(fleet)["eu"] is Phase.SHIPPED
    assert sim.violations == []


def test_a_pause_holds_the_bake_and_resume_lets_it_go_on() -> None:
    sim = world(sites())
    fleet_of(sim, WAVES)
    fleet = carried(sim, {7: Ask.PAUSE, 60: Ask.RESUME})
    assert fleet.status is FleetStatus.SHIPPED
    assert shipped_at(sim, "eu") == 900.0 + 53 * 60.0


def test_an_alarm_is_heard_while_the_fleet_is_on_hold() -> None:
    sim = world(sites(box=Site(rings_at=NOON + 3_000.0)))
    fleet_of(sim, WAVES)
    fleet = carried(sim, {7: Ask.PAUSE})
    assert fleet.status is FleetStatus.STOPPED


def test_a_promotion_ends_the_bake() -> None:
    sim = world(sites())
    fleet_of(sim, WAVES)
    carried(sim, {6: Ask.PROMOTE})
    assert shipped_at(sim, "eu") == 360.0


def test_an_abort_turns_back_what_runs_and_begins_nothing_more() -> None:
    sim = world(sites())
    fleet_of(sim, WAVES, on_failure="rollback")
    fleet = carried(sim, {16: Ask.ABORT})
    assert phases(fleet) == {
        "box": Phase.RETURNED, "eu": Phase.ROLLED_BACK, "us": Phase.NOT_BEGUN, "ap": Phase.NOT_BEGUN,
    }  # fmt: skip
    assert "aborted by bob" in fleet.reason


def test_what_makes_no_sense_is_refused_with_what_does() -> None:
    sim = world(sites())
    fleet = fleet_of(sim, WAVES)
    assert possible(fleet) == (Ask.ABORT, Ask.PAUSE)
    with pytest.raises(NotPossibleNow, match="promote --fleet` is not possible now: wave 1 of 3"):
        require_possible(fleet, Ask.PROMOTE)
    ended = carried(sim)
    with pytest.raises(NotPossibleNow, match="has ended"):
        require_possible(ended, Ask.ABORT)
    assert standing(ended) == "shipped"


def test_a_wave_that_had_it_already_bakes_for_nothing() -> None:
    sim = world(sites(box=Site(present=True)))
    fleet_of(sim, WAVES)
    carried(sim)
    assert shipped_at(sim, "eu") < 120.0


def test_the_next_visit_comes_when_a_bake_is_over() -> None:
    sim = world(sites())
    fleet_of(sim, (Wave(("box",), 45.0), Wave(("eu",))))
    while visit(sim) is not None and sim.load("f1").baking_since is None:
        sim.clock.sleep(60.0)
    assert again_s(sim.load("f1"), sim.clock.now()) == 45.0


@pytest.mark.parametrize(
    "waves",
    [
        (),
        (Wave(()),),
        (Wave(("box",)), Wave(("eu", "box"))),
        (Wave(("box",)), Wave(tuple(f"e{n}" for n in range(MOST_ENVIRONMENTS)))),
    ],
    ids=["none", "empty", "twice", "too many"],
)
def test_waves_that_make_no_fleet_are_refused(waves: tuple[Wave, ...]) -> None:
    with pytest.raises(PlanInvalid):
        require_waves(waves)


def test_the_longest_record_fits_into_an_item() -> None:
    names = tuple(f"{'environment-' * 5}{n:03}" for n in range(MOST_ENVIRONMENTS))
    require_waves([Wave(names)])
    sim = world({name: Site() for name in names})
    fleet = fleet_of(sim, [Wave(names)], reason="alice " * 100)
    for name in names * 2:
        begun = Member(environment=name, phase=Phase.BEGINNING, deployment="d" * 24, back="b" * 24)
        told = Sight(state="halted", about="b" * 24, note="ü" * 9_000)
        fleet = folded(fleet.having(begun), name, told, NOON)
    assert all(len(member.reason) == LONGEST_NOTE for member in fleet.members)
    assert len(encode(fleet)) < 400_000 - 4_096


def test_after_a_failure_nothing_is_begun_whose_answer_had_not_come() -> None:
    sim = world(sites(us=Site(refuses="stack busy"), ap=Site(deaf=(NOON, NOON + 30.0))))
    fleet_of(sim, (Wave(("us", "ap")),))
    fleet = carried(sim)
    assert phases(fleet)["ap"] is Phase.NOT_BEGUN
    assert not sim.sites["ap"].begun
    assert [e.environment for e in sim.errands if e.kind == "begin"] == ["us", "ap"]


def test_what_arrives_late_is_found_and_asked_to_go_back() -> None:
    sim = world(sites(us=Site(refuses="stack busy"), ap=Site(takes_s=3_000.0)))
    sim.slow = {1: 200.0}  # to begin in ap: within its fence, after the failure
    fleet_of(sim, (Wave(("us", "ap")),))
    fleet = carried(sim)
    assert phases(fleet)["ap"] is Phase.ROLLED_BACK
    assert sim.violations == []


def test_a_name_that_has_grown_old_is_given_up_for_a_new_one() -> None:
    sim = world(sites(box=Site(deaf=(NOON, NOON + 200.0), passed_at=NOON + 100.0)))
    fleet_of(sim, WAVES)
    fleet = carried(sim)
    assert fleet.status is FleetStatus.SHIPPED
    assert list(sim.sites["box"].begun) == [fleet["box"].deployment]


def test_who_is_taken_is_asked_once_a_visit_and_no_more() -> None:
    sim = world(sites(box=Site(taken_until=NOON + 600.0)))
    fleet_of(sim, WAVES, wait_s=1_800.0)
    carried(sim)
    begins = [e for e in sim.errands if (e.kind, e.environment) == ("begin", "box")]
    assert len(begins) == 11


def test_where_somebody_else_deploys_nothing_goes_back() -> None:
    box = Site(taken_from=NOON + 1_000.0, taken_until=NOON + 9_000.0)
    sim = world(sites(box=box, eu=Site(ends="rolled_back")))
    fleet_of(sim, WAVES, on_failure="rollback")
    fleet = carried(sim)
    assert phases(fleet)["box"] is Phase.KEPT
    assert not box.ways_back


def test_an_answer_about_the_way_out_says_nothing_of_the_way_back() -> None:
    sim = world(sites())
    fleet = fleet_of(sim, WAVES)
    back = Member(environment="box", phase=Phase.RETURNING, deployment="d1", back="d2")
    fleet = fleet.having(back)
    assert folded(fleet, "box", Sight(state="shipped", about="d1"), NOON) == fleet
    ended = folded(fleet, "box", Sight(state="shipped", about="d2"), NOON)
    assert ended["box"].phase is Phase.RETURNED
