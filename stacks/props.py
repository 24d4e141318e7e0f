"""What the constructs need to be told: typed, with defaults.

The stacks fill these in from deployer.toml; another CDK application does it by hand, as the one in
examples/cdk.
"""

from dataclasses import dataclass, field

from aws_cdk import aws_dynamodb, aws_ec2, aws_s3, aws_sns

from deployer.settings.reading import made
from deployer.settings.schema import (
    EnvironmentSettings,
    ReleaseSettings,
    ServiceSettings,
    Settings,
)
from deployer.settings.stacks import (
    BalancerSettings,
    FleetSettings,
    MonitoringSettings,
    NetworkSettings,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a service lives in its network; None leaves the choice of subnets to the CDK.

    balancer_subnets:  of the load balancer: two zones at least, routed to the internet.
    instance_subnets:  of the instances: the same zones; they need S3, no more.
    """

    vpc: aws_ec2.IVpc
    balancer_subnets: aws_ec2.SubnetSelection | None = None
    instance_subnets: aws_ec2.SubnetSelection | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinServiceProps:
    """A service in two slots.

    service:     name, port, health path and start command.
    environment: its name, Region, zones, AMI, sizes, ports and health checks.
    place:       its network.
    journal:     table of the deployments: string keys `pk` and `sk`, time to live `ttl`.
    artifacts:   bucket that releases are fetched from, unless `release.artifact` names another.
    logs:        bucket for access logs; None: there are none.
    topic:       hears of deployments that need a person; None: nobody does.

    The rest are the sections of deployer.toml, documented in deployer.example.toml, with its defaults.
    """

    service: ServiceSettings
    environment: EnvironmentSettings
    place: Place
    journal: aws_dynamodb.ITable
    artifacts: aws_s3.IBucket
    logs: aws_s3.IBucket | None = None
    topic: aws_sns.ITopic | None = None
    release: ReleaseSettings = field(default_factory=ReleaseSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    balancer: BalancerSettings = field(default_factory=BalancerSettings)
    fleet: FleetSettings = field(default_factory=FleetSettings)
    monitoring: MonitoringSettings = field(default_factory=MonitoringSettings)

    def settings(self) -> Settings:
        """The same as deployer.toml would say it.

        Raises:
            SettingsInvalid: something in it is wrong: key, value, and what is allowed.
        """
        sections = {
            "release": self.release,
            "network": self.network,
            "balancer": self.balancer,
            "fleet": self.fleet,
            "monitoring": self.monitoring,
        }
        return made(self.service, self.environment, sections)
