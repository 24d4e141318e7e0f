"""A lab with real instances and no stacks: network, template, artifacts and groups by boto3."""

import base64
import hashlib
import io
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from deployer.lab import inprocess
from deployer.lab.autoscaling.component import Fleet
from deployer.lab.context import Context

PATIENCE_S = 20.0
# What the applications of these tests do; each says what happens to it in its log.
APPS = {
    "polite": """
import os, signal, sys, time
def bye(*_):
    print("polite: goodbye", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, bye)
print("polite:", ",".join(sorted(os.environ)), flush=True)
while True: time.sleep(60)
""",
    "deaf": """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: print("deaf: what?", flush=True))
print("deaf: here", flush=True)
while True: time.sleep(60)
""",
    "parent": """
import subprocess, time
child = subprocess.Popen(["sh", "-c", "trap '' TERM; exec sleep 600"])
print("parent:", child.pid, flush=True)
while True: time.sleep(60)
""",
    "busy": """
import subprocess, sys
print("busy: here", flush=True)
subprocess.run([sys.executable, "-c", "while True: pass"])
""",
    "broken": """
print("broken: cannot", flush=True)
raise SystemExit(3)
""",
}
USER_DATA = """#!/bin/bash
# deployer:service
SERVICE_START='python3 app.py'
SERVICE_PORT='8080'
SERVICE_HEALTH_PATH='/health'
# deployer:end
"""


def packed(source: str) -> bytes:
    """An artifact with one file, app.py."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo("app.py")
        entry.size = len(source.encode())
        archive.addfile(entry, io.BytesIO(source.encode()))
    return buffer.getvalue()


def until(what: Callable[[], Any]) -> Any:
    """Wait until `what()` is true; its value."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError(f"never came true: {what}")


@dataclass
class Site:
    """Where groups are made: `subnets` in two zones, bucket `arts`, one template per group."""

    context: Context
    fleet: Fleet
    subnets: str = ""
    vpc: str = ""
    names: Iterator[str] = field(default_factory=lambda: map("group-{}".format, count(1)))

    def client(self, service: str) -> Any:
        return inprocess.client(self.context, service)

    def build(self) -> None:
        api = self.client("ec2")
        self.vpc = api.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        made = [
            api.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{zone}"
            )
            for n, zone in enumerate("ab")
        ]
        self.subnets = ",".join(one["Subnet"]["SubnetId"] for one in made)
        self.client("s3").create_bucket(Bucket="arts")
        for name, source in APPS.items():
            self.upload(name, packed(source))

    def upload(self, release: str, body: bytes) -> None:
        digest = hashlib.sha256(body).hexdigest()
        self.client("s3").put_object(
            Bucket="arts", Key=f"{release}.tar.gz", Body=body, Metadata={"sha256": digest}
        )

    def template(self, user_data: str = USER_DATA) -> str:
        """A launch template as the stacks make it: without a release."""
        made = self.client("ec2").create_launch_template(
            LaunchTemplateName=next(self.names),
            LaunchTemplateData={
                "ImageId": "ami-12345678",
                "InstanceType": "t3.micro",
                "UserData": base64.b64encode(user_data.encode()).decode(),
            },
        )
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    def release(self, template: str, release: str) -> None:
        """What a deployer does: a new version with the release's tags, made the default."""
        pairs = {"deployer:release": release, "deployer:artifact": f"s3://arts/{release}.tar.gz"}
        tags = [{"Key": key, "Value": value} for key, value in pairs.items()]
        made = self.client("ec2").create_launch_template_version(
            LaunchTemplateId=template,
            SourceVersion="1",
            VersionDescription=f"deployer:{release}",
            LaunchTemplateData={"TagSpecifications": [{"ResourceType": "instance", "Tags": tags}]},
        )
        number = str(made["LaunchTemplateVersion"]["VersionNumber"])
        self.client("ec2").modify_launch_template(LaunchTemplateId=template, DefaultVersion=number)

    def group(self, template: str, size: int, **settings: Any) -> str:
        name = next(self.names)
        self.client("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=name,
            MinSize=0,
            MaxSize=10,
            DesiredCapacity=size,
            LaunchTemplate={"LaunchTemplateId": template, "Version": "$Default"},
            VPCZoneIdentifier=self.subnets,
            **settings,
        )
        return name

    def running(self, release: str, size: int = 1) -> str:
        """A group whose instances run an application of APPS."""
        template = self.template()
        self.release(template, release)
        return self.group(template, size)

    def resize(self, name: str, size: int) -> None:
        self.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=name, DesiredCapacity=size
        )

    def rows(self, name: str) -> list[dict[str, Any]]:
        return [row for row in self.fleet.describe() if row["group"] == name]

    def log(self, instance: str) -> list[str]:
        path = self.context.directory / "instances" / instance / "app.log"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def wait_for(self, name: str, size: int, process: str = "running") -> list[dict[str, Any]]:
        """The rows once the group has `size` members in service whose processes said something."""

        def ready() -> list[dict[str, Any]]:
            rows = self.rows(name)
            good = [
                r
                for r in rows
                if (r["lifecycle"], r["process"]) == ("InService", process) and r["log"]
            ]
            return rows if len(good) == len(rows) == size else []

        return list(until(ready))

    def state(self, instance: str) -> str:
        """EC2's."""
        answer = self.client("ec2").describe_instances(InstanceIds=[instance])
        return str(answer["Reservations"][0]["Instances"][0]["State"]["Name"])
