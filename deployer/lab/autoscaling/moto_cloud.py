"""EC2 and ELBv2 of the lab for Auto Scaling: the API in process, and a few looks into moto.

moto's EC2 has no time: an instance is running at once and terminated at once. Here it is
`pending` until Auto Scaling says so, and `shutting-down` until its process has ended
(deployer.lab.instances), as `DescribeInstances` shows. States are read from moto's objects, which
costs microseconds; a call would cost milliseconds in every tick.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError
from moto.ec2.models import ec2_backends

from deployer.lab import inprocess
from deployer.lab.autoscaling.cloud import Launched, LaunchFailed
from deployer.lab.autoscaling.mixture import ORDINARY, Purchase
from deployer.lab.autoscaling.model import Subnet, TemplateRef
from deployer.lab.context import Context

_CODES: Final = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}
_OWN_MARKET: Final = (
    "the lab does not simulate InstanceMarketOptions of a launch template: Spot is bought by a"
    " MixedInstancesPolicy."
)
_IMAGE_GIB: Final = 8
_GONE: Final = frozenset({"InvalidInstanceID.NotFound", "TargetGroupNotFound", "InvalidTarget"})


class MotoCloud:
    """`Cloud` of the lab."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @property
    def _ec2(self) -> Any:
        return inprocess.client(self._context, "ec2")

    @property
    def _elb(self) -> Any:
        return inprocess.client(self._context, "elbv2")

    @property
    def _cloudwatch(self) -> Any:
        return inprocess.client(self._context, "cloudwatch")

    def _instances(self) -> dict[str, Any]:
        backend = ec2_backends[self._context.account][self._context.region]
        return {instance.id: instance for instance in backend.all_instances()}

    def template(self, template_id: str, name: str, version: str) -> TemplateRef:
        found = self._version(template_id, name, version)
        return TemplateRef(found["LaunchTemplateId"], found["LaunchTemplateName"], version)

    def _version(self, template_id: str, name: str, version: str) -> dict[str, Any]:
        """One version of a launch template, `$Default` and `$Latest` resolved.

        Raises:
            LookupError: no such template or version; says which.
        """
        key = {"LaunchTemplateId": template_id} if template_id else {"LaunchTemplateName": name}
        try:
            answer = self._ec2.describe_launch_template_versions(**key, Versions=[version])
        except ClientError as error:
            what = f"template ID {template_id}" if template_id else f"template name {name}"
            raise LookupError(
                "You must use a valid fully-formed launch template. The specified launch"
                f" template, with {what}, version {version}, does not exist."
                f" ({error.response['Error']['Code']})"
            ) from error
        return dict(answer["LaunchTemplateVersions"][0])

    def subnets(self, ids: Sequence[str], zones: Sequence[str]) -> tuple[Subnet, ...]:
        default = [
            {"Name": "default-for-az", "Values": ["true"]},
            {"Name": "availability-zone", "Values": list(zones)},
        ]
        try:
            asked = {"SubnetIds": list(ids)} if ids else {"Filters": default}
            answer = self._ec2.describe_subnets(**asked)
        except ClientError as error:
            raise LookupError(f"The subnet ID '{','.join(ids)}' does not exist") from error
        found = {one["SubnetId"]: one["AvailabilityZone"] for one in answer["Subnets"]}
        if not ids and set(zones) - set(found.values()):
            raise LookupError(f"No default subnet for availability zones: {', '.join(zones)}")
        return tuple(Subnet(key, found[key]) for key in (ids or found))

    def missing_target_groups(self, arns: Sequence[str]) -> tuple[str, ...]:
        missing = []
        for arn in arns:
            try:
                self._elb.describe_target_groups(TargetGroupArns=[arn])
            except ClientError:
                missing.append(arn)
        return tuple(missing)

    def launch(
        self,
        template: TemplateRef,
        subnet: Subnet,
        tags: Mapping[str, str],
        purchase: Purchase = ORDINARY,
    ) -> Launched:
        try:
            version = self._version(template.id, template.name, template.version)
            if version["LaunchTemplateData"].get("InstanceMarketOptions"):
                raise LaunchFailed(_OWN_MARKET)
            answer = self._ec2.run_instances(**_request(version, subnet, tags), **_bought(purchase))
        except LookupError as error:
            raise LaunchFailed(str(error)) from error
        except ClientError as error:
            raise LaunchFailed(f"{error.response['Error']['Message']}.") from error
        made = answer["Instances"][0]
        self._state(made["InstanceId"], "pending")
        self._instances()[made["InstanceId"]].launch_time = clock_time(self._context)
        return Launched(made["InstanceId"], made["InstanceType"], str(version["VersionNumber"]))

    def boot(self, instance_id: str) -> None:
        self._state(instance_id, "running")

    def terminate(self, instance_id: str) -> None:
        if self.states([instance_id]).get(instance_id) not in (None, "terminated"):
            self._ec2.terminate_instances(InstanceIds=[instance_id])
            self._state(instance_id, "shutting-down")

    def stop(self, instance_id: str) -> None:
        if self.states([instance_id]).get(instance_id) == "running":
            self._ec2.stop_instances(InstanceIds=[instance_id])
            self._state(instance_id, "stopping")

    def start(self, instance_id: str) -> None:
        if self.states([instance_id]).get(instance_id) == "stopped":
            self._ec2.start_instances(InstanceIds=[instance_id])
            self._state(instance_id, "pending")

    def _state(self, instance_id: str, name: str) -> None:
        state = self._instances()[instance_id].instance_state
        state.name, state.code = name, _CODES[name]

    def states(self, ids: Sequence[str]) -> Mapping[str, str]:
        instances = self._instances()
        return {key: instances[key].state for key in ids if key in instances}

    def register(self, arn: str, ids: Sequence[str]) -> None:
        try:
            self._elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": key} for key in ids])
        except ClientError as error:
            raise LookupError(
                "One or more target groups not found. Validating load balancer configuration"
                f" failed ({error.response['Error']['Message']})"
            ) from error

    def deregister(self, arn: str, ids: Sequence[str]) -> None:
        try:
            self._elb.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": key} for key in ids])
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise

    def target_states(self, arn: str) -> Mapping[str, str]:
        try:
            answer = self._elb.describe_target_health(TargetGroupArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return {}
            raise
        return {
            one["Target"]["Id"]: one["TargetHealth"]["State"]
            for one in answer["TargetHealthDescriptions"]
        }

    def balancers(self, arn: str) -> tuple[str, ...]:
        (found,) = self._elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
        return tuple(found.get("LoadBalancerArns", ()))

    def watch(self, alarm: Mapping[str, Any]) -> None:
        self._cloudwatch.put_metric_alarm(**alarm)

    def unwatch(self, alarms: Sequence[str]) -> None:
        self._cloudwatch.delete_alarms(AlarmNames=list(alarms))


def clock_time(context: Context) -> datetime:
    """Now by the lab's clock, as moto keeps times: in UTC and without saying so."""
    return datetime.fromtimestamp(context.clock.now(), UTC).replace(tzinfo=None)


def _request(version: Mapping[str, Any], subnet: Subnet, tags: Mapping[str, str]) -> dict[str, Any]:
    """RunInstances as Auto Scaling calls it: what moto does not take from the template is said."""
    data = version["LaunchTemplateData"]
    request: dict[str, Any] = {
        "MinCount": 1,
        "MaxCount": 1,
        "LaunchTemplate": {
            "LaunchTemplateId": version["LaunchTemplateId"],
            "Version": str(version["VersionNumber"]),
        },
        "TagSpecifications": [
            {
                "ResourceType": "instance",
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
        ],
    }
    for key in ("IamInstanceProfile", "MetadataOptions", "Monitoring"):
        if data.get(key):
            request[key] = data[key]
    if data.get("BlockDeviceMappings"):
        request["BlockDeviceMappings"] = [_sized(one) for one in data["BlockDeviceMappings"]]
    if data.get("NetworkInterfaces"):
        first, *others = data["NetworkInterfaces"]
        request["NetworkInterfaces"] = [{**first, "SubnetId": subnet.id}, *others]
    else:
        request["SubnetId"] = subnet.id
    return request


def _bought(purchase: Purchase) -> dict[str, Any]:
    """What overrides the launch template."""
    asked: dict[str, Any] = {}
    if purchase.instance_type:
        asked["InstanceType"] = purchase.instance_type
    if purchase.spot:
        asked["InstanceMarketOptions"] = {
            "MarketType": "spot",
            "SpotOptions": {"SpotInstanceType": "one-time"},
        }
    return asked


def _sized(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Without a size a root volume is as large as its image's, which moto does not know."""
    ebs = mapping.get("Ebs")
    if ebs is None or "VolumeSize" in ebs or "SnapshotId" in ebs:
        return dict(mapping)
    return {**mapping, "Ebs": {**ebs, "VolumeSize": _IMAGE_GIB}}
