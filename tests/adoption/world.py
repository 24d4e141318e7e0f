"""An environment of others in which all is well; a test spoils one thing and looks what is said."""

import base64
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import structs

from deployer.aws.published import Front, Published, PublishedSlot, PublishedSlots
from deployer.aws.targets import Targets
from deployer.aws.verify import table
from deployer.aws.verify.facts import Facts, Owner, SlotFacts
from deployer.findings import Finding, Level
from deployer.model import Health, Slot
from deployer.settings.existing import ExistingSettings
from deployer.settings.reading import made
from deployer.settings.schema import ExistingEnvironment, ServiceSettings, Settings

ELB = "arn:aws:elasticloadbalancing:us-east-1:123456789012"
LISTENER = f"{ELB}:listener/app/web/1/2"
TARGETS = {slot: f"{ELB}:targetgroup/web-{slot}/{n}" for n, slot in enumerate(Slot)}
TEMPLATES = {Slot.BLUE: "lt-0123456789abcdef0", Slot.GREEN: "lt-0123456789abcdef1"}


def forward(*arns: str, weights: tuple[int, ...] = ()) -> list[Any]:
    groups = [{"TargetGroupArn": arn, "Weight": w} for arn, w in zip(arns, weights or (1,) * 9)]  # noqa: B905
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]


def sticking(actions: list[Any]) -> list[Any]:
    """The same, and the rule keeps its clients for an hour."""
    actions[0]["ForwardConfig"]["TargetGroupStickinessConfig"] = {
        "Enabled": True, "DurationSeconds": 3600,
    }  # fmt: skip
    return actions


def rule(priority: int | str, actions: list[Any], *conditions: Any) -> dict[str, Any]:
    return {
        "RuleArn": f"{LISTENER.replace(':listener', ':listener-rule')}/{priority}",
        "Priority": str(priority), "IsDefault": priority == "default",
        "Actions": actions, "Conditions": list(conditions),
    }  # fmt: skip


def header(name: str, value: str) -> dict[str, Any]:
    return {
        "Field": "http-header",
        "HttpHeaderConfig": {"HttpHeaderName": name, "Values": [value]},
    }


def target_group(slot: Slot) -> dict[str, Any]:
    return {
        "TargetGroupArn": TARGETS[slot], "Protocol": "HTTP", "Port": 80, "VpcId": "vpc-1",
        "TargetType": "instance", "HealthCheckPath": "/health", "HealthCheckIntervalSeconds": 5,
        "HealthCheckTimeoutSeconds": 2, "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 2,
        "LoadBalancerArns": [f"{ELB}:loadbalancer/app/web/1"],
    }  # fmt: skip


def group(slot: Slot) -> dict[str, Any]:
    return {
        "AutoScalingGroupName": f"web-{slot}", "AutoScalingGroupARN": f"arn:{slot}",
        "MinSize": 0, "MaxSize": 8, "DesiredCapacity": 2 if slot is Slot.BLUE else 0,
        "LaunchTemplate": {"LaunchTemplateId": TEMPLATES[slot], "Version": "$Default"},
        "TargetGroupARNs": [TARGETS[slot]], "HealthCheckType": "ELB",
        "HealthCheckGracePeriod": 120, "AvailabilityZones": ["us-east-1a"],
        "VPCZoneIdentifier": "subnet-1", "Instances": [], "Tags": [],
    }  # fmt: skip


def version() -> dict[str, Any]:
    script = base64.b64encode(b"curl .../tags/instance/deployer:release").decode()
    return {
        "VersionNumber": 3,
        "LaunchTemplateData": {
            "ImageId": "ami-12345678", "UserData": script,
            "MetadataOptions": {"InstanceMetadataTags": "enabled", "HttpTokens": "required"},
        },
    }  # fmt: skip


