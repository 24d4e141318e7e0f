"""The commands that make what an environment of others lacks: the twin of what serves, and the journal.

They copy what is there. Run one after the other in one shell: `$TG` and `$LT` are what the first ones
have made. An empty twin costs nothing. Pure.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

from deployer.aws.verify.facts import Facts, SlotFacts, short
from deployer.aws.verify.fleet import remixed

LONGEST = 32  # of a target group's name


def twin_name(name: str) -> str:
    """`shop-blue` -> `shop-green`; `shop` -> `shop-green`."""
    return f"{re.sub('[-_]?blue$', '', name, flags=re.IGNORECASE)[: LONGEST - 6]}-green"


def commands(facts: Facts) -> tuple[str, ...]:
    """Target group, launch template and group of the green slot, as far as they are missing."""
    existing = facts.settings.existing
    if existing is None:
        return ()
    blue = facts.slots[next(iter(facts.slots))]
    lines = []
    if not existing.green_target_group and blue.target_group:
        lines += _target_group(facts)
    if not existing.green_launch_template and blue.names.launch_template:
        lines += _launch_template(blue)
    if not existing.green_group and blue.group:
        target_group = existing.green_target_group or '"$TG"'
        launch = existing.green_launch_template or "$LT"
        lines += _group(facts, target_group, launch)
    return tuple(lines)


def _target_group(facts: Facts) -> list[str]:
    found = facts.slots[next(iter(facts.slots))].target_group or {}
    attributes = facts.slots[next(iter(facts.slots))].attributes
    matcher = found.get("Matcher", {})
    options = {
        "name": twin_name(short(str(found.get("TargetGroupArn")))),
        "protocol": found.get("Protocol"),
        "protocol-version": found.get("ProtocolVersion"),
        "port": found.get("Port"),
        "vpc-id": found.get("VpcId"),
        "target-type": "instance",
        "health-check-protocol": found.get("HealthCheckProtocol"),
        "health-check-path": found.get("HealthCheckPath"),
        "health-check-port": found.get("HealthCheckPort"),
        "health-check-interval-seconds": found.get("HealthCheckIntervalSeconds"),
        "health-check-timeout-seconds": found.get("HealthCheckTimeoutSeconds"),
        "healthy-threshold-count": found.get("HealthyThresholdCount"),
        "unhealthy-threshold-count": found.get("UnhealthyThresholdCount"),
        "matcher": json.dumps(matcher) if matcher else None,
    }
    given = " ".join(
        f"--{key} {shlex.quote(str(value))}" for key, value in options.items() if value is not None
    )
    delay = {
        "Key": "deregistration_delay.timeout_seconds",
        "Value": attributes.get("deregistration_delay.timeout_seconds", "30"),
    }
    return [
        (
            f"TG=$(aws elbv2 create-target-group {given} "
            "--query 'TargetGroups[0].TargetGroupArn' --output text)"
        ),
        (
            'aws elbv2 modify-target-group-attributes --target-group-arn "$TG" --attributes '
            f"'{json.dumps([delay])}'"
        ),
    ]


# What EC2 tells of a launch template and does not take again (API, RequestLaunchTemplateData).
TOLD_ONLY = (
    'd.get("MetadataOptions",{}).pop("State",0);d.pop("Operator",0);'
    '[a.pop("IsPrimaryIpv6",0) for n in d.get("NetworkInterfaces",[]) '
    'for a in n.get("Ipv6Addresses",[])]'
)


def _launch_template(blue: SlotFacts) -> list[str]:
    source, name = blue.names.launch_template, twin_name(blue.names.group)
    number = blue.source["VersionNumber"] if blue.source else 1
    return [
        (
            f"DATA=$(aws ec2 describe-launch-template-versions --launch-template-id {source} "
            f"--versions {number} --query 'LaunchTemplateVersions[0].LaunchTemplateData' --output json "
            f"| python3 -c 'import json,sys;d=json.load(sys.stdin);{TOLD_ONLY};json.dump(d,sys.stdout)')"
        ),
        (
            f"LT=$(aws ec2 create-launch-template --launch-template-name {shlex.quote(name)} "
            "--launch-template-data "
            "\"$DATA\" --query 'LaunchTemplate.LaunchTemplateId' --output text)"
        ),
    ]


def _group(facts: Facts, target_group: str, launch: str) -> list[str]:
    group = facts.slots[next(iter(facts.slots))].group
    if group is None:
        return []
    most = max(group["MaxSize"], group["DesiredCapacity"])
    grace = group.get("HealthCheckGracePeriod", 0) or 120
    name = twin_name(group["AutoScalingGroupName"])
    return [
        (
            f"aws autoscaling create-auto-scaling-group --auto-scaling-group-name {shlex.quote(name)} "
            f"{_launches(launch, group.get('MixedInstancesPolicy'))} "
            f"--min-size 0 --max-size {most} --desired-capacity 0 "
            f"--vpc-zone-identifier {group.get('VPCZoneIdentifier', '')} "
            f"--target-group-arns {target_group} "
            f"--health-check-type ELB --health-check-grace-period {grace}"
            f"{_tags(group.get('Tags', ()))}"
        )
    ]


def _launches(launch: str, mixed: Any) -> str:
    """What the group launches, with the same instance types; `launch` may be a variable of the shell."""
    if not mixed:
        return f'--launch-template "LaunchTemplateId={launch},Version=\\$Default"'
    policy = json.dumps(remixed(mixed, {"LaunchTemplateId": "ID", "Version": "$Default"}))
    before, after = policy.split('"ID"')
    return f"--mixed-instances-policy '{before}\"'\"{launch}\"'\"{after}'"


def _tags(found: Any) -> str:
    """Their own tags: a cost report, or a condition in a policy, may go by them. `aws:` is AWS's."""
    kept = [
        {key: tag[key] for key in ("Key", "Value", "PropagateAtLaunch") if key in tag}
        for tag in found
        if not tag["Key"].startswith("aws:")
    ]
    return f" --tags {shlex.quote(json.dumps(kept))}" if kept else ""


def journal_name(facts: Facts) -> str:
    """What the table is called, unless the settings say so."""
    service, environment = facts.settings.service.name, facts.settings.environment.name
    return facts.names.journal_table or journal_table(service, environment)


def journal_table(service: str, environment: str) -> str:
    """The name that `init` looks for and `verify` proposes."""
    return f"{service}-{environment}-journal"


def journal(facts: Facts) -> tuple[str, ...]:
    """The journal's table: paid by the request, pk and sk, can be brought back."""
    name = journal_name(facts)
    return (
        (
            f"aws dynamodb create-table --table-name {name} --billing-mode PAY_PER_REQUEST "
            "--attribute-definitions AttributeName=pk,AttributeType=S AttributeName=sk,AttributeType=S "
            "--key-schema AttributeName=pk,KeyType=HASH AttributeName=sk,KeyType=RANGE"
        ),
        recovery(name),
    )


def recovery(table: str) -> str:
    """The command that lets a table be brought back to a point in time."""
    return (
        f"aws dynamodb update-continuous-backups --table-name {table} "
        "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
    )
