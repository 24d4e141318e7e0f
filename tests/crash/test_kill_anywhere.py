"""Kill the process before and after every call it makes; another one finishes the work.

Exhaustive, not sampled: for each story the run without a fault says how many calls there are, and
then each of them is the last thing that a process does, once before and once after its effect.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from deployer.errors import Locked
from deployer.model import Weights
from deployer.plan import Deployment, Status
from deployer.record.acts import WEIGHTS
from tests.sim.faults import Fault
from tests.sim.fleet import Behaviour
from tests.sim.play import ENVIRONMENT, Play, play


@dataclass(frozen=True)
class Story:
    """A deployment, and how it ends."""

    ends: Status
    behaviours: Mapping[str, Behaviour] = field(default_factory=dict)
    weights: Weights | None = field(default_factory=lambda: Weights(1000, 0))
    happens: Callable[[Play], None] = lambda _: None

    def tell(self, faults: Mapping[int, Fault], absence_s: float = 61.0) -> tuple[Play, Deployment]:
        sim = play(behaviours=self.behaviours, weights=self.weights, faults=faults)
        sim.absence_s = absence_s
        sim.poll_s = 20.0  # fewer looks: every one of them is a place to die at
        self.happens(sim)
        return sim, sim.ship()


STORIES = {
    "good": Story(Status.SHIPPED),
    "dud": Story(Status.ROLLED_BACK, {"v2": Behaviour(healthy=False)}),
    "failing": Story(Status.ROLLED_BACK, {"v2": Behaviour(errors=30)}),
    "crashing": Story(Status.ROLLED_BACK, {"v2": Behaviour(crash_after_s=40)}),
    "first": Story(Status.SHIPPED, weights=None),
    "first dud": Story(Status.ROLLED_BACK, {"v2": Behaviour(healthy=False)}, weights=None),
    "green to blue": Story(Status.SHIPPED, weights=Weights(0, 1000)),
}
ABORTED = Story(Status.ROLLED_BACK, happens=lambda sim: sim.abort_at(200.0))
KILLS = [Fault.KILLED_BEFORE, Fault.KILLED_AFTER]


def check(sim: Play, deployment: Deployment, story: Story) -> None:
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    assert deployment.status is story.ends, deployment.reason
    told = [act.weights for act in deployment.audit if act.what == WEIGHTS]
    assert told[-1:] in ([], [sim.cloud.rule]), "the audit tells the weights that there are"


@pytest.mark.parametrize("kill", KILLS, ids=["before", "after"])
@pytest.mark.parametrize("name", STORIES)
def test_a_kill_at_any_call_changes_nothing_about_the_end(name: str, kill: Fault) -> None:
    story = STORIES[name]
    undisturbed, deployment = story.tell({})
    check(undisturbed, deployment, story)
    for call, what in enumerate(undisturbed.gate.names):
        sim, deployment = story.tell({call: kill})
        check(sim, deployment, story)
        assert sim.state == undisturbed.state, f"killed at call {call}, {what}"


@pytest.mark.parametrize("name", ["good", "failing", "first"])
def test_whoever_resumes_after_a_night_finds_every_deadline_ahead_of_him(name: str) -> None:
    """No deadline runs out while nobody is there to act: not on the way there, nor on the way back."""
    story = STORIES[name]
    undisturbed, _ = story.tell({})
    for call, what in enumerate(undisturbed.gate.names):
        sim, deployment = story.tell({call: Fault.KILLED_BEFORE}, absence_s=8 * 3600.0)
        check(sim, deployment, story)
        assert sim.state == undisturbed.state, f"killed at call {call}, {what}"


@pytest.mark.parametrize("kill", KILLS, ids=["before", "after"])
def test_an_abort_holds_through_a_kill_at_any_call(kill: Fault) -> None:
    undisturbed, deployment = ABORTED.tell({})
    check(undisturbed, deployment, ABORTED)
    for call in range(len(undisturbed.gate.names)):
        sim, deployment = ABORTED.tell({call: kill})
        check(sim, deployment, ABORTED)
        assert sim.state == undisturbed.state


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.REPLY_LOST])
@pytest.mark.parametrize("name", STORIES)
def test_one_call_without_an_answer_changes_nothing_about_the_end(name: str, fault: Fault) -> None:
    story = STORIES[name]
    undisturbed, _ = story.tell({})
    for call in range(len(undisturbed.gate.names)):
        sim, deployment = story.tell({call: fault})
        check(sim, deployment, story)
        assert sim.state == undisturbed.state


class Intruder:
    """Tries to begin a deployment of its own, every seven seconds."""

    def __init__(self, sim: Play) -> None:
        self.sim = sim
        self.refused = 0
        self.let_in = 0
        for second in range(1, 600, 7):
            sim.cloud.at(sim.clock.now() + second, self.knock)

    def knock(self) -> None:
        active = self.sim.journal.peek(ENVIRONMENT)
        if active is None:
            return
        mine = replace(active.deployment, id="intruder")
        try:
            self.sim.journal._begin(mine, self.sim.lease("intruder"))
            self.let_in += 1
        except Locked:
            self.refused += 1


@pytest.mark.parametrize("kill", KILLS, ids=["before", "after"])
def test_nobody_gets_in_while_a_killed_deployment_waits_for_its_next_runner(kill: Fault) -> None:
    for call in range(len(STORIES["good"].tell({})[0].gate.names)):
        sim = play(faults={call: kill})
        sim.poll_s = 20.0
        intruder = Intruder(sim)
        assert sim.ship().status is Status.SHIPPED
        assert intruder.let_in == 0
        assert intruder.refused > 50
