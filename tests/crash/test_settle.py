"""`settle`: what a deployment could not wait for is given back by any later visit, once.

The simulated balancer honours a cookie even at weight 0: stickiness that comes back too early sends
clients to a slot without instances, which the ledger counts as an outage.
"""

from collections.abc import Callable, Mapping

import pytest
from msgspec.structs import replace

from deployer.changes import SetWeights, Stick
from deployer.engine import parting
from deployer.engine.settling import Outcome, Settlement, settle
from deployer.errors import ChangeRefused, CloudUnavailable, Halted
from deployer.journal import Ask, Lease, Request
from deployer.model import Weights
from deployer.operations.supervisor import State
from deployer.plan import Deployment, Status
from deployer.planning import strategies
from deployer.planning.stickiness import due_at
from deployer.record.held import Unstuck
from tests.crash.test_supervisor import EVERY_S, Watchman
from tests.sim.faults import Fault, Killed
from tests.sim.fleet import Behaviour
from tests.sim.play import ENVIRONMENT, Play, intent_for, play

HOUR_S = 3600
QUICK = intent_for("v2", weights=(500,), bake_s=60.0, window_s=60.0)
AGAIN = intent_for("v3", weights=(500,), bake_s=60.0, window_s=60.0)
ALL_BLUE, ALL_GREEN = Weights(1000, 0), Weights(0, 1000)


def owing(behaviours: Mapping[str, Behaviour] | None = None) -> Play:
    """A release has shipped, and owes an hour of stickiness."""
    sim = play(sticky_s=HOUR_S, behaviours=behaviours)
    sim.poll_s = 20.0
    ended = sim.ship(QUICK, strategies.blue_green)
    assert ended.unstuck is not None
    return sim


def visit(sim: Play, owner: str = "timer") -> Settlement:
    return settle(sim.runner(owner), ENVIRONMENT)


def last(sim: Play) -> Deployment:
    return sim.journal.history(ENVIRONMENT, 1)[0]


def sticks(sim: Play) -> int:
    return sum(isinstance(change, Stick) for _, change in sim.cloud.changes)


def check(sim: Play) -> None:
    sim.clock.sleep(120.0)
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    assert sim.journal.peek(ENVIRONMENT) is None, "the environment is free"


def test_it_comes_back_when_it_is_due_and_not_before_and_once() -> None:
    sim = owing()
    before = last(sim)
    calls = len(sim.gate.names)
    early = visit(sim)
    assert (early.outcome, early.unstuck) == (Outcome.EARLY, before.unstuck)
    assert sim.gate.names[calls:] == ["journal.active", "cloud.observe"], (
        "it looked, and wrote nothing"
    )
    sim.clock.sleep(HOUR_S)
    assert visit(sim).outcome is Outcome.GIVEN
    assert visit(sim).outcome is Outcome.NOTHING
    after = last(sim)
    assert (sim.cloud.sticky_s, after.unstuck, sticks(sim)) == (HOUR_S, None, 1)
    assert (after.status, after.finished_at) == (before.status, before.finished_at)
    check(sim)


def test_nobody_owes() -> None:
    sim = play()
    assert visit(sim).outcome is Outcome.NOTHING
    sim.ship(QUICK)
    assert visit(sim).outcome is Outcome.NOTHING


