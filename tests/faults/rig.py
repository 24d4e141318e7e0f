"""A whole environment behind AWS's API, without sockets or processes, in time that a test moves.

The command line and the real adapters on one side; moto and the lab's Auto Scaling on the other.
Every call passes the lab's gate, where it may meet a fault. botocore tries again as it does in
production, and waits in the same time.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.endpoint
import msgspec
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError
from click.testing import CliRunner

from deployer.aws import account, preflight
from deployer.aws.alarms import CloudWatchAlarms
from deployer.aws.artifacts import Artifacts
from deployer.aws.cloudwatch import CloudWatchMetrics
from deployer.aws.dynamodb import DynamoJournal
from deployer.aws.environment import AwsCloud
from deployer.aws.published import Published, PublishedSlot, PublishedSlots
from deployer.aws.session import Aws
from deployer.cli.main import cli
from deployer.lab import actions, ec2, inprocess, server
from deployer.lab.autoscaling.api import table
from deployer.lab.autoscaling.api.desk import Desk
from deployer.lab.autoscaling.component import Reconciler
from deployer.lab.autoscaling.decide import Reading
from deployer.lab.autoscaling.model import Lifecycle
from deployer.lab.autoscaling.moto_cloud import MotoCloud
from deployer.lab.context import REGION, Context
from deployer.lab.gate import INSIDE
from deployer.model import Slot
from deployer.ports import UNRECORDED, ProbeReport
from deployer.settings import artifacts
from deployer.settings.schema import Settings
from deployer.topology import topology_parameter
from deployer.wiring.services import Services
from tests.contract.conftest import ManualClock

NOW = 1_700_000_040.0
ENDPOINT = "http://localhost:1"
AMI = "ami-0c101f26f147fa7fd"
BAD = "bad"  # the release of which every second request fails
SETTINGS = """
[service]
name = "shop"

[environments.lab]
account = "123456789012"
region = "us-east-1"
zones = ["us-east-1a", "us-east-1b"]
image = "ami-0c101f26f147fa7fd"

[canary]
weights = [50]
bake = "2m"
final_bake = "1m"
linger = "1m"

[blue_green]
bake = "1m"
window = "1m"

[rolling]
bake = "1m"
surge = "1"

[analysis]
metrics_delay = "1m"
max_time = "3m"
alarms = ["errors"]

