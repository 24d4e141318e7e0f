"""One transition at a time: what the engine decides, and what its runner does about it."""

from dataclasses import dataclass
from dataclasses import replace as altered

import pytest
from msgspec.structs import replace

from deployer.changes import PinRelease, SetDesired, SetWeights
from deployer.engine.exits import go_back
from deployer.engine.loop import Runner
from deployer.engine.ownership import GRACE_S, settle
from deployer.engine.transition import decide, intend
from deployer.errors import (
    Aborted,
    AccessProblem,
    ChangeRefused,
    CloudUnavailable,
    DeadlineExpired,
    LeaseLost,
    NoCredentials,
    StepFailed,
    WeightsMoved,
)
from deployer.freezes import Freeze, NoFreezes
from deployer.intent import Intent
from deployer.journal import Ask, Lease, Request
from deployer.model import Release, Snapshot, Weights
from deployer.plan import Deployment, Event, Status
from deployer.planning import strategies
from deployer.ports import ProbeReport
from tests.sim.play import ENVIRONMENT, INTENT, Play, play
from tests.unit.world import BLUE, GREEN, NOW, instances, slot, snapshot, world

ALL_BLUE, FIVE = Weights(1000, 0), Weights(950, 50)
FROZEN = altered(slot(BLUE, *instances(2)), min_size=2)
SEEN = snapshot(ALL_BLUE, FROZEN)
READY = snapshot(ALL_BLUE, FROZEN, slot(GREEN, *instances(2, "v2"), boots="v2"))
PLAN = strategies.canary(SEEN, Intent(release=Release("v2"), weights=(50,)))
PROVISION, PROBE, ROUTE, BAKE = range(4)
RETIRE = len(PLAN.steps) - 1


def deployment(**facts: object) -> Deployment:
    record = Deployment(
        id="d1", environment="prod", status=Status.RUNNING, plan=PLAN, started_at=NOW,
        entered_at=NOW - 10.0, written=ALL_BLUE,
    )  # fmt: skip
    return replace(record, **facts)


def with_weights(weights: Weights | None) -> Snapshot:
    return altered(READY, weights=weights)


@pytest.mark.parametrize(
    ("facts", "live", "expected"),
    [
        ({}, ALL_BLUE, {}),
        ({"moved_since": NOW - 9}, ALL_BLUE, {"moved_since": None, "calm_since": NOW}),
        ({}, FIVE, {"moved_since": NOW}),
        ({}, None, {"moved_since": NOW}),
        ({"moved_since": NOW - 59}, FIVE, {}),
        ({"intended": (FIVE,)}, ALL_BLUE, {}),
        ({"intended": (FIVE,)}, FIVE, {"written": FIVE, "intended": ()}),
        ({"intended": (FIVE,), "moved_since": NOW}, FIVE,
         {"written": FIVE, "intended": (), "moved_since": None, "calm_since": NOW}),
        ({"written": None, "intended": (FIVE,)}, None, {}),
        ({"written": FIVE, "intended": (Weights(500, 500), ALL_BLUE)}, Weights(500, 500),
         {"written": Weights(500, 500), "intended": (ALL_BLUE,)}),
        ({"written": FIVE, "intended": (Weights(500, 500), ALL_BLUE)}, ALL_BLUE,
         {"written": ALL_BLUE, "intended": ()}),
    ],
)  # fmt: skip
def test_whose_weights_are_live(
    facts: dict[str, object], live: Weights | None, expected: dict[str, object]
) -> None:
    record = deployment(**facts)
    settled = settle(record, with_weights(live), NOW)
    assert replace(settled, shares=()) == replace(record, **expected)


def test_strange_weights_for_too_long() -> None:
    with pytest.raises(WeightsMoved, match=r"live weights are blue 95 .* wrote blue 100 %"):
        settle(deployment(moved_since=NOW - GRACE_S), with_weights(FIVE), NOW)


def test_strange_weights_stop_the_step_at_once() -> None:
    decision = decide(deployment(cursor=ROUTE), world(with_weights(Weights(500, 500))))
    assert decision.change is None
    assert decision.after.moved_since == NOW
    assert decision.after.cursor == ROUTE


def test_a_change_is_written_down_with_its_weights() -> None:
    decision = decide(deployment(cursor=ROUTE), world(READY))
    assert decision.change == SetWeights(FIVE, ALL_BLUE)
    assert decision.after.intended == (FIVE,)
    assert decision.after.intended_at == NOW
    assert decision.after.written == ALL_BLUE
    assert [event.kind for event in decision.after.log] == ["change"]


