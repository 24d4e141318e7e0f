"""A canary with a user group: killed at every call, and what the group and all others get."""

from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from deployer.analysis.judge import Rule
from deployer.changes import Change, SetCohort, SetWeights
from deployer.cohort import Cohort
from deployer.errors import ChangeRefused
from deployer.intent import Intent
from deployer.journal import Ask
from deployer.model import Admitted, Blocked, Slot, Weights
from deployer.plan import Deployment, Status
from deployer.planning.strategies import STRATEGIES
from deployer.steps.cohort import Dismiss
from tests.sim.faults import Fault, repeats
from tests.sim.fleet import Behaviour
from tests.sim.people import Person, approves, ask_at
from tests.sim.play import ENVIRONMENT, INTENT, Play, play

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


FAULTS = [(name, kill) for name in STORIES for kill in KILLS] + [
    (name, fault)
    for name in ("good", "failing the group")
    for fault in (Fault.THROTTLED, Fault.REPLY_LOST)
]


@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_whatever_happens_to_any_one_call_the_end_is_the_same(name: str, fault: Fault) -> None:
    story = STORIES[name]
    undisturbed, deployment = story.tell({})
    check(undisturbed, deployment, story)
    for call, what in enumerate(undisturbed.gate.names):
        if repeats(fault, what):
            continue
        sim, deployment = story.tell({call: fault})
        check(sim, deployment, story)
        assert sim.state == undisturbed.state, f"{fault} at call {call}, {what}"


def moment(sim: Play, kind: type[Change], which: int = 0) -> float:
    """When the nth change of that kind was made, and the data plane had followed."""
    made = [at for at, change in sim.cloud.changes if isinstance(change, kind)]
    return made[which] + sim.cloud.data_lag_s


def test_exactly_the_group_goes_first_and_stays_until_the_release_has_everything() -> None:
    sim, _ = STORIES["good"].tell({})
    admitted, dismissed = (moment(sim, SetCohort, n) for n in (0, 1))
    first_weight, whole = (moment(sim, SetWeights, n) for n in (0, 1))
    assert admitted < first_weight < whole <= dismissed
    parts = sim.cloud.ledger.parts
    assert not [p for p in parts if p.slot is GREEN and p.others and p.at < first_weight]
    assert not [p for p in parts if p.slot is GREEN and p.theirs and p.at < admitted]
    assert not [p for p in parts if p.slot is BLUE and p.theirs and p.at >= admitted]
    assert [p for p in parts if p.slot is BLUE and p.others and admitted < p.at < whole]


def test_on_the_way_back_the_weights_go_first_and_the_group_after_them() -> None:
    sim, _ = STORIES["aborted at its weight"].tell({})
    traffic = [c for _, c in sim.cloud.changes if isinstance(c, SetCohort | SetWeights)]
    assert traffic[-2:] == [SetWeights(Weights(1000, 0), Weights(500, 500)), SetCohort(None, OURS)]
    left = moment(sim, SetCohort, -1)
    assert not [p for p in sim.cloud.ledger.parts if p.slot is GREEN and p.at >= left]


@pytest.mark.parametrize("name", ["failing the group", "crashing"])
def test_a_group_that_alone_had_the_release_is_all_that_goes_back(name: str) -> None:
    sim, _ = STORIES[name].tell({})
    traffic = [c for _, c in sim.cloud.changes if isinstance(c, SetCohort | SetWeights)]
    assert traffic == [SetCohort(OURS, None), SetCohort(None, OURS)]


def test_a_groups_rule_that_refuses_to_go_holds_up_nobody_else() -> None:
    sim = play(group=100)
    ask_at(sim, 330.0, Ask.ABORT)

    def refuse() -> None:
        record = sim.journal.peek(ENVIRONMENT)
        if record is not None and isinstance(record.deployment.step, Dismiss):
            raise ChangeRefused("not authorized")

    sim.gate.hooks["cloud.apply"] = refuse
    deployment = sim.ship(GROUPED)
    assert deployment.status is Status.HALTED
    assert "not authorized" in deployment.reason
    assert sim.cloud.rule == Weights(1000, 0)
    assert sim.cloud.cohort == OURS
    assert sim.cloud.ledger.outages == []


def test_a_release_that_fails_the_group_harms_nobody_else() -> None:
    sim, deployment = STORIES["failing the group"].tell({})
    assert not [p for p in sim.cloud.ledger.parts if p.slot is GREEN and p.others]
    assert "failed" in deployment.reason


