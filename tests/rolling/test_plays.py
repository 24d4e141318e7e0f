"""A rolling deployment from end to end, and the process killed before and after every call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from deployer.analysis.judge import Rule, Tally
from deployer.changes import ResumeProcesses, SetDesired, SetWeights, Suspend, Terminate
from deployer.errors import AccessProblem, ChangeRefused, NotPossibleNow, PlanInvalid
from deployer.intent import Intent
from deployer.journal import Ask, Request
from deployer.model import Release, Weights
from deployer.plan import Deployment, Status
from deployer.planning import strategies
from deployer.steps.checkpoint import Checkpoint
from tests.sim.faults import Fault
from tests.sim.fleet import Behaviour
from tests.sim.play import ENVIRONMENT, Play, play

from .stage import BLUE, USUAL, changes, intent, running, ship


@dataclass(frozen=True)
class Story:
    """A rolling deployment, and how it ends."""

    ends: Status
    behaviours: Mapping[str, Behaviour] = field(default_factory=dict)
    size: int = 2
    wanted: Intent = field(default_factory=intent)
    spare: int = 0
    happens: Callable[[Play], None] = lambda _: None

    def tell(self, faults: Mapping[int, Fault]) -> tuple[Play, Deployment]:
        sim = play(size=self.size, behaviours=self.behaviours, faults=faults)
        sim.cloud.load = self.size - self.spare
        sim.poll_s = 20.0  # fewer looks: every one of them is a place to die at
        self.happens(sim)
        return sim, ship(sim, self.wanted)


DIP = intent(surge=0, max_unavailable=1)
STORIES = {
    "good": Story(Status.SHIPPED),
    "good, two at a time": Story(Status.SHIPPED, size=4, wanted=intent(surge="50%")),
    "good, without surge": Story(Status.SHIPPED, size=3, wanted=DIP, spare=1),
    "good, both": Story(
        Status.SHIPPED, size=4, wanted=intent(surge=1, max_unavailable=1), spare=1
    ),
    "dud": Story(Status.ROLLED_BACK, {"v2": Behaviour(healthy=False)}),
    "dud without surge": Story(
        Status.ROLLED_BACK, {"v2": Behaviour(healthy=False)}, size=3, wanted=DIP, spare=1
    ),
    "failing": Story(Status.ROLLED_BACK, {"v2": Behaviour(errors=200)}, size=3),
    "failing, without surge": Story(
        Status.ROLLED_BACK, {"v2": Behaviour(errors=200)}, size=3, wanted=DIP, spare=1
    ),
    "crashing": Story(Status.ROLLED_BACK, {"v2": Behaviour(crash_after_s=30.0)}, size=3),
    "slow": Story(Status.SHIPPED, {"v2": Behaviour(boot_s=120.0, health_s=45.0)}),
    "alone": Story(Status.SHIPPED, size=1, wanted=intent(surge=0, max_unavailable=1)),
    "aborted": Story(Status.ROLLED_BACK, size=3, happens=lambda sim: sim.abort_at(300.0)),
}  # fmt: skip
KILLS = [Fault.KILLED_BEFORE, Fault.KILLED_AFTER]


def check(sim: Play, deployment: Deployment, story: Story) -> None:
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    assert deployment.status is story.ends, deployment.reason
    assert deployment.suspended is None
    assert deployment.ending is None
    release = "v2" if story.ends is Status.SHIPPED else "v1"
    assert running(sim) == {release: story.size}
    assert sim.cloud.groups[BLUE].state(0.0).boots_name == release
    assert changes(sim, SetWeights) == 0


@pytest.mark.parametrize("name", STORIES)
def test_it_ends_as_it_should(name: str) -> None:
    check(*STORIES[name].tell({}), STORIES[name])


@pytest.mark.parametrize("kill", KILLS, ids=["before", "after"])
@pytest.mark.parametrize("name", STORIES)
def test_a_kill_at_any_call_changes_nothing_about_the_end(name: str, kill: Fault) -> None:
    story = STORIES[name]
    undisturbed, _ = story.tell({})
    for call, what in enumerate(undisturbed.gate.names):
        sim, deployment = story.tell({call: kill})
        check(sim, deployment, story)
        assert sim.state == undisturbed.state, f"killed at call {call}, {what}"


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.REPLY_LOST])
@pytest.mark.parametrize("name", ["good, both", "dud", "failing", "good, without surge"])
def test_one_call_without_an_answer_changes_nothing_about_the_end(name: str, fault: Fault) -> None:
    story = STORIES[name]
    undisturbed, _ = story.tell({})
    for call in range(len(undisturbed.gate.names)):
        sim, deployment = story.tell({call: fault})
        check(sim, deployment, story)


@pytest.mark.parametrize("kill", KILLS, ids=["before", "after"])
def test_a_halt_resumes_what_was_suspended_whenever_the_process_dies(kill: Fault) -> None:
    """Somebody moves traffic while instances are replaced; that halts."""

    def tell(faults: Mapping[int, Fault]) -> tuple[Play, Deployment]:
        sim = play(size=3, faults=faults)
        sim.move_weights_at(150.0, Weights(900, 100))
        return sim, ship(sim)

    undisturbed, deployment = tell({})
    assert deployment.status is Status.HALTED
    for call in range(len(undisturbed.gate.names)):
        sim, deployment = tell({call: kill})
        assert deployment.status is Status.HALTED
        assert "somebody else" in deployment.reason
        assert not sim.cloud.groups[BLUE].suspended
        assert [v for v in sim.oracle.violations if v.startswith("I9")] == []
        assert sim.journal.peek(ENVIRONMENT) is None


def test_processes_that_somebody_else_suspended_stay_suspended() -> None:
    sim = play()
    sim.cloud.groups[BLUE].suspended = {"AZRebalance", "ScheduledActions"}
    sim.oracle.theirs = {BLUE: frozenset({"AZRebalance", "ScheduledActions"})}
    assert ship(sim).status is Status.SHIPPED
    assert sim.cloud.groups[BLUE].suspended == {"AZRebalance", "ScheduledActions"}
    assert changes(sim, Suspend) == changes(sim, ResumeProcesses) == 0
    assert sim.oracle.violations == []


@pytest.mark.parametrize("refusal", [ChangeRefused, AccessProblem])
def test_processes_that_cannot_be_resumed_are_left_to_a_person_by_name(
    refusal: type[Exception],
) -> None:
    sim = play()
    carry_out = sim.cloud.carry_out

    def refuse(change: object) -> None:
        if isinstance(change, ResumeProcesses):
            raise refusal("autoscaling:ResumeProcesses is not allowed")
        carry_out(change)  # type: ignore[arg-type]

    sim.cloud.carry_out = refuse  # type: ignore[method-assign]
    deployment = ship(sim)
    assert deployment.status is Status.HALTED
    assert "AZRebalance of blue could not be resumed" in deployment.reason
    assert "aws autoscaling resume-processes" in deployment.reason
    assert running(sim) == {"v2": 2}


def test_a_small_share_of_a_failing_release_is_found_out_against_what_was_usual() -> None:
    """One instance of ten fails a tenth of its requests: the slot's share of failures is 1 %."""
    sim = play(size=10, behaviours={"v1": Behaviour(errors=1), "v2": Behaviour(errors=100)})
    deployment = ship(sim, intent(before=USUAL))
    assert deployment.status is Status.ROLLED_BACK
    assert "10% replaced" in deployment.reason
    assert sim.cloud.groups[BLUE].state(0.0).boots_name == "v1"
    assert running(sim) == {"v1": 10}
    assert sim.cloud.ledger.outages == []