def test_a_repeated_change_is_logged_once() -> None:
    once = intend(deployment(), SetDesired(GREEN, 2), NOW).after
    assert intend(once, SetDesired(GREEN, 2), NOW + 5).after.log == once.log
    assert len(intend(once, SetDesired(GREEN, 3), NOW + 5).after.log) == 2


def test_repeated_weights_are_intended_once_and_last() -> None:
    record = deployment(intended=(FIVE, ALL_BLUE))
    assert intend(record, SetWeights(FIVE, ALL_BLUE), NOW).after.intended == (ALL_BLUE, FIVE)


def test_a_goal_that_holds_moves_on_and_restarts_the_timer() -> None:
    decision = decide(deployment(), world(READY))
    assert (decision.after.cursor, decision.after.entered_at) == (PROBE, NOW)
    assert decision.event.kind == "step_done"
    assert decision.change is None


@pytest.mark.parametrize(
    ("status", "end"),
    [(Status.RUNNING, Status.SHIPPED), (Status.RETREATING, Status.ROLLED_BACK)],
)
def test_the_last_goal_ends_it(status: Status, end: Status) -> None:
    gone = snapshot(Weights(0, 1000), slot(BLUE), READY.green)
    record = deployment(status=status, cursor=RETIRE, written=Weights(0, 1000))
    after = decide(record, world(gone)).after
    assert (after.status, after.finished_at) == (end, NOW)


@pytest.mark.parametrize(
    ("record", "seen", "words"),
    [
        (deployment(), snapshot(ALL_BLUE, SEEN.blue, slot(GREEN, boots="v2", desired=2)),
         "0 of 2 healthy"),
        (deployment(), SEEN, "still to green boots v2"),
    ],
)  # fmt: skip
def test_a_deadline_says_what_was_missing(record: Deployment, seen: Snapshot, words: str) -> None:
    decide(replace(record, entered_at=NOW - 600.0), world(seen))
    with pytest.raises(DeadlineExpired, match=words):
        decide(replace(record, entered_at=NOW - 600.1), world(seen))


def test_a_deadline_counts_from_when_somebody_took_the_step_up_again() -> None:
    night = deployment(entered_at=NOW - 30_000.0, resumed_at=NOW - 600.0)
    assert decide(night, world(SEEN)).change == PinRelease(GREEN, Release("v2"))
    with pytest.raises(DeadlineExpired, match="still to green boots v2"):
        decide(replace(night, resumed_at=NOW - 600.1), world(SEEN))
    before = deployment(resumed_at=NOW - 30_000.0)
    assert decide(before, world(SEEN)).change is not None


def test_a_goal_reached_after_its_deadline_is_reached() -> None:
    assert decide(deployment(entered_at=NOW - 1e6), world(READY)).after.cursor == PROBE


def test_a_reading_that_fails_is_waited_for_until_the_deadline() -> None:
    record = deployment(cursor=PROBE)
    decision = decide(record, world(READY))
    assert (decision.after, decision.event.kind) == (record, "waiting")
    with pytest.raises(DeadlineExpired, match="test listener does not answer"):
        decide(replace(record, entered_at=NOW - 121.0), world(READY))


@pytest.mark.parametrize(("age_s", "done"), [(0.0, False), (59.0, False), (60.0, True)])
def test_a_route_is_not_done_while_another_write_may_come_to_light(
    age_s: float, done: bool
) -> None:
    back = strategies.rollback(READY, deployment(cursor=ROUTE, intended=(FIVE,)))
    record = deployment(
        status=Status.RETREATING, plan=back, cursor=1, intended=(FIVE,), intended_at=NOW - age_s
    )
    decision = decide(record, world(READY))
    assert (decision.after.cursor == 2) is done
    assert decision.after.intended == (() if done else (FIVE,))
    assert decision.change is None


def test_capacity_does_not_wait_for_a_write_to_come_to_light() -> None:
    back = strategies.rollback(READY, deployment(cursor=ROUTE, intended=(FIVE,)))
    record = deployment(
        status=Status.RETREATING, plan=back, cursor=0, intended=(FIVE,), intended_at=NOW
    )
    after = decide(record, world(READY)).after
    assert (after.cursor, after.intended) == (1, (FIVE,))


