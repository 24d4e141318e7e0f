"""State machines of a stack: made, changed in place, deleted."""

import json
from collections.abc import Iterator

import pytest

from deployer.lab.cloudformation import api
from tests.lab_core.stacks import Cloud, template
from tests.lab_workflows.conftest import Stage, machine


@pytest.fixture(name="cloud")
def _cloud(stage: Stage) -> Iterator[Cloud]:
    engine = api.install(stage.context)
    yield Cloud(stage.context, engine)
    engine.close()


def with_machine(role: str, error: str, *, text: bool) -> str:
    definition = machine("S", S={"Type": "Fail", "Error": error})
    said = {"DefinitionString": json.dumps(definition)} if text else {"Definition": definition}
    return template(
        {
            "Runs": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {"RoleArn": role, "Tags": [{"Key": "why", "Value": error}], **said},
            }
        },
        Outputs={"Name": {"Value": {"Fn::GetAtt": ["Runs", "Name"]}}},
    )


def test_the_life_of_a_machine_in_a_stack(stage: Stage, cloud: Cloud) -> None:
    created = cloud.create("s", with_machine(stage.role, "A", text=True))
    assert created["StackStatus"] == "CREATE_COMPLETE", cloud.reasons("s")
    arn, sfn = cloud.physical_ids("s")["Runs"], cloud.client("stepfunctions")
    assert cloud.outputs("s")["Name"] == arn.rsplit(":", 1)[1]
    updated = cloud.update("s", with_machine(stage.role, "B", text=False))
    assert updated["StackStatus"] == "UPDATE_COMPLETE", cloud.reasons("s")
    assert cloud.physical_ids("s")["Runs"] == arn
    assert stage.told(stage.start(arn, "e"))["error"] == "B"
    assert sfn.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "why", "value": "B"}]
    cloud.delete("s")
    assert sfn.list_state_machines()["stateMachines"] == []


def test_what_the_lab_does_not_simulate_fails_the_stack(stage: Stage, cloud: Cloud) -> None:
    created = cloud.create(
        "s",
        template(
            {
                "Runs": {
                    "Type": "AWS::StepFunctions::StateMachine",
                    "Properties": {
                        "RoleArn": stage.role,
                        "DefinitionString": json.dumps(machine("S", S={"Type": "Parallel"})),
                    },
                }
            }
        ),
    )
    assert created["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "the type Parallel of the state S" in cloud.reasons("s")["Runs"]