def test_failures_as_usual_stop_nothing() -> None:
    as_ever = dict.fromkeys(("v1", "v2"), Behaviour(errors=30))
    assert ship(play(size=4, behaviours=as_ever)).status is Status.ROLLED_BACK  # if unknown
    usual = Tally(15, 45_000, 1_350)
    assert ship(play(size=4, behaviours=as_ever), intent(before=usual)).status is Status.SHIPPED


def test_an_instance_that_dies_by_itself_stops_nothing() -> None:
    sim = play(size=5)
    for second in (45.0, 200.0, 390.0):
        sim.kill_instance_at(second, BLUE)
    deployment = ship(sim, intent(rule=Rule(tolerance=1.0)))  # they take requests with them
    assert deployment.status is Status.SHIPPED, deployment.reason
    assert running(sim) == {"v2": 5}
    assert sim.cloud.ledger.outages == []
    assert sim.oracle.violations == []


def test_no_capacity_is_told_in_the_words_of_aws_and_costs_nothing() -> None:
    sim = play(size=3)
    sim.cloud.groups[BLUE].no_capacity = "InsufficientInstanceCapacity"
    deployment = ship(sim)
    assert deployment.status is Status.ROLLED_BACK
    assert "InsufficientInstanceCapacity" in deployment.reason
    assert running(sim) == {"v1": 3}
    assert sim.cloud.groups[BLUE].desired == 3
    assert sim.oracle.violations == []


def test_a_group_that_was_scaled_out_meanwhile_keeps_what_it_was_given() -> None:
    sim = play(size=4)
    sim.autoscale_at(100.0, BLUE, 8)
    assert ship(sim).status is Status.SHIPPED
    assert running(sim) == {"v2": 8}
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


def test_protected_instances_are_left_alone_and_the_plan_says_so() -> None:
    sim = play(size=3)
    sim.cloud.groups[BLUE].instances[0].protected = True
    deployment = ship(sim)
    assert deployment.status is Status.SHIPPED
    assert running(sim) == {"v1": 1, "v2": 2}
    assert any("1 protected from scale-in" in note for note in deployment.plan.notes)