@pytest.mark.parametrize("fault", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER])
def test_a_kill_at_any_call_costs_one_visit_more_at_most(fault: Fault) -> None:
    undisturbed = owing()
    undisturbed.clock.sleep(HOUR_S)
    start = len(undisturbed.gate.names)
    visit(undisturbed)
    calls = undisturbed.gate.names[start:]
    assert {"journal.reopen", "cloud.apply", "journal.save"} <= set(calls)
    for call, what in enumerate(calls):
        sim = owing()
        sim.clock.sleep(HOUR_S)
        sim.gate.faults = {start + call: fault}
        with pytest.raises(Killed):
            visit(sim, "dying")
        sim.clock.sleep(sim.absence_s)
        assert visit(sim).outcome in (Outcome.GIVEN, Outcome.NOTHING), what
        assert (sim.cloud.sticky_s, last(sim).unstuck) == (HOUR_S, None), what
        assert last(sim).status is Status.SHIPPED
        check(sim)


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.REPLY_LOST])
def test_a_call_without_an_answer_costs_one_visit_more_at_most(fault: Fault) -> None:
    undisturbed = owing()
    undisturbed.clock.sleep(HOUR_S)
    start = len(undisturbed.gate.names)
    visit(undisturbed)
    for call in range(len(undisturbed.gate.names) - start):
        sim = owing()
        sim.clock.sleep(HOUR_S)
        sim.gate.faults = {start + call: fault}
        try:
            visit(sim, "first")
        except CloudUnavailable:
            sim.clock.sleep(sim.absence_s)
        assert visit(sim).outcome in (Outcome.GIVEN, Outcome.NOTHING)
        assert (sim.cloud.sticky_s, last(sim).unstuck) == (HOUR_S, None)
        check(sim)


def test_whoever_resumes_a_visit_that_died_finishes_it() -> None:
    sim = owing()
    sim.clock.sleep(HOUR_S)
    sim.gate.hooks["cloud.apply"] = lambda: (_ for _ in ()).throw(Killed("mid-visit"))
    with pytest.raises(Killed):
        visit(sim, "dying")
    del sim.gate.hooks["cloud.apply"]
    assert visit(sim).outcome is Outcome.BUSY, "its lease is alive"
    sim.clock.sleep(sim.absence_s)
    runner = sim.runner("person")
    taken = sim.journal.take_over(ENVIRONMENT, sim.lease("person"), sim.clock.now())
    ended = runner.run(taken)
    assert (ended.status, ended.unstuck, sim.cloud.sticky_s) == (Status.SHIPPED, None, HOUR_S)
    check(sim)


def test_a_deployment_that_runs_sees_to_it_itself() -> None:
    sim = owing()
    sim.clock.sleep(HOUR_S)
    runner = sim.runner("d2-runner-0")
    begun = sim.open(runner, AGAIN, strategies.canary, "d2")
    busy = visit(sim)
    assert (busy.outcome, busy.deployment) == (Outcome.BUSY, "d2")
    ended = runner.run(begun)
    assert ended.status is Status.SHIPPED
    assert sticks(sim) == 1


def test_a_visit_that_slept_while_another_deployment_came_and_went_changes_nothing() -> None:
    """It has read the old record before; by now younger cookies are out, and a newer record owes."""
    sim = owing()
    sim.clock.sleep(HOUR_S)
    slept: list[str] = []

    def sleep_long() -> None:
        if not slept:
            slept.append("yes")
            second = sim.ship(AGAIN, strategies.blue_green, "d2")
            assert second.unstuck is not None

    sim.gate.hooks["journal.reopen"] = sleep_long
    done = visit(sim, "sleeper")
    assert slept
    assert done.outcome is Outcome.HINDERED
    assert sim.cloud.sticky_s is None, "d2 owes it, and it is not due"
    assert visit(sim).outcome is Outcome.EARLY
    sim.clock.sleep(HOUR_S)
    assert visit(sim).outcome is Outcome.GIVEN
    check(sim)


def test_nor_when_the_other_one_went_back_and_left_the_weights_as_they_were() -> None:
    """Only the newer record tells that cookies of the other slot are out again."""
    sim = owing({"v3": Behaviour(errors=30)})
    sim.clock.sleep(HOUR_S)
    others: list[Deployment] = []

    def sleep_long() -> None:
        if not others:
            sim.gate.hooks.clear()
            others.append(sim.ship(AGAIN, strategies.blue_green, "d2"))

    sim.gate.hooks["journal.reopen"] = sleep_long
    given = sticks(sim)
    done = visit(sim, "sleeper")
    assert [(o.status, o.written) for o in others] == [(Status.ROLLED_BACK, ALL_GREEN)]
    assert sticks(sim) == given + 1, "by the deployment that began when it was due"
    assert done.why == "a later deployment has taken over what it owes"
    assert visit(sim).outcome is Outcome.EARLY
    check(sim)


