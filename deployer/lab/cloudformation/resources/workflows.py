"""AWS::StepFunctions::StateMachine."""

import json
from typing import Any

from deployer.lab.cloudformation.kinds import Kind, Work, kind


def _definition(work: Work) -> str:
    if "DefinitionString" in work.properties:
        return str(work.get("DefinitionString"))
    return json.dumps(work.need("Definition"))


def _tags(work: Work) -> list[dict[str, str]] | None:
    return [{"key": tag["Key"], "value": tag["Value"]} for tag in work.all_tags()] or None


def _create(work: Work) -> None:
    made = work.api(
        "stepfunctions",
        "create_state_machine",
        name=work.get("StateMachineName") or work.name(80),
        definition=_definition(work),
        roleArn=work.need("RoleArn"),
        type=work.get("StateMachineType"),
        tags=_tags(work),
    )
    work.physical_id = made["stateMachineArn"]


def _update(work: Work) -> None:
    work.api(
        "stepfunctions",
        "update_state_machine",
        stateMachineArn=work.id,
        definition=_definition(work),
        roleArn=work.need("RoleArn"),
    )
    if _tags(work):
        work.api("stepfunctions", "tag_resource", resourceArn=work.id, tags=_tags(work))
    if work.removed_tags():
        gone = work.removed_tags()
        work.api("stepfunctions", "untag_resource", resourceArn=work.id, tagKeys=gone)


def _delete(work: Work) -> None:
    work.api("stepfunctions", "delete_state_machine", stateMachineArn=work.id)


def _read(work: Work) -> dict[str, Any]:
    return {"Arn": work.id, "Name": work.id.rsplit(":", 1)[1]}


KINDS: list[Kind] = [
    kind(
        "AWS::StepFunctions::StateMachine",
        "Definition DefinitionString RoleArn Tags",
        fixed="StateMachineName StateMachineType",
        create=_create,
        update=_update,
        delete=_delete,
        read=_read,
    )
]
