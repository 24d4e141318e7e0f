"""What the state machine hears of a visit, and how a long fleet stays below 25,000 events."""

from pathlib import Path

import pytest

from deployer.errors import CloudUnavailable, NotFound
from deployer.functions.fleet import formation_of, visited
from deployer.journal import Lease
from deployer.operations.fleet import Fleet
from deployer.operations.fleet_round import (
    MOST_TICKS,
    POLL_S,
    FleetBook,
    Mandate,
    Visited,
    answer,
    delayed,
)
from deployer.wiring.formation import Formation
from stacks.states import MOST_RETRIES, definition
from tests.fleet.world import WAVES, World, fleet_of, sites, world

EVENTS_OF_A_TICK = 9  # docs/scale.md counts them
EVENTS_OF_A_RETRY = 3


def formation(sim: World, book: FleetBook | None = None) -> Formation:
    return Formation(
        service="shop", book=book or sim, members=sim, clock=sim.clock, start=lambda _: None,
        owner="visit #1", caller="the cloud",
    )  # fmt: skip


def test_a_visit_tells_when_to_come_again_and_where_the_fleet_stands() -> None:
    sim = world(sites())
    fleet_of(sim, WAVES)
    said = visited(formation(sim), Mandate(fleet="f1"))
    assert (said.next, said.wait_s, said.mandate.ticks) == ("rest", POLL_S, 1)
    assert said.stands == "wave 1 of 3 gets the release"


def test_driven_by_its_answers_alone_a_fleet_comes_to_its_end() -> None:
    sim = world(sites())
    fleet_of(sim, WAVES)
    said = visited(formation(sim), Mandate(fleet="f1"))
    while said.next != "end":
        sim.clock.sleep(said.wait_s)
        said = visited(formation(sim), said.mandate)
    assert said.stands == "shipped"
    assert visited(formation(sim), said.mandate).next == "end"  # called once more, it is the same


def test_the_last_visit_of_an_execution_hands_on_to_the_next() -> None:
    sim = world(sites())
    mandate = Mandate(fleet="f1", ticks=MOST_TICKS - 1)
    said = answer(mandate, Visited(fleet_of(sim, WAVES), 30.2))
    assert (said.next, said.name, said.wait_s) == ("onward", "f1-2", 31)
    assert said.mandate == Mandate(fleet="f1", part=2, ticks=0)


def test_an_execution_stays_below_what_aws_allows() -> None:
    retried = EVENTS_OF_A_TICK + MOST_RETRIES * EVENTS_OF_A_RETRY
    assert MOST_TICKS * retried < 25_000
    assert definition("arn")["States"]["Rest"]["SecondsPath"] == "$.wait_s"


class Silent(World):
    """Its table does not answer."""

    def take(self, fleet_id: str, lease: Lease, now: float) -> Fleet:
        raise CloudUnavailable("Rate exceeded")


def test_a_book_that_does_not_answer_is_asked_again_later() -> None:
    sim = world(sites())
    fleet_of(sim, WAVES)
    silent = Silent(sim.sites, sim.clock, sim.gate)
    mandate = Mandate(fleet="f1", ticks=4)
    assert visited(formation(sim, silent), mandate) == delayed(mandate, "Rate exceeded")


def test_settings_without_waves_have_no_fleets(tmp_path: Path) -> None:
    (tmp_path / "deployer.toml").write_text(
        '[service]\nname = "shop"\n[environments.prod]\nregion = "us-east-1"\n'
        'zones = ["us-east-1a", "us-east-1b"]\nimage = "ami-0abcdef1234567890"\n'
    )
    with pytest.raises(NotFound, match=r"no \[waves\]"):
        formation_of({"LAMBDA_TASK_ROOT": str(tmp_path)})


class Unwritable(World):
    """Its table takes no record, and answers otherwise."""

    def save(self, fleet: Fleet, lease: Lease) -> Fleet:
        raise CloudUnavailable("Rate exceeded")


def test_a_visit_that_came_to_nothing_leaves_room_for_the_next_one_at_once() -> None:
    sim = world(sites())
    fleet_of(sim, WAVES)
    stuck = Unwritable(sim.sites, sim.clock, sim.gate, stored=sim.stored, pointer="f1")
    assert visited(formation(stuck), Mandate(fleet="f1")).stands == "Rate exceeded"
    assert stuck.lease is not None
    assert stuck.lease.owner == ""
    assert stuck.errands == []  # nothing was asked for that is not written down
