"""The nouns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.model import (
    Health,
    Instance,
    Minute,
    Slot,
    SlotState,
    Snapshot,
    Weights,
    instances_for,
)

BLUE, GREEN = Slot.BLUE, Slot.GREEN


def test_twins() -> None:
    assert (BLUE.twin, GREEN.twin) == (GREEN, BLUE)


@pytest.mark.parametrize(("blue", "green"), [(-1, 1001), (1001, -1), (500, 499), (0, 0)])
def test_weights_that_are_none(blue: int, green: int) -> None:
    with pytest.raises(ValueError, match="per mille and sum to 1000"):
        Weights(blue, green)


@pytest.mark.parametrize(
    ("weights", "sole"),
    [(Weights(1000, 0), BLUE), (Weights(0, 1000), GREEN), (Weights(999, 1), None)],
)
def test_the_sole_slot(weights: Weights, sole: Slot | None) -> None:
    assert weights.sole is sole


@given(st.sampled_from(Slot), st.integers(0, 1000))
def test_toward_a_slot(slot: Slot, share: int) -> None:
    weights = Weights.toward(slot, share)
    assert (weights[slot], weights[slot.twin]) == (share, 1000 - share)


def test_weights_for_people() -> None:
    assert str(Weights(999, 1)) == "blue 99.9 % / green 0.1 %"


@pytest.mark.parametrize(
    ("share", "capacity", "need"),
    [(0, 10, 0), (1, 10, 1), (1000, 10, 10), (500, 3, 2), (250, 4, 1), (251, 4, 2), (1000, 0, 0)],
)
def test_instances_for_a_share(share: int, capacity: int, need: int) -> None:
    assert instances_for(share, capacity) == need


def instance(lifecycle: str = "InService", health: Health | None = Health.HEALTHY) -> Instance:
    return Instance("i-1", lifecycle, "v1", health)


@pytest.mark.parametrize(
    ("one", "serving"),
    [
        (instance(), True),
        (instance("Pending", None), False),
        (instance("Terminating:Wait"), False),
        *((instance(health=health), False) for health in Health if health is not Health.HEALTHY),
        (instance(health=None), False),
    ],
)
def test_who_serves(one: Instance, serving: bool) -> None:
    assert one.serving is serving


def test_healthy_instances_by_release() -> None:
    others = (Instance("i-2", "InService", "v2", Health.HEALTHY), instance("Pending", None))
    unknown = Instance("i-3", "InService", None, Health.HEALTHY)
    state = SlotState(BLUE, 0, 5, 4, (instance(), *others, unknown))
    assert (state.healthy(), state.healthy("v1"), state.healthy("v2"), state.healthy("v3")) == (
        3, 1, 1, 0,
    )  # fmt: skip
    assert state.releases == ("v1", "v2")


@pytest.mark.parametrize(
    ("state", "empty"),
    [
        (SlotState(BLUE, 0, 5, 0), True),
        (SlotState(BLUE, 0, 5, 1), False),
        (SlotState(BLUE, 0, 5, 0, (instance("Terminating"),)), False),
        (SlotState(BLUE, 0, 5, 0, draining=1), False),
    ],
)
def test_an_empty_slot(state: SlotState, empty: bool) -> None:
    assert state.empty is empty


def test_a_snapshot_by_slot() -> None:
    blue, green = SlotState(BLUE, 0, 5, 0), SlotState(GREEN, 0, 5, 0)
    seen = Snapshot(0.0, None, blue, green)
    assert (seen[BLUE], seen[GREEN]) == (blue, green)


def test_failures_of_a_minute() -> None:
    assert Minute(0.0, 10, target_5xx=2, connection_errors=3, target_4xx=4).failures == 5
