"""Blue/green: killed at every call, going back inside the window, and what is left at the end."""

from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from deployer.changes import Change, SetCohort, SetDesired, SetPage, SetWeights, Stick, Thaw
from deployer.intent import Intent
from deployer.journal import Ask
from deployer.model import Release, Slot, Weights
from deployer.plan import Deployment, Status
from deployer.planning import strategies
from deployer.steps.linger import Linger
from tests.sim.clock import NOON
from tests.sim.faults import Fault
from tests.sim.fleet import Behaviour
from tests.sim.people import Person, ask_at
from tests.sim.play import INTENT, Play, play

BLUE, GREEN = Slot.BLUE, Slot.GREEN
TOLERANT = replace(INTENT, probe_allowed_failures=20, window_s=60.0)


@dataclass(frozen=True)
class Story:
    """A blue/green deployment, and how it ends."""

    ends: Status
    release: Behaviour = field(default_factory=Behaviour)
    intent: Intent = TOLERANT
    weights: Weights = field(default_factory=lambda: Weights(1000, 0))
    size: int = 2
    abort_s: float | None = None
    poll_s: float = 20.0

    def tell(self, faults: dict[int, Fault]) -> tuple[Play, Deployment]:
        sim = play(
            behaviours={"v2": self.release}, faults=faults, weights=self.weights, size=self.size
        )
        sim.poll_s = self.poll_s
        if self.abort_s is not None:
            ask_at(sim, self.abort_s, Ask.ABORT)
        return sim, sim.ship(self.intent, strategies.blue_green)


STORIES = {
    "good": Story(Status.SHIPPED),
    "green to blue": Story(Status.SHIPPED, weights=Weights(0, 1000)),
    "with standby": Story(Status.SHIPPED, intent=replace(TOLERANT, standby=1)),
    "dud": Story(Status.ROLLED_BACK, Behaviour(healthy=False)),
    "failing the probe": Story(Status.ROLLED_BACK, Behaviour(errors=200), INTENT),
    "failing users": Story(Status.ROLLED_BACK, Behaviour(errors=200)),
    "crashing": Story(Status.ROLLED_BACK, Behaviour(crash_after_s=40)),
    "crashing in the window": Story(Status.ROLLED_BACK, Behaviour(crash_after_s=200)),
    "aborted": Story(Status.ROLLED_BACK, abort_s=100.0),
    "aborted in the window": Story(Status.ROLLED_BACK, abort_s=300.0),
}
KILLS = [Fault.KILLED_BEFORE, Fault.KILLED_AFTER]
FAULTS = [(name, kill) for name in STORIES for kill in KILLS] + [
    (name, fault)
    for name in ("good", "failing users", "aborted in the window")
    for fault in (Fault.THROTTLED, Fault.REPLY_LOST)
]


def check(sim: Play, deployment: Deployment, story: Story) -> None:
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    assert deployment.status is story.ends, deployment.reason


@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_whatever_happens_to_any_one_call_the_end_is_the_same(name: str, fault: Fault) -> None:
    story = STORIES[name]
    undisturbed, deployment = story.tell({})
    check(undisturbed, deployment, story)
    for call, what in enumerate(undisturbed.gate.names):
        sim, deployment = story.tell({call: fault})
        check(sim, deployment, story)
        assert sim.state == undisturbed.state, f"{fault} at call {call}, {what}"


def after(sim: Play, moment: float) -> list[tuple[float, Change]]:
    return [(at, change) for at, change in sim.cloud.changes if at >= moment]


def window(sim: Play) -> tuple[float, float]:
    """When the old slot began to be kept warm, and when it was retired; undisturbed."""
    done = [event.at for event, _ in sim.events if event.kind == "step_done"]
    return done[3], done[4]