def test_a_mixed_group_left_behind_is_finished_in_either_direction() -> None:
    for release, other in (("v2", "v1"), ("v1", "v2")):
        sim = play(size=4, weights=Weights(1000, 0))
        group = sim.cloud.groups[BLUE]
        group.versions = {"v1": 0, "v2": 1}
        for instance in group.instances[:2]:
            instance.release, instance.version = "v2", 1
        deployment = ship(sim, intent(release=release))
        assert deployment.status is Status.SHIPPED
        assert running(sim) == {release: 4}
        assert deployment.plan.previous == other
        assert changes(sim, Terminate) == 2


def test_a_new_launch_template_of_the_stack_is_rolled_out_under_the_same_release() -> None:
    sim = play(size=2)
    with pytest.raises(NotPossibleNow, match="run v1"):
        strategies.rolling(sim.runner("x").cloud.observe(), intent(release="v1"))
    sim.cloud.groups[BLUE].stale = True
    deployment = ship(sim, intent(release="v1"))
    assert deployment.status is Status.SHIPPED
    assert {i.version for i in sim.cloud.groups[BLUE].instances} == {1}
    assert running(sim) == {"v1": 2}


def test_a_checkpoint_pauses_until_a_person_lets_it_go_on() -> None:
    sim = play(size=4)
    held: list[tuple[float, Mapping[str | None, int]]] = []

    def let_go() -> None:
        active = sim.journal.peek(ENVIRONMENT)
        assert active is not None
        assert isinstance(active.deployment.step, Checkpoint)
        assert active.deployment.paused_at is not None
        held.append((active.deployment.paused_at, running(sim)))
        sim.journal.ask(ENVIRONMENT, Request(Ask.RESUME, "alice", "r1"))

    sim.cloud.at(sim.clock.now() + 4000.0, let_go)
    deployment = ship(sim, intent(until="25%"))
    assert deployment.status is Status.SHIPPED
    assert [counts for _, counts in held] == [{"v1": 3, "v2": 1}]
    assert running(sim) == {"v2": 4}
    after = [at for at, change in sim.cloud.changes if isinstance(change, SetDesired)]
    assert len([at for at in after if at < held[0][0]]) == 1


def test_a_release_that_goes_bad_at_a_checkpoint_goes_back() -> None:
    sim = play(size=4, behaviours={"v2": Behaviour(crash_after_s=2000.0)})
    deployment = ship(sim, intent(until="50%", surge=2))
    assert deployment.status is Status.ROLLED_BACK
    assert deployment.original is not None
    assert running(sim) == {"v1": 4}


def test_a_second_rolling_follows_the_first_and_goes_back_to_it() -> None:
    sim = play(size=3, behaviours={"v3": Behaviour(healthy=False)})
    assert ship(sim).status is Status.SHIPPED
    assert ship(sim, intent(release="v3"), "d2").status is Status.ROLLED_BACK
    assert running(sim) == {"v2": 3}


def test_the_plan_refuses_what_the_group_cannot_do() -> None:
    sim = play(size=12)
    seen = sim.runner("x").cloud.observe()
    with pytest.raises(PlanInvalid, match="at most 12 instances and 12 with a surge of 1 need 13"):
        strategies.rolling(seen, intent())
    with pytest.raises(PlanInvalid, match="none at all"):
        strategies.rolling(seen, intent(surge=0, max_unavailable="5%"))
    sim = play(size=3)
    sim.cloud.groups[BLUE].suspended = {"Terminate"}
    with pytest.raises(NotPossibleNow, match="Terminate of blue is suspended"):
        strategies.rolling(sim.runner("x").cloud.observe(), intent(surge=0, max_unavailable=1))


def test_where_nothing_serves_a_release_comes_up_as_ever() -> None:
    sim = play(weights=None)
    deployment = ship(sim)
    assert (deployment.status, deployment.plan.strategy) == (Status.SHIPPED, "first")


def test_unknown_releases_have_no_way_back_and_the_plan_says_so() -> None:
    sim = play(size=2, behaviours={"v2": Behaviour(healthy=False)})
    for instance in sim.cloud.groups[BLUE].instances:
        instance.release = None
    sim.cloud.groups[BLUE].boots = None
    deployment = ship(sim)
    assert deployment.status is Status.HALTED
    assert any("no way back" in note for note in deployment.first_plan.notes)
    assert not sim.cloud.groups[BLUE].suspended
    assert sim.cloud.ledger.outages == []


def test_a_release_that_cannot_go_back_halts_once_it_serves() -> None:
    wanted = replace(intent(), release=Release("v2", rollback_safe=False))
    sim = play(size=3, behaviours={"v2": Behaviour(errors=300)})
    deployment = ship(sim, wanted)
    assert deployment.status is Status.HALTED
    assert "rollback-safe" in deployment.reason
    assert not sim.cloud.groups[BLUE].suspended
