"""Matched capacity and hold-back: killed at every call, under growing load, hurried, held, turned back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pytest
from msgspec.structs import replace

from deployer.changes import Freeze, SetDesired, SetWeights, Thaw
from deployer.intent import Intent
from deployer.journal import Ask
from deployer.model import Slot, Weights, matched_to
from deployer.plan import Deployment, Status
from tests.sim.clock import NOON
from tests.sim.faults import READS, Fault
from tests.sim.fleet import Behaviour
from tests.sim.people import Person, ask_at, resumes
from tests.sim.play import INTENT, Play, play

BLUE, GREEN = Slot.BLUE, Slot.GREEN
SIZE = 5
MATCHED = replace(
    INTENT, weights=(1, 500), bake_s=60.0, capacity="matched", inconclusive="promote",
    patience_s=0.0, probe_allowed_failures=20,
)  # fmt: skip
HELD = replace(MATCHED, weights=(100,), hold_back=10, hold_back_s=180.0)


def grow(sim: Play, after_s: float = 250.0, size: int = 8) -> None:
    """Target tracking scales the live slot out, and then there is that much more to carry."""

    def scale_out() -> None:
        if sim.cloud.rule is not None and sim.cloud.rule[BLUE]:
            sim.cloud.groups[BLUE].desired = size
            sim.cloud.at(sim.clock.now() + 60.0, lambda: setattr(sim.cloud, "load", size))

    sim.cloud.at(sim.clock.now() + after_s, scale_out)


def hurry(sim: Play) -> None:
    Person(sim, lambda *_: Ask.PROMOTE_FULL)


def step_on(sim: Play) -> None:
    Person(sim, lambda *_: Ask.PROMOTE)


def hold(sim: Play) -> None:
    """While it grows for its second share."""
    ask_at(sim, 200.0, Ask.PAUSE)
    Person(sim, resumes(100.0))


@dataclass(frozen=True)
class Story:
    """A canary of five instances, and how it ends."""

    ends: Status
    release: Behaviour = field(default_factory=Behaviour)
    intent: Intent = MATCHED
    happens: Callable[[Play], None] = lambda _: None

    def tell(self, faults: dict[int, Fault]) -> tuple[Play, Deployment]:
        sim = play(behaviours={"v2": self.release}, faults=faults, size=SIZE)
        sim.poll_s = 40.0
        self.happens(sim)
        return sim, sim.ship(self.intent)


SHIPPED, BACK = Status.SHIPPED, Status.ROLLED_BACK
FULL = replace(MATCHED, capacity="full")
STORIES = {
    "matched": Story(SHIPPED),
    "matched, failing": Story(BACK, Behaviour(errors=200)),
    "matched, crashing": Story(BACK, Behaviour(crash_after_s=150.0)),
    "matched, aborted while it grows": Story(BACK, happens=lambda sim: sim.abort_at(230.0)),
    "matched, hurried": Story(SHIPPED, happens=hurry),
    "matched, paused": Story(SHIPPED, happens=hold),
    "matched, the load grows": Story(SHIPPED, happens=grow),
    "full, the load grows": Story(SHIPPED, intent=FULL, happens=grow),
    "held back": Story(SHIPPED, intent=HELD),
    "held back, failing": Story(BACK, Behaviour(errors=30), replace(HELD, weights=())),
    "held back, stepped over": Story(SHIPPED, intent=HELD, happens=step_on),
}
KILLS = [Fault.KILLED_BEFORE, Fault.KILLED_AFTER]
FAULTS = [(name, kill) for name in STORIES for kill in KILLS] + [
    ("matched", Fault.THROTTLED), ("matched", Fault.REPLY_LOST),
    ("matched, the load grows", Fault.REPLY_LOST),
]  # fmt: skip


def check(sim: Play, deployment: Deployment, story: Story) -> None:
    assert deployment.status is story.ends, deployment.reason
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_whatever_happens_to_any_one_call_the_end_is_the_same(name: str, fault: Fault) -> None:
    story = STORIES[name]
    undisturbed, deployment = story.tell({})
    check(undisturbed, deployment, story)
    for call, what in enumerate(undisturbed.gate.names):
        if fault is Fault.KILLED_AFTER and what in READS:
            continue  # as dead as before the next call
        sim, deployment = story.tell({call: fault})
        check(sim, deployment, story)
        assert sim.state == undisturbed.state, f"{fault} at call {call}, {what}"


def asked(sim: Play, slot: Slot) -> list[int]:
    return [c.desired for _, c in sim.cloud.changes if isinstance(c, SetDesired) and c.slot is slot]


def test_it_grows_ahead_of_each_share_and_the_old_slot_stays_whole() -> None:
    sim, _ = STORIES["matched"].tell({})
    assert asked(sim, GREEN) == [2, 4, 5]
    assert asked(sim, BLUE) == [0]
    assert [c.floor for _, c in sim.cloud.changes if isinstance(c, Freeze)] == [SIZE]
    for at, change in sim.cloud.changes:
        if isinstance(change, SetWeights):
            before = [c.desired for when, c in sim.cloud.changes
                      if when < at and isinstance(c, SetDesired)]  # fmt: skip
            assert before[-1] == matched_to(change.weights[GREEN], SIZE)


def test_the_way_back_boots_nothing() -> None:
    for name in ("matched, failing", "matched, crashing", "held back, failing"):
        sim, _ = STORIES[name].tell({})
        assert asked(sim, BLUE) == []
        assert sim.cloud.groups[BLUE].launched == SIZE
        assert asked(sim, GREEN)[-1] == 0
        assert isinstance(sim.cloud.changes[-1][1], Thaw)


@pytest.mark.parametrize("name", ["matched, the load grows", "full, the load grows"])
def test_everything_goes_to_as_many_as_the_live_slot_has_by_then(name: str) -> None:
    sim, _ = STORIES[name].tell({})
    assert asked(sim, GREEN)[-1] == 8
    assert sim.cloud.groups[GREEN].desired == 8


@pytest.mark.parametrize("intent", [MATCHED, FULL, HELD], ids=["matched", "full", "held back"])
def test_the_load_may_grow_at_any_second(intent: Intent) -> None:
    """What is in a stop already is followed by the group's own scaling, as on AWS."""
    for second in range(0, 700, 23):
        sim = play(size=SIZE)
        grow(sim, second)
        sim.gate.hooks["cloud.observe"] = partial(follow, sim)
        deployment = sim.ship(intent)
        assert deployment.status is SHIPPED, deployment.reason
        assert sim.oracle.violations == []
        assert sim.cloud.groups[GREEN].desired >= sim.cloud.load


