"""The way in: security groups, the load balancer and its two listeners, both closed by default.

Each listener answers a fixed 503 by itself. What the production listener forwards is the
deployer's affair; the test listener leads to the slots by header (`stacks.service`).
"""

from aws_cdk import aws_ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from deployer.settings.schema import Settings
from stacks.acknowledged import acknowledge


class Entrance(Construct):
    """`balancer`, its listeners `production` and `test`, and `instances`: the slots' security group."""

    def __init__(self, scope: Construct, name: str, vpc: aws_ec2.IVpc, settings: Settings) -> None:
        super().__init__(scope, name)
        environment = settings.environment
        doors = self._doors(vpc, settings)
        self.instances = self._behind(vpc, doors, settings.service.port)
        self.balancer = elbv2.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=vpc,
            internet_facing=True,
            vpc_subnets=aws_ec2.SubnetSelection(subnet_type=aws_ec2.SubnetType.PUBLIC),
            security_group=doors,
            drop_invalid_header_fields=True,
            deletion_protection=environment.protected,
        )
        acknowledge(
            self.balancer,
            {
                "AwsSolutions-ELB2": "Access logs come minutes late and are not what a deployment "
                "judges by; the monitoring stack decides where they go and for how long."
            },
        )
        self.production = self._listener("Production", environment.listener_port)
        self.test = self._listener("Test", environment.test_listener_port)

    def _listener(self, name: str, port: int) -> elbv2.ApplicationListener:
        return self.balancer.add_listener(
            name,
            port=port,
            protocol=elbv2.ApplicationProtocol.HTTP,
            # Who may connect is the security group's affair, from the settings.
            open=False,
            default_action=elbv2.ListenerAction.fixed_response(
                503, content_type="text/plain", message_body="No release serves here yet.\n"
            ),
        )

    def _doors(self, vpc: aws_ec2.IVpc, settings: Settings) -> aws_ec2.SecurityGroup:
        environment = settings.environment
        group = aws_ec2.SecurityGroup(
            self,
            "Doors",
            vpc=vpc,
            description="Load balancer: users on one port, tests on another",
            allow_all_outbound=False,
        )
        for cidr, port, whom in (
            (environment.ingress_cidr, environment.listener_port, "users"),
            (environment.test_listener_cidr, environment.test_listener_port, "tests"),
        ):
            group.add_ingress_rule(aws_ec2.Peer.ipv4(cidr), aws_ec2.Port.tcp(port), whom)
        acknowledge(
            group,
            {
                "AwsSolutions-EC23": "Users of a public service come from anywhere; [environments] "
                "ingress_cidr narrows it."
            },
        )
        return group

    def _behind(
        self, vpc: aws_ec2.IVpc, doors: aws_ec2.SecurityGroup, port: int
    ) -> aws_ec2.SecurityGroup:
        """Instances: reached by the load balancer only, on the service's port only."""
        group = aws_ec2.SecurityGroup(
            self,
            "Instances",
            vpc=vpc,
            description="Instances: only the load balancer gets in",
            allow_all_outbound=False,
        )
        group.add_ingress_rule(doors, aws_ec2.Port.tcp(port), "from the load balancer")
        doors.add_egress_rule(group, aws_ec2.Port.tcp(port), "to the instances")
        # The subnets' only way out is the S3 endpoint; its addresses are not known at synthesis.
        group.add_egress_rule(aws_ec2.Peer.any_ipv4(), aws_ec2.Port.tcp(443), "artifacts from S3")
        return group
