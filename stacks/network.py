"""The network: public subnets for the load balancer, private ones for the instances.

What instances reach is a setting ([network] way_out). By default it is S3 alone, through a gateway
endpoint, over which they fetch their artifact (and Amazon Linux its packages). That needs no NAT
gateway, costs nothing, and leaves a compromised release only S3 to talk to. See
docs/decisions/0002-instances-without-internet.md.
"""

from typing import Any

from aws_cdk import RemovalPolicy, Stack, aws_ec2, aws_logs
from constructs import Construct

from deployer.settings.schema import EnvironmentSettings, Settings
from deployer.settings.stacks import NetworkSettings
from stacks.acknowledged import acknowledge
from stacks.props import Place

# What Session Manager and the CloudWatch agent talk to: each its own interface endpoint.
ENDPOINTS = {
    "Ssm": aws_ec2.InterfaceVpcEndpointAwsService.SSM,
    "Sessions": aws_ec2.InterfaceVpcEndpointAwsService.SSM_MESSAGES,
    "Messages": aws_ec2.InterfaceVpcEndpointAwsService.EC2_MESSAGES,
    "Metrics": aws_ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_MONITORING,
    "Logs": aws_ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
}
_TRAFFIC = {
    "rejected": aws_ec2.FlowLogTrafficType.REJECT,
    "all": aws_ec2.FlowLogTrafficType.ALL,
}


class NetworkStack(Stack):
    """`place`: VPC, subnets in each zone of the settings, ways out, a log of connections."""

    def __init__(self, scope: Construct, name: str, settings: Settings, **stack: Any) -> None:
        # Set before anything asks: the zones are settings, so nothing is ever looked up.
        self._zones = list(settings.environment.zones)
        super().__init__(scope, name, **stack)
        self.vpc = _vpc(self, settings.environment, settings.network)
        if settings.network.way_out == "endpoints":
            self._open_endpoints(settings.environment.vpc_cidr)
        self._log_connections(settings.network.flow_logs)
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

    @property
    def place(self) -> Place:
        """Where the service goes in this network."""
        return Place(
            vpc=self.vpc,
            balancer_subnets=aws_ec2.SubnetSelection(subnet_group_name="Public"),
            instance_subnets=aws_ec2.SubnetSelection(subnet_group_name="Instances"),
        )

    def _open_endpoints(self, inside: str) -> None:
        """Doors to AWS's own services, for whatever is in the VPC, in each zone."""
        group = aws_ec2.SecurityGroup(
            self,
            "Endpoints",
            vpc=self.vpc,
            description="Interface endpoints: reached from within the network",
            allow_all_outbound=False,
        )
        group.add_ingress_rule(aws_ec2.Peer.ipv4(inside), aws_ec2.Port.tcp(443), "from the network")
        for name, service in ENDPOINTS.items():
            self.vpc.add_interface_endpoint(
                name,
                service=service,
                open=False,
                security_groups=[group],
                subnets=aws_ec2.SubnetSelection(subnet_group_name="Instances"),
            )

    def _log_connections(self, which: str) -> None:
        """Refused connections, or all: whom a security group turned away, at a small price."""
        if which == "none":
            acknowledge(
                self.vpc,
                {"AwsSolutions-VPC7": "Turned off in the settings: [network] flow_logs."},
            )
            return
        group = aws_logs.LogGroup(
            self,
            "FlowLogs",
            retention=aws_logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.vpc.add_flow_log(
            "Refused",
            destination=aws_ec2.FlowLogDestination.to_cloud_watch_logs(group),
            traffic_type=_TRAFFIC[which],
        )


def existing(scope: Construct, settings: Settings) -> Place:
    """The VPC and the subnets that the settings name; nothing is looked up, nothing made."""
    network, zones = settings.network, list(settings.environment.zones)
    vpc = aws_ec2.Vpc.from_vpc_attributes(
        scope,
        "Vpc",
        vpc_id=network.vpc,
        availability_zones=zones,
        public_subnet_ids=list(network.public_subnets),
        private_subnet_ids=list(network.private_subnets),
    )
    acknowledge(
        vpc,
        {
            "Annotation::@aws-cdk/aws-ec2:noSubnetRouteTableId": "Nothing is added to the routes of "
            "a network that others own."
        },
    )
    return Place(
        vpc=vpc,
        balancer_subnets=aws_ec2.SubnetSelection(subnets=vpc.public_subnets),
        instance_subnets=aws_ec2.SubnetSelection(subnets=vpc.private_subnets),
    )


def _vpc(stack: Stack, environment: EnvironmentSettings, network: NetworkSettings) -> aws_ec2.Vpc:
    prefix = int(environment.vpc_cidr.partition("/")[2])
    outward = network.way_out == "nat"
    inner = (
        aws_ec2.SubnetType.PRIVATE_WITH_EGRESS if outward else (aws_ec2.SubnetType.PRIVATE_ISOLATED)
    )
    return aws_ec2.Vpc(
        stack,
        "Vpc",
        ip_addresses=aws_ec2.IpAddresses.cidr(environment.vpc_cidr),
        availability_zones=list(environment.zones),
        # One in each zone: a zone that fails takes no other zone's way out along.
        nat_gateways=len(environment.zones) if outward else 0,
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
            aws_ec2.SubnetConfiguration(name="Instances", subnet_type=inner, cidr_mask=prefix + 4),
        ],
    )
