"""The step decides from a report: tables."""

from dataclasses import replace as with_

import pytest
from msgspec.structs import replace

from deployer.engine import transition
from deployer.errors import ChangeRefused, HookFailed, VerdictFailed
from deployer.hooks import NO_HOOKS, About, HookAction, HookPoint, HookReport, RunHook
from deployer.journal import decode, encode
from deployer.model import Minute, Slot, Snapshot, Weights
from deployer.plan import Deployment, Status
from deployer.planning.stages import bake
from deployer.planning.strategies import canary
from deployer.ports import World
from deployer.steps.base import Act, Done, Waiting
from deployer.steps.hook import Hook
from tests.sim.play import INTENT
from tests.unit.world import BLUE, GREEN, NOW, FixedMetrics, instances, slot, snapshot, world

ACTION = HookAction(command=("./migrate", "--prepare"), deadline_s=120.0)
HOOK = Hook(HookPoint.AFTER_TRAFFIC, ACTION, GREEN, 180.0)
TOLERANT = replace(HOOK, point=HookPoint.ON_ROLLBACK, essential=False)
SEEN = snapshot(Weights(0, 1000), slot(BLUE, *instances(2)), slot(GREEN, *instances(2, "v2")))
ABOUT = About("d1", "v2", "v1")


class Fixed:
    """The same report, whoever asks; remembers the keys."""

    def __init__(self, report: HookReport | None) -> None:
        self._report = report
        self.asked: list[str] = []

    def begin(self, run: RunHook) -> None:
        raise NotImplementedError

    def report(self, key: str) -> HookReport | None:
        self.asked.append(key)
        return self._report

    def end(self) -> None:
        raise NotImplementedError

    close = end


def seeing(
    report: HookReport | None, elapsed_s: float = 10.0, metrics: FixedMetrics | None = None
) -> World:
    before = world(SEEN, elapsed_s=elapsed_s, metrics=metrics)
    return with_(before, hooks=Fixed(report), about=ABOUT)


def test_what_has_not_begun_here_is_begun() -> None:
    assert HOOK.advance(seeing(None)) == Act(
        RunHook("d1/after_traffic", HookPoint.AFTER_TRAFFIC, ACTION, ABOUT, GREEN)
    )


def test_also_long_after_its_deadline_since_each_run_has_its_own() -> None:
    assert isinstance(HOOK.advance(seeing(None, elapsed_s=9999.0)), Act)


def test_a_second_run_of_the_same_point_has_a_key_of_its_own() -> None:
    act = replace(HOOK, nth=2).advance(seeing(None))
    assert isinstance(act, Act)
    assert isinstance(act.change, RunHook)
    assert act.change.key == "d1/after_traffic/2"


def test_one_that_runs_is_waited_for() -> None:
    assert HOOK.advance(seeing(HookReport("running"), 42.0)) == Waiting("running")


@pytest.mark.parametrize("hook", [HOOK, TOLERANT])
def test_success_is_done_with_its_output(hook: Hook) -> None:
    done = hook.advance(seeing(HookReport("succeeded", "", "all well")))
    assert done == Done("succeeded", {"output": "all well"})
    assert hook.advance(seeing(HookReport("succeeded"))) == Done("succeeded")


def test_failure_fails_the_deployment_with_its_output() -> None:
    with pytest.raises(HookFailed) as failed:
        HOOK.advance(seeing(HookReport("failed", "exit status 3", "no such table")))
    assert str(failed.value) == "the hook after_traffic failed: exit status 3"
    assert failed.value.evidence == {"output": "no such table"}


def test_unless_it_is_not_essential() -> None:
    done = TOLERANT.advance(seeing(HookReport("failed", "exit status 3", "no such table")))
    assert done == Done(
        "failed, and that stops nothing: exit status 3",
        {"output": "no such table", "hook": "failed"},
    )


def test_one_that_nobody_ends_is_given_up() -> None:
    late = seeing(HookReport("running"), 181.0)
    with pytest.raises(HookFailed, match="it did not end at its deadline"):
        HOOK.advance(late)
    assert isinstance(TOLERANT.advance(late), Done)
    assert isinstance(HOOK.advance(seeing(HookReport("running"), 179.0)), Waiting)


