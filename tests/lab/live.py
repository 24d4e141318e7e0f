"""What a deployment owns, read from the lab in one look, and the real CDK CLI beside it."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from urllib3 import request

from deployer.lab import cdk

from .conftest import Shell

SERVICE = "shop-lab-service"
Json = dict[str, Any]
RULE_CALLS = {"CreateRule", "ModifyRule", "DeleteRule", "SetRulePriorities"}
INSTANCE_CALLS = {
    ("autoscaling", "SetDesiredCapacity"),
    ("autoscaling", "TerminateInstanceInAutoScalingGroup"),
    ("ec2", "ModifyLaunchTemplate"),
    ("ec2", "RunInstances"),
    ("ec2", "TerminateInstances"),
}


@dataclass
class Site:
    """A lab with the stacks, as their owner sees it, who may do everything.

    assemblies: folder of what `tests.lab.variants` wrote.
    other: a certificate beside the one that the stacks begin with, as `lab certificate` told.
    """

    shell: Shell
    assemblies: Path
    other: Json

    @property
    def authority(self) -> Path:
        """Whom users trust."""
        return Path(self.other["authority"])

    @property
    def endpoint(self) -> str:
        return self.shell.variables["AWS_ENDPOINT_URL"]

    def client(self, service: str) -> Any:
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="lab",
            aws_secret_access_key="lab",
        )

    def cdk(self, *arguments: str, status: int = 0) -> str:
        """What the real CLI says."""
        done = cdk.run(arguments, self.endpoint, directory=self.assemblies, quiet=True)
        assert done.returncode == status, done.stdout
        return done.stdout

    def deploy(self, variant: str, *more: str, stack: str = SERVICE, status: int = 0) -> str:
        """`cdk deploy` of one stack of one variant."""
        app = ("-a", str(self.assemblies / variant), "-e", stack)
        return self.cdk("deploy", *app, "--require-approval", "never", *more, status=status)

    def pem(self, certificate: str) -> str:
        """A certificate of the lab's ACM."""
        found = self.client("acm").get_certificate(CertificateArn=certificate)
        return str(found["Certificate"]).strip()

    def stack_status(self, name: str = SERVICE) -> str:
        found = self.client("cloudformation").describe_stacks(StackName=name)
        return str(found["Stacks"][0]["StackStatus"])

    @cached_property
    def topology(self) -> Json:
        value = self.client("ssm").get_parameter(Name="/deployer/shop/lab/topology")
        return dict(json.loads(value["Parameter"]["Value"]))

    def calls(self, since: int = 0) -> list[Json]:
        """Every API call after number `since`."""
        found = request("GET", f"{self.endpoint}/_lab/calls", timeout=10).json()
        return [call for call in found if call["number"] > since]

    # -- what a deployment owns

    def weights(self) -> dict[str, int]:
        """By slot, as the production rule has them."""
        elb = self.client("elbv2")
        rules = elb.describe_rules(ListenerArn=self.topology["listener"])["Rules"]
        (own,) = [rule for rule in rules if rule["Priority"] != "default"]
        slots = {slot["target_group"]: name for name, slot in self.topology["slots"].items()}
        groups = own["Actions"][0]["ForwardConfig"]["TargetGroups"]
        return {slots[group["TargetGroupArn"]]: group["Weight"] for group in groups}

    def slot(self, name: str) -> Json:
        """Sizes, and each instance with its type, launch template version and release."""
        about = self.topology["slots"][name]
        (group,) = self.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[about["group"]]
        )["AutoScalingGroups"]
        (template,) = self.client("ec2").describe_launch_templates(
            LaunchTemplateIds=[about["launch_template"]]
        )["LaunchTemplates"]
        return {
            "desired": group["DesiredCapacity"],
            "minimum": group["MinSize"],
            "maximum": group["MaxSize"],
            "boots": template["DefaultVersionNumber"],
            "newest": template["LatestVersionNumber"],
            "processes": sorted(each["ProcessName"] for each in group["SuspendedProcesses"]),
            "instances": self._instances([each["InstanceId"] for each in group["Instances"]]),
        }

    def _instances(self, ids: list[str]) -> dict[str, tuple[str, str]]:
        if not ids:
            return {}
        found = self.client("ec2").describe_instances(InstanceIds=ids)
        instances = [one for each in found["Reservations"] for one in each["Instances"]]
        return {one["InstanceId"]: (one["InstanceType"], _tag(one)) for one in instances}

    def owned(self) -> Json:
        """All that a stack update must leave alone; the template's own values are not in it."""
        slots = {name: self.slot(name) for name in ("blue", "green")}
        for slot in slots.values():
            del slot["maximum"], slot["newest"]
        return {"weights": self.weights(), **slots}


def _tag(instance: Json) -> str:
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", ())}
    return str(tags["deployer:release"])
