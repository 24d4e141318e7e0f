"""Runners that live for one visit, as a timer in the cloud starts them: hooks end within the visit."""

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from deployer.errors import PlanInvalid
from deployer.hooks import HookAction, HookPoint
from deployer.journal import Active, Ask, Request
from deployer.plan import Deployment, Status
from deployer.planning.hooks_ahead import require_brief_hooks
from deployer.steps.hook import Hook
from tests.hooks.test_plays import BEFORE, STORIES, Story, check
from tests.sim.faults import Fault, Killed
from tests.sim.hooks import Book
from tests.sim.people import hand_in
from tests.sim.play import ENVIRONMENT, Play, play

STAY_S = 300.0  # a visit, at most
EVERY_S = 60.0  # from the end of one visit to the next


def staged(story: Story, faults: Mapping[int, Fault] | None = None) -> Play:
    sim = play(behaviours=story.behaviours, weights=story.weights, faults=faults)
    sim.hooks = Book(lasts_s=story.lasts_s, fails=story.fails)
    sim.lease_s = STAY_S + 2 * EVERY_S  # it outlasts the pause between two visits
    return sim


def carried_by_visits(sim: Play, story: Story) -> Deployment:
    """Each visit is a process of its own, under one name."""
    sim.open(sim.runner("timer"), story.intent, story.strategy, "d1")
    for _ in range(300):
        active = sim.journal.peek(ENVIRONMENT)
        if active is None:
            return sim.journal._load("d1")
        visit(sim, active)
        sim.clock.sleep(EVERY_S)
    raise AssertionError("three hundred visits were not enough")


def visit(sim: Play, active: Active) -> None:
    began = sim.clock.now()
    try:
        sim.runner("timer").visit(active, STAY_S)
    except Killed:
        return
    assert sim.clock.now() - began <= STAY_S


@pytest.mark.parametrize("name", STORIES)
def test_visits_come_to_the_same_end_and_run_each_hook_once(name: str) -> None:
    story = STORIES[name]
    sim = staged(story)
    deployment = carried_by_visits(sim, story)
    check(sim, deployment, story)
    assert len(sim.hooks.began) == len(story.runs)
    undisturbed, _ = story.tell()
    assert sim.state == undisturbed.state


@pytest.mark.parametrize("kill", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER], ids=["before", "after"])
@pytest.mark.parametrize("name", ["good", "rolling, after fails"])
def test_a_kill_in_any_visit_costs_a_repetition_at_most(name: str, kill: Fault) -> None:
    story = STORIES[name]
    undisturbed = staged(story)
    carried_by_visits(undisturbed, story)
    opened = len(undisturbed.gate.names[: undisturbed.gate.names.index("journal.begin") + 1])
    for call in range(opened, len(undisturbed.gate.names)):
        sim = staged(story, {call: kill})
        check(sim, carried_by_visits(sim, story), story)
        assert sim.state == undisturbed.state
        assert len(sim.hooks.began) <= len(story.runs) + 1


def test_a_hook_that_no_visit_outlasts_is_refused_before_anything_is_changed() -> None:
    long = HookAction(function="f", deadline_s=STAY_S)
    story = replace_intent(STORIES["good"], long)
    sim = staged(story)
    sim.open(sim.runner("timer"), story.intent, story.strategy, "d1")
    active = sim.journal.peek(ENVIRONMENT)
    assert active is not None
    with pytest.raises(PlanInvalid, match=r"before_traffic may take 5m, .* deadline of 4m at most"):
        sim.runner("timer").visit(active, STAY_S)
    assert sim.cloud.changes == []


def test_only_hooks_that_may_still_run_must_fit_into_a_visit() -> None:
    """One that is behind it is none of this visit's business; that of the way back always is."""
    long = HookAction(function="f", deadline_s=STAY_S)
    story = STORIES["good"]
    sim = staged(story)
    begun = sim.open(sim.runner("timer"), story.intent, story.strategy, "d1")
    steps = begun.plan.steps
    hooked = next(n for n, step in enumerate(steps) if isinstance(step, Hook))
    stretched = replace(steps[hooked], action=long)
    record = replace(
        begun, plan=replace(begun.plan, steps=(*steps[:hooked], stretched, *steps[hooked + 1 :]))
    )
    with pytest.raises(PlanInvalid):
        require_brief_hooks(record, STAY_S)
    require_brief_hooks(replace(record, cursor=hooked + 1), STAY_S)
    back = replace(record, cursor=hooked + 1, plan=replace(
        record.plan, intent=replace(record.plan.intent, hooks={HookPoint.ON_ROLLBACK: long}),
    ))  # fmt: skip
    with pytest.raises(PlanInvalid, match="on_rollback"):
        require_brief_hooks(back, STAY_S)
    require_brief_hooks(replace(back, status=Status.RETREATING), STAY_S)
    require_brief_hooks(replace(back, ending=Status.SHIPPED), STAY_S)


def replace_intent(story: Story, action: HookAction) -> Story:
    return Story(
        story.ends, story.runs, story.strategy,
        intent=replace(story.intent, hooks={BEFORE: action}),
    )  # fmt: skip


def test_a_visit_waits_for_no_hook_while_the_deployment_is_paused_before_it() -> None:
    story = STORIES["good"]
    sim = staged(story)
    sim.open(sim.runner("timer"), story.intent, story.strategy, "d1")
    wish = Request(Ask.PAUSE, "alice", "r1")
    sim.gate.hooks["prober.probe"] = lambda: assert_taken(sim, wish)
    for _ in range(10):
        active = sim.journal.peek(ENVIRONMENT)
        assert active is not None
        began = sim.clock.now()
        visit(sim, active)
        assert sim.clock.now() == began
        sim.clock.sleep(EVERY_S)
    held = sim.journal._load("d1")
    assert isinstance(held.step, Hook)
    assert held.paused_at is not None
    assert sim.hooks.began == []


def assert_taken(sim: Play, wish: Request) -> None:
    assert hand_in(sim, wish)


def test_deadlines_do_not_start_over_with_each_visit() -> None:
    """The lease outlasts the pause, so that nobody is taken for absent."""
    story = STORIES["dud"]
    sim = staged(story)
    began = sim.clock.now()
    deployment = carried_by_visits(sim, story)
    assert deployment.status is Status.ROLLED_BACK
    assert sim.clock.now() - began < 900.0
