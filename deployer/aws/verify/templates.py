"""What the owner's CloudFormation template would do to a deployment at its next update. Pure.

CloudFormation compares a new template with the last one, never with what is live, and sends a
resource's whole list of properties when one of them differs, when the update fails and is rolled
back, or when drift is reverted (aws-facts 5.1).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from deployer.aws.verify.facts import Facts, Owner
from deployer.findings import Bite, Finding, Level, unknown

GROUP, TEMPLATE = "AWS::AutoScaling::AutoScalingGroup", "AWS::EC2::LaunchTemplate"
ENTRANCE = ("AWS::ElasticLoadBalancingV2::Listener", "AWS::ElasticLoadBalancingV2::ListenerRule")
REPLACING = ("AutoScalingRollingUpdate", "AutoScalingReplacingUpdate", "AutoScalingInstanceRefresh")
GROUP_UPDATED = (Bite.SIZE, Bite.FAILING, Bite.DRIFT)


def owners(facts: Facts) -> Iterator[Finding]:
    """The template of every stack that has something of the environment."""
    for owner in facts.owners:
        if owner.template is None:
            yield unknown(
                "template", owner.stack, "its template could not be read as JSON",
                "nobody knows which update would bite",
                "look for DesiredCapacity, MinSize above 0, a LaunchTemplate version other than "
                "$Default, and weights in listeners and rules",
            )  # fmt: skip
        else:
            yield from of_owner(owner, owner.template, facts)


def of_owner(owner: Owner, template: Mapping[str, Any], facts: Facts) -> Iterator[Finding]:
    """One template: its groups, launch templates, listeners and rules that are ours."""
    resources = template.get("Resources", {})
    ours = set(owner.logical_ids.values())
    for name, resource in resources.items():
        where = f"{owner.stack}/{name}"
        properties = resource.get("Properties", {})
        if resource.get("Type") == GROUP and name in ours:
            yield from _group(where, properties, resource.get("UpdatePolicy", {}))
        elif resource.get("Type") == TEMPLATE and _used(name, resources, ours):
            yield from _launch_template(where, properties, template.get("Parameters", {}))
        elif resource.get("Type") in ENTRANCE and _leads(name, properties, ours, facts):
            yield from _entrance(where, properties, facts)


def _bites(where: str, what: str, why: str, todo: str, *bites: Bite) -> Finding:
    return Finding("template", Level.PROBLEM, where, what, why, (todo,), bites)


def _group(where: str, properties: Any, policy: Any) -> Iterator[Finding]:
    if "DesiredCapacity" in properties:
        yield _bites(
            where, "DesiredCapacity is in the template",
            "every update of the group sets that size again, in the middle of a deployment too",
            "take it out: the group keeps the size that it has", *GROUP_UPDATED,
        )  # fmt: skip
    if str(properties.get("MinSize", "0")) not in ("0", "None"):
        yield _bites(
            where, f"MinSize is {properties['MinSize']}",
            "every update of the group launches as many into a slot that is empty",
            "write 0: the deployer keeps the size of the slot that serves", *GROUP_UPDATED,
        )  # fmt: skip
    if "LaunchConfigurationName" in properties:
        yield _bites(
            where, "it launches from a launch configuration",
            "nothing can say which release boots", "use a launch template", Bite.TEMPLATE,
        )  # fmt: skip
    version = version_of(properties)
    if version is not None and version != "$Default":
        yield _bites(
            where, f"the launch template's version is {json.dumps(version)}",
            "a new version of the template boots at the next scale-out, unvetted, or takes the "
            "place of the release that the deployer has chosen",
            'write the literal "$Default" (an escape hatch in CDK)',
            Bite.TEMPLATE, *GROUP_UPDATED,
        )  # fmt: skip
    for kind in REPLACING:
        if kind in policy:
            yield _bites(
                where, f"UpdatePolicy has {kind}",
                "CloudFormation replaces the instances beneath a deployment",
                "take it out: the deployer replaces instances", Bite.TEMPLATE, Bite.FAILING,
            )  # fmt: skip
    ignoring = policy.get("AutoScalingScheduledAction", {})
    if str(ignoring.get("IgnoreUnmodifiedGroupSizeProperties", "")).lower() != "true":
        yield Finding(
            "template", Level.WARNING, where, "sizes are sent again with every update of the group",
            "the floor that a deployment holds under the slot that serves is taken away",
            ("UpdatePolicy: AutoScalingScheduledAction: IgnoreUnmodifiedGroupSizeProperties: true",),
            (Bite.TEMPLATE, Bite.FAILING),
        )  # fmt: skip


def version_of(properties: Any) -> Any:
    """The version of a group's launch template as the template writes it; None: there is none."""
    mixed = properties.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
    launch = properties.get("LaunchTemplate") or mixed.get("LaunchTemplateSpecification", {})
    return launch.get("Version") if launch else None


def _used(name: str, resources: Mapping[str, Any], ours: set[str]) -> bool:
    """One of our groups launches from it: launch templates carry no tag of their stack's."""
    return any(
        f'"{name}"' in json.dumps(resources[group].get("Properties", {}))
        for group in ours
        if group in resources and resources[group].get("Type") == GROUP
    )


def _leads(name: str, properties: Any, ours: set[str], facts: Facts) -> bool:
    """It is the production listener, or a rule of it; of a listener in another stack nobody can tell."""
    if "ListenerArn" not in properties:
        return name in ours
    match properties["ListenerArn"]:
        case {"Ref": listener}:
            return listener in ours
        case str(arn):
            return arn == facts.names.listener
        case _:
            return True


def _launch_template(
    where: str, properties: Any, parameters: Mapping[str, Any]
) -> Iterator[Finding]:
    image = properties.get("LaunchTemplateData", {}).get("ImageId")
    parameter = parameters.get(image.get("Ref", ""), {}) if isinstance(image, dict) else {}
    resolving = str(parameter.get("Type", "")).startswith("AWS::SSM::Parameter::Value")
    if resolving or "resolve:ssm:" in json.dumps(image):
        yield _bites(
            where, "its image is looked up anew at every update",
            "any update makes a new version with another image, which the next release inherits, "
            "though nobody has tried it",
            "pin the AMI's id (cached_in_context in CDK)", Bite.UNRELATED, Bite.TWICE,
        )  # fmt: skip


def _entrance(where: str, properties: Any, facts: Facts) -> Iterator[Finding]:
    actions = properties.get("DefaultActions") or properties.get("Actions") or ()
    place = facts.names.front
    if place and str(properties.get("Priority")) == str(place.priority):
        yield _bites(
            where, f"it is the rule of priority {place.priority}, the deployer's own",
            "CloudFormation writes its weights again: traffic moves in the middle of a canary",
            "take the rule out of the template (with DeletionPolicy: Retain first), or name another "
            "existing.rule_priority", Bite.LISTENER, Bite.FAILING, Bite.DRIFT,
        )  # fmt: skip
        return
    shared = [a for a in actions if len(a.get("ForwardConfig", {}).get("TargetGroups", ())) > 1]
    if shared:
        yield Finding(
            "template", Level.WARNING, where, "it has weights",
            "an update of it writes them again; as long as the deployer's rule stands in front they "
            "move nobody",
            ("forward to one target group there, and leave the weights to the deployer",),
            (Bite.LISTENER, Bite.FAILING, Bite.DRIFT),
        )  # fmt: skip
