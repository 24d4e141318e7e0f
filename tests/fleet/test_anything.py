"""A fleet under everything at once: failures, deaths, lost answers, late arrivals, people."""

from copy import deepcopy
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.journal import Ask
from deployer.operations.fleet import Fleet, FleetStatus, Phase, Wave
from tests.fleet.world import (
    EVERYWHERE,
    WAVES,
    Site,
    World,
    carried,
    fleet_of,
    phases,
    sites,
    world,
)
from tests.sim.clock import NOON
from tests.sim.faults import Fault

SPAN_S = 6_000.0
MOMENT = st.floats(0.0, SPAN_S).map(lambda after: NOON + after)
NEVER = st.just(float("inf"))
ENDS = st.sampled_from(["shipped", "shipped", "shipped", "rolled_back", "halted"])
SITE = st.builds(
    Site,
    takes_s=st.floats(30.0, 1_500.0),
    ends=ENDS,
    back_ends=ENDS,
    refuses=st.sampled_from(["", "", "", "stack busy"]),
    present=st.sampled_from([False, False, False, True]),
    taken_until=st.one_of(st.just(0.0), MOMENT),
    passed_at=st.one_of(NEVER, NEVER, MOMENT),
    rings_at=st.one_of(NEVER, NEVER, MOMENT),
    gone_at=st.one_of(NEVER, NEVER, MOMENT),
    ails_at=st.one_of(NEVER, NEVER, MOMENT),
    deaf=st.tuples(MOMENT, MOMENT),
    stuck=st.booleans(),
)
PLACES = st.fixed_dictionaries(dict.fromkeys(EVERYWHERE, SITE))
FAULTS = st.dictionaries(st.integers(0, 120), st.sampled_from(list(Fault)), max_size=12)
WISHES = st.dictionaries(
    st.integers(0, 100),
    st.sampled_from([Ask.PAUSE, Ask.RESUME, Ask.PROMOTE, Ask.ABORT]),
    max_size=3,
)
TOLD = {
    Phase.SHIPPED, Phase.PRESENT, Phase.ROLLED_BACK, Phase.HALTED, Phase.REFUSED, Phase.NOT_BEGUN,
    Phase.RETURNED, Phase.KEPT, Phase.LOST,
}  # fmt: skip


def check(sim: World, fleet: Fleet) -> None:
    """Every promise that holds at the end; the others were watched on the way."""
    assert sim.violations == []
    told = phases(fleet)
    assert set(told.values()) <= TOLD
    for name, phase in told.items():
        site = sim.sites[name]
        if phase in (Phase.NOT_BEGUN, Phase.REFUSED, Phase.PRESENT):
            assert not site.begun, f"{name} is told as {phase}, and something began there"
        assert len(site.begun) - len(site.ways_back) <= 1
        if phase in (Phase.SHIPPED, Phase.RETURNED, Phase.KEPT):
            assert site.begun
    if fleet.status is FleetStatus.SHIPPED:
        assert set(told.values()) <= {Phase.SHIPPED, Phase.PRESENT}
    if fleet.status is FleetStatus.ROLLED_BACK:
        assert not {Phase.SHIPPED, Phase.KEPT, Phase.HALTED, Phase.LOST} & set(told.values())
    assert not sim.pointer


@dataclass
class Trouble:
    """What goes wrong: calls, errands without an answer, errands that take effect late; and people."""

    faults: dict[int, Fault]
    lost: set[int]
    slow: dict[int, float]
    wishes: dict[int, Ask]


TROUBLE = st.builds(
    Trouble,
    faults=FAULTS,
    lost=st.sets(st.integers(0, 60), max_size=5),
    slow=st.dictionaries(st.integers(0, 60), st.floats(0.0, 600.0), max_size=4),
    wishes=WISHES,
)


@settings(max_examples=250, deadline=None)
@given(
    places=PLACES,
    trouble=TROUBLE,
    policy=st.sampled_from(["stop", "rollback"]),
    wait_s=st.sampled_from([0.0, 900.0]),
)
def test_whatever_happens_every_environment_ends_in_a_told_state(
    places: dict[str, Site], trouble: Trouble, policy: str, wait_s: float
) -> None:
    sim = world(deepcopy(places), trouble.faults)
    sim.lost, sim.slow = trouble.lost, trouble.slow
    fleet_of(sim, WAVES, on_failure=policy, wait_s=wait_s)
    minutes = dict(trouble.wishes)
    if Ask.PAUSE in minutes.values():
        minutes[101] = Ask.RESUME  # nobody holds a fleet for ever
    check(sim, carried(sim, minutes))


def stories() -> dict[str, tuple[dict[str, Site], str]]:
    return {
        "good": (sites(), "stop"),
        "second wave fails": (sites(eu=Site(ends="rolled_back")), "rollback"),
        "half of the third fails": (
            sites(us=Site(takes_s=900.0, ends="rolled_back"), ap=Site(takes_s=3_000.0)), "rollback",
        ),
    }  # fmt: skip


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("name", list(stories()))
def test_broken_at_any_call_a_fleet_comes_to_the_same_end(name: str, fault: Fault) -> None:
    places, policy = stories()[name]
    undisturbed = world(places)
    waves = (Wave(("box",), 120.0), Wave(("eu",), 120.0), Wave(("us", "ap")))
    fleet_of(undisturbed, waves, on_failure=policy)
    wanted = phases(carried(undisturbed))
    for call in range(len(undisturbed.gate.names)):
        sim = world(stories()[name][0], {call: fault})
        fleet_of(sim, waves, on_failure=policy)
        fleet = carried(sim)
        check(sim, fleet)
        assert phases(fleet) == wanted, f"{fault} at call {call}"
