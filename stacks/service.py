"""The service: load balancer, two listeners, twin slots, and the parameter that names them all.

CloudFormation never learns which slot serves. The production listener answers 503 by itself; the
rule that carries the weights is made and kept by the deployer, so no stack update, rollback or
drift revert can move live traffic. See docs/decisions/0001-who-owns-weights.md.
"""

from typing import Any

from aws_cdk import Fn, Stack, aws_iam, aws_ssm
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from deployer.model import Slot
from deployer.settings.artifacts import location
from deployer.settings.schema import Settings
from deployer.topology import SLOT_HEADER, topology_parameter
from stacks.acknowledged import acknowledge
from stacks.control import ControlStack
from stacks.entrance import Entrance
from stacks.network import NetworkStack
from stacks.slot import Shared, SlotGroup

TOPOLOGY_VERSION = 1


class ServiceStack(Stack):
    """What serves users, and what the deployer moves: `entrance` and `slots`."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        network: NetworkStack,
        control: ControlStack,
        **stack: Any,
    ) -> None:
        super().__init__(scope, name, **stack)
        self.entrance = Entrance(self, "Entrance", network.vpc, settings)
        shared = Shared(
            settings, network.vpc, _role(self, settings, control), self.entrance.instances
        )
        self.slots = {slot: SlotGroup(self, slot.value, shared) for slot in Slot}
        for priority, (slot, group) in enumerate(self.slots.items(), start=1):
            self._pin(slot, group, priority)
        self._publish(settings, control)
        control.deployer.move(self, self.entrance.production, self.slots.values())

    def _pin(self, slot: Slot, group: SlotGroup, priority: int) -> None:
        """A rule on the test listener that leads to one slot whatever the weights say.

        It is also what keeps an idle slot's targets checked: a target group that no rule
        references is never checked (aws-facts 1.2).
        """
        self.entrance.test.add_action(
            f"Pin{slot.value.capitalize()}",
            priority=priority,
            conditions=[elbv2.ListenerCondition.http_header(SLOT_HEADER, [slot.value])],
            action=elbv2.ListenerAction.forward([group.target_group]),
        )

    def _publish(self, settings: Settings, control: ControlStack) -> None:
        """Everything the command line must know, in one parameter that it reads once."""
        environment, balancer = settings.environment, self.entrance.balancer
        url = f"http://{balancer.load_balancer_dns_name}"
        aws_ssm.StringParameter(
            self,
            "Topology",
            parameter_name=topology_parameter(settings.service.name, environment.name),
            description="What the deployer must know about this environment",
            string_value=self.to_json_string(
                {
                    "version": TOPOLOGY_VERSION,
                    "listener": self.entrance.production.listener_arn,
                    "test_listener": self.entrance.test.listener_arn,
                    "load_balancer": balancer.load_balancer_arn,
                    "url": f"{url}:{environment.listener_port}",
                    "test_url": f"{url}:{environment.test_listener_port}",
                    "slots": {slot.value: group.names() for slot, group in self.slots.items()},
                    "journal_table": control.journal.table_name,
                    "artifact_bucket": control.artifacts.bucket_name,
                }
            ),
        )


def _role(stack: Stack, settings: Settings, control: ControlStack) -> aws_iam.Role:
    """Instances may read the service's artifacts and nothing else.

    No Session Manager: its agent needs a way out of the network that instances do not have.
    """
    role = aws_iam.Role(
        stack, "InstanceRole", assumed_by=aws_iam.ServicePrincipal("ec2.amazonaws.com")
    )
    bucket, prefix = location(settings)
    export = _export(control) if bucket is None else None
    arn = Fn.import_value(export) if export else f"arn:{stack.partition}:s3:::{bucket}"
    role.add_to_policy(
        aws_iam.PolicyStatement(
            sid="ReadArtifacts", actions=["s3:GetObject"], resources=[f"{arn}/{prefix}*"]
        )
    )
    acknowledge(
        role,
        {
            f"AwsSolutions-IAM5[Resource::{export or arn}/{prefix}*]": "Releases come and go; all of "
            "them are below this prefix, which is the service's own."
        },
    )
    return role


def _export(control: ControlStack) -> str:
    """Name of the export that holds the artifact bucket's ARN: cdk-nag spells findings with it."""
    reference = control.resolve(control.export_value(control.artifacts.bucket_arn))
    return str(reference["Fn::ImportValue"])
