"""Whole simulated deployments with hooks: order, failures, kills, and releases that cannot go back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from deployer.errors import LeaseLost
from deployer.hooks import HookAction, HookPoint
from deployer.intent import Intent
from deployer.model import Release, Slot, Weights
from deployer.plan import Deployment, Status
from deployer.planning import strategies
from deployer.render.lines import content
from deployer.render.live import frame
from deployer.render.progress import View
from tests.rolling.stage import intent as rolling_intent
from tests.sim.faults import Fault, repeats
from tests.sim.fleet import Behaviour
from tests.sim.hooks import Book
from tests.sim.play import INTENT, Play, Strategy, intent_for, play

BEFORE, AFTER, RETIRE, BACK = HookPoint
ACTION = HookAction(command=("./hook",), deadline_s=120.0)
HOOKED: Intent = intent_for("v2", hooks=dict.fromkeys(HookPoint, ACTION))
ONE_WAY = replace(INTENT, release=Release("v2", rollback_safe=False))
ROLLING: Intent = rolling_intent(hooks=dict.fromkeys(HookPoint, ACTION))
FAILING = {"v2": Behaviour(errors=30)}
BLUE_SERVES = Weights(1000, 0)
KILLS = [Fault.KILLED_BEFORE, Fault.KILLED_AFTER]


@dataclass(frozen=True)
class Story:
    """A deployment with every hook: those that run, in order, and how it ends."""

    ends: Status
    runs: list[HookPoint]
    strategy: Strategy = strategies.canary
    behaviours: Mapping[str, Behaviour] = field(default_factory=dict)
    fails: tuple[HookPoint, ...] = ()
    weights: Weights | None = BLUE_SERVES
    intent: Intent = HOOKED
    lasts_s: float = 45.0

    def tell(
        self, faults: Mapping[int, Fault] | None = None, *, outlive: bool = False
    ) -> tuple[Play, Deployment]:
        sim = play(behaviours=self.behaviours, weights=self.weights, faults=faults)
        sim.hooks = Book(lasts_s=self.lasts_s, fails=self.fails, outlive=outlive)
        sim.poll_s = 20.0  # fewer looks: every one of them is a place to die at
        return sim, sim.ship(self.intent, self.strategy)


STORIES = {
    "good": Story(Status.SHIPPED, [BEFORE, AFTER, RETIRE]),
    "blue/green": Story(Status.SHIPPED, [BEFORE, AFTER, RETIRE], strategies.blue_green),
    "first": Story(Status.SHIPPED, [BEFORE, AFTER], weights=None),
    "dud": Story(Status.ROLLED_BACK, [BACK], behaviours={"v2": Behaviour(healthy=False)}),
    "failing": Story(Status.ROLLED_BACK, [BEFORE, BACK], behaviours=FAILING),
    "before fails": Story(Status.ROLLED_BACK, [BEFORE, BACK], fails=(BEFORE,)),
    "after fails": Story(Status.ROLLED_BACK, [BEFORE, AFTER, BACK], fails=(AFTER,)),
    "retire fails": Story(Status.ROLLED_BACK, [BEFORE, AFTER, RETIRE, BACK], fails=(RETIRE,)),
    "all fail": Story(Status.ROLLED_BACK, [BEFORE, BACK], fails=tuple(HookPoint)),
    "too slow": Story(Status.ROLLED_BACK, [BEFORE, BACK], lasts_s=121.0),
    "first, after fails": Story(Status.HALTED, [BEFORE, AFTER], fails=(AFTER,), weights=None),
    "rolling": Story(Status.SHIPPED, [BEFORE, AFTER], strategies.rolling, intent=ROLLING),
    "rolling, after fails": Story(
        Status.ROLLED_BACK,
        [BEFORE, AFTER, BACK],
        strategies.rolling,
        fails=(AFTER,),
        intent=ROLLING,
    ),
    "rolling, failing": Story(
        Status.ROLLED_BACK,
        [BEFORE, BACK],
        strategies.rolling,
        {"v2": Behaviour(errors=200)},
        intent=ROLLING,
    ),
    "return": Story(Status.SHIPPED, [BACK], strategies.return_to, fails=(BEFORE, BACK)),
}


def check(sim: Play, deployment: Deployment, story: Story) -> None:
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    assert deployment.status is story.ends, deployment.reason
    assert sim.hooks.points() == story.runs
    keys = {run.point: run.key for run in sim.hooks.began}
    assert keys == {point: f"d1/{point}" for point in story.runs}
    if story.lasts_s < ACTION.deadline_s:  # what was too slow was killed
        assert set(sim.hooks.done) == set(keys.values())


@pytest.mark.parametrize("name", STORIES)
def test_hooks_run_once_and_in_order(name: str) -> None:
    story = STORIES[name]
    sim, deployment = story.tell()
    check(sim, deployment, story)
    assert len(sim.hooks.began) == len(story.runs)


@pytest.mark.parametrize("kill", KILLS, ids=["before", "after"])
@pytest.mark.parametrize(
    ("name", "outlive"),
    [
        ("good", False),
        ("good", True),  # a function, or a URL, is not ended with its runner
        ("after fails", False),
        ("rolling, after fails", True),
    ],
)
def test_a_kill_at_any_call_costs_a_repetition_at_most(
    name: str, kill: Fault, *, outlive: bool
) -> None:
    story = STORIES[name]
    undisturbed, _ = story.tell(outlive=outlive)
    for call, what in enumerate(undisturbed.gate.names):
        if repeats(kill, what):
            continue
        sim, deployment = story.tell({call: kill}, outlive=outlive)
        check(sim, deployment, story)
        assert sim.state == undisturbed.state, f"killed at call {call}, {what}"
        assert len(sim.hooks.began) <= len(story.runs) + 1


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.REPLY_LOST])
def test_a_call_without_an_answer_repeats_no_hook(fault: Fault) -> None:
    story = STORIES["good"]
    undisturbed, _ = story.tell()
    for call, what in enumerate(undisturbed.gate.names):
        if repeats(fault, what):
            continue
        sim, deployment = story.tell({call: fault})
        check(sim, deployment, story)
        assert len(sim.hooks.began) == len(story.runs)


def test_what_hooks_are_told() -> None:
    sim, _ = STORIES["good"].tell()
    told = {run.point: run for run in sim.hooks.began}
    assert {run.about.release for run in told.values()} == {"v2"}
    assert {run.about.previous for run in told.values()} == {"v1"}
    slots = [told[point].slot for point in (BEFORE, AFTER, RETIRE)]
    assert slots == [Slot.GREEN, Slot.GREEN, Slot.BLUE]


def test_the_record_keeps_that_a_hook_began_and_what_it_said() -> None:
    _, deployment = STORIES["good"].tell()
    hooks = [e for e in deployment.log if "hook before_traffic" in e.note]
    assert [e.kind for e in hooks] == ["change", "step_done"]
    assert hooks[1].detail == {"output": "it went well"}
    assert hooks[1].at - hooks[0].at >= 45.0


def test_the_record_keeps_what_a_failed_hook_said() -> None:
    _, deployment = STORIES["after fails"].tell()
    (retreat,) = [e for e in deployment.log if e.kind == "retreat"]
    assert retreat.note == "the hook after_traffic failed: exit status 1"
    assert retreat.detail == {"output": "it went wrong"}


def test_the_failure_of_the_hook_of_the_way_back_is_told_and_stops_nothing() -> None:
    sim, deployment = STORIES["all fail"].tell()
    (told,) = [e for e in deployment.log if e.kind == "step_done" and "on_rollback" in e.note]
    assert told.note.endswith("failed, and that stops nothing: exit status 1")
    assert "✗ hook on_rollback" in content(deployment, told)
    view = View("shop", "sim", deployment)
    shown = [
        line
        for line in frame(view, sim.clock.now(), 120, 60).plain.splitlines()
        if "hook on_" in line
    ]
    assert shown[0].startswith(" ✗ ")
    assert "failed, and that stops nothing" in shown[0]
    assert sim.cloud.rule == BLUE_SERVES


def test_a_long_hook_keeps_its_lease() -> None:
    """Twice as long as the lease: another runner finds the environment taken all the while."""
    sim, deployment = Story(Status.SHIPPED, [], lasts_s=115.0).tell()
    assert deployment.status is Status.SHIPPED
    assert sim.oracle.violations == []
    assert len(sim.hooks.began) == 3


def test_a_bad_release_is_found_out_while_its_hook_runs() -> None:
    """Everybody is on it: it must not wait for the end of the hook."""
    long = HookAction(command=("./hook",), deadline_s=3600.0)
    patient = intent_for("v2", hooks={AFTER: long}, probe_allowed_failures=19)
    sim = play(behaviours={"v2": Behaviour(errors=300)})
    sim.hooks = Book(lasts_s=3000.0)
    deployment = sim.ship(patient, strategies.blue_green)
    assert deployment.status is Status.ROLLED_BACK
    assert "hook" not in deployment.reason
    assert len(sim.hooks.began) == 1
    assert sim.hooks.done == []
    assert sim.clock.now() - deployment.started_at < 1500


def test_an_abort_ends_the_hook_and_goes_back() -> None:
    sim = play()
    sim.abort_at(100.0)
    sim.hooks = Book(lasts_s=100.0)
    deployment = sim.ship(intent_for("v2", hooks={BEFORE: ACTION}))
    assert deployment.status is Status.ROLLED_BACK
    assert sim.hooks.done == []
    (began,) = sim.hooks.began
    (retreat,) = [event for event, _ in sim.events if event.kind == "retreat"]
    assert sim.hooks.ended == {began.key: retreat.at}


@pytest.mark.parametrize("end", [KeyboardInterrupt, LeaseLost])
def test_whatever_ends_the_runner_ends_its_hook(end: type[BaseException]) -> None:
    sim = play()
    sim.hooks = Book(lasts_s=100.0)

    def die() -> None:
        if sim.hooks.began:
            raise end

    sim.gate.hooks["cloud.observe"] = die
    with pytest.raises(end):
        sim.ship(intent_for("v2", hooks={BEFORE: ACTION}))
    assert sim.hooks.done == []
    assert list(sim.hooks.ended) == ["d1/before_traffic"]


def test_the_way_back_of_a_return_runs_its_hook_under_another_key() -> None:
    """It tells something else than the first one: that v2 is back after all."""
    sim = play(behaviours={"v1b": Behaviour(errors=500)})
    returning = intent_for("v1b", hooks=dict.fromkeys(HookPoint, ACTION), probe_allowed_failures=20)
    deployment = sim.ship(returning, strategies.return_to)
    assert deployment.status is Status.ROLLED_BACK
    assert sim.hooks.done == ["d1/on_rollback", "d1/on_rollback/2"]


def test_a_release_that_cannot_go_back_halts_once_users_reach_it() -> None:
    sim = play(behaviours=FAILING)
    deployment = sim.ship(ONE_WAY)
    assert deployment.status is Status.HALTED
    assert sim.cloud.rule is not None
    assert sim.cloud.rule[Slot.GREEN] > 0, "nothing moved back"
    assert "rollback-safe: false" in deployment.reason
    assert "deployer rollback --force" in deployment.reason
    assert sim.oracle.violations == []


@pytest.mark.parametrize(
    "behaviour", [Behaviour(healthy=False), Behaviour(errors=1000)], ids=["dud", "fails the probe"]
)
def test_before_that_it_goes_back_as_always(behaviour: Behaviour) -> None:
    sim = play(behaviours={"v2": behaviour})
    assert sim.ship(ONE_WAY).status is Status.ROLLED_BACK
    assert sim.cloud.rule == BLUE_SERVES


def test_a_good_one_ships() -> None:
    assert play().ship(ONE_WAY).status is Status.SHIPPED


@pytest.mark.parametrize("kill", KILLS, ids=["before", "after"])
def test_no_kill_makes_it_go_back(kill: Fault) -> None:
    undisturbed = play(behaviours=FAILING)
    undisturbed.ship(ONE_WAY)
    for call in range(len(undisturbed.gate.names)):
        sim = play(behaviours=FAILING, faults={call: kill})
        assert sim.ship(ONE_WAY).status is Status.HALTED
        assert sim.state == undisturbed.state
