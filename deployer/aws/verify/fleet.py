"""Checks of the groups and what they launch. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from deployer.aws.verify.facts import Facts, SlotFacts, short
from deployer.findings import Finding, problem, warning
from deployer.model import Slot
from deployer.planning.preflight import NEEDED_PROCESSES

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import AutoScalingGroupTypeDef

UPDATE = "aws autoscaling update-auto-scaling-group --auto-scaling-group-name"


def present(facts: Facts) -> Iterator[tuple[Slot, SlotFacts, AutoScalingGroupTypeDef]]:
    """The slots whose group exists."""
    for slot, each in facts.slots.items():
        if each.group:
            yield slot, each, each.group


def groups(facts: Facts) -> Iterator[Finding]:
    """Both are there, each behind its own target group, in zones that the load balancer has."""
    for slot, each in facts.slots.items():
        unread = "autoscaling:DescribeAutoScalingGroups" in facts.unread
        if each.names.group and not each.group and not unread:
            yield problem(
                "groups", each.names.group, "there is no such Auto Scaling group",
                f"{slot} has no instances", "check deployer.toml",
            )  # fmt: skip
    zones = {zone.get("ZoneName") for zone in (facts.balancer or {}).get("AvailabilityZones", ())}
    for slot, each, group in present(facts):
        name, attached = group["AutoScalingGroupName"], attached_to(group)
        other = facts.names.slots[next(s for s in Slot if s is not slot)].target_group
        if each.names.target_group and each.names.target_group not in attached:
            yield problem(
                "groups", name, f"it is not attached to {short(each.names.target_group)}",
                "its instances serve nobody",
                f"aws autoscaling attach-load-balancer-target-groups --auto-scaling-group-name {name} "
                f"--target-group-arns {each.names.target_group}",
            )  # fmt: skip
        if other and other in attached:
            yield problem(
                "groups", name, f"it is attached to {short(other)} too, the other slot's",
                "both releases would be in one target group",
                f"aws autoscaling detach-load-balancer-target-groups --auto-scaling-group-name {name} "
                f"--target-group-arns {other}",
            )  # fmt: skip
        outside = sorted(set(group.get("AvailabilityZones", ())) - zones) if zones else []
        if outside:
            yield problem(
                "groups", name, f"the load balancer has no subnet in {', '.join(outside)}",
                "instances there are `unused` for ever", "add the zone to the load balancer",
            )  # fmt: skip


def attached_to(group: AutoScalingGroupTypeDef) -> set[str]:
    """ARNs of the target groups, attached by whichever family of actions."""
    sources = {
        each.get("Identifier", "")
        for each in group.get("TrafficSources", ())
        if each.get("Type", "elbv2") == "elbv2"
    }
    return {*group.get("TargetGroupARNs", ()), *sources}


def sizes(facts: Facts) -> Iterator[Finding]:
    """Each group has room for the other's instances, and for more while they are exchanged."""
    wanted = max((group["DesiredCapacity"] for _, _, group in present(facts)), default=0)
    for slot, _, group in present(facts):
        name, most = group["AutoScalingGroupName"], group["MaxSize"]
        if most < wanted:
            yield problem(
                "sizes", name, f"at most {most} instances, but {wanted} serve now",
                "it cannot take over what serves", f"{UPDATE} {name} --max-size {2 * wanted}",
            )  # fmt: skip
        elif wanted and most == wanted:
            yield warning(
                "sizes", name, f"at most {most} instances, as many as serve now",
                "rolling deployments have no room to surge",
                f"{UPDATE} {name} --max-size {2 * wanted}",
            )  # fmt: skip
        if group["MinSize"] and slot is not facts.live:
            yield warning(
                "sizes", name, f"never fewer than {group['MinSize']} instances, though it is idle",
                "they cost money; the deployer lowers MinSize whenever it empties a slot",
                f"{UPDATE} {name} --min-size 0",
            )  # fmt: skip


def health(facts: Facts) -> Iterator[Finding]:
    """Instances that the load balancer finds broken are replaced, and not while they boot."""
    for _, _, group in present(facts):
        name, grace = group["AutoScalingGroupName"], group.get("HealthCheckGracePeriod", 0)
        if "ELB" not in group.get("HealthCheckType", "").split(","):
            yield warning(
                "health", name, "only EC2's own checks replace an instance",
                "an application that hangs stays, out of traffic, for ever",
                f"{UPDATE} {name} --health-check-type ELB --health-check-grace-period {grace or 120}",
            )  # fmt: skip
        elif not grace:
            yield problem(
                "health", name, "no grace period",
                "an instance that is still booting is replaced, again and again",
                f"{UPDATE} {name} --health-check-grace-period 120",
            )  # fmt: skip


