"""A pipeline's structure, read and refused where the lab would do less than CodePipeline. Pure.

Source: CodePipeline User Guide, "CodePipeline pipeline structure reference", "Action structure
reference" (S3, CodeBuild, Manual approval), "Rule structure reference" (DeploymentWindow).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.lab.pipelines.buildspec import unsupported
from deployer.lab.pipelines.hours import Hours
from deployer.lab.wire import Refused

S3, CODEBUILD, MANUAL = "S3", "CodeBuild", "Manual"
_CONFIGURATION = {
    S3: {"S3Bucket", "S3ObjectKey", "PollForSourceChanges"},
    CODEBUILD: {"ProjectName", "PrimarySource", "EnvironmentVariables"},
    MANUAL: {"CustomData"},
}
_ACTION = {
    "name", "actionTypeId", "runOrder", "configuration", "outputArtifacts", "inputArtifacts",
    "namespace", "timeoutInMinutes",
}  # fmt: skip
_PIPELINE = {
    "name", "roleArn", "artifactStore", "stages", "version", "executionMode", "pipelineType",
}  # fmt: skip
_VARIABLE = re.compile(r"#\{([A-Za-z0-9_@-]+)\.([A-Za-z0-9_]+)\}")
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Action:
    """inputs, outputs: artifacts by name."""

    name: str
    provider: str
    order: int
    configuration: Mapping[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    namespace: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Stage:
    """window: when it may be entered; None: always."""

    name: str
    actions: tuple[Action, ...]
    window: Hours | None


@dataclass(frozen=True, slots=True)
class Structure:
    """A pipeline as it was declared; `raw` for whoever asks for it."""

    name: str
    role: str
    store: str
    stages: tuple[Stage, ...]
    raw: Mapping[str, Any]

    def index(self, stage: str) -> int:
        """Where the stage of this name is.

        Raises:
            Refused: there is none.
        """
        for number, each in enumerate(self.stages):
            if each.name == stage:
                return number
        raise Refused("StageNotFoundException", f"Stage {stage} is not in pipeline {self.name}")


def read(raw: Mapping[str, Any]) -> Structure:
    """The declaration, as CreatePipeline takes it.

    Raises:
        Refused: it is wrong, or says something that is not simulated.
    """
    _known(raw, _PIPELINE, "a pipeline")
    if raw.get("executionMode") != "QUEUED" or raw.get("pipelineType") != "V2":
        raise unsupported("pipelines that are not of type V2 and QUEUED")
    store = raw["artifactStore"]
    if store.get("type") != S3 or "encryptionKey" in store:
        raise unsupported("an artifact store that is not a bucket with S3's own key")
    stages = tuple(_stage(each) for each in raw["stages"])
    _require_order(stages)
    return Structure(raw["name"], raw["roleArn"], store["location"], stages, raw)


def _require_order(stages: tuple[Stage, ...]) -> None:
    """The first stage has the sources, no other has; inputs come from stages before."""
    made: set[str] = set()
    for number, stage in enumerate(stages):
        for action in stage.actions:
            if (action.provider == S3) is not (number == 0):
                raise _invalid(
                    "The first stage must consist of source actions only, others of none"
                )
            if missing := set(action.inputs) - made:
                raise _invalid(
                    f"Input artifact {min(missing)} is not an output of any action before"
                )
        made |= {name for action in stage.actions for name in action.outputs}
    if len(stages) < 2:
        raise _invalid("Pipeline has fewer stages than the minimum: 2")


def _stage(raw: Mapping[str, Any]) -> Stage:
    _known(raw, {"name", "actions", "beforeEntry"}, "a stage")
    actions = tuple(_action(each) for each in raw["actions"])
    return Stage(raw["name"], actions, _window(raw.get("beforeEntry", {})))


def _window(raw: Mapping[str, Any]) -> Hours | None:
    if not raw:
        return None
    conditions = raw["conditions"]
    rules = [rule for each in conditions for rule in each["rules"]]
    results = {each.get("result", "FAIL") for each in conditions}
    if len(rules) != 1 or results != {"FAIL"}:
        raise unsupported("conditions of more than one rule, or with another result than FAIL")
    (rule,) = rules
    if rule["ruleTypeId"]["provider"] != "DeploymentWindow":
        raise unsupported(f"the rule {rule['ruleTypeId']['provider']}")
    configuration = rule["configuration"]
    try:
        return Hours.parse(configuration["Cron"], configuration.get("TimeZone", "UTC"))
    except ValueError as error:
        raise unsupported(str(error)) from error


def _action(raw: Mapping[str, Any]) -> Action:
    _known(raw, _ACTION, "an action")
    kind = raw["actionTypeId"]
    provider, configuration = kind["provider"], raw.get("configuration", {})
    if kind["owner"] != "AWS" or provider not in _CONFIGURATION:
        raise unsupported(f"actions of {kind['owner']} {provider}")
    _known(configuration, _CONFIGURATION[provider], f"an action of {provider}")
    if provider == S3 and str(configuration.get("PollForSourceChanges", "true")).lower() != "false":
        raise unsupported("a source that is polled: let EventBridge start the pipeline")
    default = 7 * 1440 if provider == MANUAL else 36 * 60
    return Action(
        name=raw["name"],
        provider=provider,
        order=int(raw.get("runOrder", 1)),
        configuration=configuration,
        inputs=tuple(each["name"] for each in raw.get("inputArtifacts", ())),
        outputs=tuple(each["name"] for each in raw.get("outputArtifacts", ())),
        namespace=raw.get("namespace", ""),
        timeout_s=60.0 * int(raw.get("timeoutInMinutes", default)),
    )


def _known(raw: Mapping[str, Any], known: set[str], where: str) -> None:
    if more := set(raw) - known:
        raise unsupported(f"{', '.join(sorted(more))} of {where}")


def _invalid(message: str) -> Refused:
    return Refused("InvalidStructureException", message)


def resolved(text: str, variables: Mapping[str, Mapping[str, str]]) -> str:
    """`#{Namespace.Name}` in a configuration, filled in.

    Raises:
        ValueError: there is no such variable (yet).
    """

    def value(found: re.Match[str]) -> str:
        known = variables.get(found[1], {})
        if found[2] not in known:
            raise ValueError(f"Unresolved variable reference: {found[0]}")
        return known[found[2]]

    return _VARIABLE.sub(value, text)


def named(configuration: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The environment variables of a build action.

    Raises:
        Refused: of another type than PLAINTEXT.
    """
    for each in json.loads(configuration.get("EnvironmentVariables", "[]")):
        if each.get("type", "PLAINTEXT") != "PLAINTEXT":
            raise unsupported(f"a variable of type {each['type']}")
        yield each["name"], each["value"]
