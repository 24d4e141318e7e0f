"""What the caller may not do of all that a deployment needs, as IAM's own simulator says.

Best effort: the simulator is another permission, knows no session policies, and cannot find a role
that has a path, which its session does not tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from deployer.aws import permissions
from deployer.aws.needs import Resource
from deployer.aws.published import Published
from deployer.aws.verify.facts import SlotFacts
from deployer.model import Slot
from deployer.settings import artifacts
from deployer.settings.schema import Settings
from deployer.topology import COHORT_TAG, ENVIRONMENT_TAG, SERVICE_TAG

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
            partial(simulated, look, source or "", actions, where, tags(settings)),
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


def tags(settings: Settings) -> dict[str, str]:
    """What conditions on tags may ask for, as the deployer will write them."""
    own = {
        SERVICE_TAG: settings.service.name,
        ENVIRONMENT_TAG: settings.environment.name,
        COHORT_TAG: str(Slot.GREEN),
    }
    asked = {f"aws:{kind}Tag/{key}": own[key] for kind in ("Request", "Resource") for key in own}
    return {**asked, "elasticloadbalancing:CreateAction": "CreateRule"}


def places(
    settings: Settings, names: Published, slots: Mapping[Slot, SlotFacts]
) -> dict[Resource, tuple[str, ...]]:
    """Where the actions are needed, by kind of resource; a kind without a place is left out."""
    region, account = names.listener.split(":")[3:5]
    scope = f"{region}:{account}"
    rule = f"{names.listener.replace(':listener/', ':listener-rule/', 1)}/0"
    own, prefix = artifacts.location(settings)
    bucket = own or names.artifact_bucket
    found = {
        Resource.ANY: ("*",),
        Resource.ALARMS: (f"arn:aws:cloudwatch:{scope}:alarm:any",),
        Resource.LISTENER: (names.listener,),
        Resource.NEW_RULE: (rule,),
        Resource.RULE: (rule,),
        Resource.COHORT_RULE: (rule,),
        Resource.GROUP: tuple(
            each.group["AutoScalingGroupARN"] for each in slots.values() if each.group
        ),
        Resource.TEMPLATE: tuple(
            f"arn:aws:ec2:{scope}:launch-template/{each.names.launch_template}"
            for each in slots.values()
            if each.names.launch_template
        ),
        Resource.JOURNAL: (f"arn:aws:dynamodb:{scope}:table/{names.journal_table}",)
        if names.journal_table
        else (),
        Resource.BUCKET: (f"arn:aws:s3:::{bucket}",) if bucket else (),
        Resource.ARTIFACTS: (f"arn:aws:s3:::{bucket}/{prefix}v1",) if bucket else (),
    }
    return {on: arns for on, arns in found.items() if arns}
