"""Schedules and groups of a stack: made, changed in place, deleted."""

from collections.abc import Iterator

import pytest

from deployer.lab.cloudformation import api
from tests.lab_core.stacks import Cloud, template
from tests.lab_scheduler.conftest import FUNCTION, OFF, Stage


@pytest.fixture(name="cloud")
def _cloud(stage: Stage) -> Iterator[Cloud]:
    engine = api.install(stage.context)
    yield Cloud(stage.context, engine)
    engine.close()


def visited(role: str, expression: str) -> str:
    target = {"Arn": FUNCTION, "RoleArn": role, "Input": "{}"}
    return template(
        {
            "Group": {"Type": "AWS::Scheduler::ScheduleGroup", "Properties": {"Name": "g"}},
            "Every": {
                "Type": "AWS::Scheduler::Schedule",
                "Properties": {
                    "GroupName": {"Ref": "Group"}, "ScheduleExpression": expression,
                    "FlexibleTimeWindow": OFF, "Target": target,
                },
            },
        },
        Outputs={"Arn": {"Value": {"Fn::GetAtt": ["Every", "Arn"]}}},
    )  # fmt: skip


def test_the_life_of_a_schedule_in_a_stack(stage: Stage, cloud: Cloud) -> None:
    created = cloud.create("s", visited(stage.role, "rate(1 minute)"))
    assert created["StackStatus"] == "CREATE_COMPLETE", cloud.reasons("s")
    ids, scheduler = cloud.physical_ids("s"), cloud.client("scheduler")
    assert cloud.outputs("s")["Arn"].endswith(f":schedule/g/{ids['Every']}")
    updated = cloud.update("s", visited(stage.role, "rate(2 minutes)"))
    assert updated["StackStatus"] == "UPDATE_COMPLETE", cloud.reasons("s")
    assert cloud.physical_ids("s") == ids
    found = scheduler.get_schedule(Name=ids["Every"], GroupName="g")
    assert found["ScheduleExpression"] == "rate(2 minutes)"
    cloud.delete("s")
    assert scheduler.list_schedules()["Schedules"] == []
    names = [group["Name"] for group in scheduler.list_schedule_groups()["ScheduleGroups"]]
    assert names == ["default"]