def processes(facts: Facts) -> Iterator[Finding]:
    """Nothing that a deployment needs is suspended."""
    for _, _, group in present(facts):
        name = group["AutoScalingGroupName"]
        off = {each.get("ProcessName", "") for each in group.get("SuspendedProcesses", ())}
        needed = sorted(off & set(NEEDED_PROCESSES))
        if needed:
            yield problem(
                "processes", name, f"{', '.join(needed)} suspended",
                "a deployment could not fill or empty the slot",
                f"aws autoscaling resume-processes --auto-scaling-group-name {name} "
                f"--scaling-processes {' '.join(needed)}",
            )  # fmt: skip
        elif off:
            yield warning(
                "processes", name, f"{', '.join(sorted(off))} suspended",
                "nobody may remember why", "resume what nobody needs to be suspended",
            )  # fmt: skip


def protection(facts: Facts) -> Iterator[Finding]:
    """Instances may be taken away."""
    for _, _, group in present(facts):
        name = group["AutoScalingGroupName"]
        protected = [
            each["InstanceId"] for each in group.get("Instances", ())
            if each.get("ProtectedFromScaleIn")
        ]  # fmt: skip
        if group.get("NewInstancesProtectedFromScaleIn"):
            yield problem(
                "protection", name, "new instances are protected from scale-in",
                "a slot that has served can never be emptied",
                f"{UPDATE} {name} --no-new-instances-protected-from-scale-in",
            )  # fmt: skip
        if protected:
            yield problem(
                "protection", name, f"{len(protected)} instances are protected from scale-in",
                "the slot can never be emptied",
                f"aws autoscaling set-instance-protection --auto-scaling-group-name {name} "
                f"--no-protected-from-scale-in --instance-ids {' '.join(protected)}",
            )  # fmt: skip


def hooks(facts: Facts) -> Iterator[Finding]:
    """Lifecycle hooks let go in time."""
    patience = float(facts.settings.provision.deadline_s)
    for _, each, group in present(facts):
        for hook in each.hooks:
            launching = hook.get("LifecycleTransition") == "autoscaling:EC2_INSTANCE_LAUNCHING"
            held = hook.get("HeartbeatTimeout", 0)
            if launching and held >= patience:
                yield warning(
                    "hooks", f"{group['AutoScalingGroupName']}/{hook.get('LifecycleHookName')}",
                    f"it may hold a new instance for {held} s",
                    f"provision.deadline is {patience:g} s: the release would go back before",
                    "shorten the hook's heartbeat, or lengthen provision.deadline",
                )  # fmt: skip


def extras(facts: Facts) -> Iterator[Finding]:
    """Warm pools and mixed instances work, with a word about each."""
    for _, _, group in present(facts):
        name = group["AutoScalingGroupName"]
        if group.get("WarmPoolConfiguration"):
            yield warning(
                "extras", name, "it has a warm pool",
                "warm instances keep the release that they were made with until they are replaced",
                "keep no more than instances: a deployment that would leave old ones in it is refused",
            )  # fmt: skip
        spot = (group.get("MixedInstancesPolicy") or {}).get("InstancesDistribution", {})
        if spot.get("OnDemandPercentageAboveBaseCapacity", 100) < 100:
            yield warning(
                "extras", name, "some of its instances are Spot",
                "they may go in the middle of a deployment, which then waits for others",
                "nothing, if you know",
            )  # fmt: skip


def launch_of(group: AutoScalingGroupTypeDef) -> dict[str, Any]:
    """What the group says that it launches: id and version of a template; empty for a configuration."""
    mixed = group.get("MixedInstancesPolicy") or {}
    found = group.get("LaunchTemplate") or mixed.get("LaunchTemplate", {}).get(
        "LaunchTemplateSpecification", {}
    )
    return dict(found or {})


