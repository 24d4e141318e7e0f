"""A slot: one target group, one launch template, one Auto Scaling group. Its twin is the same.

Nothing here belongs to a release. The group boots whatever the launch template's *default version*
says, and only the deployer moves that (aws-facts 5.1: a stack update adds a version, which then
changes nothing until the next release inherits from it).
"""

from dataclasses import dataclass

from aws_cdk import Duration, Tags, aws_autoscaling, aws_ec2, aws_iam
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from deployer.settings.schema import Settings
from deployer.topology import SLOT_TAG, output_log, target_group_name
from stacks.acknowledged import acknowledge
from stacks.growth import grow, keep_warm, mixed
from stacks.props import Place
from stacks.raw import raw
from stacks.user_data import user_data

ROOT_DEVICE = "/dev/xvda"  # of Amazon Linux


@dataclass(frozen=True, slots=True)
class Shared:
    """What both slots have in common."""

    settings: Settings
    place: Place
    role: aws_iam.Role
    security_group: aws_ec2.SecurityGroup


class SlotGroup(Construct):
    """`target_group`, `launch_template` and `group` of the slot `name` (blue or green)."""

    def __init__(self, scope: Construct, name: str, shared: Shared) -> None:
        super().__init__(scope, name.capitalize())
        self.target_group = self._target_group(name, shared)
        self.launch_template = self._launch_template(shared)
        self.group = self._group(shared)
        self.target_group.add_target(self.group)
        keep_warm(self.group, shared.settings.fleet)
        self._fleet = shared.settings.fleet
        Tags.of(self).add(SLOT_TAG, name)

    def grow(self) -> None:
        """Add the scaling policies; after the target group has got its listener."""
        grow(self.group, self._fleet)

    def names(self) -> dict[str, str]:
        """How the deployer addresses the slot (part of the topology parameter)."""
        return {
            "target_group": self.target_group.target_group_arn,
            "group": self.group.auto_scaling_group_name,
            "launch_template": raw(self.launch_template).ref,
        }

    def _target_group(self, name: str, shared: Shared) -> elbv2.ApplicationTargetGroup:
        service, environment = shared.settings.service, shared.settings.environment
        return elbv2.ApplicationTargetGroup(
            self,
            "Targets",
            # A name of its own forbids CloudFormation to put a new one in its place: it would be
            # empty, and the deployer's rule would still lead to the old one, which loses its group.
            target_group_name=target_group_name(service.name, environment.name, name),
            vpc=shared.place.vpc,
            port=service.port,
            protocol=elbv2.ApplicationProtocol.HTTP,
            target_type=elbv2.TargetType.INSTANCE,
            deregistration_delay=Duration.seconds(environment.deregistration_delay_s),
            slow_start=_seconds(environment.slow_start_s),
            # No stickiness here: with it no cut-over and no way back would take users off a slot, and
            # `deployer` refuses such groups. The production rule may stick (deployer/planning/stickiness.py).
            health_check=_health_check(shared.settings),
        )

    def _launch_template(self, shared: Shared) -> aws_ec2.LaunchTemplate:
        environment = shared.settings.environment
        template = aws_ec2.LaunchTemplate(
            self,
            "LaunchTemplate",
            # A literal id: an SSM-typed one would re-resolve at every stack update.
            machine_image=aws_ec2.MachineImage.generic_linux(
                {environment.region: environment.image}
            ),
            instance_type=aws_ec2.InstanceType(environment.instance_type),
            security_group=shared.security_group,
            role=shared.role,
            user_data=aws_ec2.UserData.custom(_script(shared.settings)),
            require_imdsv2=True,
            http_put_response_hop_limit=1,
            instance_metadata_tags=True,
            block_devices=[_root_volume()],
        )
        # Without a size the root volume is as large as the image wants it.
        raw(template).add_property_deletion_override(
            "LaunchTemplateData.BlockDeviceMappings.0.Ebs.VolumeSize"
        )
        return template

    def _group(self, shared: Shared) -> aws_autoscaling.AutoScalingGroup:
        environment = shared.settings.environment
        policy = mixed(self.launch_template, shared.settings)
        group = aws_autoscaling.AutoScalingGroup(
            self,
            "Group",
            vpc=shared.place.vpc,
            vpc_subnets=shared.place.instance_subnets,
            launch_template=None if policy else self.launch_template,
            mixed_instances_policy=policy,
            capacity_rebalance=True if policy else None,
            min_capacity=0,
            max_capacity=environment.max_instances,
            health_checks=aws_autoscaling.HealthChecks.with_additional_checks(
                additional_types=[aws_autoscaling.AdditionalHealthCheckType.ELB],
                grace_period=Duration.seconds(environment.health_check_grace_s),
            ),
        )
        # For ever: a number here would move with every change of the launch template, and boot
        # an unvetted version at the live slot's next scale-out.
        where = (
            "MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification"
            if policy
            else ("LaunchTemplate")
        )
        raw(group).add_property_override(f"{where}.Version", "$Default")
        if policy:
            acknowledge(
                group,
                {
                    "AwsSolutions-EC26": "The rule cannot read a template among several types: the "
                    "volumes are encrypted by the launch template."
                },
            )
        acknowledge(
            group,
            {
                "AwsSolutions-AS3": "Launches and failures are read from the group's activities "
                "during a deployment; what is missing then shows in the slot's alarms.",
            },
        )
        return group


def _script(settings: Settings) -> str:
    names = settings.service.name, settings.environment.name
    return user_data(settings.service, output_log(*names) if settings.fleet.agent else "")


def _seconds(wanted_s: float) -> Duration | None:
    return Duration.seconds(wanted_s) if wanted_s else None


def _health_check(settings: Settings) -> elbv2.HealthCheck:
    environment = settings.environment
    return elbv2.HealthCheck(
        path=settings.service.health_path,
        healthy_http_codes="200",
        interval=Duration.seconds(environment.health_check_interval_s),
        timeout=Duration.seconds(environment.health_check_timeout_s),
        healthy_threshold_count=environment.healthy_threshold,
        unhealthy_threshold_count=environment.unhealthy_threshold,
    )


def _root_volume() -> aws_ec2.BlockDevice:
    return aws_ec2.BlockDevice(
        device_name=ROOT_DEVICE,
        volume=aws_ec2.BlockDeviceVolume.ebs(
            8,
            encrypted=True,
            volume_type=aws_ec2.EbsDeviceVolumeType.GP3,
            delete_on_termination=True,  # said: what an image has as its default is its affair
        ),
    )
