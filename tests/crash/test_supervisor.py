"""Nobody sits at a terminal: runners die, and the supervisor's visits carry on what they have left."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import pytest
from msgspec.structs import replace as changed

from deployer.errors import AccessProblem, LeaseLost
from deployer.hooks import HookAction, HookPoint
from deployer.journal import Active, Ask, Lease, Request
from deployer.model import Weights
from deployer.operations.supervisor import Policy, State, Supervisor, Visit, look, turns_back
from deployer.plan import Deployment, Status
from deployer.planning import strategies
from tests.crash.test_kill_anywhere import STORIES, Story
from tests.crash.test_kill_anywhere import check as check_end
from tests.sim.faults import Fault, Killed
from tests.sim.fleet import Behaviour
from tests.sim.hooks import Book
from tests.sim.people import hand_in
from tests.sim.play import ENVIRONMENT, INTENT, Play, play

EVERY_S = 60.0  # from one visit to the next
LEASE_S = 180.0  # of what is left to the next visit: it outlasts the pause until then
STAY_S = 45.0
NAME = "supervisor"
KILLS = [Fault.KILLED_BEFORE, Fault.KILLED_AFTER]


@dataclass
class Watchman:
    """The schedule: each visit is a process of its own."""

    sim: Play
    policy: Policy = "resume"
    visits: list[tuple[float, Visit]] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=count)

    def supervisor(self) -> Supervisor:
        owner = f"{NAME} #{next(self.numbers)}"
        return Supervisor(
            environment=ENVIRONMENT,
            journal=self.sim.journal,
            clock=self.sim.clock,
            runner=self.sim.runner(owner),
            stay_s=STAY_S,
            rest_s=LEASE_S,
            policy=self.policy,
            request=lambda ask: Request(ask, NAME, f"{ask}-{owner}"),
        )

    def come(self) -> Visit | None:
        """One visit; None: it was killed."""
        began = self.sim.clock.now()
        try:
            visit = self.supervisor().visit()
        except Killed:
            return None
        self.visits.append((began, visit))
        return visit

    def pause(self, visit: Visit | None) -> None:
        """Until the next one: sooner where a lease is about to run out."""
        again_s = visit.again_s if visit else 0.0
        self.sim.clock.sleep(min(EVERY_S, again_s or EVERY_S))

    def keep_coming(self) -> Deployment:
        """Until nothing is left to do; the record as it ended."""
        for _ in range(300):
            visit = self.come()
            if self.sim.journal.peek(ENVIRONMENT) is None:
                return self.sim.journal._load("d1")
            self.pause(visit)
        raise AssertionError("three hundred visits were not enough")


def abandoned(call: int, kill: Fault = Fault.KILLED_BEFORE, story: Story = STORIES["good"]) -> Play:
    """A person's runner that died at its `call`th call: in the middle, or before it took anything."""
    sim = play(behaviours=story.behaviours, weights=story.weights, faults={call: kill})
    sim.poll_s = 20.0
    runner = sim.runner("alice@laptop #1")
    try:
        runner.run(sim.open(runner, INTENT, strategies.canary, "d1"))
    except Killed:
        return sim
    raise AssertionError(f"call {call} was not reached")


def calls_of(story: Story) -> range:
    """From the first call after the environment was taken to the last one."""
    names = story.tell({})[0].gate.names
    return range(names.index("journal.begin") + 1, len(names))


@pytest.mark.parametrize("kill", KILLS, ids=["before", "after"])
@pytest.mark.parametrize("name", ["good", "dud", "failing", "crashing", "first", "first dud"])
def test_what_a_runner_leaves_at_any_call_is_brought_to_the_same_end(
    name: str, kill: Fault
) -> None:
    story = STORIES[name]
    undisturbed, _ = story.tell({})
    for call in calls_of(story):
        sim = abandoned(call, kill, story)
        if sim.journal.peek(ENVIRONMENT) is None:
            continue  # its last word was written
        check_end(sim, Watchman(sim).keep_coming(), story)
        assert sim.state == undisturbed.state, f"killed at call {call}"