def settings(**changes: Any) -> Settings:
    base = made(
        ServiceSettings(name="web"),
        # What code makes is judged as environments of ours are, zones and all.
        ExistingEnvironment(
            name="prod", region="us-east-1", zones=("us-east-1a", "us-east-1b"),
            image="ami-12345678",
        ),
        {},
    )  # fmt: skip
    keys: dict[str, Any] = {
        "listener": LISTENER, "url": "http://web", "journal_table": "web-journal",
        "artifact_bucket": "releases",
        **{f"{s}_target_group": TARGETS[s] for s in Slot},
        **{f"{s}_group": f"web-{s}" for s in Slot},
        **{f"{s}_launch_template": TEMPLATES[s] for s in Slot},
    }  # fmt: skip
    existing = ExistingSettings(**{**keys, **changes})
    parts = {name: getattr(base, name) for name in base.__struct_fields__}
    return Settings(**{**parts, "existing": existing})


@dataclass
class World:
    """Everything by name, to be changed in place."""

    front: Front = field(default_factory=lambda: Front("", 49_000))
    balancer: Any = field(
        default_factory=lambda: {
            "VpcId": "vpc-1",
            "AvailabilityZones": [{"ZoneName": "us-east-1a"}],
        }
    )
    rules: list[Any] = field(
        default_factory=lambda: [
            rule(1, forward(TARGETS[Slot.BLUE]), header("X-Deployer-Slot", "blue")),
            rule(2, forward(TARGETS[Slot.GREEN]), header("X-Deployer-Slot", "green")),
            rule("default", forward(TARGETS[Slot.BLUE])),
        ]
    )
    more: dict[str, Any] = field(default_factory=dict)
    target_groups: dict[Slot, Any] = field(
        default_factory=lambda: {slot: target_group(slot) for slot in Slot}
    )
    attributes: dict[str, str] = field(default_factory=dict)
    groups: dict[Slot, Any] = field(default_factory=lambda: {slot: group(slot) for slot in Slot})
    versions: dict[Slot, Any] = field(default_factory=lambda: {slot: version() for slot in Slot})
    hooks: list[Any] = field(default_factory=list)
    health: dict[str, Health] = field(default_factory=lambda: {"i-1": Health.HEALTHY})
    changes: dict[str, Any] = field(default_factory=dict)
    facts_changes: dict[str, Any] = field(default_factory=dict)
    names_changes: dict[str, Any] = field(default_factory=dict)

    def facts(self) -> Facts:
        slots = PublishedSlots(*(PublishedSlot(TARGETS[s], f"web-{s}", TEMPLATES[s]) for s in Slot))
        names = Published(
            version=1, listener=LISTENER, test_listener=LISTENER,
            load_balancer=f"{ELB}:loadbalancer/app/web/1", url="http://web", test_url="http://web",
            slots=slots, journal_table="web-journal", artifact_bucket="releases", front=self.front,
        )  # fmt: skip
        names = structs.replace(names, **self.names_changes)
        found: Any = {
            slot: SlotFacts(
                names=names.slots[slot], target_group=self.target_groups[slot],
                attributes=self.attributes, targets=Targets(self.health, 0),
                group=self.groups[slot], hooks=tuple(self.hooks), source=self.versions[slot],
            )
            for slot in Slot
        }  # fmt: skip
        keys: Any = [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ]
        types: Any = [{"AttributeName": k, "AttributeType": "S"} for k in ("pk", "sk")]
        listeners: Any = {LISTENER: {}, **{arn: {} for arn in self.more}}
        rules: Any = {LISTENER: tuple(self.rules), **self.more}
        facts = Facts(
            settings=settings(**self.changes), names=names, balancer=self.balancer,
            listeners=listeners, rules=rules, slots=found,
            table={"KeySchema": keys, "AttributeDefinitions": types}, recovery=True, denied=(),
            requests={Slot.BLUE: 900, Slot.GREEN: 0},
        )  # fmt: skip
        return replace(facts, **self.facts_changes)

    def said(self, document: Any = None) -> list[Finding]:
        """What is not well."""
        found = table.findings(self.facts(), document)
        return [each for each in found if each.level is not Level.OK]


def owned(resources: dict[str, Any], parameters: dict[str, Any] | None = None) -> Owner:
    """A stack that has everything in `resources`."""
    template = {"Resources": deepcopy(resources), "Parameters": parameters or {}}
    return Owner("web-stack", template, {name: name for name in resources})
