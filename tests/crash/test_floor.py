"""With scaling policies the slot that serves keeps a minimum, and the other one has it no more."""

from collections.abc import Mapping

import pytest

from deployer.changes import SetFloor
from deployer.errors import ChangeRefused
from deployer.intent import Intent
from deployer.model import Slot, SlotState
from deployer.plan import Plan, Status
from deployer.planning import strategies
from deployer.planning.stages import kept
from deployer.ports import World
from deployer.steps.base import Act, Done
from deployer.steps.keep import Keep
from deployer.steps.kinds import Step
from deployer.steps.retire import Retire
from tests.rolling.stage import intent as rolling
from tests.sim.faults import Fault
from tests.sim.fleet import Behaviour
from tests.sim.play import ENVIRONMENT, Play, intent_for, play
from tests.unit.world import snapshot, world

BAD = {"v2": Behaviour(errors=200)}
INTENTS = {
    "canary": (strategies.canary, intent_for("v2", floor=2)),
    "blue-green": (strategies.blue_green, intent_for("v2", floor=2)),
    "rolling": (strategies.rolling, rolling(floor=2)),
}
SERVES = {"canary": Slot.GREEN, "blue-green": Slot.GREEN, "rolling": Slot.BLUE}


def stage(
    blue: int,
    behaviours: Mapping[str, Behaviour] | None = None,
    faults: Mapping[int, Fault] | None = None,
) -> Play:
    """v1 serves with three instances, and blue has this minimum."""
    made = play(size=3, behaviours=behaviours or {}, faults=faults)
    made.cloud.groups[Slot.BLUE].min_size = blue
    made.oracle.floors = {Slot.BLUE: blue}
    return made


def minimums(made: Play) -> dict[Slot, int]:
    return {slot: group.min_size for slot, group in made.cloud.groups.items()}


@pytest.mark.parametrize("name", INTENTS)
@pytest.mark.parametrize("blue", [0, 2])
def test_it_goes_with_the_traffic(name: str, blue: int) -> None:
    strategy, intent = INTENTS[name]
    made = stage(blue)
    assert made.ship(intent, strategy).status is Status.SHIPPED
    serves = SERVES[name]
    assert minimums(made) == {serves: 2, serves.twin: 0}
    assert made.oracle.violations == []


@pytest.mark.parametrize("name", INTENTS)
@pytest.mark.parametrize("blue", [0, 2])
def test_after_a_way_back_the_old_slot_has_it(name: str, blue: int) -> None:
    """Though it was frozen meanwhile, and had none before: what is given back is not less than it."""
    strategy, intent = INTENTS[name]
    made = stage(blue, BAD)
    assert made.ship(intent, strategy).status is Status.ROLLED_BACK
    assert minimums(made) == {Slot.BLUE: 2, Slot.GREEN: 0}
    assert made.oracle.violations == []


def test_and_the_next_release_takes_it_back() -> None:
    made = stage(0)
    for release, serves in (("v2", Slot.GREEN), ("v3", Slot.BLUE)):
        done = made.ship(intent_for(release, floor=2), strategies.canary, release)
        assert done.status is Status.SHIPPED
        assert minimums(made) == {serves: 2, serves.twin: 0}
    assert made.oracle.violations == []


def test_a_release_that_comes_back_takes_it_too() -> None:
    made = stage(2)
    made.ship(intent_for("v2", floor=2), strategies.blue_green)
    done = made.ship(intent_for("v1", floor=2), strategies.return_to, "d2")
    assert (done.first_plan.strategy, done.status) == ("rollback", Status.SHIPPED)
    assert minimums(made) == {Slot.BLUE: 2, Slot.GREEN: 0}
    assert made.oracle.violations == []