@pytest.mark.parametrize("phase_s", [0.0, 1.0, 30.0, 59.0])
def test_within_two_minutes_the_supervisor_has_taken_over(phase_s: float) -> None:
    """Whenever the runner dies and wherever the schedule stands just then."""
    for call in list(calls_of(STORIES["good"]))[::7]:
        sim = abandoned(call)
        died = sim.clock.now()
        watchman = Watchman(sim)
        sim.clock.sleep(phase_s)
        watchman.keep_coming()
        acted = next(at for at, v in watchman.visits if v.state is not State.ATTENDED)
        assert acted - died <= 120.0
        assert sim.oracle.violations == []


@pytest.mark.parametrize("kill", KILLS, ids=["before", "after"])
@pytest.mark.parametrize("name", ["good", "failing"])
def test_a_visit_killed_at_any_call_costs_its_lease_and_no_more(name: str, kill: Fault) -> None:
    story = STORIES[name]
    left_at = calls_of(story)[len(calls_of(story)) // 4]
    undisturbed = abandoned(left_at, story=story)
    first_of_visits = len(undisturbed.gate.names)
    Watchman(undisturbed).keep_coming()
    for call in range(first_of_visits, len(undisturbed.gate.names)):
        sim = abandoned(left_at, story=story)
        sim.gate.faults = {call: kill}
        check_end(sim, Watchman(sim).keep_coming(), story)
        assert sim.state == undisturbed.state, f"killed at call {call}"


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.REPLY_LOST])
def test_a_call_of_a_visit_without_an_answer_changes_nothing_about_the_end(fault: Fault) -> None:
    story = STORIES["good"]
    left_at = calls_of(story)[len(calls_of(story)) // 4]
    undisturbed = abandoned(left_at)
    first_of_visits = len(undisturbed.gate.names)
    Watchman(undisturbed).keep_coming()
    for call in range(first_of_visits, len(undisturbed.gate.names)):
        sim = abandoned(left_at)
        sim.gate.faults = {call: fault}
        check_end(sim, Watchman(sim).keep_coming(), story)
        assert sim.state == undisturbed.state, f"{fault} at call {call}"


def test_deadlines_run_on_between_visits() -> None:
    """A release that never gets healthy goes back at its deadline, not a visit's lease later each time."""
    sim = abandoned(calls_of(STORIES["dud"])[5], story=STORIES["dud"])
    died = sim.clock.now()
    deployment = Watchman(sim).keep_coming()
    assert deployment.status is Status.ROLLED_BACK
    back = next(event.at for event in deployment.log if event.kind == "retreat")
    assert back - died <= 120.0 + INTENT.limits.provision_s + EVERY_S


def test_a_living_runner_is_left_alone() -> None:
    sim = play()
    watchman = Watchman(sim)

    def knock() -> None:
        sim.cloud.at(sim.clock.now() + 7.0, knock)
        watchman.come()

    knock()
    assert sim.ship().status is Status.SHIPPED
    states = {visit.state for _, visit in watchman.visits}
    assert states <= {State.FREE, State.ATTENDED}
    assert len(watchman.visits) > 50
    assert sim.oracle.violations == []


def at_each(sim: Play, name: str, act: Callable[[], object]) -> None:
    """`act` at every call of that name, but not while acting."""
    acting = False

    def once() -> None:
        nonlocal acting
        if not acting:
            acting = True
            act()
            acting = False

    sim.gate.hooks[name] = once


@pytest.mark.parametrize("name", ["cloud.observe", "cloud.apply", "journal.save", "journal.rest"])
def test_of_two_visits_at_once_one_acts(name: str) -> None:
    """Schedules call at least once: while one visit is in the middle of a call, another one comes."""
    sim = abandoned(calls_of(STORIES["good"])[20])
    watchman, second = Watchman(sim), Watchman(sim, numbers=count(1_000))
    at_each(sim, name, second.come)
    assert watchman.keep_coming().status is Status.SHIPPED
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    assert second.visits
    assert {visit.state for _, visit in second.visits} == {State.ATTENDED}


def resumed_by_a_person(sim: Play) -> Deployment:
    """At once, though a supervisor has just been there."""
    runner = sim.runner("alice@laptop #2")
    lease = Lease(runner.owner, sim.clock.now() + sim.lease_s)
    return runner.run(sim.journal.take_over(ENVIRONMENT, lease, sim.clock.now()))


def test_a_hook_that_no_visit_outlasts_is_left_to_a_person_and_not_held() -> None:
    long = HookAction(command=("./migrate",), deadline_s=STAY_S)
    sim = play(faults={30: Fault.KILLED_BEFORE})
    sim.hooks = Book()
    runner = sim.runner("alice@laptop #1")
    hooked = changed(INTENT, hooks={HookPoint.BEFORE_RETIRE: long})
    with pytest.raises(Killed):
        runner.run(sim.open(runner, hooked, strategies.canary, "d1"))
    sim.clock.sleep(sim.lease_s)
    for policy in ("resume", "rollback"):
        visit = Watchman(sim, policy=policy).come()
        assert visit is not None
        assert visit.state is State.STUCK
        assert "before_retire may take 45s" in str(visit.problem)
    assert resumed_by_a_person(sim).status is Status.SHIPPED
    assert sim.oracle.violations == []


def test_what_a_supervisor_may_not_look_at_it_does_not_hold() -> None:
    """Its role lacks a permission: somebody whose has it need not wait for the supervisor's lease."""
    sim = abandoned(calls_of(STORIES["good"])[20])
    sim.clock.sleep(sim.lease_s)

    def refuse() -> None:
        raise AccessProblem("elasticloadbalancing:DescribeRules is denied")

    sim.gate.hooks["cloud.observe"] = refuse
    for _ in range(3):
        visit = Watchman(sim).come()
        assert visit is not None
        assert (visit.state, str(visit.problem)[-9:]) == (State.STUCK, "is denied")
    sim.gate.hooks.clear()
    assert resumed_by_a_person(sim).status is Status.SHIPPED
    assert sim.oracle.violations == []


def test_a_slow_runner_that_wakes_up_after_the_supervisor_changes_nothing_more() -> None:
    sim = play()
    runner = sim.runner("alice@laptop #1")
    deployment = sim.open(runner, INTENT, strategies.canary, "d1")
    lease_until = sim.clock.now() + sim.lease_s
    for _ in range(12):
        deployment, lease_until = runner.turn(deployment, lease_until)
        sim.clock.sleep(sim.poll_s)
    sim.clock.sleep(sim.lease_s)
    watchman = Watchman(sim)
    assert watchman.come() is not None
    changes = len(sim.cloud.changes)
    with pytest.raises(LeaseLost):
        runner.run(deployment)
    assert len(sim.cloud.changes) == changes
    assert watchman.keep_coming().status is Status.SHIPPED
    assert sim.oracle.violations == []


def test_the_policy_can_be_to_go_back() -> None:
    sim = abandoned(calls_of(STORIES["good"])[30])
    deployment = Watchman(sim, policy="rollback").keep_coming()
    assert deployment.status is Status.ROLLED_BACK
    assert deployment.reason == "aborted by supervisor"
    assert sim.oracle.violations == []


@pytest.mark.parametrize("kill", KILLS, ids=["before", "after"])
def test_the_way_back_stands_however_the_visits_die(kill: Fault) -> None:
    left_at = calls_of(STORIES["good"])[30]
    undisturbed = abandoned(left_at)
    first_of_visits = len(undisturbed.gate.names)
    Watchman(undisturbed, policy="rollback").keep_coming()
    for call in range(first_of_visits, len(undisturbed.gate.names)):
        sim = abandoned(left_at)
        sim.gate.faults = {call: kill}
        assert Watchman(sim, policy="rollback").keep_coming().status is Status.ROLLED_BACK
        assert sim.oracle.violations == []
        assert sim.state == undisturbed.state, f"killed at call {call}"


def test_visits_of_its_own_that_died_are_no_reason_to_go_back() -> None:
    """Whose runner has died before it was the supervisor's stays with what was decided then."""
    sim = abandoned(calls_of(STORIES["good"])[30])
    watchman = Watchman(sim)
    assert watchman.come() is not None
    sim.gate.faults = {len(sim.gate.names) + 4: Fault.KILLED_AFTER}
    sim.clock.sleep(EVERY_S)
    assert watchman.come() is None
    watchman.policy = "rollback"
    assert watchman.keep_coming().status is Status.SHIPPED


def paused_and_left(behaviour: Behaviour) -> Play:
    """A canary that has its first users, paused by a person, whose runner has died."""
    sim = play(behaviours={"v2": behaviour})
    runner = sim.runner("alice@laptop #1")
    deployment = sim.open(runner, INTENT, strategies.canary, "d1")
    lease_until = sim.clock.now() + sim.lease_s
    while sim.cloud.rule == Weights(1000, 0):
        deployment, lease_until = runner.turn(deployment, lease_until)
        sim.clock.sleep(sim.poll_s)
    assert hand_in(sim, Request(Ask.PAUSE, "alice", "p1"))
    runner.turn(deployment, lease_until)
    sim.clock.sleep(sim.lease_s + 1.0)
    return sim


@pytest.mark.parametrize("policy", ["resume", "rollback"])
def test_what_a_person_holds_stays_held(policy: Policy) -> None:
    sim = paused_and_left(Behaviour())
    held = list(sim.cloud.changes)
    watchman = Watchman(sim, policy=policy)
    for _ in range(40):
        watchman.come()
        sim.clock.sleep(EVERY_S)
    assert list(sim.cloud.changes) == held
    assert hand_in(sim, Request(Ask.RESUME, "alice", "p2"))
    assert watchman.keep_coming().status is Status.SHIPPED


def test_what_a_person_holds_is_judged_and_goes_back_when_it_goes_bad() -> None:
    sim = paused_and_left(Behaviour(errors=30))
    assert Watchman(sim).keep_coming().status is Status.ROLLED_BACK
    assert sim.oracle.violations == []


def record() -> Deployment:
    sim = play()
    return sim.open(sim.runner("a #1"), INTENT, strategies.canary, "d1")


@pytest.mark.parametrize(
    ("owner", "left_s", "state"),
    [
        ("alice@laptop #1", 1.0, State.ATTENDED),
        ("alice@laptop #1", 0.0, State.ABANDONED),
        (NAME, 1.0, State.OURS),
        (NAME, -1.0, State.OURS),
        (f"{NAME} #7", 1.0, State.ATTENDED),
        (f"{NAME} #7", 0.0, State.OURS),
    ],
)
def test_what_there_is_to_do(owner: str, left_s: float, state: State) -> None:
    assert look(Active(record(), Lease(owner, 1_000.0 + left_s)), NAME, 1_000.0) is state


def test_nothing_is_to_do_where_nothing_is_deployed() -> None:
    assert look(None, NAME, 0.0) is State.FREE


def test_only_what_runs_by_itself_and_can_go_back_is_taken_back() -> None:
    running = record()
    assert turns_back(running, "rollback")
    assert not turns_back(running, "resume")
    assert not turns_back(changed(running, paused_at=5.0), "rollback")
    assert not turns_back(changed(running, status=Status.RETREATING), "rollback")
    assert not turns_back(changed(running, ending=Status.SHIPPED), "rollback")