def test_going_back_inside_the_window_is_one_change_within_one_poll() -> None:
    """At every second of it: the next look hears the wish, and that same look switches back."""
    begins, ends = window(Story(Status.SHIPPED, poll_s=10.0).tell({})[0])
    assert ends - begins >= TOLERANT.window_s
    for second in range(int(begins - NOON) + 1, int(ends - NOON)):
        sim, deployment = aborted_at(second).tell({})
        assert deployment.status is Status.ROLLED_BACK
        moves = [
            (at, change) for at, change in after(sim, NOON + second)
            if isinstance(change, SetWeights | SetCohort | Stick | SetPage)
            or (change.slot is BLUE and not isinstance(change, Thaw))
        ]  # fmt: skip
        ((switched_at, change),) = moves
        assert change == SetWeights(Weights(1000, 0), Weights(0, 1000))
        assert switched_at - (NOON + second) <= sim.poll_s
        assert sim.cloud.groups[BLUE].launched == STORIES["good"].size
        check(sim, deployment, STORIES["aborted"])


def aborted_at(second: float) -> Story:
    return Story(Status.ROLLED_BACK, abort_s=second, poll_s=10.0)


def test_a_release_found_bad_within_the_window_harms_no_longer_than_until_the_next_look() -> None:
    """By a person who knows more than the metrics do."""
    sim = play(behaviours={"v2": Behaviour(errors=5)}, rate=200.0)

    def unhappy(deployment: Deployment, now: float) -> Ask | None:
        warm = isinstance(deployment.step, Linger) and deployment.status is Status.RUNNING
        return Ask.ABORT if warm and now - deployment.entered_at > 60.0 else None

    person = Person(sim, unhappy)
    deployment = sim.ship(TOLERANT, strategies.blue_green)
    assert deployment.status is Status.ROLLED_BACK
    ((ask, asked_at),) = person.asked
    assert ask is Ask.ABORT
    last = max(m for (slot, m), count in sim.cloud.ledger.minutes.items() if count.errors)
    assert last <= asked_at + sim.poll_s + sim.cloud.data_lag_s
    assert sim.cloud.rule == Weights(1000, 0)
    assert sim.cloud.groups[GREEN].desired == 0


@pytest.mark.parametrize("second", range(0, 130, 10))
def test_a_release_that_goes_bad_within_the_window_goes_back_by_itself(second: int) -> None:
    sim = play(behaviours={"v2": Behaviour(crash_after_s=150.0 + second)})
    deployment = sim.ship(INTENT, strategies.blue_green)
    assert deployment.status is Status.ROLLED_BACK
    assert sim.cloud.rule == Weights(1000, 0)
    assert sim.oracle.violations == []


@pytest.mark.parametrize("standby", [0, 1, 3, 4])
def test_standby_is_kept_and_makes_way_for_the_next_release(standby: int) -> None:
    sim = play(size=4)
    intent = replace(INTENT, standby=standby)
    assert sim.ship(intent, strategies.blue_green).status is Status.SHIPPED
    kept = [i.release for i in sim.cloud.groups[BLUE].instances]
    assert (kept, sim.cloud.groups[BLUE].desired) == (["v1"] * standby, standby)
    third = replace(intent, release=Release("v3"))
    assert sim.ship(third, strategies.blue_green, name="d2").status is Status.SHIPPED
    assert sim.cloud.rule == Weights(1000, 0)
    assert {i.release for i in sim.cloud.groups[BLUE].instances} == {"v3"}
    assert [i.release for i in sim.cloud.groups[GREEN].instances] == ["v2"] * standby
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


def test_the_new_slot_gets_the_size_that_the_old_one_has_now() -> None:
    sim = play(size=2)
    sim.cloud.groups[BLUE].desired = 5
    sim.cloud.at(NOON + 60.0, lambda: None)
    sim.clock.sleep(60.0)
    assert sim.ship(INTENT, strategies.blue_green).status is Status.SHIPPED
    assert SetDesired(GREEN, 5) in [change for _, change in sim.cloud.changes]


def test_traffic_moves_exactly_once() -> None:
    for name in ("good", "green to blue", "with standby"):
        sim, _ = STORIES[name].tell({})
        moves = [change for _, change in sim.cloud.changes if isinstance(change, SetWeights)]
        assert len(moves) == 1
