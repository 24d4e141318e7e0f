"""The commands that make what an environment of others lacks: the twin of what serves, and the journal.

They copy what is there. Run one after the other in one shell: `$TG` and `$LT` are what the first ones
have made. An empty twin costs nothing. Pure.
"""

from __future__ import annotations

import json
import re

from deployer.aws.verify.facts import Facts, short

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
        number = blue.source["VersionNumber"] if blue.source else 1
        lines += _launch_template(blue.names.launch_template, number, twin_name(blue.names.group))
    if not existing.green_group and blue.group:
        target_group = existing.green_target_group or '"$TG"'
        launch = existing.green_launch_template or "$LT"
        lines += _group(facts, target_group, launch)
    return tuple(lines)


def _target_group(facts: Facts) -> list[str]:
    found = facts.slots[next(iter(facts.slots))].target_group or {}
    attributes = facts.slots[next(iter(facts.slots))].attributes
    options = {
        "name": twin_name(short(str(found.get("TargetGroupArn")))),
        "protocol": found.get("Protocol"),
        "port": found.get("Port"),
        "vpc-id": found.get("VpcId"),
        "target-type": "instance",
        "health-check-path": found.get("HealthCheckPath"),
        "health-check-port": found.get("HealthCheckPort"),
        "health-check-interval-seconds": found.get("HealthCheckIntervalSeconds"),
        "health-check-timeout-seconds": found.get("HealthCheckTimeoutSeconds"),
        "healthy-threshold-count": found.get("HealthyThresholdCount"),
        "unhealthy-threshold-count": found.get("UnhealthyThresholdCount"),
    }
    given = " ".join(f"--{key} {value}" for key, value in options.items() if value is not None)
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


def _launch_template(source: str, number: int, name: str) -> list[str]:
    return [
        (
            f"DATA=$(aws ec2 describe-launch-template-versions --launch-template-id {source} "
            f"--versions {number} --query 'LaunchTemplateVersions[0].LaunchTemplateData' --output json)"
        ),
        (
            f"LT=$(aws ec2 create-launch-template --launch-template-name {name} --launch-template-data "
            "\"$DATA\" --query 'LaunchTemplate.LaunchTemplateId' --output text)"
        ),
    ]


def _group(facts: Facts, target_group: str, launch: str) -> list[str]:
    group = facts.slots[next(iter(facts.slots))].group
    if group is None:
        return []
    most = max(group["MaxSize"], group["DesiredCapacity"])
    grace = group.get("HealthCheckGracePeriod", 0) or 120
    return [
        (
            "aws autoscaling create-auto-scaling-group --auto-scaling-group-name "
            f"{twin_name(group['AutoScalingGroupName'])} --launch-template "
            f'"LaunchTemplateId={launch},Version=\\$Default" '
            f"--min-size 0 --max-size {most} --desired-capacity 0 "
            f"--vpc-zone-identifier {group.get('VPCZoneIdentifier', '')} "
            f"--target-group-arns {target_group} "
            f"--health-check-type ELB --health-check-grace-period {grace}"
        )
    ]


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
