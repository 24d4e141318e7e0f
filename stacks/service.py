"""The service stack: one TwinService, as deployer.toml describes it."""

from typing import Any

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from deployer.settings.schema import Settings
from stacks.control import ControlStack
from stacks.network import NetworkStack, existing
from stacks.props import TwinServiceProps
from stacks.twin_service import TwinService


class ServiceStack(Stack):
    """`service`: what serves users. Without a network of its own it goes into the settings' VPC."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        network: NetworkStack | None,
        control: ControlStack,
        **stack: Any,
    ) -> None:
        super().__init__(scope, name, **stack)
        props = TwinServiceProps(
            service=settings.service,
            environment=settings.environment,
            place=network.place if network else existing(self, settings),
            journal=control.journal,
            artifacts=control.artifacts,
            logs=control.logs,
            topic=control.topic,
            release=settings.release,
            network=settings.network,
            balancer=settings.balancer,
            fleet=settings.fleet,
            monitoring=settings.monitoring,
        )
        # "Default" leaves no trace in the names of the resources.
        self.service = TwinService(self, "Default", props)
        CfnOutput(self, "Url", value=self.service.url)
        control.deployer.move(self, self.service.entrance.production, self.service.slots.values())
