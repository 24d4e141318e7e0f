"""How large the old slot must be for the way back, and who goes back before it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deployer.changes import SetWeights
from deployer.intent import Intent
from deployer.model import Release, SlotState, Snapshot, Weights, instances_for
from deployer.plan import Deployment, Status
from deployer.planning import stages
from deployer.planning.strategies import blue_green, canary, rollback
from deployer.steps.base import Act, Done
from deployer.steps.linger import Linger
from deployer.steps.retire import Retire
from tests.unit.world import BLUE, GREEN, NOW, UNHEALTHY, instances, slot, snapshot, world

INTENT = Intent(release=Release("v2"), weights=(50, 500), linger_s=300.0)
LIVE = snapshot(Weights(1000, 0), slot(BLUE, *instances(4)))
ALL, HALF = Weights(0, 1000), Weights(500, 500)


def in_window(kind: type = Linger) -> Deployment:
    plan = blue_green(LIVE, INTENT)
    cursor = next(n for n, step in enumerate(plan.steps) if isinstance(step, kind))
    return Deployment(
        id="d1", environment="prod", status=Status.RUNNING, plan=plan, cursor=cursor,
        started_at=NOW, entered_at=NOW, written=ALL,
    )  # fmt: skip


def sized(old: int, new: int, *, healthy: int | None = None, most: int = 20) -> Snapshot:
    well = old if healthy is None else healthy
    members = (*instances(well), *instances(old - well, "v1", UNHEALTHY))
    blue = SlotState(BLUE, 0, most, old, members, Release("v1"))
    return snapshot(ALL, blue, slot(GREEN, *instances(new, "v2")))


def moves(seen: Snapshot, record: Deployment) -> list[str]:
    return [step.describe().split(" (")[0] for step in rollback(seen, record).steps]


REST = ["linger: keep green until it is silent", "retire green"]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (sized(4, 4), ["provision blue: 4 healthy of what it runs", "route blue 100 % / green 0 %"]),
        (sized(4, 2), ["provision blue: 4 healthy of what it runs", "route blue 100 % / green 0 %"]),
        (sized(6, 4), ["provision blue: 6 healthy of what it runs", "route blue 100 % / green 0 %"]),
        (
            sized(4, 6),
            [
                "route blue 66.6 % / green 33.4 %",
                "provision blue: 6 healthy of what it runs",
                "route blue 100 % / green 0 %",
            ],
        ),
        (
            sized(4, 4, healthy=3),
            [
                "route blue 75 % / green 25 %",
                "provision blue: 4 healthy of what it runs",
                "route blue 100 % / green 0 %",
            ],
        ),
        (
            sized(4, 9, most=5),
            [
                "route blue 80 % / green 20 %",
                "provision blue: 5 healthy of what it runs",
                "route blue 100 % / green 0 %",
            ],
        ),
        (
            sized(4, 4, most=3),
            ["provision blue: 4 healthy of what it runs", "route blue 100 % / green 0 %"],
        ),
        (
            sized(4, 4, healthy=0),
            ["provision blue: 4 healthy of what it runs", "route blue 100 % / green 0 %"],
        ),
    ],
    ids=[
        "as planned", "scaled in", "old grew", "new grew", "one is missing", "more than it may have",
        "a maximum that was lowered", "none left",
    ],
)  # fmt: skip
def test_it_carries_what_the_new_slot_carries_now(seen: Snapshot, expected: list[str]) -> None:
    assert moves(seen, in_window()) == [*expected, *REST]


def test_once_it_leaves_nobody_goes_back_to_instances_that_may_be_gone() -> None:
    assert moves(sized(4, 6, healthy=3), in_window(Retire)) == [
        "provision blue: 6 healthy of what it runs", "route blue 100 % / green 0 %", *REST,
    ]  # fmt: skip


def test_a_canary_takes_nobody_along_who_is_served_well_already() -> None:
    """At half of the traffic, three of four instances can carry a quarter more at once, one nothing."""
    record = replace(in_window(), plan=canary(LIVE, INTENT), cursor=6, written=HALF)
    three = replace_weights(sized(4, 4, healthy=3))
    assert moves(three, record)[0] == "route blue 75 % / green 25 %"
    one = replace_weights(sized(4, 4, healthy=1))
    assert moves(one, record)[0] == "provision blue: 4 healthy of what it runs"


def replace_weights(seen: Snapshot) -> Snapshot:
    return Snapshot(seen.at, HALF, seen.blue, seen.green)


@given(
    old=st.integers(0, 12), healthy=st.integers(0, 12), new=st.integers(0, 12),
    planned=st.integers(1, 12), most=st.integers(1, 12), live=st.integers(0, 1000),
)  # fmt: skip
def test_relief_asks_for_no_more_than_there_is(
    *, old: int, healthy: int, new: int, planned: int, most: int, live: int
) -> None:
    seen = sized(max(old, healthy), new, healthy=healthy, most=most)
    seen = Snapshot(NOW, Weights(live, 1000 - live), seen.blue, seen.green)
    capacity = stages.carried(seen, planned, BLUE)
    assert planned <= capacity <= max(planned, most)
    for route in stages.relief(seen, INTENT, BLUE, capacity):
        assert not isinstance(route, (Linger, Retire))
        share = route.weights[BLUE]  # type: ignore[union-attr]
        assert live < share < 1000
        assert instances_for(share, capacity) <= healthy


@pytest.mark.parametrize(
    ("live", "healthy", "expected"),
    [
        (0, 3, Weights(750, 250)),
        (0, 4, Weights(750, 250)),
        (0, 2, Weights(500, 500)),
        (500, 3, Weights(750, 250)),
        (500, 2, None),
        (600, 1, None),
        (750, 3, None),
        (0, 0, None),
    ],
)
def test_relief_gives_what_can_be_carried_when_it_is_looked_at(
    live: int, healthy: int, expected: Weights | None
) -> None:
    (relief,) = stages.relief(replace_weights_to(sized(4, 4, healthy=3), 0), INTENT, BLUE, 4)
    seen = replace_weights_to(sized(4, 4, healthy=healthy), live)
    progress = relief.advance(world(seen))
    if expected is None:
        assert isinstance(progress, Done)
    else:
        assert progress == Act(SetWeights(expected, Weights(live, 1000 - live)))


def replace_weights_to(seen: Snapshot, live: int) -> Snapshot:
    return Snapshot(seen.at, Weights(live, 1000 - live), seen.blue, seen.green)
