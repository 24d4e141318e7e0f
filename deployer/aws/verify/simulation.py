"""What the caller may not do of all that a deployment needs, as IAM's own simulator says.

Best effort: the simulator is another permission, knows no session policies, and cannot find a role
that has a path, which its session does not tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from deployer.aws import pages, permissions
from deployer.aws.needs import Resource
from deployer.aws.published import Published
from deployer.aws.verify.facts import SlotFacts
from deployer.model import Slot
from deployer.settings import artifacts
from deployer.settings.schema import Settings
from deployer.topology import (
    COHORT_TAG,
    ENVIRONMENT_TAG,
    METRICS_NAMESPACE,
    PAGE,
    PAGE_TAG,
    PARTS,
    SERVICE_TAG,
    stack_name,
    topology_parameter,
)

if TYPE_CHECKING:
    from deployer.aws.verify.look import Look

ACTION = "iam:SimulatePrincipalPolicy"


def denied(
    look: Look, settings: Settings, names: Published, slots: Mapping[Slot, SlotFacts]
) -> tuple[tuple[str, str], ...] | None:
    """Actions that are not allowed, each with where; None: nobody could say, see `look.unread`."""
    arn = look.ask("sts:GetCallerIdentity", "the caller", lambda: caller(look), "")
    source = principal(arn)
    if arn and source is None:
        return ()  # the account's root may do everything
    refused: list[tuple[str, str]] = []
    for on, where in places(settings, names, slots).items():
        actions = permissions.actions(on)
        answers = look.ask(
            ACTION,
            source or arn,
            partial(simulated, look, source or "", actions, where, keys(settings)),
            None,
        )
        if answers is None:
            return None
        refused += answers
    return tuple(refused)


def caller(look: Look) -> str:
    """ARN of whoever asks."""
    return look.aws.sts.get_caller_identity()["Arn"]


def principal(arn: str) -> str | None:
    """The user or role behind a caller: a session has no policies of its own. None: root."""
    if arn.endswith(":root"):
        return None
    head, _, rest = arn.partition(":assumed-role/")
    if not rest:
        return arn
    return f"{head.replace(':sts:', ':iam:')}:role/{rest.split('/')[0]}"


def simulated(
    look: Look,
    source: str,
    actions: Iterable[str],
    where: Iterable[str],
    context: Mapping[str, str],
) -> list[tuple[str, str]]:
    """Those that are not allowed."""
    entries = [
        {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
        for key, value in context.items()
    ]
    pages = look.aws.iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=source,
        ActionNames=list(actions),
        ResourceArns=list(where),
        ContextEntries=entries,
    )
    return [
        (each["EvalActionName"], each.get("EvalResourceName", "*"))
        for page in pages
        for each in page["EvaluationResults"]
        if each["EvalDecision"] != "allowed"
    ]


def keys(settings: Settings) -> dict[str, str]:
    """What conditions may ask for: tags as the deployer will write them, and its metrics' namespace."""
    own = {
        SERVICE_TAG: settings.service.name,
        ENVIRONMENT_TAG: settings.environment.name,
        COHORT_TAG: str(Slot.GREEN),
        PAGE_TAG: PAGE,
    }
    asked = {f"aws:{kind}Tag/{key}": own[key] for kind in ("Request", "Resource") for key in own}
    return {
        **asked,
        "elasticloadbalancing:CreateAction": "CreateRule",
        "cloudwatch:namespace": METRICS_NAMESPACE,
    }


def places(
    settings: Settings, names: Published, slots: Mapping[Slot, SlotFacts]
) -> dict[Resource, tuple[str, ...]]:
    """Where the actions are needed, by kind of resource; a kind without a place is left out."""
    _, partition, _, region, account = names.listener.split(":")[:5]
    scope = f"{region}:{account}"
    rule = f"{names.listener.replace(':listener/', ':listener-rule/', 1)}/0"
    own, prefix = artifacts.location(settings)
    own_names = settings.service.name, settings.environment.name
    bucket = own or names.artifact_bucket
    bucket_arn = f"arn:{partition}:s3:::{bucket}"
    found = {
        Resource.ANY: ("*",),
        Resource.ALARMS: (f"arn:{partition}:cloudwatch:{scope}:alarm:any",),
        Resource.OWN_METRICS: ("*",) if settings.monitoring.own_metrics else (),
        Resource.LISTENER: (names.listener,),
        Resource.NEW_RULE: (rule,),
        Resource.RULE: (rule,),
        Resource.COHORT_RULE: (rule,),
        Resource.PAGE_RULE: (rule,),
        Resource.GROUP: tuple(
            each.group["AutoScalingGroupARN"] for each in slots.values() if each.group
        ),
        Resource.TEMPLATE: tuple(
            f"arn:{partition}:ec2:{scope}:launch-template/{each.names.launch_template}"
            for each in slots.values()
            if each.names.launch_template
        ),
        Resource.JOURNAL: (f"arn:{partition}:dynamodb:{scope}:table/{names.journal_table}",)
        if names.journal_table
        else (),
        Resource.BUCKET: (bucket_arn,) if bucket else (),
        Resource.ARTIFACTS: (f"{bucket_arn}/{prefix}v1",) if bucket else (),
        Resource.REPORTS: (
            f"arn:{partition}:s3:::{names.artifact_bucket}/{pages.prefix(*own_names)}1.html",
        )
        if names.artifact_bucket and settings.monitoring.upload_reports
        else (),
        **_by_name(settings, f"arn:{partition}", scope),
    }
    return {on: arns for on, arns in found.items() if arns}


def _by_name(settings: Settings, arn: str, scope: str) -> dict[Resource, tuple[str, ...]]:
    """Where the names alone say it; an environment on what others made publishes no parameter."""
    names = settings.service.name, settings.environment.name
    functions = {action.function for action in settings.hooks.actions().values()} - {""}
    return {
        Resource.TOPOLOGY: (f"{arn}:ssm:{scope}:parameter{topology_parameter(*names)}",)
        if settings.existing is None
        else (),
        Resource.STACKS: tuple(
            f"{arn}:cloudformation:{scope}:stack/{stack_name(*names, part)}/0" for part in PARTS
        ),
        Resource.FUNCTION: tuple(
            name if name.startswith("arn:") else f"{arn}:lambda:{scope}:function:{name}"
            for name in sorted(functions)
        ),
    }
