"""A detached deployment: the state machine's ticks carry it, whatever dies on the way."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from msgspec.structs import replace as changed

from deployer.errors import AccessProblem, CloudUnavailable, PlanInvalid
from deployer.hooks import HookAction, HookPoint
from deployer.journal import Ask, Lease, Request
from deployer.model import Weights
from deployer.operations.detached import (
    LATE_S,
    MOST_TICKS,
    NAME,
    STAY_S,
    VISIT_S,
    Answer,
    Mandate,
    Ticking,
    hooks_of,
    require_detachable,
    sooner,
)
from deployer.operations.pace import LONGEST_S, MINUTE_S, MOST_STRETCH
from deployer.operations.supervisor import State
from deployer.plan import Deployment, Status
from deployer.planning import strategies
from deployer.steps.bake import Bake
from tests.crash.test_kill_anywhere import STORIES, Story
from tests.crash.test_kill_anywhere import check as check_end
from tests.crash.test_supervisor import Watchman
from tests.sim.faults import Fault, Killed, repeats
from tests.sim.fleet import Behaviour
from tests.sim.hooks import Book
from tests.sim.people import hand_in
from tests.sim.play import ENVIRONMENT, INTENT, Play, play

KILLS = [Fault.KILLED_BEFORE, Fault.KILLED_AFTER]
RETRY_S = 2.0  # the state machine tries a tick again that has died


@dataclass
class StateMachine:
    """Rests as it is told, and calls again; each tick is a process of its own."""

    sim: Play
    mandate: Mandate = field(default_factory=lambda: Mandate(deployment="d1"))
    answers: list[tuple[float, Answer]] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=count)
    parts: list[str] = field(default_factory=list)
    chance: Callable[[], float] = lambda: 0.5

    def tick(self) -> Answer:
        owner = f"{NAME} #{next(self.numbers)}"
        runner = replace(self.sim.runner(owner), lease_s=LATE_S)
        ticking = Ticking(
            environment=ENVIRONMENT, journal=self.sim.journal, clock=self.sim.clock,
            runner=runner, stay_s=VISIT_S, chance=self.chance,
        )  # fmt: skip
        return ticking.tick(self.mandate)

    def turn(self) -> bool:
        """One tick and the rest after it; whether that was the last one."""
        at = self.sim.clock.now()
        try:
            answer = self.tick()
        except Killed:
            self.sim.clock.sleep(RETRY_S)
            return False
        self.answers.append((at, answer))
        if answer.next == "end":
            return True
        self.sim.clock.sleep(float(answer.wait_s))
        if answer.next == "onward":
            self.parts.append(answer.name)
        self.mandate = answer.mandate
        return False

    def run(self) -> Deployment:
        """To its end; the record as it ended."""
        for _ in range(3_000):
            if self.turn():
                return self.sim.journal._load("d1")
        raise AssertionError("three thousand ticks were not enough")


def handed_over(story: Story = STORIES["good"], *, lease_s: float = LATE_S, **how: object) -> Play:
    """What the command line leaves: a record that rests for the state machine's first tick."""
    sim = play(behaviours=story.behaviours, weights=story.weights, **how)  # type: ignore[arg-type]
    owner = f"{NAME} #cli"
    record = sim.open(sim.runner(owner), INTENT, strategies.canary, "d1")
    sim.journal.rest(record, Lease(owner, sim.clock.now() + lease_s))
    return sim


@pytest.mark.parametrize("name", list(STORIES))
def test_it_comes_to_the_same_end_as_at_a_terminal(name: str) -> None:
    story = STORIES[name]
    undisturbed, _ = story.tell({})
    sim = handed_over(story)
    check_end(sim, StateMachine(sim).run(), story)
    assert sim.state == undisturbed.state


def test_deadlines_run_on_from_tick_to_tick() -> None:
    sim = handed_over(STORIES["dud"])
    begun = sim.clock.now()
    deployment = StateMachine(sim).run()
    back = next(event.at for event in deployment.log if event.kind == "retreat")
    assert back - begun <= INTENT.limits.provision_s + MINUTE_S


def test_it_rests_until_something_can_happen() -> None:
    """Far fewer looks than a terminal's, and none later than a minute after the one before."""
    sim = handed_over()
    machine = StateMachine(sim)
    machine.run()
    terminal, _ = STORIES["good"].tell({})
    looks = [play.gate.names.count("cloud.observe") for play in (sim, terminal)]
    assert looks[0] < looks[1]
    assert all(answer.wait_s <= MINUTE_S for _, answer in machine.answers)