def test_while_it_runs_the_release_is_judged() -> None:
    watching = replace(HOOK, watch=bake(INTENT, GREEN, 1000, 2, 0.0))
    bad = FixedMetrics({GREEN: [Minute(NOW - 120.0, 1000, target_5xx=300)], BLUE: []})
    with pytest.raises(VerdictFailed):
        watching.advance(seeing(HookReport("running"), 120.0, bad))
    waiting = watching.advance(seeing(HookReport("running"), 30.0))
    assert isinstance(waiting, Waiting)
    assert waiting.reason.startswith("running; meanwhile: ")


def test_its_end_is_known_even_if_the_metrics_are_bad() -> None:
    """What failed must be told as such; what succeeded is judged by the bake that follows."""
    watching = replace(HOOK, watch=bake(INTENT, GREEN, 1000, 2, 0.0))
    bad = FixedMetrics({GREEN: [Minute(NOW - 120.0, 1000, target_5xx=300)], BLUE: []})
    assert watching.advance(seeing(HookReport("succeeded"), 120.0, bad)) == Done("succeeded")


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (ACTION, "run ./migrate --prepare"),
        (
            HookAction(url="https://example.com:8443/hook/deploys?token=secret#x"),
            "POST to https://example.com:8443/hook/deploys",
        ),
        (HookAction(function="smoke-test"), "invoke smoke-test"),
        (HookAction(command=("sh", "-c", "x" * 90)), f"run sh -c {'x' * 51}..."),
    ],
)
def test_what_people_read(action: HookAction, words: str) -> None:
    limit = "2m" if action is ACTION else "5m"
    hook = replace(HOOK, action=action)
    assert hook.describe() == f"hook after_traffic (within {limit}): {words}"
    assert replace(hook, essential=False).describe().endswith("; goes on if that fails")


def running(**facts: object) -> Deployment:
    plan = replace(canary(live(), INTENT), steps=(HOOK, HOOK))
    made = Deployment(
        id="d1", environment="e", status=Status.RUNNING, plan=plan, started_at=NOW - 900.0,
        entered_at=NOW - 900.0, written=SEEN.weights,
    )  # fmt: skip
    return replace(made, **facts)


def live() -> Snapshot:
    return snapshot(Weights(1000, 0), slot(BLUE, *instances(2)))


def test_the_engine_enters_the_step_anew_with_each_run_and_records_it() -> None:
    first = transition.decide(running(), seeing(None, elapsed_s=900.0))
    assert isinstance(first.change, RunHook)
    assert first.after.entered_at == NOW
    again = transition.decide(first.after, seeing(None, elapsed_s=900.0))
    notes = [event.note for event in again.after.log]
    assert notes == ["hook after_traffic: run ./migrate --prepare"] * 2


def test_a_paused_deployment_begins_none_and_still_judges() -> None:
    watching = replace(HOOK, watch=bake(INTENT, GREEN, 1000, 2, 0.0))
    paused = running(paused_at=NOW - 5.0)
    held = replace(paused, plan=replace(paused.plan, steps=(watching,)))
    decision = transition.decide(held, seeing(None))
    assert decision.change is None
    bad = FixedMetrics({GREEN: [Minute(NOW - 120.0, 1000, target_5xx=300)], BLUE: []})
    with pytest.raises(VerdictFailed):
        transition.decide(held, seeing(HookReport("succeeded"), 120.0, bad))


def test_the_record_holds_hooks() -> None:
    hooked = replace(INTENT, hooks={HookPoint.BEFORE_TRAFFIC: ACTION})
    record = running()
    whole = replace(record, plan=replace(record.plan, intent=hooked))
    assert decode(encode(whole)) == whole


def test_where_nobody_runs_hooks_one_that_is_due_is_an_error() -> None:
    run = RunHook("d1/x", HookPoint.ON_ROLLBACK, ACTION, ABOUT, Slot.BLUE)
    with pytest.raises(ChangeRefused, match="nobody here can run a hook"):
        NO_HOOKS.begin(run)
    assert NO_HOOKS.report("d1/x") is None