def launches(facts: Facts) -> Iterator[Finding]:
    """The deployer alone decides what a slot boots: by the default version of the slot's own template."""
    seen: dict[str, str] = {}
    for slot, each, group in present(facts):
        name, launch = group["AutoScalingGroupName"], launch_of(group)
        template = str(launch.get("LaunchTemplateId", ""))
        if not launch:
            yield problem(
                "launches", name,
                f"it launches from a launch configuration ({group.get('LaunchConfigurationName')})",
                "it has no versions, so nothing can say which release boots",
                "make a launch template with the same content, then:",
                pin(name, "lt-OF-YOURS"),
            )  # fmt: skip
            continue
        if template in seen:
            yield problem(
                "launches", name, f"it shares {template} with {seen[template]}",
                "a release for one slot would boot in the other",
                "give each group a launch template of its own",
            )  # fmt: skip
        seen[template] = name
        if each.names.launch_template and template != each.names.launch_template:
            yield problem(
                "launches", name, f"it launches {template}, not {each.names.launch_template}",
                "releases would be written where nobody boots them",
                f"name {template} in existing.{slot}_launch_template",
            )  # fmt: skip
        if launch.get("Version", "$Default") != "$Default":
            yield problem(
                "launches", name, f"it is pinned to version {launch['Version']} and not to $Default",
                "the deployer chooses what boots by moving the default version; with $Latest every "
                "new version boots unasked",
                "first what boots today becomes the default version, then that decides:",
                default_version(template, str(launch["Version"])),
                pin(name, template, group.get("MixedInstancesPolicy")),
            )  # fmt: skip


def default_version(template: str, version: str) -> str:
    """The command that makes what a group launches now the default version.

    Without it a group that is let go to `$Default` would launch whatever that happens to be: version 1,
    as long as nobody has said another.
    """
    if version == "$Latest":
        version = (
            f'"$(aws ec2 describe-launch-templates --launch-template-ids {template} '
            "--query 'LaunchTemplates[0].LatestVersionNumber' --output text)\""
        )
    return f"aws ec2 modify-launch-template --launch-template-id {template} --default-version {version}"


def pin(group: str, template: str, mixed: Any = None) -> str:
    """The command that lets a template's default version decide.

    mixed: the group's policy of several instance types, which is sent again as it is: a launch template
           alone would take its place, and Spot and the other types with it (API, UpdateAutoScalingGroup).
    """
    launch = {"LaunchTemplateId": template, "Version": "$Default"}
    if not mixed:
        return f"{UPDATE} {group} --launch-template '{json.dumps(launch)}'"
    return f"{UPDATE} {group} --mixed-instances-policy '{json.dumps(remixed(mixed, launch))}'"


def remixed(mixed: Any, launch: dict[str, str]) -> dict[str, Any]:
    """A policy of several instance types with another launch template."""
    templates = {**mixed.get("LaunchTemplate", {}), "LaunchTemplateSpecification": launch}
    return {**mixed, "LaunchTemplate": templates}


def boots(facts: Facts) -> Iterator[Finding]:
    """An instance can learn which release to run, and it is the release alone that decides."""
    for each in facts.slots.values():
        if each.source is None:
            continue
        data, where = each.source.get("LaunchTemplateData", {}), each.names.launch_template
        metadata = data.get("MetadataOptions", {})
        by_image = bool(facts.settings.release.image)
        if metadata.get("InstanceMetadataTags") != "enabled":
            say = warning if by_image else problem
            yield say(
                "boots", where, "instance metadata does not tell tags",
                f"the boot script cannot read {facts.names.release_tag}",
                new_version(
                    where,
                    each.source["VersionNumber"], {"MetadataOptions": {**metadata_of(metadata),
                                                        "InstanceMetadataTags": "enabled"}}),
            )  # fmt: skip
        script = base64.b64decode(data.get("UserData", "")).decode(errors="replace")
        if not by_image and facts.names.release_tag not in script:
            yield warning(
                "boots", where, f"its user data does not mention {facts.names.release_tag}",
                "unless the image's own boot script reads that tag, every release boots the same",
                "let the boot script fetch what the tags name (docs/adoption.md)",
            )  # fmt: skip
        if data.get("ImageId", "").startswith("resolve:ssm:"):
            yield problem(
                "boots", where, f"its image is {data['ImageId']}",
                "a new image boots whenever somebody writes that parameter, also on the way back",
                "name an AMI by its id",
            )  # fmt: skip


def metadata_of(found: Any) -> dict[str, Any]:
    """The options as they may be sent again: without what EC2 only tells."""
    return {key: value for key, value in found.items() if key != "State"}


def new_version(template: str, source: int, data: dict[str, Any]) -> str:
    """The command that adds a version to a template, on top of `source`, for the next release."""
    return (
        f"aws ec2 create-launch-template-version --launch-template-id {template} "
        f"--source-version {source} --launch-template-data '{json.dumps(data)}'"
    )