def test_the_way_back_replaces_the_plan_and_keeps_the_first() -> None:
    after = go_back(deployment(cursor=BAKE), Aborted("aborted by alice"), READY, NOW).after
    assert (after.status, after.cursor, after.entered_at) == (Status.RETREATING, 0, NOW)
    assert (after.original, after.plan.strategy) == (PLAN, "rollback")
    assert after.reason == "aborted by alice"


def test_a_failure_on_the_way_back_is_left_to_a_person() -> None:
    record = deployment(status=Status.RETREATING, original=PLAN)
    after = go_back(record, DeadlineExpired("too long"), READY, NOW).after
    assert (after.status, after.reason) == (
        Status.HALTED, "the way back failed: too long; run `deployer status`",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("error", "status"),
    [(DeadlineExpired("too long"), Status.HALTED), (Aborted("by alice"), Status.RETREATING)],
)
def test_when_only_the_old_slot_is_left_to_clear(error: StepFailed, status: Status) -> None:
    record = deployment(cursor=RETIRE, written=Weights(0, 1000))
    after = go_back(record, error, with_weights(Weights(0, 1000)), NOW).after
    assert after.status is status
    assert "v2 serves everything, but too long" in after.reason or status is Status.RETREATING


def test_no_way_back_is_halted_with_both_reasons() -> None:
    record = deployment(plan=replace(PLAN, stable=None), written=FIVE)
    after = go_back(record, Aborted("by alice"), with_weights(FIVE), NOW).after
    assert after.status is Status.HALTED
    assert after.reason.startswith("by alice; v2 serves")


def opened(**told: object) -> tuple[Play, Runner, Deployment]:
    sim = play(**told)  # type: ignore[arg-type]
    runner = sim.runner("one")
    return sim, runner, sim.open(runner, INTENT, strategies.canary, "d1")


def test_the_intent_is_saved_before_the_effect_and_one_turn_makes_one_change() -> None:
    sim, runner, record = opened()
    runner.turn(record, sim.clock.now() + 60.0)
    assert sim.gate.names[-2:] == ["journal.save", "cloud.apply"]
    assert [change for _, change in sim.cloud.changes] == [PinRelease(GREEN, INTENT.release)]


def test_a_turn_without_news_writes_nothing_until_half_the_lease_is_gone() -> None:
    sim, runner, record = opened()
    until = sim.clock.now() + 60.0
    for _ in range(3):
        record, until = runner.turn(record, until)
        sim.clock.sleep(1.0)
    saves = sim.gate.calls["journal.save"]
    record, until = runner.turn(record, until)
    assert sim.gate.calls["journal.save"] == saves
    sim.clock.sleep(29.5)
    _, later = runner.turn(record, until)
    assert sim.gate.calls["journal.save"] == saves + 1
    assert later == sim.clock.now() + 60.0


def test_a_cloud_that_does_not_answer_is_told_and_nothing_else() -> None:
    sim, runner, record = opened()
    sim.gate.hooks["cloud.observe"] = _unavailable
    until = sim.clock.now() + 60.0
    assert runner.turn(record, until) == (record, until)
    assert [event.kind for event, _ in sim.events] == ["unavailable"]


@pytest.mark.parametrize("slow_s", [60.0, 61.0])
def test_a_change_whose_lease_ran_out_while_it_was_saved_is_not_made(slow_s: float) -> None:
    sim, runner, record = opened()
    sim.gate.hooks["journal.save"] = lambda: sim.clock.sleep(slow_s)
    after, _ = runner.turn(record, sim.clock.now() + 60.0)
    assert sim.cloud.changes == []
    assert sim.events[-1][0].note == "the lease ran out before the change: " + str(
        PinRelease(GREEN, INTENT.release)
    )
    del sim.gate.hooks["journal.save"]
    assert runner.run(after).status is Status.SHIPPED


@pytest.mark.parametrize(
    "refusal", [ChangeRefused("ValidationError: no"), AccessProblem("not allowed to do that")]
)
def test_a_refused_change_goes_back(refusal: Exception) -> None:
    sim, runner, record = opened()

    def refuse() -> None:
        raise refusal

    sim.gate.hooks["cloud.apply"] = refuse
    after, _ = runner.turn(record, sim.clock.now() + 60.0)
    assert after.status is Status.RETREATING
    assert after.reason == f"green boots v2 from now on: {refusal}"
    assert sim.journal.load(ENVIRONMENT, "d1") == after


