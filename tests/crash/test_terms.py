"""Judged beside the stable slot: killed at every call, unseen, suspicious, undecided, gone bad late."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from deployer.analysis.dispersion import Base
from deployer.analysis.limits import Limits
from deployer.analysis.terms import Terms
from deployer.changes import SetWeights
from deployer.intent import Intent
from deployer.model import Slot
from deployer.plan import Deployment, Status
from tests.sim.clock import NOON
from tests.sim.faults import Fault
from tests.sim.fleet import Behaviour
from tests.sim.play import INTENT, Play, play

BLUE, GREEN = Slot.BLUE, Slot.GREEN
USUAL = {name: Base(2e-3, 1.0, 300) for name in ("failures", "slow")}
TERMS = Terms(Limits(), USUAL, slow_s=1.0, requests_per_min=12_000.0)
JUDGED = replace(INTENT, terms=TERMS)
OLD = Behaviour(errors=1, slow=1)  # nobody is perfect


def held_to(**limits: object) -> Intent:
    """The intent with other limits."""
    return replace(JUDGED, terms=Terms(Limits(**limits), USUAL, 1.0, 12_000.0))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Story:
    """A canary, and how it ends."""

    ends: Status
    reason: str = ""
    release: Behaviour = OLD
    intent: Intent = JUDGED
    happens: Callable[[Play], None] = field(default=lambda _: None)

    def tell(self, faults: dict[int, Fault] | None = None) -> tuple[Play, Deployment]:
        sim = self.rig(faults)
        return sim, sim.ship(self.intent)

    def rig(self, faults: dict[int, Fault] | None = None) -> Play:
        """What is to happen, and has not."""
        sim = play(behaviours={"v1": OLD, "v2": self.release}, faults=faults, rate=200.0)
        sim.poll_s, sim.lease_s, sim.absence_s = 50.0, 120.0, 121.0
        self.happens(sim)
        return sim


def unseen(sim: Play) -> None:
    """CloudWatch publishes nothing from the first minute on."""
    sim.metrics.missing = range(int(NOON // 60), int(NOON // 60) + 10_000)


def goes_bad(sim: Play, after_s: float, how: Behaviour) -> None:
    """Its instances behave like that from then on."""

    def turn() -> None:
        for instance in sim.cloud.groups[GREEN].instances:
            instance.behaviour = how

    sim.cloud.at(NOON + after_s, turn)


SHIPPED, BACK = Status.SHIPPED, Status.ROLLED_BACK
BAD = Behaviour(errors=60)
WAITS = replace(JUDGED, weights=(200,), approve=(200,), approve_s=43_200.0)
STORIES = {
    "as good as the old one": Story(SHIPPED),
    "a fifth fails": Story(
        BACK, "by failures in the warm-up", Behaviour(errors=400),
        replace(JUDGED, probe_allowed_failures=20),
    ),
    "one percent fails": Story(BACK, "worse than stable by failures", Behaviour(errors=10, slow=1)),
    "one in ten is slow": Story(BACK, "worse than stable by slow", Behaviour(errors=1, slow=100)),
    "it fails after hours of waiting": Story(
        BACK, "worse than stable by failures", intent=WAITS,
        happens=lambda sim: goes_bad(sim, 4 * 3_600.0, BAD),
    ),
    "its instances all die": Story(BACK, "green", Behaviour(errors=1, crash_after_s=200.0)),
    "unseen, so a person is waited for": Story(
        BACK, "^bake green .*: a person must decide", happens=unseen,
        intent=replace(JUDGED, approve_s=600.0),
    ),
    "unseen, so it goes back": Story(
        BACK, "no verdict within .* say abort", happens=unseen, intent=held_to(inconclusive="abort")
    ),
    "little known, and it goes on": Story(SHIPPED, intent=held_to(beta=1e-300)),
    "little known, and it goes back": Story(
        BACK, "no verdict within 30m.*say abort",
        intent=held_to(beta=1e-300, inconclusive="abort"),
    ),
    "little known, and nobody decides": Story(
        BACK, "a person must decide", intent=held_to(beta=1e-300, inconclusive="hold"),
    ),
}  # fmt: skip


def check(sim: Play, deployment: Deployment, story: Story) -> None:
    assert deployment.status is story.ends, deployment.reason
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


@pytest.mark.parametrize("name", STORIES)
def test_how_it_ends(name: str) -> None:
    sim, deployment = STORIES[name].tell()
    check(sim, deployment, STORIES[name])
    assert re.search(STORIES[name].reason, deployment.reason), deployment.reason


def test_a_process_that_dies_at_any_call_changes_no_verdict() -> None:
    """Whoever resumes finds the same evidence in the same minutes; more of it in test_ramp."""
    story = STORIES["one percent fails"]
    undisturbed, _ = story.tell()
    for call in range(len(undisturbed.gate.names)):
        sim, deployment = story.tell({call: Fault.KILLED_BEFORE})
        check(sim, deployment, story)
        assert sim.state == undisturbed.state, f"call {call}, {undisturbed.gate.names[call]}"


def test_whoever_comes_back_after_an_hour_looks_before_a_bad_release_gets_more() -> None:
    """Nobody looked after the stop before it went bad; its next share was next, and all was ready."""
    story = STORIES["as good as the old one"]
    undisturbed, _ = story.tell()
    for call, name in enumerate(undisturbed.gate.names):
        if name != "journal.save":
            continue
        sim = story.rig({call: Fault.KILLED_AFTER})
        sim.absence_s = 3_600.0
        goes_bad(sim, 500.0, BAD)
        sim.ship(story.intent)
        given = [
            (at - NOON, c.weights[GREEN])
            for at, c in sim.cloud.changes
            if isinstance(c, SetWeights)
        ]
        if given and given[0][0] < 500.0:  # else it was bad before it had any share
            assert [share for at, share in given if at > 600.0] == [0], f"call {call}: {given}"


def test_the_minutes_of_an_earlier_stop_count_at_the_next() -> None:
    sim, deployment = STORIES["as good as the old one"].tell()
    assert [stretch.share for stretch in deployment.shares] == [50, 500, 1000]
    told = [e.detail for e, _ in sim.events if e.kind == "step_done" and "minutes" in e.detail]
    assert [detail["share"] for detail in told] == [50, 500]
    assert [detail["first_minute"] for detail in told] == [told[0]["first_minute"]] * 2
    assert told[0]["minutes"] < told[1]["minutes"]
    assert told[1]["verdict"] == "pass"
