"""Environments by the hundred in the lab's API, in process: what a scan meets, without instances."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from deployer.lab import actions, inprocess
from deployer.lab.autoscaling.model import Tag
from deployer.lab.autoscaling.store import Store
from deployer.lab.context import Context
from deployer.lab.telemetry.store import Datapoint, Metric
from deployer.lab.telemetry.telemetry import Telemetry
from deployer.process.clock import ScaledClock
from deployer.topology import (
    CLASS_TAG,
    ENVIRONMENT_TAG,
    EPHEMERAL,
    EXPIRES_TAG,
    SERVICE_TAG,
    SLOT_TAG,
    stack_name,
)

NOW = 1_795_467_600.0  # a whole hour
PAGE = 100  # stacks in one answer; AWS's own number is not documented

PARTS = ("network", "control", "service", "monitoring")

_NO_RESOURCES: dict[str, list[Any]] = {"StackResourceSummaries": []}


class Hand(ScaledClock):
    """A clock whose hand the test moves."""

    time: ClassVar[float] = NOW

    def now(self) -> float:
        return Hand.time


def tags(name: str, *, ephemeral: bool = True, **more: str) -> dict[str, str]:
    whose = {SERVICE_TAG: "shop", ENVIRONMENT_TAG: name}
    return {**whose, **({CLASS_TAG: EPHEMERAL} if ephemeral else {}), **more}


def listed(given: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in given.items()]


@dataclass
class Region:
    """A lab's API with a VPC, a launch template, and CloudFormation's answers as a list."""

    context: Context
    telemetry: Telemetry
    groups: Store
    stacks: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    subnets: list[str] = field(default_factory=list)
    template: str = ""

    def __post_init__(self) -> None:
        ec2 = self.admin("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        for n, zone in enumerate("ab"):
            made = ec2.create_subnet(
                VpcId=vpc, CidrBlock=f"10.1.{n}.0/24", AvailabilityZone=f"us-east-1{zone}"
            )
            self.subnets.append(made["Subnet"]["SubnetId"])
        data = {"ImageId": "ami-0c101f26f147fa7fd", "InstanceType": "t3.micro"}
        self.template = ec2.create_launch_template(
            LaunchTemplateName="shop", LaunchTemplateData=data
        )["LaunchTemplate"]["LaunchTemplateId"]
        actions.own("cloudformation")
        actions.replace("cloudformation", "DescribeStacks", self._describe_stacks)
        actions.replace("cloudformation", "ListStackResources", lambda *_: _NO_RESOURCES)
        actions.replace("cloudformation", "DeleteStack", self._delete_stack)

    def admin(self, service: str) -> Any:
        return inprocess.client(self.context, service)

    def _delete_stack(self, _call: Any, params: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(str(params["StackName"]))
        return {}

    def _describe_stacks(self, _call: Any, params: Mapping[str, Any]) -> dict[str, Any]:
        if wanted := params.get("StackName"):
            found = [each for each in self.stacks if wanted in (each["StackName"], each["StackId"])]
            if not found:
                raise actions.Refused("ValidationError", f"Stack with id {wanted} does not exist")
            return {"Stacks": found}
        start = int(params.get("NextToken") or 0)
        more = {"NextToken": str(start + PAGE)} if start + PAGE < len(self.stacks) else {}
        return {"Stacks": self.stacks[start : start + PAGE], **more}

    def environment(self, name: str, *, instances: int = 0, ephemeral: bool = True) -> None:
        """Four stacks, a load balancer, two groups, a journal."""
        own = tags(name, ephemeral=ephemeral)
        for part in PARTS:
            self.stack(name, part, own)
        self.admin("elbv2").create_load_balancer(
            Name=f"lb-{name}", Subnets=self.subnets, Tags=listed(own)
        )
        self.table(name, own)
        for slot, wanted in (("blue", instances), ("green", 0)):
            self._group(name, slot, wanted, own)

    def table(self, name: str, own: Mapping[str, str]) -> None:
        self.admin("dynamodb").create_table(
            TableName=f"journal-{name}",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")
            ],
            BillingMode="PAY_PER_REQUEST",
            Tags=listed(own),
        )

    def _group(self, name: str, slot: str, wanted: int, own: Mapping[str, str]) -> None:
        """The first one through the API, the others like it: making hundreds takes many seconds."""
        named = f"{name}-{slot}"
        tagged = {**own, SLOT_TAG: slot}
        model = next(iter(self.groups.groups.values()), None)
        if model is None:
            self._first_group(named, wanted, tagged)
            return
        arn = model.arn.replace(model.name, named)
        labels = tuple(Tag(key, value, propagate=True) for key, value in tagged.items())
        self.groups.put(replace(model, name=named, arn=arn, desired=wanted, tags=labels))

    def _first_group(self, named: str, wanted: int, tagged: Mapping[str, str]) -> None:
        self.admin("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=named,
            LaunchTemplate={"LaunchTemplateId": self.template, "Version": "$Default"},
            MinSize=0,
            MaxSize=4,
            DesiredCapacity=wanted,
            VPCZoneIdentifier=self.subnets[0],
            Tags=[{**tag, "PropagateAtLaunch": True} for tag in listed(tagged)],
        )

    def stack(self, name: str, part: str, own: Mapping[str, str], **more: Any) -> dict[str, Any]:
        made = {
            "StackName": stack_name("shop", name, part),
            "StackId": f"arn:aws:cloudformation:us-east-1:123456789012:stack/{name}-{part}/1",
            "CreationTime": datetime.fromtimestamp(NOW - 30 * 86_400, UTC),
            "StackStatus": "CREATE_COMPLETE",
            "Tags": listed(own),
            **more,
        }
        self.stacks.append(made)
        return made

    def find(self, name: str, part: str) -> dict[str, Any]:
        wanted = stack_name("shop", name, part)
        return next(each for each in self.stacks if each["StackName"] == wanted)

    def balancer(self, name: str) -> str:
        found = self.admin("elbv2").describe_load_balancers(Names=[f"lb-{name}"])
        return str(found["LoadBalancers"][0]["LoadBalancerArn"])

    def expire(self, name: str, moment: str) -> None:
        wanted = listed({EXPIRES_TAG: moment})
        self.admin("elbv2").add_tags(ResourceArns=[self.balancer(name)], Tags=wanted)

    def served(self, name: str, at: float, requests: int, metric: str = "RequestCount") -> None:
        """Requests of one minute; 0 is published too, as the load balancer's RequestCount is."""
        where = (("LoadBalancer", self.balancer(name).partition("loadbalancer/")[2]),)
        point = (
            Datapoint.of({1.0: float(requests)})
            if requests
            else Datapoint(1.0, 0.0, 0.0, 0.0, {0.0: 1.0})
        )
        self.telemetry.store.put(
            Metric("AWS/ApplicationELB", metric, where), at, point, "Count", Hand.time
        )

    def calls(self, note: Callable[[], object]) -> dict[str, int]:
        """How often each action was asked for while `note` ran."""
        before = len(actions.calls("*", "*"))
        note()
        counted: dict[str, int] = {}
        for entry in actions.calls("*", "*")[before:]:
            counted[entry.action] = counted.get(entry.action, 0) + 1
        return counted
