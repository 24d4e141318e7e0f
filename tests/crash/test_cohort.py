"""A canary with a user group: killed at every call, and what the group and all others get."""

from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from deployer.cohort import Cohort
from deployer.journal import Ask
from deployer.model import Admitted, Slot
from deployer.plan import Deployment, Intent, Status
from tests.sim.faults import Fault
from tests.sim.fleet import Behaviour
from tests.sim.people import ask_at
from tests.sim.play import INTENT, Play, play

BLUE, GREEN = Slot.BLUE, Slot.GREEN
BETA = Cohort.parse("header:X-Beta=yes")
OURS = Admitted(BETA, GREEN)
GROUPED = replace(INTENT, cohort=BETA, group_bake_s=120.0, weights=(500,))
KILLS = [Fault.KILLED_BEFORE, Fault.KILLED_AFTER]


@dataclass(frozen=True)
class Story:
    """A canary whose group makes a tenth of the requests, and how it ends."""

    ends: Status
    release: Behaviour = field(default_factory=Behaviour)
    intent: Intent = GROUPED
    abort_s: float | None = None
    full_s: float | None = None
    lags: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def tell(self, faults: dict[int, Fault]) -> tuple[Play, Deployment]:
        sim = play(behaviours={"v2": self.release}, faults=faults, group=100, lags=self.lags)
        sim.poll_s = 20.0
        if self.abort_s is not None:
            ask_at(sim, self.abort_s, Ask.ABORT)
        if self.full_s is not None:
            ask_at(sim, self.full_s, Ask.PROMOTE_FULL)
        return sim, sim.ship(self.intent)


STORIES = {
    "good": Story(Status.SHIPPED),
    "dud": Story(Status.ROLLED_BACK, Behaviour(healthy=False)),
    "failing the group": Story(Status.ROLLED_BACK, Behaviour(errors=200), replace(
        GROUPED, probe_allowed_failures=20)),
    "crashing": Story(Status.ROLLED_BACK, Behaviour(crash_after_s=150.0)),
    "aborted in the group's bake": Story(Status.ROLLED_BACK, abort_s=150.0),
    "aborted at its weight": Story(Status.ROLLED_BACK, abort_s=330.0),
    "promoted from the group to all": Story(Status.SHIPPED, full_s=150.0),
}  # fmt: skip


def check(sim: Play, deployment: Deployment, story: Story) -> None:
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    assert sim.cloud.cohort is None
    assert deployment.status is story.ends, deployment.reason


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("fault", [*KILLS, Fault.REPLY_LOST, Fault.THROTTLED])
def test_whatever_happens_to_any_one_call_the_end_is_the_same(name: str, fault: Fault) -> None:
    story = STORIES[name]
    undisturbed, deployment = story.tell({})
    check(undisturbed, deployment, story)
    for call, what in enumerate(undisturbed.gate.names):
        sim, deployment = story.tell({call: fault})
        check(sim, deployment, story)
        assert sim.state == undisturbed.state, f"{fault} at call {call}, {what}"
