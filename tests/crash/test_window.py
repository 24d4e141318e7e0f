"""The window of a blue/green deployment: ended early, grown in, gone back from; killed at every call."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest
from msgspec.structs import replace

from deployer.changes import SetDesired, SetWeights
from deployer.journal import Ask
from deployer.model import Slot, Weights
from deployer.plan import Deployment, Status
from deployer.planning import strategies
from deployer.steps.linger import Linger
from tests.sim.faults import Fault
from tests.sim.fleet import NOTICE_S, Behaviour
from tests.sim.people import Person
from tests.sim.play import ENVIRONMENT, INTENT, Play, play

BLUE, GREEN = Slot.BLUE, Slot.GREEN
SIZE, GROWN = 4, 6
LONG = replace(INTENT, window_s=2_400.0, probe_allowed_failures=20)


def in_window(wish: Ask, deployment: Deployment, now: float, *, after_s: float = 0.0) -> Ask | None:
    step = deployment.step
    inside = isinstance(step, Linger) and step.least_s > 0 and deployment.status is Status.RUNNING
    return wish if inside and now - deployment.entered_at >= after_s else None


def ends_it(sim: Play) -> None:
    Person(sim, partial(in_window, Ask.PROMOTE))


def goes_back(sim: Play) -> None:
    Person(sim, partial(in_window, Ask.ABORT, after_s=200.0))


def grows(sim: Play) -> None:
    """The new slot is scaled out, and then there is that much more to carry."""
    sim.autoscale_at(250.0, GREEN, GROWN)
    sim.cloud.at(sim.clock.now() + 330.0, lambda: setattr(sim.cloud, "load", GROWN))


def grows_and_goes_back(sim: Play) -> None:
    grows(sim)
    goes_back(sim)


@dataclass(frozen=True)
class Story:
    """A blue/green deployment with a long window, and how it ends."""

    ends: Status
    happens: Callable[[Play], None]

    def tell(self, faults: dict[int, Fault]) -> tuple[Play, Deployment]:
        sim = play(faults=faults, size=SIZE)
        sim.poll_s = 40.0
        self.happens(sim)
        return sim, sim.ship(LONG, strategies.blue_green)


STORIES = {
    "ended early": Story(Status.SHIPPED, ends_it),
    "gone back from": Story(Status.ROLLED_BACK, goes_back),
    "grown and gone back from": Story(Status.ROLLED_BACK, grows_and_goes_back),
}
READS = ("cloud.observe", "metrics.traffic", "journal.requested")
FAULTS = [Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.REPLY_LOST]


def check(sim: Play, deployment: Deployment, story: Story) -> None:
    assert deployment.status is story.ends, deployment.reason
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


@pytest.mark.parametrize("fault", FAULTS, ids=str)
@pytest.mark.parametrize("name", STORIES)
def test_whatever_happens_to_any_one_call_the_end_is_the_same(name: str, fault: Fault) -> None:
    story = STORIES[name]
    undisturbed, deployment = story.tell({})
    check(undisturbed, deployment, story)
    for call, what in enumerate(undisturbed.gate.names):
        if fault is not Fault.KILLED_BEFORE and what in READS:
            continue  # the same as before the next call
        sim, deployment = story.tell({call: fault})
        check(sim, deployment, story)
        assert sim.state == undisturbed.state, f"{fault} at call {call}, {what}"


def test_ended_early_it_is_silent_before_it_is_retired_and_long_before_its_time() -> None:
    sim, deployment = STORIES["ended early"].tell({})
    switched = next(at for at, c in sim.cloud.changes if isinstance(c, SetWeights))
    retired = next(at for at, c in sim.cloud.changes if c == SetDesired(BLUE, 0))
    assert retired - switched < LONG.window_s / 4
    done = next(event.note for event, _ in sim.events if "linger: keep blue" in event.note
                and event.kind == "step_done")  # fmt: skip
    assert done.endswith("blue served nothing for a whole minute")
    assert "promote by bob" in [event.note for event in deployment.log]


def test_the_way_back_has_the_size_that_the_new_slot_has_now() -> None:
    sim, _ = STORIES["grown and gone back from"].tell({})
    assert SetDesired(BLUE, GROWN) in [change for _, change in sim.cloud.changes]
    moves = [c.weights for _, c in sim.cloud.changes if isinstance(c, SetWeights)]
    assert moves == [Weights(0, 1000), Weights(666, 334), Weights(1000, 0)]
    assert sim.cloud.groups[BLUE].desired == GROWN


def test_two_thirds_of_the_users_are_back_at_the_next_look() -> None:
    """They do not wait for the third that must be booted for first."""
    sim = play(size=SIZE)
    grows(sim)
    person = Person(sim, partial(in_window, Ask.ABORT, after_s=200.0))
    assert sim.ship(LONG, strategies.blue_green).status is Status.ROLLED_BACK
    ((_, asked_at),) = person.asked
    back = [at for at, c in sim.cloud.changes if isinstance(c, SetWeights)][1:]
    assert back[0] - asked_at <= sim.poll_s
    assert back[1] - back[0] > 30.0
    assert sim.oracle.violations == []


@pytest.mark.parametrize("second", range(0, 120, 15))
def test_a_release_that_goes_bad_after_its_window_was_cut_goes_back_by_itself(second: int) -> None:
    sim = play(size=SIZE, behaviours={"v2": Behaviour(crash_after_s=200.0 + second)})
    ends_it(sim)
    deployment = sim.ship(LONG, strategies.blue_green)
    assert deployment.status is Status.ROLLED_BACK, deployment.reason
    assert sim.cloud.rule == Weights(1000, 0)
    assert sim.oracle.violations == []


def test_users_who_can_be_carried_do_not_wait_for_an_instance_that_dies_just_then() -> None:
    """One of the four dies when the way back begins: half of the users are back at the next look."""
    sim = play(size=SIZE)
    sim.poll_s = 10.0
    grows_and_goes_back(sim)
    began: list[float] = []

    def dies() -> None:
        active = sim.journal.peek(ENVIRONMENT)
        if active is not None and active.deployment.status is Status.RETREATING and not began:
            began.append(sim.clock.now())
            victim = sim.cloud.groups[BLUE].instances[0]
            victim.fails_at = sim.clock.now() - NOTICE_S  # and its health checks have told so
            sim.clock.sleep(1.0)

    sim.gate.hooks["cloud.observe"] = dies
    ended = sim.ship(LONG, strategies.blue_green)
    back = [
        (at - began[0], change.weights) for at, change in sim.cloud.changes
        if isinstance(change, SetWeights) and at >= began[0]
    ]  # fmt: skip
    assert (back[0][1], back[-1][1]) == (Weights(500, 500), Weights(1000, 0))
    assert back[0][0] <= sim.poll_s
    assert ended.status is Status.ROLLED_BACK
    assert sim.oracle.violations == []