[journal]
poll = "20s"
"""


class Ticking(ManualClock):
    """A clock that lets the world go on whenever somebody sleeps; others may await a moment."""

    def __init__(self) -> None:
        super().__init__(NOW)
        self.passed: Callable[[], None] = lambda: None
        self.planned: list[tuple[float, Callable[[], None]]] = []

    def sleep(self, duration_s: float) -> None:
        super().sleep(duration_s)
        due = [each for each in self.planned if each[0] <= self.time]
        self.planned = [each for each in self.planned if each[0] > self.time]
        for _, happen in due:
            happen()
        self.passed()


class Good:
    """The port Prober: every answer is as it should be."""

    def probe(self, slot: Slot, release: str, requests: int) -> ProbeReport:
        return ProbeReport(requests, {})


@dataclass
class Rig:
    """One environment, v1 not yet shipped.

    moved:   (when, weight per target group) of every change of the production rule.
    outages: moments at which a slot had traffic and nobody to answer it.
    remembers: CloudWatch is asked for the past, too.
    """

    folder: Path
    moved: list[tuple[float, dict[str, int]]] = field(default_factory=list)
    outages: list[tuple[float, Slot]] = field(default_factory=list)
    remembers: bool = False

    def __post_init__(self) -> None:
        self.clock = Ticking()
        untyped: Any = self.clock
        server.reset()
        self.context = Context(directory=self.folder, network=78, endpoint=ENDPOINT, clock=untyped)
        actions.install(self.context)
        ec2.install()
        self.cloud = MotoCloud(self.context)
        self.fleet = Reconciler(self.cloud)
        account = self.context.account
        table.install(Desk(self.fleet.hands, self.clock.now, account, REGION))
        actions.replace("cloudwatch", "GetMetricData", self._metrics)
        for action in ("CreateRule", "ModifyRule"):
            actions.replace("elbv2", action, self._rule)
        self.published = self._made()
        self.clock.passed = self._tick
        self.config = self.folder / "deployer.toml"
        self.config.write_text(SETTINGS)

    @property
    def environ(self) -> dict[str, str]:
        return {
            "DEPLOYER_CONFIG": str(self.config), "DEPLOYER_DEBUG": "",
            "AWS_ENDPOINT_URL": ENDPOINT, "AWS_CONFIG_FILE": os.devnull,
        }  # fmt: skip

    def admin(self, service: str) -> Any:
        """A client that meets no faults."""
        return inprocess.client(self.context, service)

    def run(self, *arguments: str) -> "Done":
        """`deployer --output json ARGUMENTS`, in a process of its own as it were."""
        runner = CliRunner(env=self.environ)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(botocore.endpoint, "time", self)  # whose `sleep` is all it uses
            done = runner.invoke(
                cli, ["--output", "json", *arguments], obj=self._connect, prog_name="deployer"
            )
        return Done(done.exit_code, json.loads(done.stdout.splitlines()[-1]), done.stderr)

    def sleep(self, duration_s: float) -> None:
        """botocore waits between two attempts."""
        self.clock.time += duration_s

    def _connect(self, settings: Settings) -> Services:
        """`wiring.connect`, with these clients, this clock and a prober that asks nobody."""
        aws, clock = callers(), self.clock
        found = account.find(aws, "shop", settings.environment)
        cloudwatch = CloudWatchMetrics(aws, found)
        self._owners = getattr(self, "_owners", 0) + 1
        return Services(
            service="shop", environment="lab", url=found.url, clock=clock, prober=Good(),
            cloud=AwsCloud(aws, found, "shop", "lab", clock),
            metrics=cloudwatch,
            history=cloudwatch if self.remembers else UNRECORDED,
            journal=DynamoJournal(aws, found.journal_table, "shop", clock),
            find_release=Artifacts(
                aws, lambda name: artifacts.resolve(settings, name, found.artifact_bucket)
            ).resolve,
            poll_s=float(settings.journal.poll_s), lease_s=float(settings.journal.lease_s),
            owner=f"alice@laptop #{self._owners}", caller="alice@laptop", scale=10_000.0,
            alarms=CloudWatchAlarms(aws, clock),
            look_around=lambda: preflight.read(aws, found, "shop", "lab"),
        )  # fmt: skip

    def _made(self) -> Published:
        """What the stacks make."""
        ec2_client, elb = self.admin("ec2"), self.admin("elbv2")
        vpc = ec2_client.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2_client.create_subnet(
                VpcId=vpc, CidrBlock=f"10.2.{n}.0/24", AvailabilityZone=f"us-east-1{zone}"
            )["Subnet"]["SubnetId"]
            for n, zone in enumerate("ab")
        ]
        balancer = elb.create_load_balancer(Name="shop", Subnets=subnets)["LoadBalancers"][0]
        fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
        listeners = [
            elb.create_listener(
                LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=port,
                DefaultActions=[fixed],
            )["Listeners"][0]["ListenerArn"]
            for port in (80, 8080)
        ]  # fmt: skip
        slots = {slot.value: self._slot(slot, vpc, subnets) for slot in Slot}
        made = Published(
            version=1, listener=listeners[0], test_listener=listeners[1],
            load_balancer=balancer["LoadBalancerArn"], url="http://shop", test_url="http://shop:1",
            slots=PublishedSlots(**slots), journal_table="journal", artifact_bucket="artifacts",
        )  # fmt: skip
        self._stored(made)
        return made

    def _slot(self, slot: Slot, vpc: str, subnets: list[str]) -> PublishedSlot:
        template = self.admin("ec2").create_launch_template(
            LaunchTemplateName=slot.value,
            LaunchTemplateData={"ImageId": AMI, "InstanceType": "t3.micro"},
        )["LaunchTemplate"]["LaunchTemplateId"]
        target_group = self.admin("elbv2").create_target_group(
            Name=slot.value, Protocol="HTTP", Port=80, VpcId=vpc
        )["TargetGroups"][0]["TargetGroupArn"]
        self.admin("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=slot.value,
            LaunchTemplate={"LaunchTemplateId": template, "Version": "$Default"},
            MinSize=0, MaxSize=4, VPCZoneIdentifier=",".join(subnets),
            TargetGroupARNs=[target_group],
        )  # fmt: skip
        return PublishedSlot(target_group, slot.value, template)

    def _stored(self, made: Published) -> None:
        """What the deployer reads first: the topology, the journal's table, artifacts, an alarm."""
        self.admin("ssm").put_parameter(
            Name=topology_parameter("shop", "lab"), Type="String",
            Value=msgspec.json.encode(made).decode(),
        )  # fmt: skip
        self.admin("dynamodb").create_table(
            TableName="journal", BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
        )  # fmt: skip
        self.admin("s3").create_bucket(Bucket="artifacts")
        for release in ("v1", "v2", "v3", BAD):
            self.admin("s3").put_object(Bucket="artifacts", Key=f"shop/{release}.tar.gz", Body=b"")
        self.admin("cloudwatch").put_metric_alarm(
            AlarmName="errors", Namespace="shop", MetricName="errors", Period=60, Threshold=1.0,
            EvaluationPeriods=1, Statistic="Sum", ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip

    def _tick(self) -> None:
        """Auto Scaling does what it wants; what ends, ends at once."""
        for _ in range(3):
            with self.context.lock:
                for arn in self.fleet.due(self.clock.now(), 0.0, 0.0):
                    self.fleet.readings[arn] = Reading(
                        self.clock.now(), self.cloud.target_states(arn)
                    )
                self.fleet.tick(self.clock.now())
                for key, state in self.cloud.states(self._ids()).items():
                    if state == "shutting-down":
                        self.cloud._state(key, "terminated")
        self._watch()

    def _ids(self) -> list[str]:
        groups = self.fleet.store.groups.values()
        return [member.id for group in groups for member in group.members]

    def _watch(self) -> None:
        """Somebody must be there wherever traffic goes."""
        for slot in Slot:
            weight = self.moved[-1][1][self.published.slots[slot].target_group] if self.moved else 0
            if weight and not self.serving(slot):
                self.outages.append((self.clock.now(), slot))

    def serving(self, slot: Slot) -> int:
        """How many of the slot's instances are in service."""
        members = self.fleet.store.groups[slot.value].members
        return sum(member.lifecycle is Lifecycle.IN_SERVICE for member in members)

    def _rule(self, call: actions.Call, params: dict[str, Any]) -> dict[str, Any]:
        done = call.moto()
        groups = params["Actions"][0]["ForwardConfig"]["TargetGroups"]
        self.moved.append(
            (self.clock.now(), {each["TargetGroupArn"]: each["Weight"] for each in groups})
        )
        self._watch()
        return done

    def _metrics(self, call: actions.Call, params: dict[str, Any]) -> dict[str, Any]:
        """100 requests a minute and slot that has traffic; half of a bad release's fail."""
        results = [self._series(each, params) for each in params["MetricDataQueries"]]
        return {"MetricDataResults": results}

    def _series(self, query: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
        where = {
            each["Name"]: each["Value"] for each in query["MetricStat"]["Metric"]["Dimensions"]
        }
        slot = self._asked(where.get("TargetGroup", ""))
        short = query["Id"].partition("_")[2]
        first, last = (int(params[edge].timestamp()) for edge in ("StartTime", "EndTime"))
        starts = [s for s in range(first, last, 60) if slot and self._weight(slot, s)]
        bad = slot is not None and self._bad(slot)
        values = {"requests": 100.0, "p99": 0.1, "target_5xx": 50.0 if bad else 0.0}
        return {
            "Id": query["Id"], "Label": query["Id"], "StatusCode": "Complete",
            "Timestamps": [datetime.fromtimestamp(s, UTC) for s in starts],
            "Values": [values.get(short, 0.0)] * len(starts),
        }  # fmt: skip

    def _asked(self, group: str) -> Slot | None:
        """Whose target group that is; None: the question is about the load balancer."""
        slots = (s for s in Slot if group and self.published.slots[s].target_group.endswith(group))
        return next(slots, None)

    def _weight(self, slot: Slot, start: int) -> int:
        """What the slot had for the whole minute."""
        group = self.published.slots[slot].target_group
        shares = [each[group] for at, each in self.moved if at <= start] or [0]
        later = [each[group] for at, each in self.moved if start < at < start + 60]
        return min([shares[-1], *later])

    def _bad(self, slot: Slot) -> bool:
        members = self.fleet.store.groups[slot.value].members
        versions = {(m.template.id, m.template.version) for m in members}
        return any(self.release_of(*version) == BAD for version in versions)

    def release_of(self, template: str, version: str) -> str:
        found = self.admin("ec2").describe_launch_template_versions(
            LaunchTemplateId=template, Versions=[version]
        )["LaunchTemplateVersions"][0]
        return str(found.get("VersionDescription", "")).removeprefix("deployer:").split(" ")[0]


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    result: Any
    stderr: str


@cache
def session() -> Any:
    """boto3's, whose calls go through the gate of the lab that is installed, without a socket."""
    made: Any = boto3
    found = made.session.Session(
        region_name=REGION, aws_access_key_id="lab", aws_secret_access_key="lab"
    )
    found.events.register("before-send", send)
    return found


def callers() -> Aws:
    """The clients of one process: each has botocore's whole quota of attempts."""
    made = Aws(REGION)
    made.__dict__["_session"] = session()
    return made


def send(request: Any, **_options: object) -> AWSResponse:
    """A request of the deployer's to the gate; a connection that breaks, as botocore tells it."""
    environ = {**inprocess._environ(request), INSIDE: False}
    try:
        answer = actions.gate().answer(environ)
    except ConnectionAbortedError as error:
        raise ConnectionClosedError(endpoint_url=request.url) from error
    headers: Any = dict(answer.headers)
    return AWSResponse(request.url, answer.status, headers, inprocess._Raw(answer.body))
