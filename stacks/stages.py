"""The parts of a pipeline, as CloudFormation has them. Pure data, but for the names of projects."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from deployer.settings.windows import Window
from stacks.buildspecs import RELEASE

APPROVAL_MINUTES = 7 * 24 * 60
Stage = dict[str, Any]


def kind(category: str, provider: str) -> dict[str, str]:
    return {"category": category, "owner": "AWS", "provider": provider, "version": "1"}


def stage(name: str, *actions: Stage) -> Stage:
    return {"name": name, "actions": list(actions)}


def run(
    name: str,
    project: str,
    inputs: Sequence[str],
    outputs: Sequence[str] = (),
    *,
    named: Mapping[str, str] | None = None,
) -> Stage:
    """A build as an action; `named`: its environment variables."""
    configuration: dict[str, Any] = {"ProjectName": project}
    if len(inputs) > 1:
        configuration["PrimarySource"] = inputs[0]
    if named:
        variables = [
            {"name": key, "type": "PLAINTEXT", "value": value} for key, value in named.items()
        ]
        configuration["EnvironmentVariables"] = json.dumps(variables)
    return {
        "name": name,
        "runOrder": 1,
        "actionTypeId": kind("Build", "CodeBuild"),
        "configuration": configuration,
        "inputArtifacts": [{"name": each} for each in inputs],
        "outputArtifacts": [{"name": each} for each in outputs],
    }


def approve(environment: str) -> Stage:
    return {
        "name": "Approve",
        "runOrder": 1,
        "actionTypeId": kind("Approval", "Manual"),
        "configuration": {
            "CustomData": f"#{{Publish.{RELEASE}}} is where it was tried; the next is {environment}."
        },
        "timeoutInMinutes": APPROVAL_MINUTES,
    }


def while_open(window: Window, zone: str) -> dict[str, Any]:
    """The stage is not entered before its window is open."""
    rule = {
        "name": "Window",
        "ruleTypeId": {
            "category": "Rule",
            "owner": "AWS",
            "provider": "DeploymentWindow",
            "version": "1",
        },
        "configuration": {"Cron": window.cron, "TimeZone": zone},
    }
    return {"conditions": [{"result": "FAIL", "rules": [rule]}]}


def allowed(sid: str, actions: Sequence[str], resources: Sequence[Any]) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": list(resources),
    }
