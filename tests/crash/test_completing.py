"""A release that cannot go back has halted half-way; then somebody gives it everything, and calls die."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from deployer.changes import SetDesired, SetWeights
from deployer.cohort import Cohort
from deployer.errors import NotPossibleNow, PlanInvalid
from deployer.intent import Intent
from deployer.journal import Ask
from deployer.model import Release, Slot, Weights
from deployer.plan import Deployment, Status
from deployer.planning import completing
from tests.sim.faults import Fault, repeats
from tests.sim.fleet import Behaviour
from tests.sim.people import ask_at
from tests.sim.play import INTENT, Play, play

BLUE, GREEN = Slot.BLUE, Slot.GREEN
ONE_WAY = replace(
    INTENT, release=Release("v2", "s3://artifacts/shop/v2.tar.gz", rollback_safe=False),
    alarms=("fatal",), inconclusive="promote", patience_s=0.0,
)  # fmt: skip
GROUP = replace(ONE_WAY, cohort=Cohort.parse("cookie:beta=1"), group_bake_s=120.0)
MATCHED = replace(ONE_WAY, capacity="matched")
SIZE = 3


@dataclass(frozen=True)
class Story:
    """What halts the release below 100 %, and how the plan that completes it ends.

    ringing: the alarm that halted it rings on.
    """

    ends: Status
    release: Behaviour = field(default_factory=Behaviour)
    intent: Intent = ONE_WAY
    ringing: bool = False
    sticky_s: int | None = None
    lags: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def halted(self) -> tuple[Play, Deployment]:
        """As far as the halt: nothing fails until then."""
        sim = play(
            behaviours={"v2": self.release}, size=SIZE, sticky_s=self.sticky_s, lags=self.lags,
            group=100 if self.intent.cohort else 0,
        )  # fmt: skip
        sim.poll_s = 20.0
        sim.alarms.rings_from["fatal"] = sim.clock.now() + 100.0
        record = sim.ship(self.intent)
        assert record.status is Status.HALTED
        assert "`deployer promote --full` gives v2 all of the traffic, then" in record.reason
        assert sim.cloud.rule is not None
        assert sim.cloud.rule[GREEN] < 1000
        if not self.ringing:
            sim.alarms.rings_from["fatal"] = float("inf")
        sim.clock.sleep(300.0)
        return sim, record

    def tell(self, faults: Mapping[int, Fault]) -> tuple[Play, Deployment, list[str]]:
        """`faults`: number of the call from the halt on; also the names of those calls."""
        sim, record = self.halted()
        before = len(sim.gate.names)
        sim.gate.faults = {before + call: fault for call, fault in faults.items()}
        rings = {"fatal": "rings"} if self.ringing else {}
        ended = sim.ship(strategy=lambda seen, _: completing.onward(seen, record, rings), name="d2")
        return sim, ended, sim.gate.names[before:]


SHIPPED, HALTED = Status.SHIPPED, Status.HALTED
STORIES = {
    "good": Story(SHIPPED),
    "the alarm rings on": Story(SHIPPED, ringing=True),
    "still bad": Story(HALTED, Behaviour(errors=60)),
    "for a user group": Story(SHIPPED, intent=GROUP),
    "matched": Story(SHIPPED, intent=MATCHED),
    "the rule sticks": Story(SHIPPED, sticky_s=120),
}


def check(sim: Play, deployment: Deployment, story: Story) -> None:
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    assert deployment.status is story.ends, deployment.reason
    assert sim.cloud.rule == Weights(0, 1000)
    assert sim.cloud.admitted is None
    blue, green = (sim.cloud.groups[slot] for slot in Slot)
    assert (blue.desired, green.desired) == (0 if story.ends is SHIPPED else SIZE, SIZE)


@pytest.mark.parametrize("name", STORIES)
def test_it_gets_everything_capacity_first_and_the_old_slot_goes(name: str) -> None:
    story = STORIES[name]
    sim, deployment, _ = story.tell({})
    check(sim, deployment, story)
    if story.ends is HALTED:
        assert "promote --full" not in deployment.reason
        assert "fix forward (`deployer deploy RELEASE`)" in deployment.reason


@pytest.mark.parametrize("kill", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER])
@pytest.mark.parametrize("name", STORIES)
def test_a_kill_at_any_call_changes_nothing_about_the_end(name: str, kill: Fault) -> None:
    story = STORIES[name]
    undisturbed, _, calls = story.tell({})
    for call, what in enumerate(calls):
        if repeats(kill, what):
            continue
        sim, deployment, _ = story.tell({call: kill})
        check(sim, deployment, story)
        assert sim.state == undisturbed.state, f"killed at call {call}, {what}"


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.REPLY_LOST])
def test_a_call_without_an_answer_changes_nothing_about_the_end(fault: Fault) -> None:
    story = STORIES["matched"]
    undisturbed, _, calls = story.tell({})
    for call, what in enumerate(calls):
        if repeats(fault, what):
            continue
        sim, deployment, _ = story.tell({call: fault})
        check(sim, deployment, story)
        assert sim.state == undisturbed.state


def test_late_readings_change_nothing() -> None:
    story = Story(SHIPPED, lags={"weights": (0.0, 40.0), "groups": (20.0, 0.0)})
    sim, deployment, _ = story.tell({})
    check(sim, deployment, story)


def test_capacity_comes_before_traffic() -> None:
    sim, _ = STORIES["matched"].halted()
    before = len(sim.cloud.changes)
    assert sim.cloud.groups[GREEN].desired < SIZE
    (record,) = sim.journal.history("sim", 1)
    sim.ship(strategy=lambda seen, _: completing.onward(seen, record), name="d2")
    after = [change for _, change in sim.cloud.changes[before:]]
    grown = next(n for n, c in enumerate(after) if isinstance(c, SetDesired) and c.desired == SIZE)
    routed = [n for n, change in enumerate(after) if isinstance(change, SetWeights)]
    assert len(routed) == 1
    assert grown < routed[0]


def test_a_live_slot_that_has_grown_meanwhile_says_how_much_is_needed() -> None:
    sim, record = STORIES["good"].halted()
    sim.autoscale_at(1.0, BLUE, 5)
    sim.clock.sleep(120.0)
    sim.cloud.load = 5
    seen = sim.runner("looks").cloud.observe()
    assert completing.onward(seen, record).capacity == 5
    assert (
        sim.ship(strategy=lambda seen, _: completing.onward(seen, record), name="d2").status
        is SHIPPED
    )
    assert sim.cloud.groups[GREEN].desired == 5
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


def test_without_capacity_it_halts_again_and_the_same_command_goes_on() -> None:
    sim, record = STORIES["matched"].halted()
    sim.cloud.groups[GREEN].no_capacity = "no capacity"
    again = sim.ship(strategy=lambda seen, _: completing.onward(seen, record), name="d2")
    assert (again.status, sim.cloud.rule) == (HALTED, record.written)
    assert "`deployer promote --full` gives v2 all of the traffic" in again.reason
    sim.cloud.groups[GREEN].no_capacity = None
    done = sim.ship(strategy=lambda seen, _: completing.onward(seen, again), name="d3")
    assert done.status is SHIPPED
    assert sim.oracle.violations == []


def test_a_person_can_still_go_back_by_force() -> None:
    sim, record = STORIES["good"].halted()
    ask_at(sim, 60.0, Ask.ABORT_FORCE)
    back = sim.ship(strategy=lambda seen, _: completing.onward(seen, record), name="d2")
    assert (back.status, sim.cloud.rule) == (Status.ROLLED_BACK, Weights(1000, 0))
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


def test_a_slot_that_somebody_changed_or_that_cannot_grow_is_refused() -> None:
    sim, record = STORIES["good"].halted()
    green = sim.cloud.groups[GREEN]
    green.max_size = SIZE - 1
    seen = sim.runner("looks").cloud.observe()
    with pytest.raises(PlanInvalid, match="green may have at most 2 instances and 3 are needed"):
        completing.onward(seen, record)
    green.max_size = SIZE
    green.pin(Release("v9"))
    sim.clock.sleep(1.0)
    seen = sim.runner("looks").cloud.observe()
    with pytest.raises(NotPossibleNow, match="green should run v2 and runs v2, and launches v9"):
        completing.onward(seen, record)