def test_a_deployment_whose_runner_is_gone_is_not_carried_on_for_what_an_older_one_owes() -> None:
    """That is for `deployer resume` and the supervisor, which know what is to become of it."""
    sim = owing()
    sim.clock.sleep(HOUR_S)
    begun = sim.open(sim.runner("d2-runner-0"), AGAIN, strategies.canary, "d2")
    sim.clock.sleep(sim.lease_s + 1.0)
    before = list(sim.cloud.changes)
    done = visit(sim)
    assert (done.outcome, done.deployment) == (Outcome.BUSY, "d2")
    held = sim.journal.peek(ENVIRONMENT)
    assert held is not None
    assert (held.deployment.version, held.lease.owner) == (begun.version, "d2-runner-0")
    assert sim.cloud.changes == before


def test_two_visits_at_the_same_time_are_one() -> None:
    sim = owing()
    sim.clock.sleep(HOUR_S)
    others: list[Settlement] = []

    def meanwhile() -> None:
        del sim.gate.hooks["journal.reopen"]
        others.append(visit(sim, "other"))

    sim.gate.hooks["journal.reopen"] = meanwhile
    done = visit(sim, "slower")
    assert [other.outcome for other in others] == [Outcome.GIVEN]
    assert done.outcome is Outcome.BUSY
    assert (sticks(sim), sim.cloud.sticky_s) == (1, HOUR_S)
    check(sim)


def test_a_visit_that_lost_its_lease_changes_nothing() -> None:
    sim = owing()
    sim.clock.sleep(HOUR_S)
    late: list[str] = []

    def freeze() -> None:
        """The process stands still after it has taken the environment; another visit takes over."""
        if not late and sim.journal.peek(ENVIRONMENT) is not None:
            late.append("yes")
            sim.clock.sleep(sim.absence_s)
            assert visit(sim, "other").outcome is Outcome.GIVEN

    sim.gate.hooks["journal.save"] = freeze
    assert visit(sim, "frozen").outcome is Outcome.GIVEN, "as it is by now"
    assert late
    assert (sticks(sim), sim.cloud.sticky_s) == (1, HOUR_S)
    check(sim)


@pytest.mark.parametrize(
    ("happens", "outcome"),
    [
        (lambda sim: sim.cloud.move(ALL_BLUE), Outcome.HINDERED),
        (lambda sim: sim.cloud.move(Weights(500, 500)), Outcome.HINDERED),
        (lambda sim: sim.cloud.set_sticky(120), Outcome.GIVEN),
        (lambda sim: sim.cloud.move(None), Outcome.GIVEN),
    ],
    ids=["moved", "split", "switched on", "deleted"],
)
def test_what_somebody_else_has_done_is_respected(
    happens: Callable[[Play], None], outcome: Outcome
) -> None:
    sim = owing()
    sim.clock.sleep(HOUR_S)
    happens(sim)
    found = sim.cloud.rule, sim.cloud.sticky_s
    assert visit(sim).outcome is outcome
    assert (sim.cloud.rule, sim.cloud.sticky_s) == found
    assert sticks(sim) == 0
    assert (last(sim).unstuck is None) is (outcome is Outcome.GIVEN)


def test_traffic_that_was_put_back_gets_it() -> None:
    sim = owing()
    sim.clock.sleep(HOUR_S)
    sim.cloud.move(Weights(1, 999))
    assert visit(sim).outcome is Outcome.HINDERED
    sim.cloud.move(ALL_GREEN)
    sim.clock.sleep(1.0)
    assert visit(sim).outcome is Outcome.GIVEN