def follow(sim: Play) -> None:
    """Target tracking of the new slot: as large as its share needs, the moment the load is to come."""
    size, rule, green = sim.cloud.groups[BLUE].desired, sim.cloud.rule, sim.cloud.groups[GREEN]
    if rule is not None and rule[GREEN] and size:
        green.desired = max(green.desired, -(-size * rule[GREEN] // 1000))


def test_a_maximum_that_the_live_slot_outgrows_turns_it_back_with_the_reason() -> None:
    sim = play(size=SIZE)
    sim.cloud.groups[BLUE].max_size, sim.cloud.groups[GREEN].max_size = 12, 6
    grow(sim)
    deployment = sim.ship(MATCHED)
    assert deployment.status is BACK
    assert "green may have at most 6 instances and 8 are needed by now" in deployment.reason
    assert sim.cloud.rule == Weights(1000, 0)
    assert sim.oracle.violations == []


def test_no_capacity_to_grow_is_found_out_at_once_and_nobody_notices() -> None:
    sim = play(size=SIZE)
    green = sim.cloud.groups[GREEN]
    sim.cloud.at(NOON + 100.0, lambda: setattr(green, "no_capacity", "no t3.micro left"))
    deployment = sim.ship(MATCHED)
    assert deployment.status is BACK
    assert deployment.reason == "green: a launch failed: no t3.micro left"
    assert sim.cloud.ledger.outages == []


def test_what_is_held_back_keeps_its_share_for_that_long() -> None:
    sim, _ = STORIES["held back"].tell({})
    moves = {c.weights: at for at, c in sim.cloud.changes if isinstance(c, SetWeights)}
    assert list(moves) == [Weights(900, 100), Weights(10, 990), Weights(0, 1000)]
    assert moves[Weights(0, 1000)] - moves[Weights(10, 990)] >= HELD.hold_back_s


def once_it_bakes(wish: Ask, deployment: Deployment, _now: float) -> Ask | None:
    return wish if deployment.cursor >= 3 else None


def test_stepped_over_it_is_shorter_and_hurried_it_is_left_out() -> None:
    for wish, shares in ((Ask.PROMOTE, [100, 990, 1000]), (Ask.PROMOTE_FULL, [100, 1000])):
        sim = play(size=SIZE)
        Person(sim, partial(once_it_bakes, wish))
        assert sim.ship(HELD).status is SHIPPED
        moves = [(at, c) for at, c in sim.cloud.changes if isinstance(c, SetWeights)]
        assert [c.weights[GREEN] for _, c in moves] == shares
        assert moves[-1][0] - moves[-2][0] < HELD.hold_back_s
        assert sim.oracle.violations == []
