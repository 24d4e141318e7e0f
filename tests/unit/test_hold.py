"""transition.hold: a paused deployment moves nothing, counts nothing, and stays under judgement."""

from dataclasses import replace as altered
from typing import Any

import pytest
from msgspec.structs import replace

from deployer.changes import SetDesired, SetWeights
from deployer.engine.exits import go_back
from deployer.engine.transition import Decision, decide
from deployer.errors import Aborted, CandidateUnhealthy, CloudUnavailable, VerdictFailed
from deployer.intent import Intent
from deployer.model import Minute, Release, Snapshot, Weights
from deployer.plan import Deployment, Plan, Status
from deployer.planning import strategies
from deployer.steps.approve import Approve
from deployer.steps.bake import Bake
from deployer.steps.linger import Linger
from deployer.steps.probe import Probe
from deployer.steps.provision import Provision
from deployer.steps.retire import Retire
from deployer.steps.route import Route
from tests.unit.world import (
    BLUE,
    GREEN,
    NOW,
    UNHEALTHY,
    FixedMetrics,
    FixedProber,
    instances,
    slot,
    snapshot,
    world,
)

ALL_BLUE, FIVE, ALL_GREEN = Weights(1000, 0), Weights(950, 50), Weights(0, 1000)
BARE = snapshot(ALL_BLUE, slot(BLUE, *instances(2)))
READY = altered(BARE, green=slot(GREEN, *instances(2, "v2"), boots="v2"))
SICK = altered(BARE, green=slot(GREEN, *instances(2, "v2", UNHEALTHY), boots="v2"))
INTENT = Intent(release=Release("v2"), weights=(50,), approve=(50,), delay_s=60.0)
CANARY = strategies.canary(BARE, INTENT)
BLUE_GREEN = strategies.blue_green(BARE, replace(INTENT, approve=()))
LONG = 1e6  # seconds; longer than any deadline


def index(plan: Plan, kind: type, which: int = 0) -> int:
    return [n for n, step in enumerate(plan.steps) if isinstance(step, kind)][which]


def paused(kind: type, which: int = 0, plan: Plan = CANARY, **facts: Any) -> Deployment:
    record = Deployment(
        id="d1", environment="prod", status=Status.RUNNING, plan=plan, started_at=NOW - LONG,
        cursor=index(plan, kind, which), entered_at=NOW - 300.0, written=FIVE,
        paused_at=NOW - 200.0,
    )  # fmt: skip
    return replace(record, **facts)


def seen(weights: Weights, now: Snapshot = READY) -> Snapshot:
    return altered(now, weights=weights)


def served(failures: int) -> FixedMetrics:
    at = NOW - 240.0
    return FixedMetrics({GREEN: [Minute(at, 500, failures)], BLUE: [Minute(at, 500)]})


def nothing_moves(decision: Decision, record: Deployment) -> bool:
    return (decision.after, decision.change, decision.event.kind) == (record, None, "waiting")


WOULD_MOVE = [
    (paused(Provision, written=ALL_BLUE), BARE),
    (paused(Provision, written=ALL_BLUE), READY),
    (paused(Route, written=ALL_BLUE), READY),
    (paused(Route, 1), seen(FIVE)),
    (paused(Retire, written=ALL_GREEN), seen(ALL_GREEN)),
    (paused(Linger, written=ALL_GREEN), seen(ALL_GREEN)),
]


@pytest.mark.parametrize(("record", "snap"), WOULD_MOVE)
def test_what_would_move_is_held(record: Deployment, snap: Snapshot) -> None:
    held = decide(record, world(snap, elapsed_s=LONG))
    assert nothing_moves(held, record)
    assert held.event.note.startswith("paused: `deployer resume` lets it go on")


@pytest.mark.parametrize("kind", [Provision, Route, Bake, Approve, Linger, Retire])
def test_no_deadline_passes_meanwhile(kind: type) -> None:
    weights = ALL_GREEN if kind in (Linger, Retire) else FIVE
    record = paused(kind, written=weights, entered_at=NOW - LONG, paused_at=NOW - LONG + 10.0)
    decision = decide(record, world(seen(weights), elapsed_s=LONG, metrics=served(0)))
    assert decision.change is None
    assert decision.after.status is Status.RUNNING


WATCHED = [
    (paused(Bake), FIVE),
    (paused(Approve), FIVE),
    (paused(Route, 1), FIVE),
    (paused(Bake, 1, written=ALL_GREEN), ALL_GREEN),
    (paused(Linger, written=ALL_GREEN), ALL_GREEN),
    (paused(Linger, plan=BLUE_GREEN, written=ALL_GREEN), ALL_GREEN),
]


