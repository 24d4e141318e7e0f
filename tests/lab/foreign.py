"""A stack as teams write it who let CloudFormation own everything: weights, sizes, versions.

    listener  two weighted target groups in its default action
    group     DesiredCapacity, the newest version of its launch template, no update policy

Written as a cloud assembly by hand: the CDK CLI takes it as it takes a synthesized one.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .live import Json, Site

STACK = "foreign"
PORT = 8090


def template(
    balancer: str, targets: Sequence[str], subnets: Sequence[str], *, team: str, **more: Json
) -> Json:
    """Everything goes to the first of two target groups of a load balancer that is there."""
    tags = [{"Key": "team", "Value": team}]
    groups = [
        {"TargetGroupArn": arn, "Weight": weight}
        for arn, weight in zip(targets, (999, 0), strict=True)
    ]
    return {
        "Resources": {
            "Listener": {
                "Type": "AWS::ElasticLoadBalancingV2::Listener",
                "Properties": {
                    "LoadBalancerArn": balancer,
                    "Port": PORT,
                    "Protocol": "HTTP",
                    "DefaultActions": [
                        {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
                    ],
                    "Tags": tags,
                },
            },
            "Template": {
                "Type": "AWS::EC2::LaunchTemplate",
                "Properties": {
                    "LaunchTemplateData": {
                        "ImageId": "ami-03c3da4cfa8e8943a",
                        "InstanceType": "t3.nano",
                    }
                },
            },
            "Group": {
                "Type": "AWS::AutoScaling::AutoScalingGroup",
                "Properties": {
                    "MinSize": "0",
                    "MaxSize": "2",
                    "DesiredCapacity": "0",
                    "VPCZoneIdentifier": list(subnets),
                    "LaunchTemplate": {
                        "LaunchTemplateId": {"Ref": "Template"},
                        "Version": {"Fn::GetAtt": ["Template", "LatestVersionNumber"]},
                    },
                    "Tags": [{**tag, "PropagateAtLaunch": True} for tag in tags],
                },
            },
            **more,
        }
    }


def parameter(name: str, **more: Any) -> Json:
    properties = {"Type": "String", "Name": name, "Value": "ours"}
    return {"Type": "AWS::SSM::Parameter", "Properties": properties, **more}


def clash(name: str) -> Json:
    """Fails after everything else: somebody has a parameter of this name."""
    return parameter(name, DependsOn=["Listener", "Group"])


def write(folder: Path, schema: str, stack_name: str, body: Json) -> None:
    """A cloud assembly of one stack; `schema`: the version that other assemblies have."""
    folder.mkdir()
    (folder / f"{stack_name}.template.json").write_text(json.dumps(body))
    stack = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://123456789012/us-east-1",
        "properties": {"templateFile": f"{stack_name}.template.json"},
    }
    manifest = {"version": schema, "artifacts": {stack_name: stack}}
    (folder / "manifest.json").write_text(json.dumps(manifest))


SHIFTED = ([500, 500], 1, "$Default")
AS_WRITTEN = ([999, 0], 0, "1")


@dataclass
class Foreign:
    """A stack of somebody who has never heard of us, with our target groups behind its listener."""

    site: Site

    @cached_property
    def ids(self) -> dict[str, str]:
        found = self.site.client("cloudformation").list_stack_resources(StackName=STACK)
        rows = found["StackResourceSummaries"]
        return {row["LogicalResourceId"]: row["PhysicalResourceId"] for row in rows}

    @cached_property
    def groups(self) -> list[str]:
        """Target groups; first that of the slot that serves most."""
        weights, slots = self.site.weights(), self.site.topology["slots"]
        ordered = sorted(slots, key=lambda name: -weights[name])
        return [slots[name]["target_group"] for name in ordered]

    def shift(self) -> None:
        """What a deployment does: traffic, size, and what boots."""
        groups = [{"TargetGroupArn": group, "Weight": 500} for group in self.groups]
        forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
        self.site.client("elbv2").modify_listener(
            ListenerArn=self.ids["Listener"], DefaultActions=[forward]
        )
        boots = {"LaunchTemplateId": self.ids["Template"], "Version": "$Default"}
        self.site.client("autoscaling").update_auto_scaling_group(
            AutoScalingGroupName=self.ids["Group"], DesiredCapacity=1, LaunchTemplate=boots
        )
        assert self.live() == SHIFTED

    def live(self) -> tuple[list[int], int, str]:
        """(weights, desired capacity, version that boots)."""
        listeners = self.site.client("elbv2").describe_listeners(
            ListenerArns=[self.ids["Listener"]]
        )
        (action,) = listeners["Listeners"][0]["DefaultActions"]
        (group,) = self.site.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[self.ids["Group"]]
        )["AutoScalingGroups"]
        weights = [each["Weight"] for each in action["ForwardConfig"]["TargetGroups"]]
        return weights, group["DesiredCapacity"], group["LaunchTemplate"]["Version"]

    def deploy(self, body: Json, *more: str, status: int = 0) -> str:
        """`cdk deploy` of this template."""
        name = f"{STACK}-{len(list(self.site.assemblies.iterdir()))}"
        first = self.site.assemblies / "first" / "manifest.json"
        schema = json.loads(first.read_text())["version"]
        write(self.site.assemblies / name, schema, STACK, body)
        return self.site.deploy(name, *more, stack=STACK, status=status)
