"""AWS::CodePipeline::Pipeline, AWS::CodeBuild::Project, AWS::Events::Rule."""

import json
from typing import Any

from deployer.lab.cloudformation.kinds import Kind, Work, kind

# CloudFormation's names begin with a capital, the APIs' do not; these stay what they are, being
# somebody's own words.
_OWN_WORDS = {"Configuration"}


def _lowered(value: Any) -> Any:
    """A property in the API's spelling."""
    if isinstance(value, dict):
        return {
            key[:1].lower() + key[1:]: _texts(each) if key in _OWN_WORDS else _lowered(each)
            for key, each in value.items()
        }
    return [_lowered(each) for each in value] if isinstance(value, list) else value


def _texts(value: dict[str, Any]) -> dict[str, str]:
    """An action's configuration: CloudFormation takes true for "true"."""
    return {
        key: str(each).lower() if isinstance(each, bool) else str(each)
        for key, each in value.items()
    }


# -- pipeline

_PIPELINE = "ArtifactStore ExecutionMode PipelineType RestartExecutionOnUpdate RoleArn Stages Tags"


def _declaration(work: Work, name: str) -> dict[str, Any]:
    if work.get("RestartExecutionOnUpdate") in (True, "true"):
        raise work.refuse("RestartExecutionOnUpdate")
    given = work.pick("ArtifactStore", "ExecutionMode", "PipelineType", "RoleArn", "Stages")
    declared: dict[str, Any] = _lowered(given)
    for stage in declared["stages"]:
        for action in stage["actions"]:
            action["runOrder"] = int(action.get("runOrder", 1))
    return {"name": name, **declared}


def _create_pipeline(work: Work) -> None:
    name = work.get("Name") or work.name(100)
    declared, tags = _declaration(work, name), _lowered(work.all_tags())
    work.api("codepipeline", "create_pipeline", pipeline=declared, tags=tags or None)
    work.physical_id = name


def _update_pipeline(work: Work) -> None:
    work.api("codepipeline", "update_pipeline", pipeline=_declaration(work, work.id))
    found = work.api("codepipeline", "get_pipeline", name=work.id)
    arn, tags = found["metadata"]["pipelineArn"], _lowered(work.all_tags())
    if tags:
        work.api("codepipeline", "tag_resource", resourceArn=arn, tags=tags)
    if gone := work.removed_tags():
        work.api("codepipeline", "untag_resource", resourceArn=arn, tagKeys=gone)


def _delete_pipeline(work: Work) -> None:
    work.api("codepipeline", "delete_pipeline", name=work.id)


# -- project

_PROJECT = (
    "Artifacts Cache Description EncryptionKey Environment LogsConfig QueuedTimeoutInMinutes "
    "ServiceRole Source TimeoutInMinutes Tags"
)


def _project(work: Work, name: str) -> dict[str, Any]:
    given: dict[str, Any] = _lowered(work.pick(*_PROJECT.split()))
    source = given["source"]
    if "buildSpec" in source:
        source["buildspec"] = source.pop("buildSpec")
    tags = _lowered(work.all_tags())
    return {"name": name, **given, **({"tags": tags} if tags else {})}


def _create_project(work: Work) -> None:
    name = work.get("Name") or work.name(150)
    work.api("codebuild", "create_project", **_project(work, name))
    work.physical_id = name


def _update_project(work: Work) -> None:
    work.api("codebuild", "update_project", **_project(work, work.id))


def _delete_project(work: Work) -> None:
    work.api("codebuild", "delete_project", name=work.id)


def _read_project(work: Work) -> dict[str, Any]:
    found = work.api("codebuild", "batch_get_projects", names=[work.id])["projects"]
    return {"Arn": found[0]["arn"]}


# -- rule


def _put_rule(work: Work) -> None:
    name = work.physical_id or work.get("Name") or work.name(64)
    work.api(
        "events",
        "put_rule",
        Name=name,
        EventPattern=json.dumps(work.need("EventPattern")),
        Tags=work.all_tags() or None,
        **work.pick("Description", "State"),
    )
    work.physical_id = name
    if gone := work.removed_tags():
        work.api("events", "untag_resource", ResourceARN=_read_rule(work)["Arn"], TagKeys=gone)
    old, new = (
        {each["Id"]: each for each in where.get("Targets", [])}
        for where in (work.before, work.properties)
    )
    if gone := sorted(old.keys() - new.keys()):
        work.api("events", "remove_targets", Rule=name, Ids=gone)
    if new:
        work.api("events", "put_targets", Rule=name, Targets=list(new.values()))


def _delete_rule(work: Work) -> None:
    ids = [each["Id"] for each in work.get("Targets", [])]
    if ids:
        work.api("events", "remove_targets", Rule=work.id, Ids=ids)
    work.api("events", "delete_rule", Name=work.id)


def _read_rule(work: Work) -> dict[str, Any]:
    return {"Arn": work.api("events", "describe_rule", Name=work.id)["Arn"]}


KINDS: list[Kind] = [
    kind(
        "AWS::CodePipeline::Pipeline",
        _PIPELINE,
        fixed="Name",
        create=_create_pipeline,
        update=_update_pipeline,
        delete=_delete_pipeline,
        read=lambda _work: {"Version": "1"},
    ),
    kind(
        "AWS::CodeBuild::Project",
        _PROJECT,
        fixed="Name",
        create=_create_project,
        update=_update_project,
        delete=_delete_project,
        read=_read_project,
    ),
    kind(
        "AWS::Events::Rule",
        "Description EventPattern State Tags Targets",
        fixed="Name",
        create=_put_rule,
        update=_put_rule,
        delete=_delete_rule,
        read=_read_rule,
    ),
]
