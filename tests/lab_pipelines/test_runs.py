"""How executions go through a pipeline: in turn, stopped, retried, rolled back, through a window."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.pipelines import runs
from deployer.lab.pipelines.building import Place
from deployer.lab.pipelines.hours import Hours
from deployer.lab.pipelines.runs import BAD, DONE, GOING, STOPPED, Execution, Pipeline, Try
from deployer.lab.pipelines.structure import read, resolved
from deployer.lab.wire import Refused

MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
STAGES = ("Source", "Build", "Deploy")


def kind(category: str, provider: str) -> dict[str, str]:
    return {"category": category, "owner": "AWS", "provider": provider, "version": "1"}


def source() -> dict[str, Any]:
    return {
        "name": "Source",
        "actionTypeId": kind("Source", "S3"),
        "configuration": {"S3Bucket": "b", "S3ObjectKey": "k", "PollForSourceChanges": "false"},
        "outputArtifacts": [{"name": "Source"}],
    }


def build(name: str, order: int = 1) -> dict[str, Any]:
    return {
        "name": name,
        "runOrder": order,
        "actionTypeId": kind("Build", "CodeBuild"),
        "configuration": {"ProjectName": name},
        "inputArtifacts": [{"name": "Source"}],
    }


def declared(**more: Any) -> dict[str, Any]:
    return {
        "name": "shop", "roleArn": "arn:aws:iam::1:role/r", "executionMode": "QUEUED",
        "pipelineType": "V2", "artifactStore": {"type": "S3", "location": "store"},
        "stages": [
            {"name": "Source", "actions": [source()]},
            {"name": "Build", "actions": [build("unit"), build("lint"), build("pack", 2)]},
            {"name": "Deploy", "actions": [build("deploy")], **more},
        ],
    }  # fmt: skip


class World:
    """A pipeline whose actions end as the test says."""

    def __init__(self, **more: Any) -> None:
        self.pipeline = Pipeline(read(declared(**more)))
        self.now = MONDAY_NOON
        self.going: dict[tuple[str, str], Try] = {}

    def begin(self) -> Execution:
        made = self.pipeline.begin("test", self.now)
        self.tick()
        return made

    def tick(self) -> None:
        for start in runs.steps(self.pipeline, self.now):
            made = runs.begun(start.action, self.now)
            start.visit.tries.append(made)
            self.going[start.execution.id, start.action.name] = made

    def ends(self, execution: Execution, action: str, status: str = DONE) -> None:
        self.going.pop((execution.id, action)).status = status
        self.tick()

    def through(self, execution: Execution, *actions: str) -> None:
        for action in actions:
            self.ends(execution, action)

    def doing(self, execution: Execution) -> set[str]:
        return {name for whose, name in self.going if whose == execution.id}


BUILD = ("unit", "lint", "pack")


def test_actions_of_one_order_run_beside_each_other_and_the_next_follow() -> None:
    world = World()
    one = world.begin()
    world.ends(one, "Source")
    assert world.doing(one) == {"unit", "lint"}
    world.ends(one, "unit")
    assert world.doing(one) == {"lint"}
    world.ends(one, "lint")
    assert world.doing(one) == {"pack"}
    world.through(one, "pack", "deploy")
    assert one.status == DONE


def test_the_next_execution_waits_until_the_stage_is_free() -> None:
    world = World()
    one, two = world.begin(), world.begin()
    assert (world.doing(one), world.doing(two)) == ({"Source"}, set())
    world.ends(one, "Source")
    assert (world.doing(one), world.doing(two)) == ({"unit", "lint"}, {"Source"})
    world.ends(two, "Source")
    assert world.doing(two) == set()
    world.through(one, *BUILD)
    assert (world.doing(one), world.doing(two)) == ({"deploy"}, {"unit", "lint"})
    world.through(two, *BUILD)
    assert world.doing(two) == set()
    world.ends(one, "deploy", BAD)
    assert (one.status, world.doing(two)) == (BAD, {"deploy"})


@given(st.lists(st.integers(0, 5), max_size=60))
def test_no_two_executions_are_ever_in_one_stage(choices: list[int]) -> None:
    world = World()
    begun: list[Execution] = []
    for choice in choices:
        if choice == 0 and len(begun) < 4:
            begun.append(world.begin())
        elif world.going:
            whose, name = sorted(world.going)[choice % len(world.going)]
            execution = world.pipeline.execution(whose)
            world.ends(execution, name, BAD if choice == 5 else DONE)
        for index in range(len(STAGES)):
            inside = [e for e in begun if e.active and e.at == index and index in e.visits]
            assert len(inside) <= 1
    order = [e.number for e in begun if e.status == DONE]
    assert order == sorted(order)


def test_a_retry_keeps_what_succeeded_and_tries_the_rest() -> None:
    world = World()
    one = world.begin()
    world.ends(one, "Source")
    world.ends(one, "unit")
    world.ends(one, "lint", BAD)
    assert one.status == BAD
    runs.retry(world.pipeline, 1, one, world.now, every=False)
    world.tick()
    assert world.doing(one) == {"lint"}
    world.through(one, "lint", "pack", "deploy")
    assert one.status == DONE


def test_a_retry_of_all_actions_begins_the_stage_anew() -> None:
    world = World()
    one = world.begin()
    world.ends(one, "Source")
    world.ends(one, "unit")
    world.ends(one, "lint", BAD)
    runs.retry(world.pipeline, 1, one, world.now, every=True)
    world.tick()
    assert world.doing(one) == {"unit", "lint"}


def test_what_is_running_or_overtaken_is_not_retried() -> None:
    world = World()
    one = world.begin()
    world.through(one, "Source", *BUILD)
    with pytest.raises(Refused, match="cannot be retried"):
        runs.retry(world.pipeline, 2, one, world.now, every=False)
    world.ends(one, "deploy", BAD)
    two = world.begin()
    world.through(two, "Source", *BUILD)
    with pytest.raises(Refused, match="cannot be retried"):
        runs.retry(world.pipeline, 2, one, world.now, every=False)


def test_stop_and_wait_lets_the_action_end() -> None:
    world = World()
    one = world.begin()
    world.through(one, "Source", *BUILD)
    runs.stop(one, world.now, abandon=False, reason="no")
    world.tick()
    assert one.status == runs.STOPPING
    world.ends(one, "deploy")
    assert one.status == STOPPED
    runs.retry(world.pipeline, 2, one, world.now, every=False)
    world.tick()
    assert one.status == DONE  # what had ended well is not done again


def test_abandoned_actions_are_left_alone_and_a_retry_starts_them_again() -> None:
    world = World()
    one = world.begin()
    world.through(one, "Source", *BUILD)
    first = world.going[one.id, "deploy"]
    runs.stop(one, world.now, abandon=True, reason="now")
    assert (one.status, first.status) == (STOPPED, runs.ABANDONED)
    runs.retry(world.pipeline, 2, one, world.now, every=False)
    world.tick()
    assert world.going[one.id, "deploy"] is not first
    with pytest.raises(Refused):
        runs.stop(_over(), 0.0, abandon=True, reason="")


def _over() -> Execution:
    return Execution("x", 1, "test", 0.0, status=DONE)


def test_a_rollback_takes_the_stage_with_the_earlier_artifacts_and_variables() -> None:
    world = World()
    done: list[Execution] = []
    for revision in ("old", "new"):
        one = world.begin()
        one.artifacts["Source"] = Place("store", revision, revision)
        one.variables["Publish"] = {"RELEASE": revision}
        world.through(one, "Source", *BUILD, "deploy")
        done.append(one)
    back = runs.rollback(world.pipeline, 2, done[0], world.now)
    world.tick()
    assert world.doing(back) == {"deploy"}
    assert back.artifacts["Source"].revision == "old"
    assert back.variables["Publish"] == {"RELEASE": "old"}
    world.ends(back, "deploy")
    assert (back.status, back.only) == (DONE, True)
    with pytest.raises(Refused, match="has not succeeded"):
        runs.rollback(world.pipeline, 0, done[0], world.now)


def test_a_stage_is_entered_when_its_window_opens() -> None:
    rule = {
        "name": "Window",
        "ruleTypeId": kind("Rule", "DeploymentWindow"),
        "configuration": {"Cron": "* * 13-14 ? * MON,TUE *", "TimeZone": "UTC"},
    }
    world = World(beforeEntry={"conditions": [{"result": "FAIL", "rules": [rule]}]})
    one, two = world.begin(), world.begin()
    world.through(one, "Source", *BUILD)
    world.through(two, "Source", *BUILD)
    assert world.doing(one) == world.doing(two) == set()
    world.now += 3600.0
    world.tick()
    assert (world.doing(one), world.doing(two)) == ({"deploy"}, set())
    world.now += 2 * 3600.0
    world.ends(one, "deploy")
    assert world.doing(two) == set()  # closed again
    world.now += 22 * 3600.0
    world.tick()
    assert world.doing(two) == {"deploy"}


def test_an_execution_that_waits_for_a_window_can_be_stopped() -> None:
    rule = {
        "name": "Window",
        "ruleTypeId": kind("Rule", "DeploymentWindow"),
        "configuration": {"Cron": "* * 1-2 ? * SUN *", "TimeZone": "UTC"},
    }
    world = World(beforeEntry={"conditions": [{"result": "FAIL", "rules": [rule]}]})
    one = world.begin()
    world.through(one, "Source", *BUILD)
    runs.stop(one, world.now, abandon=False, reason="")
    world.tick()
    assert one.status == STOPPED


@pytest.mark.parametrize("cron", ["* * 9-16 ? * MON-FRI *", "* * * ? * * *", "* * 9 ? * SAT"])
def test_windows_of_days_and_hours_are_read(cron: str) -> None:
    assert Hours.parse(cron, "UTC").hours


@pytest.mark.parametrize(
    "cron", ["0 * 9 ? * MON *", "* 30 9 ? * MON *", "* * 9 1 * ? *", "* * 25 ? * MON *", "nonsense"]
)
def test_other_windows_are_refused(cron: str) -> None:
    with pytest.raises(ValueError, match=r"window"):
        Hours.parse(cron, "UTC")


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    made = declared()
    change(made)
    return made


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(executionMode="SUPERSEDED"), "not of type V2 and QUEUED"),
        (lambda d: d.update(triggers=[]), "triggers of a pipeline"),
        (lambda d: d["artifactStore"].update(encryptionKey={}), "S3's own key"),
        (lambda d: d["stages"][2].update(onFailure={}), "onFailure of a stage"),
        (
            lambda d: d["stages"][1]["actions"][0]["configuration"].update(BatchEnabled="true"),
            "Batch",
        ),
        (
            lambda d: d["stages"][1]["actions"][0]["actionTypeId"].update(provider="Jenkins"),
            "Jenkins",
        ),
        (
            lambda d: d["stages"][0]["actions"][0]["configuration"].pop("PollForSourceChanges"),
            "polled",
        ),
        (
            lambda d: d["stages"][1]["actions"][0].update(inputArtifacts=[{"name": "X"}]),
            "artifact X",
        ),
        (lambda d: d["stages"].append({"name": "Late", "actions": [source()]}), "first stage"),
        (lambda d: d["stages"].__delitem__(slice(1, None)), "fewer stages"),
    ],
)
def test_what_is_not_simulated_is_refused(
    change: Callable[[dict[str, Any]], object], said: str
) -> None:
    with pytest.raises(Refused) as refused:
        read(changed(change))
    assert said in str(refused.value)


def test_variables_are_filled_in_and_missing_ones_named() -> None:
    known = {"Publish": {"RELEASE": "c1"}}
    assert resolved("v=#{Publish.RELEASE}!", known) == "v=c1!"
    with pytest.raises(ValueError, match=r"Build\.X"):
        resolved("#{Build.X}", known)


def test_nothing_goes_on_by_itself_while_an_action_runs() -> None:
    world = World()
    one = world.begin()
    for _ in range(3):
        world.tick()
    assert (one.at, one.status, world.doing(one)) == (0, GOING, {"Source"})