@pytest.mark.parametrize("kill", KILLS, ids=["before", "after"])
@pytest.mark.parametrize("name", ["good", "failing"])
def test_a_tick_killed_at_any_call_costs_its_lease_and_no_more(name: str, kill: Fault) -> None:
    story = STORIES[name]
    undisturbed = handed_over(story)
    first = len(undisturbed.gate.names)
    StateMachine(undisturbed).run()
    for call, what in enumerate(undisturbed.gate.names):
        if call < first or repeats(kill, what):
            continue
        sim = handed_over(story)
        sim.gate.faults = {call: kill}
        check_end(sim, StateMachine(sim).run(), story)
        assert sim.state == undisturbed.state, f"killed at call {call}"


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.REPLY_LOST])
def test_a_call_without_an_answer_changes_nothing_about_the_end(fault: Fault) -> None:
    undisturbed = handed_over()
    first = len(undisturbed.gate.names)
    StateMachine(undisturbed).run()
    for call, what in enumerate(undisturbed.gate.names):
        if call < first or repeats(fault, what):
            continue
        sim = handed_over()
        sim.gate.faults = {call: fault}
        check_end(sim, StateMachine(sim).run(), STORIES["good"])
        assert sim.state == undisturbed.state, f"{fault} at call {call}"


@pytest.mark.parametrize("turns", [0, 1, 4, 9])
def test_where_the_state_machine_was_ended_the_supervisor_takes_over(turns: int) -> None:
    """A person has stopped the execution, or it was never started: the lease runs out."""
    sim = handed_over()
    machine = StateMachine(sim)
    for _ in range(turns):
        assert not machine.turn()
    left = sim.clock.now()
    watchman = Watchman(sim)
    assert watchman.keep_coming().status is Status.SHIPPED
    acted = next(at for at, visit in watchman.visits if visit.state is not State.ATTENDED)
    assert acted - left <= LATE_S + MINUTE_S
    assert sim.oracle.violations == []


def test_with_the_supervisor_beside_it_one_of_them_acts() -> None:
    sim = handed_over()
    watchman = Watchman(sim)

    def knock() -> None:
        sim.cloud.at(sim.clock.now() + 60.0, knock)
        watchman.come()

    knock()
    assert StateMachine(sim).run().status is Status.SHIPPED
    assert {visit.state for _, visit in watchman.visits} <= {State.ATTENDED, State.FREE}
    assert sim.oracle.violations == []


def test_a_tick_that_is_called_twice_at_once_acts_once() -> None:
    sim = handed_over()
    second = StateMachine(sim, numbers=count(1_000))
    acting = False

    def once() -> None:
        nonlocal acting
        if not acting:
            acting = True
            second.answers.append((0.0, second.tick()))
            acting = False

    sim.gate.hooks["cloud.observe"] = once
    assert StateMachine(sim).run().status is Status.SHIPPED
    assert {answer.stands for _, answer in second.answers} == {
        "another tick holds it, or has died holding it"
    }
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


def test_who_takes_it_over_is_left_alone_and_the_execution_ends() -> None:
    sim = handed_over()
    machine = StateMachine(sim)
    for _ in range(6):
        assert not machine.turn()
    sim.clock.sleep(LATE_S + MINUTE_S)  # it was held up for long
    watchman = Watchman(sim)
    assert watchman.come() is not None
    assert machine.turn()
    assert machine.answers[-1][1].stands.startswith("carried out by supervisor")
    assert watchman.keep_coming().status is Status.SHIPPED
    assert sim.oracle.violations == []


def test_what_another_runner_has_left_is_the_supervisors() -> None:
    sim = handed_over()
    runner = sim.runner("alice@laptop #1")
    sim.clock.sleep(LATE_S + 1.0)
    sim.journal.take_over(ENVIRONMENT, sim.lease(runner.owner), sim.clock.now())
    sim.clock.sleep(sim.lease_s + 1.0)
    answer = StateMachine(sim).tick()
    assert (answer.next, answer.stands) == ("end", "left by alice@laptop #1: the supervisor's")


def test_an_execution_of_an_earlier_deployment_touches_no_later_one() -> None:
    sim = handed_over()
    StateMachine(sim).run()
    sim.open(sim.runner("alice@laptop #1"), changed(INTENT, release=INTENT.release),
             strategies.canary, "d2")  # fmt: skip
    changes = len(sim.cloud.changes)
    answer = StateMachine(sim).tick()
    assert (answer.next, answer.stands) == ("end", "shipped")
    assert len(sim.cloud.changes) == changes


def until_users(sim: Play) -> StateMachine:
    """The canary has its first users."""
    machine = StateMachine(sim)
    while sim.cloud.rule == Weights(1000, 0):
        assert not machine.turn()
    return machine


def test_a_wish_to_go_back_is_heard_within_a_minute() -> None:
    sim = handed_over()
    machine = until_users(sim)
    asked = sim.clock.now()
    assert hand_in(sim, Request(Ask.ABORT, "alice", "a1"))
    deployment = machine.run()
    assert deployment.status is Status.ROLLED_BACK
    heard = next(event.at for event in deployment.log if event.kind == "retreat")
    assert heard - asked <= MINUTE_S
    assert sim.oracle.violations == []


