"""A world for Auto Scaling in memory: EC2 and target groups that do what they are told, and time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from deployer.lab import inprocess
from deployer.lab.autoscaling.api import table
from deployer.lab.autoscaling.api.desk import Desk
from deployer.lab.autoscaling.cloud import Launched, LaunchFailed
from deployer.lab.autoscaling.component import Reconciler
from deployer.lab.autoscaling.decide import BOOT_S, Reading
from deployer.lab.autoscaling.mixture import ORDINARY, Purchase
from deployer.lab.autoscaling.model import Group, Lifecycle, Member, Subnet, TemplateRef
from deployer.lab.context import Context

NOW = 1_700_000_000.0
ZONES = {"subnet-a": "us-east-1a", "subnet-b": "us-east-1b", "subnet-c": "us-east-1c"}
TEMPLATE = TemplateRef("lt-1", "web", "$Default")
BLUE = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/blue/1"
GREEN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/green/2"


def group(members: Sequence[Member] = (), /, **settings: Any) -> Group:
    """A group in two zones that wants what it has."""
    plain = Group(
        name="web",
        arn="arn:web",
        minimum=0,
        maximum=100,
        desired=sum(member.counted for member in members),
        template=TEMPLATE,
        subnets=(Subnet("subnet-a", "us-east-1a"), Subnet("subnet-b", "us-east-1b")),
        created_at=NOW - 10_000,
        members=tuple(members),
    )
    return replace(plain, **settings)


def member(key: str, zone: str = "a", /, **facts: Any) -> Member:
    """A member that has been in service for a while."""
    facts.setdefault("lifecycle", Lifecycle.IN_SERVICE)
    version = facts.pop("version", "1")
    plain = Member(
        id=f"i-{key}",
        subnet=Subnet(f"subnet-{zone}", f"us-east-1{zone}"),
        template=replace(TEMPLATE, version=version),
        instance_type="t3.micro",
        launched_at=NOW - 1000,
        since=NOW - 900,
    )
    return replace(plain, **facts)


@dataclass
class FakeCloud:
    """EC2 and ELBv2 in memory. A deregistered target drains until `drained` is called.

    terminated: ids in the order in which EC2 was told; told: everything else, in order.
    """

    versions: dict[str, str] = field(default_factory=lambda: {"$Default": "1", "$Latest": "2"})
    instances: dict[str, str] = field(default_factory=dict)
    tags: dict[str, Mapping[str, str]] = field(default_factory=dict)
    targets: dict[str, dict[str, str]] = field(default_factory=lambda: {BLUE: {}, GREEN: {}})
    told: list[tuple[str, ...]] = field(default_factory=list)
    bought: dict[str, Purchase] = field(default_factory=dict)
    alarms: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    instantly: bool = True
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def template(self, template_id: str, name: str, version: str) -> TemplateRef:
        if template_id not in ("lt-1", "") or name not in ("web", ""):
            raise LookupError(f"{template_id}{name} does not exist")
        if version not in self.versions and version not in self.versions.values():
            raise LookupError(f"version {version} does not exist")
        return replace(TEMPLATE, version=version)

    def subnets(self, ids: Sequence[str], zones: Sequence[str]) -> tuple[Subnet, ...]:
        wanted = ids or [key for key, zone in ZONES.items() if zone in zones]
        if not set(wanted) <= set(ZONES):
            raise LookupError(f"The subnet ID '{','.join(wanted)}' does not exist")
        return tuple(Subnet(key, ZONES[key]) for key in wanted)

    def missing_target_groups(self, arns: Sequence[str]) -> tuple[str, ...]:
        return tuple(arn for arn in arns if arn not in self.targets)

    def launch(
        self,
        template: TemplateRef,
        subnet: Subnet,
        tags: Mapping[str, str],
        purchase: Purchase = ORDINARY,
    ) -> Launched:
        number = self.versions.get(template.version, template.version)
        if number not in self.versions.values():
            raise LaunchFailed(f"version {number} does not exist.")
        key = f"i-{next(self.ids)}"
        self.instances[key] = "pending"
        self.tags[key] = tags
        self.told.append(("launch", key, subnet.zone))
        self.bought[key] = purchase
        return Launched(key, purchase.instance_type or "t3.micro", number)

    def boot(self, instance_id: str) -> None:
        self.instances[instance_id] = "running"

    def terminate(self, instance_id: str) -> None:
        self.told.append(("terminate", instance_id))
        if instance_id in self.instances:
            self.instances[instance_id] = "terminated" if self.instantly else "shutting-down"

    def stop(self, instance_id: str) -> None:
        self.told.append(("stop", instance_id))
        self.instances[instance_id] = "stopped" if self.instantly else "stopping"

    def start(self, instance_id: str) -> None:
        if self.instances[instance_id] == "stopped":
            self.told.append(("start", instance_id))
            self.instances[instance_id] = "pending"

    def states(self, ids: Sequence[str]) -> Mapping[str, str]:
        return {key: self.instances[key] for key in ids if key in self.instances}

    def register(self, arn: str, ids: Sequence[str]) -> None:
        if arn not in self.targets:
            raise LookupError("One or more target groups not found")
        for key in ids:
            self.targets[arn][key] = "initial"
            self.told.append(("register", key, arn))

    def deregister(self, arn: str, ids: Sequence[str]) -> None:
        for key in ids:
            self.told.append(("deregister", key, arn))
            if key in self.targets.get(arn, {}):
                self.targets[arn][key] = "draining"

    def target_states(self, arn: str) -> Mapping[str, str]:
        return dict(self.targets.get(arn, {}))

    def balancers(self, arn: str) -> tuple[str, ...]:
        return ("arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/front/9",) * (
            arn != GREEN
        )

    def watch(self, alarm: Mapping[str, Any]) -> None:
        self.alarms[alarm["AlarmName"]] = alarm

    def unwatch(self, alarms: Sequence[str]) -> None:
        for name in alarms:
            self.alarms.pop(name, None)

    def drained(self) -> None:
        """All draining is over."""
        for states in self.targets.values():
            for key in [key for key, state in states.items() if state == "draining"]:
                del states[key]

    def all_healthy(self) -> None:
        for states in self.targets.values():
            states.update({k: "healthy" for k, state in states.items() if state == "initial"})

    def acts(self, *kinds: str) -> list[tuple[str, ...]]:
        """What was told, of these kinds, in order."""
        return [one for one in self.told if one[0] in kinds]


class World:
    """The whole Auto Scaling service over a FakeCloud; `api` is a boto3 client of it."""

    def __init__(self, context: Context) -> None:
        self.now = NOW
        self.cloud = FakeCloud()
        self.fleet = Reconciler(self.cloud)
        clock: Callable[[], float] = lambda: self.now  # noqa: E731
        table.install(Desk(self.fleet.hands, clock, context.account, context.region))
        self.api = inprocess.client(context, "autoscaling")

    def group(self, name: str = "web") -> Group:
        return self.fleet.store.groups[name]

    def create(self, **settings: Any) -> None:
        """A group called web; the API's keys override, None leaves one out."""
        plain = {
            "AutoScalingGroupName": "web",
            "MinSize": 0,
            "MaxSize": 10,
            "LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "$Default"},
            "VPCZoneIdentifier": "subnet-a,subnet-b",
        }
        asked = {key: value for key, value in {**plain, **settings}.items() if value is not None}
        self.api.create_auto_scaling_group(**asked)

    def pass_time(self, duration_s: float = 1.0, *, step_s: float = 1.0) -> None:
        """Time passes; target health is read and the groups are looked at in each step."""
        end = self.now + duration_s
        while self.now < end:
            self.now = min(end, self.now + step_s)
            for arn in self.fleet.due(self.now, 0.0, 0.0):
                self.fleet.readings[arn] = Reading(self.now, self.cloud.target_states(arn))
            self.fleet.tick(self.now)

    def settle(self) -> None:
        """Long enough to boot, register, drain and end."""
        for _ in range(4):
            self.pass_time(BOOT_S)
            self.cloud.all_healthy()
            self.cloud.drained()

    def states(self, name: str = "web") -> dict[str, str]:
        """Lifecycle state by instance, as DescribeAutoScalingGroups tells it."""
        found = self.api.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        instances = found["AutoScalingGroups"][0]["Instances"]
        return {one["InstanceId"]: one["LifecycleState"] for one in instances}

    def activities(self, name: str = "web") -> list[dict[str, Any]]:
        """Newest first."""
        return list(self.api.describe_scaling_activities(AutoScalingGroupName=name)["Activities"])