@pytest.mark.parametrize("policy", ["abort", "promote"])
def test_a_group_too_small_for_a_verdict_is_a_matter_of_the_settings(policy: str) -> None:
    intent = replace(GROUPED, rule=Rule(min_requests=5000), inconclusive=policy)
    sim = play(group=10)
    deployment = sim.ship(intent)
    assert deployment.status is (Status.SHIPPED if policy == "promote" else Status.ROLLED_BACK)
    weights = [c for _, c in sim.cloud.changes if isinstance(c, SetWeights)]
    assert bool(weights) is (policy == "promote")
    assert (sim.cloud.cohort, sim.oracle.violations) == (None, [])


@pytest.mark.parametrize("approved", [True, False])
def test_people_of_the_group_are_asked_before_anybody_else_sees_it(*, approved: bool) -> None:
    sim = play(group=100)
    if approved:
        Person(sim, approves)
    deployment = sim.ship(replace(GROUPED, approve=(0,)))
    assert deployment.status is (Status.SHIPPED if approved else Status.ROLLED_BACK)
    asked = next(at for e, _ in sim.events if e.note.startswith("`deployer approve`")
                 for at in [e.at])  # fmt: skip
    assert not [at for at, c in sim.cloud.changes if isinstance(c, SetWeights) and at < asked]
    assert (sim.cloud.cohort, sim.oracle.violations) == (None, [])


@pytest.mark.parametrize("second", range(10, 460, 15))
@pytest.mark.parametrize("lag_s", [0.0, 45.0])
def test_an_abort_at_any_time_brings_the_group_back_although_readings_are_late(
    second: int, lag_s: float
) -> None:
    lags = {"weights": (0.0, lag_s), "groups": (lag_s, 0.0)}
    sim = play(group=100, lags=lags)
    ask_at(sim, second, Ask.ABORT)
    deployment = sim.ship(GROUPED)
    assert deployment.status in (Status.ROLLED_BACK, Status.SHIPPED)
    assert sim.cloud.cohort is None
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


@pytest.mark.parametrize(
    "theirs", [None, Admitted(BETA, BLUE), Blocked("a rule of others"),
               Admitted(Cohort.parse("query:beta=1"), GREEN)],
)  # fmt: skip
def test_a_group_that_somebody_else_moved_halts_and_stays_as_they_left_it(
    theirs: Admitted | Blocked | None,
) -> None:
    sim = play(group=100)
    sim.divert_at(120.0, theirs)
    deployment = sim.ship(GROUPED)
    assert deployment.status is Status.HALTED
    assert "the rule of a user group sends" in deployment.reason
    assert "somebody else moved traffic" in deployment.reason
    assert sim.cloud.cohort == theirs


def test_a_rule_that_somebody_makes_before_ours_is_left_and_the_release_goes_back() -> None:
    theirs = Blocked("the rule at priority 48000 is not ours")
    sim = play(group=100)
    sim.divert_at(5.0, theirs)
    deployment = sim.ship(GROUPED)
    assert deployment.status is Status.ROLLED_BACK
    assert "priority 48000" in deployment.reason
    assert not [c for _, c in sim.cloud.changes if isinstance(c, SetCohort | SetWeights)]
    assert (sim.cloud.cohort, sim.oracle.violations) == (theirs, [])


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("slot", [BLUE, GREEN])
def test_what_an_earlier_life_left_is_cleared_before_anything_else(
    strategy: str, slot: Slot
) -> None:
    sim = play(group=100)
    left = Admitted(BETA, slot)
    sim.cloud.cohort = sim.cloud.diverted = left
    if slot is GREEN:
        sim.cloud.groups[GREEN].desired = 2
        sim.cloud.groups[GREEN].boots = sim.cloud.groups[BLUE].boots
        sim.cloud.groups[GREEN].stock(sim.clock.now())
    deployment = sim.ship(INTENT, STRATEGIES[strategy])
    assert deployment.status is Status.SHIPPED, deployment.reason
    assert sim.cloud.changes[0][1] == SetCohort(None, left)
    assert sim.state[1] is None
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


def test_a_pause_in_the_groups_bake_keeps_it_there_under_judgement() -> None:
    sim = play(group=100, behaviours={"v2": Behaviour(crash_after_s=400.0)})
    ask_at(sim, 100.0, Ask.PAUSE)
    deployment = sim.ship(GROUPED)
    assert deployment.status is Status.ROLLED_BACK
    assert not [c for _, c in sim.cloud.changes if isinstance(c, SetWeights)]
    assert (sim.cloud.cohort, sim.oracle.violations) == (None, [])
