"""The APIs that `AwsCloud` calls, answered out of the simulated cloud, where the network would be.

botocore serializes every request and parses every answer as it does with AWS; only the socket is
missing. What is not known here fails loudly. Shapes: botocore's service models.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSResponse

from deployer.aws import weights as scale
from deployer.aws.published import Published, PublishedSlot, PublishedSlots
from deployer.aws.session import Aws
from deployer.changes import ResumeProcesses, SetDesired, SetWeights, Suspend
from deployer.model import Release, Slot
from deployer.topology import PRODUCTION_RULE_PATH, PRODUCTION_RULE_PRIORITY
from tests.sim.cloud import SimCloud
from tests.sim.fleet import SimGroup, SimInstance

PREFIX = "arn:aws:elasticloadbalancing:us-east-1:123456789012"
IMAGE = "ami-1"
Params = Mapping[str, str]

PUBLISHED = Published(
    version=1,
    listener=f"{PREFIX}:listener/app/shop/1/2",
    test_listener=f"{PREFIX}:listener/app/shop/1/3",
    load_balancer=f"{PREFIX}:loadbalancer/app/shop/1",
    url="http://shop:80",
    test_url="http://shop:8080",
    slots=PublishedSlots(
        **{
            slot.value: PublishedSlot(
                f"{PREFIX}:targetgroup/{slot}/1", f"shop-{slot}", f"lt-{slot}"
            )
            for slot in Slot
        }
    ),
    journal_table="journal",
    artifact_bucket="artifacts",
)


class Raw(BytesIO):
    """What botocore reads a body from."""

    def stream(self, **_options: object) -> list[bytes]:
        return [self.read()]


@dataclass
class Wire:
    """Attach it to the events of an `Aws`; `calls` counts attempts by operation.

    groups_a_page: of DescribeAutoScalingGroups; AWS may answer with fewer than are asked for.
    spent_s:       processor time of the answers themselves, which AWS would have spent.
    """

    cloud: SimCloud
    groups_a_page: int = 2
    calls: Counter[str] = field(default_factory=Counter)
    spent_s: float = 0.0
    versions: dict[str, list[tuple[str, Release | None]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Each template has the stack's version 1; what a slot boots is its version 2."""
        for slot, group in self.cloud.groups.items():
            made: list[tuple[str, Release | None]] = [("stack", None)]
            if group.boots is not None:
                made.append((f"deployer:{group.boots.name} from 1", group.boots))
            self.versions[f"lt-{slot}"] = made
            group.version = len(made)
            for instance in group.instances:
                instance.version = group.version

    def attach(self, aws: Aws) -> None:
        aws._session.events.register_last("before-send", self.send)

    def send(self, request: Any, event_name: str, **_event: object) -> Any:
        """Answer one attempt."""
        began = time.process_time()
        operation = event_name.rpartition(".")[2]
        self.calls[operation] += 1
        params = dict(
            parse_qsl(request.body if isinstance(request.body, str) else request.body.decode())
        )
        result = OPERATIONS[operation](self, params)
        if not event_name.startswith("before-send.ec2"):
            result = f"<{operation}Result>{result}</{operation}Result>"
        request_id = f"<RequestId>{sum(self.calls.values())}</RequestId>"
        body = (
            f"<{operation}Response>{result}"
            f"<ResponseMetadata>{request_id}</ResponseMetadata></{operation}Response>"
        )
        headers: Any = {"Content-Type": "text/xml"}
        answer = AWSResponse(request.url, 200, headers, Raw(body.encode()))
        self.spent_s += time.process_time() - began
        return answer

    def groups(self, params: Params) -> str:
        """DescribeAutoScalingGroups."""
        names = list(listed(params, "AutoScalingGroupNames"))
        begin = int(params.get("NextToken", "0"))
        end = begin + self.groups_a_page
        token = f"<NextToken>{end}</NextToken>" if end < len(names) else ""
        found = "".join(group_xml(name, self._group(name), self._now) for name in names[begin:end])
        return f"<AutoScalingGroups>{found}</AutoScalingGroups>{token}"

    def activities(self, params: Params) -> str:
        """DescribeScalingActivities: launches do not fail here."""
        assert not self._group(params["AutoScalingGroupName"]).failures
        return "<Activities/>"

    def update_group(self, params: Params) -> str:
        group = self._group(params["AutoScalingGroupName"])
        if "DesiredCapacity" in params:
            self.cloud.carry_out(SetDesired(group.slot, int(params["DesiredCapacity"])))
        group.min_size = int(params["MinSize"])
        return ""

    def terminate(self, params: Params) -> str:
        ids = tuple(listed(params, "InstanceIds"))
        assert len(ids) <= 100
        shrink = params["ShouldDecrementDesiredCapacity"] == "true"
        group = self._group(params["AutoScalingGroupName"])
        group.terminate(ids, self._now, shrink=shrink)
        group.settle(self._now)
        return ""

    def suspend(self, params: Params) -> str:
        slot = self._group(params["AutoScalingGroupName"]).slot
        self.cloud.carry_out(Suspend(slot, tuple(listed(params, "ScalingProcesses"))))
        return ""

    def resume(self, params: Params) -> str:
        slot = self._group(params["AutoScalingGroupName"]).slot
        self.cloud.carry_out(ResumeProcesses(slot, tuple(listed(params, "ScalingProcesses"))))
        return ""

    def targets(self, params: Params) -> str:
        """DescribeTargetHealth: all of them at once, it has no pages."""
        group = self.cloud.groups[slot_of(params["TargetGroupArn"])]
        rows = "".join(target_xml(i, group, self._now) for i in group.instances)
        return f"<TargetHealthDescriptions>{rows}</TargetHealthDescriptions>"

    def rules(self, _params: Params) -> str:
        """DescribeRules."""
        if self.cloud.rule is None:
            return "<Rules/>"
        sent = scale.written(self.cloud.rule)
        shares = "".join(
            f"<member><TargetGroupArn>{PUBLISHED.slots[slot].target_group}</TargetGroupArn>"
            f"<Weight>{sent[slot]}</Weight></member>"
            for slot in Slot
        )
        return (
            f"<Rules><member><RuleArn>rule</RuleArn><Priority>{PRODUCTION_RULE_PRIORITY}</Priority>"
            "<Conditions><member><Field>path-pattern</Field><PathPatternConfig><Values>"
            f"<member>{PRODUCTION_RULE_PATH}</member></Values></PathPatternConfig></member>"
            "</Conditions><Actions><member><Type>forward</Type><ForwardConfig><TargetGroups>"
            f"{shares}</TargetGroups></ForwardConfig></member></Actions></member></Rules>"
        )

    def modify_rule(self, params: Params) -> str:
        stem = "Actions.member.1.ForwardConfig.TargetGroups.member"
        sent = {
            slot_of(params[f"{stem}.{n}.TargetGroupArn"]): int(params[f"{stem}.{n}.Weight"])
            for n in (1, 2)
        }
        wanted = scale.read(sent[Slot.BLUE], sent[Slot.GREEN])
        self.cloud.carry_out(SetWeights(wanted, self.cloud.rule))
        return self.rules(params)

    def templates(self, params: Params) -> str:
        """DescribeLaunchTemplates."""
        rows = "".join(
            f"<item><launchTemplateId>{name}</launchTemplateId>"
            f"<defaultVersionNumber>{self._of_template(name).version}</defaultVersionNumber>"
            f"<latestVersionNumber>{len(self.versions[name])}</latestVersionNumber></item>"
            for key, name in params.items()
            if key.startswith("LaunchTemplateId.")
        )
        return f"<launchTemplates>{rows}</launchTemplates>"

    def template_versions(self, params: Params) -> str:
        """DescribeLaunchTemplateVersions: those after MinVersion, up to MaxVersion."""
        name = params["LaunchTemplateId"]
        newest = min(int(params["MaxVersion"]), len(self.versions[name]))
        span = range(int(params.get("MinVersion", "0")) + 1, newest + 1)
        rows = "".join(f"<item>{self._version_xml(name, number)}</item>" for number in span)
        return f"<launchTemplateVersionSet>{rows}</launchTemplateVersionSet>"

    def make_version(self, params: Params) -> str:
        name, said = params["LaunchTemplateId"], params["VersionDescription"]
        tags = dict(tags_of(params))
        release = Release(tags["deployer:release"], tags.get("deployer:artifact"), IMAGE)
        self.versions[name].append((said, release))
        made = self._version_xml(name, len(self.versions[name]))
        return f"<launchTemplateVersion>{made}</launchTemplateVersion>"

    def move_default(self, params: Params) -> str:
        group, number = (
            self._of_template(params["LaunchTemplateId"]),
            int(params["SetDefaultVersion"]),
        )
        group.version, group.boots = (
            number,
            self.versions[params["LaunchTemplateId"]][number - 1][1],
        )
        return ""

    @property
    def _now(self) -> float:
        return self.cloud.clock.now()

    def _group(self, name: str) -> SimGroup:
        return self.cloud.groups[Slot(name.removeprefix("shop-"))]

    def _of_template(self, name: str) -> SimGroup:
        return self.cloud.groups[Slot(name.removeprefix("lt-"))]

    def _version_xml(self, name: str, number: int) -> str:
        said, release = self.versions[name][number - 1]
        known = {"deployer:release": release.name} if release else {}
        if release and release.artifact:
            known["deployer:artifact"] = release.artifact
        tags = "".join(
            f"<item><key>{key}</key><value>{escape(value)}</value></item>"
            for key, value in known.items()
        )
        kinds = "".join(
            f"<item><resourceType>{kind}</resourceType><tagSet>{tags}</tagSet></item>"
            for kind in ("instance", "volume")
            if tags
        )
        return (
            f"<launchTemplateId>{name}</launchTemplateId><versionNumber>{number}</versionNumber>"
            f"<versionDescription>{escape(said)}</versionDescription><launchTemplateData>"
            f"<imageId>{IMAGE}</imageId><tagSpecificationSet>{kinds}</tagSpecificationSet>"
            "</launchTemplateData>"
        )


