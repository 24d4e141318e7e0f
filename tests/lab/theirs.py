"""What somebody made by hand, with plain boto3 calls: one load balancer, one group, nothing of ours.

It has the faults that such things have: `$Latest`, no tags in instance metadata, EC2 health checks only.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.lab import releases

ROOT = Path(__file__).parents[2]
USER_DATA = """#!/bin/bash
# deployer:service
SERVICE_START='python3 app.py'
SERVICE_PORT=8080
SERVICE_HEALTH_PATH=/health
# deployer:end
# ... fetches what the tag deployer:artifact names, and starts it
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
FETCH = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::releases/*"}
    ],
}


@dataclass
class Theirs:
    """`client`: boto3's, of the administrator."""

    client: Callable[[str], Any]
    scale: float

    def build(self) -> None:
        """Everything, with two instances of v0 that serve."""
        ec2, elb = self.client("ec2"), self.client("elbv2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(
                VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{zone}"
            )["Subnet"]["SubnetId"]
            for n, zone in enumerate("ab")
        ]
        self.client("s3").create_bucket(Bucket="releases")
        self.release("v0")
        balancer = elb.create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"][0]
        target_group = elb.create_target_group(
            Name="web", Protocol="HTTP", Port=8080, VpcId=vpc, HealthCheckPath="/health",
            HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2,
            UnhealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
        delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "20"}]
        elb.modify_target_group_attributes(TargetGroupArn=target_group, Attributes=delay)
        elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=8080,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
        )  # fmt: skip
        self.group(self.template(self.profile()), subnets, target_group)

    def release(self, name: str) -> None:
        """A release in their bucket."""
        body = releases.pack(ROOT / "examples" / "app", releases.Behaviour().scaled(self.scale))
        releases.publish(self.client("s3"), "releases", "web", name, body)

    def profile(self) -> str:
        iam = self.client("iam")
        iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.put_role_policy(RoleName="web", PolicyName="fetch", PolicyDocument=json.dumps(FETCH))
        iam.create_instance_profile(InstanceProfileName="web")
        iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
        return "web"

    def template(self, profile: str) -> str:
        """Their own tags say v0; a deployer's version will say more."""
        tags = {"deployer:release": "v0", "deployer:artifact": "s3://releases/web/v0.tar.gz"}
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        made = self.client("ec2").create_launch_template(
            LaunchTemplateName="web",
            LaunchTemplateData={
                "ImageId": "ami-03c3da4cfa8e8943a",
                "InstanceType": "t3.micro",
                "IamInstanceProfile": {"Name": profile},
                "UserData": base64.b64encode(USER_DATA.encode()).decode(),
                "TagSpecifications": [{"ResourceType": "instance", "Tags": pairs}],
            },
        )
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    def group(self, template: str, subnets: list[str], target_group: str) -> None:
        self.client("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName="web", MinSize=0, MaxSize=4, DesiredCapacity=2,
            LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
            VPCZoneIdentifier=",".join(subnets), TargetGroupARNs=[target_group],
            HealthCheckType="EC2",
        )  # fmt: skip

    def serving(self) -> int:
        """How many targets are healthy."""
        elb = self.client("elbv2")
        arn = elb.describe_target_groups(Names=["web"])["TargetGroups"][0]["TargetGroupArn"]
        found = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return sum(each["TargetHealth"]["State"] == "healthy" for each in found)