def test_an_abort_is_heard_before_the_next_step_and_only_once() -> None:
    sim, runner, record = opened()
    sim.journal.ask(ENVIRONMENT, Request(Ask.ABORT, "alice@host", "r1"))
    after, until = runner.turn(record, sim.clock.now() + 60.0)
    assert (after.status, after.reason) == (Status.RETREATING, "aborted by alice@host")
    assert runner.run(runner.turn(after, until)[0]).status is Status.ROLLED_BACK
    assert [event.kind for event, _ in sim.events].count("retreat") == 1
    assert sim.cloud.changes == []


@pytest.mark.parametrize("call", ["cloud.observe", "journal.save", "cloud.apply"])
def test_missing_credentials_end_the_run_and_leave_it_to_be_resumed(call: str) -> None:
    """Even at a change: the way back would need them as well."""
    sim, runner, record = opened()

    def expired() -> None:
        raise NoCredentials("the security token has expired")

    sim.gate.hooks[call] = expired
    with pytest.raises(NoCredentials):
        runner.run(record)
    assert sim.cloud.changes == []
    del sim.gate.hooks[call]
    sim.clock.sleep(61.0)
    resumed = sim.journal.take_over(ENVIRONMENT, Lease("two", NOW * 2), sim.clock.now())
    assert sim.runner("two").run(resumed).status is Status.SHIPPED


def test_a_save_refused_for_no_reason_that_can_be_seen_is_a_lost_lease() -> None:
    sim, runner, record = opened()

    def lose() -> None:
        raise LeaseLost("says the table")

    sim.gate.hooks["journal.save"] = lose
    with pytest.raises(LeaseLost, match="says the table"):
        runner.turn(record, sim.clock.now() + 60.0)


def test_a_journal_that_goes_silent_after_a_refused_save_is_asked_again() -> None:
    sim, runner, record = opened()
    stored = sim.journal.save(record, sim.lease("one"))
    sim.gate.hooks["journal.active"] = _unavailable
    until = sim.clock.now() + 60.0
    assert runner.turn(record, until)[0] == record
    del sim.gate.hooks["journal.active"]
    assert runner.turn(record, until)[0] == stored
    assert sim.cloud.changes == []


def test_a_deployment_that_has_ended_needs_no_runner() -> None:
    sim, runner, record = opened()
    ended = replace(record, status=Status.SHIPPED)
    calls = len(sim.gate.names)
    assert runner.run(ended) == ended
    assert len(sim.gate.names) == calls


def test_events_are_told_with_what_they_were_decided_on() -> None:
    sim, _, record = opened()
    heard: list[tuple[Event, Snapshot | None]] = []
    runner = altered(sim.runner("one"), tell=lambda _, event, seen: heard.append((event, seen)))
    runner.turn(record, sim.clock.now() + 60.0)
    assert [(event.kind, seen is not None) for event, seen in heard] == [("change", True)]


def test_probes_are_evidence() -> None:
    record = deployment(cursor=PROBE)
    decision = decide(record, world(READY, probes=ProbeReport(20, {})))
    assert decision.event.detail == {"probes": 20, "failed": 0}


def _unavailable() -> None:
    raise CloudUnavailable("Rate exceeded")


@dataclass
class Calendar(NoFreezes):
    """A freeze that is always on; `flaw`: what asking comes to instead."""

    flaw: str = ""
    ends: int = 0

    def why(self, _at: float) -> str:
        if self.flaw:
            raise KeyError(self.flaw)
        return "the sale"

    def now(self, at: float) -> Freeze:
        self.ends += 1
        return Freeze("the sale", at, at + 60, "Mon", "Tue")


def test_a_freeze_is_noticed_once_and_its_end_looked_for_once() -> None:
    sim, runner, record = opened()
    calendar = Calendar()
    runner, until = altered(runner, freezes=calendar), sim.clock.now() + 60.0
    for _ in range(4):
        record, until = runner.turn(record, until)
        sim.clock.sleep(5.0)
    assert [e.note for e in record.log if e.kind == "freeze"] == [
        "a freeze is on: the sale, until Tue; what runs goes on"
    ]
    assert calendar.ends == 1


def test_a_calendar_that_fails_stops_no_deployment() -> None:
    sim, runner, record = opened()
    ended = altered(runner, freezes=Calendar(flaw="2027")).run(record)
    assert ended.status is Status.SHIPPED
    assert sim.oracle.violations == []