OPERATIONS: Mapping[str, Callable[[Wire, Params], str]] = {
    "CreateLaunchTemplateVersion": Wire.make_version,
    "DescribeAutoScalingGroups": Wire.groups,
    "DescribeLaunchTemplateVersions": Wire.template_versions,
    "DescribeLaunchTemplates": Wire.templates,
    "DescribeRules": Wire.rules,
    "DescribeScalingActivities": Wire.activities,
    "DescribeTargetHealth": Wire.targets,
    "ModifyLaunchTemplate": Wire.move_default,
    "ModifyRule": Wire.modify_rule,
    "ResumeProcesses": Wire.resume,
    "SuspendProcesses": Wire.suspend,
    "TerminateInstanceInAutoScalingGroup": Wire.terminate,
    "UpdateAutoScalingGroup": Wire.update_group,
}


def slot_of(target_group: str) -> Slot:
    return next(slot for slot in Slot if PUBLISHED.slots[slot].target_group == target_group)


def listed(params: Params, name: str) -> Iterator[str]:
    """A list of the query protocol, in its order."""
    number = 1
    while f"{name}.member.{number}" in params:
        yield params[f"{name}.member.{number}"]
        number += 1


def tags_of(params: Params) -> Iterator[tuple[str, str]]:
    """The tags for instances in a request of EC2's."""
    stem = "LaunchTemplateData.TagSpecification.1.Tag"
    number = 1
    while f"{stem}.{number}.Key" in params:
        yield params[f"{stem}.{number}.Key"], params[f"{stem}.{number}.Value"]
        number += 1