def test_what_aws_refuses_is_told_and_stays_owed_and_the_deployment_shipped() -> None:
    sim = owing()
    sim.clock.sleep(HOUR_S)

    def refuse() -> None:
        raise ChangeRefused("InvalidConfigurationRequest: not so")

    sim.gate.hooks["cloud.apply"] = refuse
    with pytest.raises(Halted, match=r"cannot stick again: .*not so"):
        visit(sim)
    assert (last(sim).status, last(sim).unstuck is None) == (Status.SHIPPED, False)
    del sim.gate.hooks["cloud.apply"]
    assert visit(sim).outcome is Outcome.GIVEN
    check(sim)


def test_a_deployment_that_was_not_begun_hides_nothing() -> None:
    sim = owing()
    runner = sim.runner("d2-runner-0")
    begun = sim.open(runner, AGAIN, strategies.canary, "d2")
    ended = replace(
        begun, status=Status.ROLLED_BACK, finished_at=sim.clock.now(), reason="not begun: stale"
    )
    sim.journal.save(ended, sim.lease("d2-runner-0"))
    sim.clock.sleep(HOUR_S)
    assert visit(sim).deployment == "d1"
    assert sim.cloud.sticky_s == HOUR_S


def test_who_may_wait_for_hours_does_and_who_is_hurried_leaves_it_to_a_visit() -> None:
    """The setting, and the way out of it: nobody has to wait with a rollback."""
    patient = intent_for("v2", weights=(500,), bake_s=60.0, sticky_wait_s=7200.0)
    sim = play(sticky_s=HOUR_S)
    sim.poll_s = 20.0
    waited = sim.ship(patient)
    assert (waited.unstuck, sim.cloud.sticky_s) == (None, HOUR_S)
    took = (waited.finished_at or 0.0) - waited.started_at
    assert took > HOUR_S

    sim = play(sticky_s=HOUR_S)
    sim.poll_s = 20.0
    sim.cloud.at(sim.clock.now() + 2000.0, lambda: sim.journal.ask(ENVIRONMENT, promote()))
    hurried = sim.ship(patient)
    assert hurried.status is Status.SHIPPED
    assert (hurried.finished_at or 0.0) - hurried.started_at < 2100.0
    assert hurried.unstuck is not None
    sim.clock.sleep(HOUR_S)
    assert visit(sim).outcome is Outcome.GIVEN
    assert [event.note for event, _ in sim.events if event.kind == "asked"] == ["promote by alice"]
    check(sim)


def promote() -> Request:
    return Request(Ask.PROMOTE, "alice", "p1")


def test_a_lease_of_somebody_elses_visit_is_not_taken() -> None:
    sim = owing()
    sim.clock.sleep(HOUR_S)
    record = last(sim)
    opened = parting.reopened(record, sim.clock.now())
    sim.journal.reopen(opened, Lease("other", sim.clock.now() + 60.0))
    assert visit(sim).outcome is Outcome.BUSY
    assert sim.cloud.sticky_s is None


def test_the_supervisor_gives_it_back_at_the_first_visit_after_it_is_due() -> None:
    sim = owing()
    watchman = Watchman(sim)
    states = set()
    while sim.cloud.sticky_s is None:
        visited = watchman.come()
        assert visited is not None
        states.add(visited.state)
        sim.clock.sleep(EVERY_S)
    assert states == {State.FREE, State.SETTLED}
    (late_s,) = [
        at - due_at(unstuck) for at, change in sim.cloud.changes if isinstance(change, Stick)
        for unstuck in [Unstuck(HOUR_S, switched_off(sim))]
    ]  # fmt: skip
    assert 0 <= late_s <= EVERY_S
    check(sim)


def switched_off(sim: Play) -> float:
    """When the cut-over was made, epoch seconds."""
    return next(at for at, change in sim.cloud.changes if isinstance(change, SetWeights))
