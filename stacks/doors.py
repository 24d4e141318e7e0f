"""Security groups: users and tests reach the load balancer, which alone reaches the instances."""

from aws_cdk import aws_ec2
from constructs import Construct

from deployer.settings.schema import Settings
from stacks.acknowledged import acknowledge


def doors(scope: Construct, vpc: aws_ec2.IVpc, settings: Settings) -> aws_ec2.SecurityGroup:
    """The load balancer's: one port for users (two with HTTPS), another for tests."""
    group = aws_ec2.SecurityGroup(
        scope,
        "Doors",
        vpc=vpc,
        description="Load balancer: users on one port, tests on another",
        allow_all_outbound=False,
    )
    for cidr, port, whom in _openings(settings):
        group.add_ingress_rule(aws_ec2.Peer.ipv4(cidr), aws_ec2.Port.tcp(port), whom)
    acknowledge(
        group,
        {
            "AwsSolutions-EC23": "Users of a public service come from anywhere; [environments] "
            "ingress_cidr narrows it."
        },
    )
    return group


def _openings(settings: Settings) -> list[tuple[str, int, str]]:
    environment, balancer = settings.environment, settings.balancer
    redirected = [(environment.ingress_cidr, balancer.redirect_port, "users, to be redirected")]
    return [
        (environment.ingress_cidr, environment.listener_port, "users"),
        *(redirected if balancer.certificate else []),
        (environment.test_listener_cidr, environment.test_listener_port, "tests"),
    ]


def behind(
    scope: Construct, vpc: aws_ec2.IVpc, front: aws_ec2.SecurityGroup, port: int
) -> aws_ec2.SecurityGroup:
    """The instances': reached by the load balancer only, on the service's port only."""
    group = aws_ec2.SecurityGroup(
        scope,
        "Instances",
        vpc=vpc,
        description="Instances: only the load balancer gets in",
        allow_all_outbound=False,
    )
    group.add_ingress_rule(front, aws_ec2.Port.tcp(port), "from the load balancer")
    front.add_egress_rule(group, aws_ec2.Port.tcp(port), "to the instances")
    # Where that leads is the network's affair ([network] way_out); S3's addresses, for one, are not
    # known at synthesis.
    group.add_egress_rule(aws_ec2.Peer.any_ipv4(), aws_ec2.Port.tcp(443), "artifacts from S3")
    return group