def group_xml(name: str, group: SimGroup, now: float) -> str:
    members = "".join(member_xml(name, i, now) for i in group.instances)
    suspended = "".join(
        f"<member><ProcessName>{process}</ProcessName></member>" for process in group.suspended
    )
    return (
        f"<member><AutoScalingGroupName>{name}</AutoScalingGroupName>"
        f"<MinSize>{group.min_size}</MinSize><MaxSize>{group.max_size}</MaxSize>"
        f"<DesiredCapacity>{group.desired}</DesiredCapacity><Instances>{members}</Instances>"
        f"<CreatedTime>2026-11-22T00:00:00Z</CreatedTime>"
        f"<SuspendedProcesses>{suspended}</SuspendedProcesses></member>"
    )


def member_xml(group: str, instance: SimInstance, now: float) -> str:
    template = group.replace("shop", "lt")
    return (
        f"<member><InstanceId>{instance.id}</InstanceId><InstanceType>t3.micro</InstanceType>"
        f"<AvailabilityZone>{instance.zone}</AvailabilityZone>"
        f"<LifecycleState>{instance.reading(now, checked=True).lifecycle}</LifecycleState>"
        "<HealthStatus>Healthy</HealthStatus><ProtectedFromScaleIn>false</ProtectedFromScaleIn>"
        f"<LaunchTemplate><LaunchTemplateId>{template}</LaunchTemplateId><LaunchTemplateName>"
        f"{template}</LaunchTemplateName><Version>{instance.version}</Version></LaunchTemplate>"
        "</member>"
    )


def target_xml(instance: SimInstance, group: SimGroup, now: float) -> str:
    """Nothing for an instance that is not registered."""
    health = instance.reading(now, checked=group.referenced).health
    if health is None:
        return ""
    return (
        f"<member><Target><Id>{instance.id}</Id><Port>80</Port></Target>"
        "<HealthCheckPort>80</HealthCheckPort>"
        f"<TargetHealth><State>{health}</State></TargetHealth></member>"
    )