@pytest.mark.parametrize(("record", "weights"), WATCHED)
def test_a_candidate_that_goes_bad_is_found_out_although_it_is_held(
    record: Deployment, weights: Weights
) -> None:
    good = decide(record, world(seen(weights), elapsed_s=300.0, metrics=served(0)))
    assert nothing_moves(good, record)
    assert "; meanwhile: " in good.event.note
    with pytest.raises(VerdictFailed, match="50 of 500 failed"):
        decide(record, world(seen(weights), elapsed_s=300.0, metrics=served(50)))
    with pytest.raises(CandidateUnhealthy):
        decide(record, world(seen(weights, SICK), elapsed_s=300.0, metrics=served(0)))


@pytest.mark.parametrize("kind", [Provision, Probe, Retire])
def test_where_the_candidate_has_no_users_or_is_all_there_is_nothing_is_judged(kind: type) -> None:
    weights = ALL_GREEN if kind is Retire else ALL_BLUE
    record = paused(kind, written=weights)
    metrics = served(500)
    held = decide(record, world(seen(weights, SICK), elapsed_s=300.0, metrics=metrics))
    assert nothing_moves(held, record)
    assert metrics.asked == []


class Mute(FixedMetrics):
    def traffic(self, since: float, until: float, slow_s: float | None = None) -> Any:
        raise CloudUnavailable("CloudWatch does not answer")


def test_metrics_that_do_not_answer_are_told_and_waited_for() -> None:
    record = paused(Bake)
    held = decide(record, world(seen(FIVE), elapsed_s=LONG, metrics=Mute()))
    assert nothing_moves(held, record)
    assert held.event.note.endswith("meanwhile: CloudWatch does not answer")


@pytest.mark.parametrize("plan", [CANARY, BLUE_GREEN], ids=["canary", "blue-green"])
def test_weights_that_were_on_their_way_when_it_was_paused_are_watched_by_the_bake(
    plan: Plan,
) -> None:
    """Otherwise users would sit with an unjudged release for as long as the pause lasts."""
    step = plan.steps[index(plan, Route)]
    assert isinstance(step, Route)
    record = paused(Route, plan=plan, written=ALL_BLUE, intended=(step.weights,))
    decision = decide(record, world(seen(step.weights)))
    assert isinstance(decision.after.step, Bake)
    assert (decision.after.entered_at, decision.after.paused_at) == (NOW, NOW)
    assert (decision.after.written, decision.after.intended) == (step.weights, ())
    assert decision.change is None


def test_unless_another_write_may_still_come_to_light() -> None:
    record = paused(Route, written=FIVE, intended=(Weights(500, 500),), intended_at=NOW - 10.0)
    decision = decide(record, world(seen(FIVE)))
    assert nothing_moves(decision, record)


def test_strange_weights_are_still_noticed() -> None:
    decision = decide(paused(Bake), world(seen(Weights(500, 500))))
    assert decision.after.moved_since == NOW


def test_the_way_back_is_not_paused() -> None:
    record = paused(Bake)
    back = go_back(record, Aborted("aborted by alice"), seen(FIVE), NOW).after
    assert (back.status, back.paused_at) == (Status.RETREATING, None)
    assert decide(back, world(seen(FIVE))).after.cursor == 1


def test_what_is_halted_is_not_paused() -> None:
    record = paused(Bake, plan=replace(CANARY, stable=None))
    halted = go_back(record, Aborted("aborted by alice"), seen(FIVE), NOW).after
    assert (halted.status, halted.paused_at) == (Status.HALTED, None)


def test_once_it_is_resumed_it_moves() -> None:
    record = replace(paused(Route, 1), paused_at=None)
    scaled_in = altered(seen(FIVE), green=slot(GREEN, *instances(1, "v2"), boots="v2"))
    assert decide(record, world(scaled_in)).change == SetDesired(GREEN, 2, live=1)
    assert decide(record, world(seen(FIVE))).change == SetWeights(ALL_GREEN, FIVE)


def test_the_probe_is_not_sent_while_it_is_held() -> None:
    """No answer from the prober would be told as such: nobody asked it."""
    held = decide(paused(Probe, written=ALL_BLUE), world(READY))
    assert "test listener" not in held.event.note
    assert isinstance(world(READY).prober, FixedProber)
