"""return_to: back to an earlier release in one move, from a sound or a broken environment."""

import pytest

from deployer.errors import NotPossibleNow, PlanInvalid
from deployer.intent import Intent
from deployer.model import Health, Instance, Release, Slot, SlotState, Snapshot, Weights
from deployer.planning import strategies
from deployer.steps.bake import Bake

INTENT = Intent(release=Release("v1"), final_bake_s=600.0, linger_s=60.0)


def slot(which: Slot, release: str | None, healthy: int, desired: int, top: int = 8) -> SlotState:
    instances = tuple(
        Instance(f"i-{which}{n}", "InService", release, Health.HEALTHY if n < healthy else None)
        for n in range(desired)
    )
    return SlotState(which, 0, top, desired, instances, Release(release) if release else None)


def fleet(weights: Weights | None, blue: SlotState, green: SlotState) -> Snapshot:
    return Snapshot(1000.0, weights, blue, green)


def serving_v2(healthy: int = 3, top: int = 8) -> Snapshot:
    return fleet(
        Weights(0, 1000), slot(Slot.BLUE, None, 0, 0, top), slot(Slot.GREEN, "v2", healthy, 3)
    )


def test_one_move_at_the_live_size() -> None:
    plan = strategies.return_to(serving_v2(), INTENT)
    assert (plan.strategy, plan.candidate, plan.stable) == ("rollback", Slot.BLUE, Slot.GREEN)
    assert (plan.previous, plan.capacity) == ("v2", 3)
    assert [step.describe().split(" (")[0] for step in plan.steps] == [
        "provision blue: 3 healthy of v1",
        "probe blue: 20 requests through the test listener",
        "route blue 100 % / green 0 %",
        "bake blue for 2m under analysis",
        "linger: keep green until it is silent",
        "retire green",
    ]


def test_too_little_evidence_does_not_stop_it() -> None:
    bake = next(s for s in strategies.return_to(serving_v2(), INTENT).steps if isinstance(s, Bake))
    assert bake.inconclusive == "promote"
    assert bake.patience_s == bake.bake_s + bake.delay_s < bake.deadline_s


def test_a_shorter_bake_of_the_settings_is_kept() -> None:
    intent = Intent(release=Release("v1"), final_bake_s=30.0)
    bake = next(s for s in strategies.return_to(serving_v2(), intent).steps if isinstance(s, Bake))
    assert bake.bake_s == 30.0


def test_a_partly_broken_environment_is_no_obstacle() -> None:
    assert strategies.return_to(serving_v2(healthy=1), INTENT).stable is Slot.GREEN


def test_a_dead_environment_is_brought_up_anew() -> None:
    plan = strategies.return_to(serving_v2(healthy=0), INTENT)
    assert (plan.strategy, plan.candidate, plan.stable) == ("first", Slot.BLUE, None)


def test_what_serves_already_is_refused() -> None:
    with pytest.raises(NotPossibleNow, match="v2 serves already"):
        strategies.return_to(serving_v2(), Intent(release=Release("v2")))


def test_two_serving_slots_are_refused() -> None:
    both = fleet(Weights(500, 500), slot(Slot.BLUE, "v1", 2, 2), slot(Slot.GREEN, "v2", 2, 2))
    with pytest.raises(NotPossibleNow, match="both slots serve"):
        strategies.return_to(both, INTENT)


def test_a_group_that_is_too_small_is_refused() -> None:
    with pytest.raises(PlanInvalid, match="at most 2"):
        strategies.return_to(serving_v2(top=2), INTENT)
