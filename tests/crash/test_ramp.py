"""The ramp: how far it goes on what evidence; killed, paused, hurried, scaled, seen late, left alone."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from dataclasses import replace as altered

import pytest
from msgspec.structs import replace

from deployer.analysis.dispersion import Base
from deployer.analysis.limits import Limits
from deployer.analysis.terms import Terms
from deployer.changes import SetWeights
from deployer.intent import Intent
from deployer.journal import Ask
from deployer.model import Slot
from deployer.plan import Deployment, Status
from deployer.steps.ramp import Ramp
from tests.sim.clock import NOON
from tests.sim.faults import Fault, repeats
from tests.sim.fleet import Behaviour
from tests.sim.people import Person, ask_at, resumes
from tests.sim.play import INTENT, Play, play

BLUE, GREEN = Slot.BLUE, Slot.GREEN
USUAL = {name: Base(2e-3, 1.0, 300) for name in ("failures", "slow")}
OLD = Behaviour(errors=1, slow=1)  # nobody is perfect


def auto(**limits: object) -> Intent:
    """A ramp, and 5 % that stay for three minutes."""
    terms = Terms(Limits(**limits), USUAL, 1.0, 12_000.0)  # type: ignore[arg-type]
    return replace(
        INTENT, terms=terms, auto=True, weights=(), hold_back=50, hold_back_s=180.0, approve_s=900.0
    )


RAMP = auto()


def shares(sim: Play) -> list[int]:
    """What the candidate was given, one after the other."""
    return [c.weights[GREEN] for _, c in sim.cloud.changes if isinstance(c, SetWeights)]


@dataclass(frozen=True)
class Story:
    """A ramp, and how it ends."""

    ends: Status
    reason: str = ""
    release: Behaviour = OLD
    intent: Intent = RAMP
    happens: Callable[[Play], None] = field(default=lambda _: None)
    size: int = 4

    def tell(self, faults: dict[int, Fault] | None = None) -> tuple[Play, Deployment]:
        sim = self.rig(faults)
        return sim, sim.ship(self.intent)

    def rig(self, faults: dict[int, Fault] | None = None) -> Play:
        """What is to happen, and has not."""
        sim = play(
            size=self.size, behaviours={"v1": OLD, "v2": self.release}, faults=faults, rate=200.0
        )
        sim.poll_s, sim.lease_s, sim.absence_s = 50.0, 120.0, 121.0
        self.happens(sim)
        return sim


def unseen(sim: Play) -> None:
    """CloudWatch publishes nothing from the first minute on."""
    sim.metrics.missing = range(int(NOON // 60), int(NOON // 60) + 10_000)


def turn(sim: Play, after_s: float, how: Behaviour) -> None:
    """The new release behaves like that from then on."""

    def happen() -> None:
        for instance in sim.cloud.groups[GREEN].instances:
            instance.behaviour = how

    sim.cloud.at(NOON + after_s, happen)


def hold(sim: Play) -> None:
    """Somebody pauses it for a while, at a share that is not the first."""
    ask_at(sim, 500.0, Ask.PAUSE)
    Person(sim, resumes(300.0))


def hurry(ask: Ask) -> Callable[[Play], None]:
    """Somebody has seen enough after the first steps."""

    def wants(deployment: Deployment, now: float) -> Ask | None:
        far = isinstance(deployment.step, Ramp) and len(deployment.shares) > 2
        return ask if far and now - NOON > 500.0 else None

    return lambda sim: (Person(sim, wants), None)[1]


def grow(sim: Play) -> None:
    """Target tracking scales the live slot out, and then there is that much more to carry."""

    def scale_out() -> None:
        sim.cloud.groups[BLUE].desired = 6
        sim.cloud.at(sim.clock.now() + 60.0, lambda: setattr(sim.cloud, "load", 6))

    sim.cloud.at(NOON + 700.0, scale_out)


def starve(sim: Play) -> None:
    """From the second share on, AWS has no more instances."""
    green = sim.cloud.groups[GREEN]
    sim.cloud.at(NOON + 300.0, lambda: setattr(green, "no_capacity", "no t3.micro left"))


def rest(sim: Play) -> None:
    """Somebody pauses it for longer than it may take, at its first share."""
    ask_at(sim, 250.0, Ask.PAUSE)
    Person(sim, resumes(AWAY_S))


AWAY_S = 3 * 3_600.0
SHIPPED, BACK = Status.SHIPPED, Status.ROLLED_BACK
BAD = Behaviour(errors=20, slow=1)
MATCHED = replace(RAMP, capacity="matched")
QUICK = replace(auto(harm_budget=1e6, beta=0.5), capacity="matched")
HASTY = replace(auto(max_minutes=1), approve_s=60.0)
NEVER_SURE = {"beta": 1e-300, "max_minutes": 12}
STORIES = {
    "good": Story(SHIPPED),
    "good, matched": Story(SHIPPED, intent=MATCHED),
    "good, in a hurry": Story(SHIPPED, intent=QUICK),
    "bad, in a hurry": Story(BACK, "worse than stable by failures", BAD, QUICK),
    "bad": Story(BACK, "worse than stable by failures", BAD),
    "bad, matched": Story(BACK, "worse than stable by failures", BAD, MATCHED),
    "slow": Story(BACK, "worse than stable by slow", Behaviour(errors=1, slow=150)),
    "it turns bad where it was called good": Story(
        BACK, "worse than stable by failures", happens=lambda sim: turn(sim, 1_870.0, BAD),
    ),
    "its instances die": Story(BACK, "green", Behaviour(errors=1, crash_after_s=300.0)),
    "paused": Story(SHIPPED, happens=hold),
    "paused for hours, and called good": Story(
        SHIPPED, intent=auto(inconclusive="abort", max_minutes=45), happens=rest
    ),
    "stepped over": Story(SHIPPED, happens=hurry(Ask.PROMOTE)),
    "hurried": Story(SHIPPED, happens=hurry(Ask.PROMOTE_FULL)),
    "aborted": Story(BACK, "aborted by", happens=lambda sim: sim.abort_at(500.0)),
    "the load grows": Story(SHIPPED, intent=MATCHED, happens=grow),
    "no capacity": Story(BACK, "no t3.micro left", intent=MATCHED, happens=starve),
    "its time is up on the way": Story(SHIPPED, intent=HASTY),
    "its time is up, and it grows": Story(
        SHIPPED, release=Behaviour(errors=1, slow=1, boot_s=180.0), size=12,
        intent=replace(HASTY, capacity="matched", approve_s=9_000.0),
    ),
    "unseen": Story(
        BACK, "^ramp green.*a person must decide", intent=auto(max_minutes=5), happens=unseen
    ),
    "unseen, and back": Story(
        BACK, "no data", intent=auto(max_minutes=5, inconclusive="abort"), happens=unseen
    ),
    "unsure": Story(SHIPPED, intent=auto(**NEVER_SURE)),
    "unsure, and back": Story(
        BACK, "inconclusive after 12 min", intent=auto(**NEVER_SURE, inconclusive="abort")
    ),
    "unsure, and nobody decides": Story(
        BACK, "a person must decide", intent=auto(**NEVER_SURE, inconclusive="hold")
    ),
}  # fmt: skip


def check(sim: Play, deployment: Deployment, story: Story) -> None:
    assert deployment.status is story.ends, deployment.reason
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    assert re.search(story.reason, deployment.reason), deployment.reason


@pytest.mark.parametrize("name", STORIES)
def test_how_it_ends(name: str) -> None:
    sim, deployment = STORIES[name].tell()
    check(sim, deployment, STORIES[name])


def test_time_in_which_nobody_could_act_is_no_time_to_climb() -> None:
    """Else it would be promoted from the share at which it was left, as soon as somebody is back."""
    unsure = Story(SHIPPED, intent=auto(beta=1e-300, harm_budget=10.0))
    paused, _ = altered(unsure, happens=rest).tell()
    killed = unsure.rig({paused.gate.names.index("metrics.traffic") + 9: Fault.KILLED_BEFORE})
    killed.absence_s = AWAY_S
    killed.ship(unsure.intent)
    for sim in (paused, killed):
        assert at_share(sim, shares(sim)[1]) > AWAY_S
        assert at_share(sim, 950) - at_share(sim, 1) >= AWAY_S + 28 * 60.0


def at_share(sim: Play, share: int) -> float:
    """When the candidate was given it, seconds after noon."""
    return next(
        at - NOON
        for at, c in sim.cloud.changes
        if isinstance(c, SetWeights) and c.weights[GREEN] == share
    )


def test_it_climbs_by_the_evidence_and_ends_with_a_hold_back() -> None:
    sim, _ = STORIES["good"].tell()
    assert shares(sim) == [1, 5, 10, 20, 50, 100, 250, 500, 950, 1000]
    raised = [e.detail for e, _ in sim.events if e.kind == "change" and "why" in e.detail]
    assert [detail["share"] for detail in raised] == [1, 5, 10, 20, 50, 100, 250]
    assert all(detail["newest_minute"] for detail in raised)


@pytest.mark.parametrize("name", ["good, in a hurry", "bad, in a hurry"])
@pytest.mark.parametrize("fault", list(Fault))
def test_whatever_happens_to_any_one_call_the_end_is_the_same(name: str, fault: Fault) -> None:
    story = STORIES[name]
    undisturbed, _ = story.tell()
    for call, what in enumerate(undisturbed.gate.names):
        if repeats(fault, what):
            continue  # as dead as before the next call
        sim, deployment = story.tell({call: fault})
        check(sim, deployment, story)
        assert sim.state == undisturbed.state, f"{fault} at call {call}, {what}"