@pytest.mark.parametrize("name", INTENTS)
def test_a_floor_that_aws_refuses_is_no_reason_to_take_a_good_release_back(name: str) -> None:
    strategy, intent = INTENTS[name]
    made = stage(0)

    def refuse() -> None:
        held = made.journal.peek(ENVIRONMENT)
        record = held.deployment if held else None
        if record and record.ending is None and isinstance(record.step, Keep):
            raise ChangeRefused("not authorized")

    made.gate.hooks["cloud.apply"] = refuse  # but what it owes may be given back
    done = made.ship(intent, strategy)
    assert done.status is Status.HALTED
    assert done.reason.startswith("v2 serves everything, but let ")
    assert made.cloud.rule is not None
    assert made.cloud.rule.sole is SERVES[name]
    assert made.oracle.violations == []


@pytest.mark.parametrize("name", INTENTS)
def test_without_scaling_policies_no_minimum_is_touched(name: str) -> None:
    strategy, _ = INTENTS[name]
    made = stage(0)
    without: Intent = rolling() if name == "rolling" else intent_for("v2")
    assert made.ship(without, strategy).status is Status.SHIPPED
    assert minimums(made) == {Slot.BLUE: 0, Slot.GREEN: 0}
    assert not any(isinstance(change, SetFloor) for _, change in made.cloud.changes)


@pytest.mark.parametrize("fault", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.REPLY_LOST])
def test_whatever_happens_around_it_the_end_is_the_same(fault: Fault) -> None:
    """At each call from the one before the floor is raised on: before that nothing has to do with it."""
    strategy, intent = INTENTS["blue-green"]
    undisturbed = stage(2)
    undisturbed.ship(intent, strategy)
    assert isinstance(undisturbed.cloud.changes[-3][1], SetFloor)
    calls = undisturbed.gate.names
    last = max(n for n, what in enumerate(calls) if what == "cloud.apply")
    raised = [n for n, what in enumerate(calls) if what == "cloud.apply"][-3]
    for call in range(raised - 3, last + 3):
        made = stage(2, faults={call: fault})
        assert made.ship(intent, strategy).status is Status.SHIPPED
        assert minimums(made) == {Slot.GREEN: 2, Slot.BLUE: 0}, f"{fault} at {call}, {calls[call]}"
        assert made.oracle.violations == []


@pytest.mark.parametrize(
    ("minimum", "desired", "change"),
    [
        (0, 4, SetFloor(Slot.BLUE, 3)),
        (2, 4, SetFloor(Slot.BLUE, 3)),
        (3, 4, None),
        (4, 4, None),  # somebody wants more
        (0, 2, SetFloor(Slot.BLUE, 2)),  # a minimum above it would launch
        (2, 2, None),
        (0, 0, None),
    ],
)
def test_what_is_asked_for(minimum: int, desired: int, change: SetFloor | None) -> None:
    found = Keep(Slot.BLUE, 3, 60.0).advance(sized(minimum, desired))
    assert found == Act(change) if change else isinstance(found, Done)


def sized(minimum: int, desired: int) -> World:
    return world(snapshot(blue=SlotState(Slot.BLUE, minimum, 9, desired)))


RETIRE = Retire(Slot.BLUE, 60.0)


@pytest.mark.parametrize(
    ("floor", "slot", "steps", "at"),
    [
        (2, Slot.GREEN, (RETIRE,), 0),
        (2, Slot.GREEN, (), 0),
        (0, Slot.GREEN, (RETIRE,), None),
        (2, None, (RETIRE,), None),
    ],
)
def test_the_floor_comes_before_the_other_slot_goes(
    floor: int, slot: Slot | None, steps: tuple[Step, ...], at: int | None
) -> None:
    planned = kept(steps, intent_for("v2", floor=floor), slot)
    assert [n for n, step in enumerate(planned) if isinstance(step, Keep)] == (
        [] if at is None else [at]
    )
    assert tuple(step for step in planned if not isinstance(step, Keep)) == steps


def test_every_plan_with_a_floor_says_so() -> None:
    seen = stage(0).runner("me").cloud.observe()
    plans: list[Plan] = [strategy(seen, intent) for strategy, intent in INTENTS.values()]
    for plan in plans:
        assert sum("shrinking below 2" in step.describe() for step in plan.steps) == 1
