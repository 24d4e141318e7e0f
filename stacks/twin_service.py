"""A service in two slots: load balancer, listeners, twin groups, and the parameter that names them.

CloudFormation never learns which slot serves. The production listener answers 503 by itself; the
rule that carries the weights is made and kept by the deployer, so no stack update, rollback or
drift revert can move live traffic. See docs/decisions/0001-who-owns-weights.md.
"""

from typing import Any

from aws_cdk import RemovalPolicy, Stack, aws_logs, aws_ssm
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from deployer.model import Slot
from deployer.settings.schema import Settings
from deployer.topology import SLOT_HEADER, output_log, topology_parameter
from stacks.alarms import SlotAlarms, Watched
from stacks.entrance import Entrance
from stacks.instance_role import InstanceRole
from stacks.props import TwinServiceProps
from stacks.slot import Shared, SlotGroup

TOPOLOGY_VERSION = 1


class TwinService(Construct):
    """What serves users, and what the deployer moves: `entrance`, `slots` and their `alarms`.

    One for each stack and environment: `deployer --env NAME` finds it by the parameter
    `/deployer/SERVICE/NAME/topology`.

    Raises:
        SettingsInvalid: something in the props is wrong: key, value, and what is allowed.
    """

    def __init__(self, scope: Construct, name: str, props: TwinServiceProps) -> None:
        super().__init__(scope, name)
        self.settings = settings = props.settings()
        self.entrance = Entrance(self, "Entrance", props)
        self.role = InstanceRole(self, "InstanceRole", props)
        if props.fleet.agent:
            self.role.let_agent_write(self._output(settings))
        shared = Shared(settings, props.place, self.role, self.entrance.instances)
        self.slots = {slot: SlotGroup(self, slot.value, shared) for slot in Slot}
        for priority, (slot, group) in enumerate(self.slots.items(), start=1):
            self._pin(slot, group, priority)
            # The deployer's rule there names both target groups, which no template says: they could
            # not be deleted before the listener (ResourceInUse), with which that rule vanishes.
            self.entrance.production.node.add_dependency(group.target_group)
            group.grow()
        self.alarms = {slot: self._watch(slot, settings) for slot in Slot}
        self._publish(props, settings)

    def _output(self, settings: Settings) -> aws_logs.LogGroup:
        """What the application writes, as the CloudWatch agent ships it."""
        return aws_logs.LogGroup(
            self,
            "Output",
            log_group_name=output_log(settings.service.name, settings.environment.name),
            retention=aws_logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )

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

    def _watch(self, slot: Slot, settings: Settings) -> SlotAlarms:
        watched = Watched(slot.value, self.slots[slot].target_group)
        return SlotAlarms(self, f"{slot.value.capitalize()}Alarms", watched, settings)

    def _publish(self, props: TwinServiceProps, settings: Settings) -> None:
        """Everything the command line must know, in one parameter that it reads once."""
        environment = settings.environment
        aws_ssm.StringParameter(
            self,
            "Topology",
            parameter_name=topology_parameter(settings.service.name, environment.name),
            description="What the deployer must know about this environment",
            string_value=Stack.of(self).to_json_string(
                {
                    "version": TOPOLOGY_VERSION,
                    "listener": self.entrance.production.listener_arn,
                    "test_listener": self.entrance.test.listener_arn,
                    "load_balancer": self.entrance.balancer.load_balancer_arn,
                    **self._urls(settings),
                    "slots": {slot.value: group.names() for slot, group in self.slots.items()},
                    "journal_table": props.journal.table_name,
                    "artifact_bucket": props.artifacts.bucket_name,
                    **({"topic": props.topic.topic_arn} if props.topic else {}),
                }
            ),
        )

    @property
    def url(self) -> str:
        """Where users find it."""
        return str(self._urls(self.settings)["url"])

    def _urls(self, settings: Settings) -> dict[str, Any]:
        environment, balancer = settings.environment, settings.balancer
        name = balancer.domain or self.entrance.balancer.load_balancer_dns_name
        url = f"{'https' if balancer.certificate else 'http'}://{name}"
        return {
            "url": f"{url}:{environment.listener_port}",
            "test_url": f"{url}:{environment.test_listener_port}",
        }
