"""The network: public subnets for the load balancer, isolated ones for the instances.

Instances have no public address and no way out but the S3 gateway endpoint, over which they fetch
their artifact (and Amazon Linux its packages). That needs no NAT gateway, costs nothing, and leaves
a compromised release only S3 to talk to. See docs/decisions/0002-instances-without-internet.md.
"""

from typing import Any

from aws_cdk import RemovalPolicy, Stack, aws_ec2, aws_logs
from constructs import Construct

from deployer.settings.schema import EnvironmentSettings, Settings
from stacks.acknowledged import acknowledge


class NetworkStack(Stack):
    """VPC, subnets in each zone of the settings, the S3 endpoint, a log of refused connections."""

    def __init__(self, scope: Construct, name: str, settings: Settings, **stack: Any) -> None:
        # Set before anything asks: the zones are settings, so nothing is ever looked up.
        self._zones = list(settings.environment.zones)
        super().__init__(scope, name, **stack)
        self.vpc = _vpc(self, settings.environment)
        self._log_refusals()
        acknowledge(
            self.vpc,
            {
                "CloudFormation-Validate::W3010": "Zones come from the settings on purpose: a zone "
                "that AWS picks at deployment would differ between accounts."
            },
        )

    @property
    def availability_zones(self) -> list[str]:
        return self._zones

    def _log_refusals(self) -> None:
        """Refused connections only: whom a security group turned away, at a small price."""
        group = aws_logs.LogGroup(
            self,
            "FlowLogs",
            retention=aws_logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.vpc.add_flow_log(
            "Refused",
            destination=aws_ec2.FlowLogDestination.to_cloud_watch_logs(group),
            traffic_type=aws_ec2.FlowLogTrafficType.REJECT,
        )


def _vpc(stack: Stack, environment: EnvironmentSettings) -> aws_ec2.Vpc:
    prefix = int(environment.vpc_cidr.partition("/")[2])
    return aws_ec2.Vpc(
        stack,
        "Vpc",
        ip_addresses=aws_ec2.IpAddresses.cidr(environment.vpc_cidr),
        availability_zones=list(environment.zones),
        nat_gateways=0,
        # A gateway endpoint is free; an interface endpoint is not.
        gateway_endpoints={
            "S3": aws_ec2.GatewayVpcEndpointOptions(service=aws_ec2.GatewayVpcEndpointAwsService.S3)
        },
        subnet_configuration=[
            aws_ec2.SubnetConfiguration(
                name="Public",
                subnet_type=aws_ec2.SubnetType.PUBLIC,
                map_public_ip_on_launch=False,
                cidr_mask=prefix + 8,
            ),
            aws_ec2.SubnetConfiguration(
                name="Instances",
                subnet_type=aws_ec2.SubnetType.PRIVATE_ISOLATED,
                cidr_mask=prefix + 4,
            ),
        ],
    )