def test_pause_resume_and_promote_work_as_at_a_terminal() -> None:
    sim = handed_over()
    machine = until_users(sim)
    assert hand_in(sim, Request(Ask.PAUSE, "alice", "p1"))
    machine.turn()
    held = list(sim.cloud.changes)
    for _ in range(30):
        assert not machine.turn()
    assert list(sim.cloud.changes) == held
    assert machine.answers[-1][1].stands.startswith("paused: ")
    assert hand_in(sim, Request(Ask.RESUME, "alice", "p2"))
    machine.turn()
    assert hand_in(sim, Request(Ask.PROMOTE, "alice", "p3"))
    deployment = machine.run()
    assert deployment.status is Status.SHIPPED
    asked = [event.note for event in deployment.log if event.kind == "asked"]
    assert asked == ["pause by alice", "resume by alice", "promote by alice"]


def test_a_release_that_goes_bad_while_it_is_paused_goes_back() -> None:
    sim = handed_over(replace(STORIES["good"], behaviours={"v2": Behaviour(errors=30)}))
    machine = until_users(sim)
    assert hand_in(sim, Request(Ask.PAUSE, "alice", "p1"))
    assert machine.run().status is Status.ROLLED_BACK


def test_what_a_tick_may_not_look_at_it_does_not_hold() -> None:
    sim = handed_over()

    def refuse() -> None:
        raise AccessProblem("elasticloadbalancing:DescribeRules is denied")

    sim.gate.hooks["cloud.observe"] = refuse
    with pytest.raises(AccessProblem):
        StateMachine(sim).tick()
    sim.gate.hooks.clear()
    runner = sim.runner("alice@laptop #2")
    taken = sim.journal.take_over(ENVIRONMENT, sim.lease(runner.owner), sim.clock.now())
    assert runner.run(taken).status is Status.SHIPPED


def test_a_long_bake_goes_on_as_one_execution_after_another() -> None:
    """Never more ticks in one execution than its history has room for."""
    sim, bake_s = play(), 21 * 3_600.0
    owner = f"{NAME} #cli"
    long = changed(INTENT, weights=(500,), bake_s=bake_s, final_bake_s=60.0)
    record = sim.open(sim.runner(owner), long, strategies.canary, "d1")
    sim.journal.rest(record, Lease(owner, sim.clock.now() + LATE_S))
    machine = StateMachine(sim)
    assert machine.run().status is Status.SHIPPED
    ticks = len(machine.answers)
    assert bake_s / MINUTE_S <= ticks <= bake_s / MINUTE_S + 60
    assert machine.parts == ["d1-2"]
    assert max(answer.mandate.ticks for _, answer in machine.answers) == MOST_TICKS - 1


def test_while_aws_throttles_it_rests_longer_and_keeps_its_lease() -> None:
    sim = handed_over()
    machine = until_users(sim)
    while not isinstance(sim.journal._load("d1").step, Bake):
        assert not machine.turn()
    sim.gate.hooks["cloud.observe"] = throttled
    for _ in range(12):
        before = sim.clock.now()
        assert not machine.turn()
        active = sim.journal.peek(ENVIRONMENT)
        assert active is not None
        assert active.lease.expires_at > sim.clock.now() > before
    waits = [answer.wait_s for _, answer in machine.answers[-12:]]
    assert max(waits) <= LONGEST_S
    assert min(waits[2:]) > MINUTE_S
    assert machine.mandate.stretch == MOST_STRETCH
    sim.gate.hooks.clear()
    assert machine.run().status is Status.SHIPPED
    assert machine.answers[-1][1].mandate.stretch < max(
        answer.mandate.stretch for _, answer in machine.answers
    )


def throttled() -> None:
    raise CloudUnavailable("Rate exceeded")


SLOW = HookAction(url="https://example.com/hook", deadline_s=STAY_S)
SCRIPT = HookAction(command=("./migrate",), deadline_s=10.0)


@pytest.mark.parametrize(
    ("action", "words"),
    [(SLOW, "before_retire may take 780 s"), (SCRIPT, "before_retire is a command")],
)
@pytest.mark.parametrize("point", [HookPoint.BEFORE_RETIRE, HookPoint.ON_ROLLBACK])
def test_hooks_that_cannot_run_there_are_refused_before_anything_begins(
    action: HookAction, words: str, point: HookPoint
) -> None:
    sim = play()
    sim.hooks = Book()
    intent = changed(INTENT, hooks={point: action})
    plan = strategies.canary(sim.runner("a #1").cloud.observe(), intent)
    assert list(hooks_of(plan)) == [point]
    with pytest.raises(PlanInvalid, match=words.replace("before_retire", str(point))):
        require_detachable(plan)
    require_detachable(changed(plan, intent=INTENT, steps=plan.steps[:2]))


@pytest.mark.parametrize(
    ("wait_s", "gone_s", "left_s"), [(30, 6.2, 24), (3, 6.0, 1), (30, 0.1, 30)]
)
def test_nothing_waits_for_those_who_are_told(wait_s: int, gone_s: float, left_s: int) -> None:
    answer = Answer(next="rest", mandate=Mandate(deployment="d1"), stands="", wait_s=wait_s)
    assert sooner(answer, gone_s).wait_s == left_s
    over = Answer(next="end", mandate=Mandate(deployment="d1"), stands="shipped")
    assert sooner(over, gone_s) == over
