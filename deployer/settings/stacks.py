"""The sections of deployer.toml that only the stacks read: what `cdk deploy` builds.

Nothing here changes what a deployment does; deployer.example.toml documents every key.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from deployer.settings.kinds import (
    DAY_S,
    CountOrNone,
    InstanceType,
    ListenerPort,
    Requests,
    Seconds,
    Share,
    within,
)

YES_OR_NO = Meta(description="true or false")
VpcOrNone = Annotated[
    str,
    Meta(
        pattern=r"^(vpc-[0-9a-f]{8,17})?$",
        description='the id of a VPC such as vpc-0abcdef1234567890, or "" for one of its own',
    ),
]
Subnets = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^subnet-[0-9a-f]{8,17}$")], ...],
    Meta(max_length=6, description='ids of subnets such as ["subnet-0abcdef1234567890"]'),
]
CertificateOrNone = Annotated[
    str,
    Meta(
        pattern=r"^(arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[A-Za-z0-9-]+)?$",
        description='the ARN of an ACM certificate, or "" for plain HTTP',
    ),
]
DomainOrNone = Annotated[
    str,
    Meta(
        pattern=r"^((?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})+)?$",
        max_length=253,
        description='a name such as shop.example.com, or ""',
    ),
]
TlsPolicy = Annotated[
    str,
    Meta(
        pattern=r"^ELBSecurityPolicy-TLS13-[A-Za-z0-9-]+$",
        description="a security policy with TLS 1.3, such as ELBSecurityPolicy-TLS13-1-2-2021-06",
    ),
]
Emails = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$")], ...],
    Meta(max_length=10, description='up to 10 addresses such as ["ops@example.com"]'),
]
FurtherTypes = Annotated[
    tuple[InstanceType, ...],
    Meta(max_length=39, description='up to 39 EC2 instance types such as ["t3a.micro"]'),
]
Percent = Annotated[int, Meta(ge=0, le=100, description="a whole percent from 0 to 100")]
RequestsOrNone = Annotated[
    int, Meta(ge=0, le=1_000_000, description="a whole number of requests a minute, or 0 for none")
]
IdleTime = Annotated[Seconds, within(1, 4000, "whole seconds from 1s to 1h6m40s", whole=True)]
Kept = Annotated[Seconds, within(0, 3653 * DAY_S, "whole days such as 30d, or 0s for none")]
Slowness = Annotated[Seconds, within(0.001, 4000, "a duration from 1ms to 1h, such as 500ms")]
Every = Annotated[Seconds, within(60, 900, "whole minutes from 1m to 15m", whole=True)]
ErrorShare = Annotated[Share, within(1, 1000, "percent from 0.1 to 100")]
Minutes = Annotated[int, Meta(ge=1, le=60, description="a whole number of minutes from 1 to 60")]


class NetworkSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[network]: a network of its own (`vpc` empty), or the subnets of one that is there.

    public_subnets, private_subnets: of that VPC: for the load balancer, for the instances.
    way_out:   what instances reach beside the load balancer. `s3`: S3 alone; `endpoints`: Systems
               Manager, CloudWatch and its logs too; `nat`: the internet.
    flow_logs: which connections of the network are logged.
    """

    vpc: VpcOrNone = ""
    public_subnets: Subnets = ()
    private_subnets: Subnets = ()
    way_out: Annotated[
        Literal["s3", "endpoints", "nat"], Meta(description='"s3", "endpoints" or "nat"')
    ] = "s3"
    flow_logs: Annotated[
        Literal["rejected", "all", "none"], Meta(description='"rejected", "all" or "none"')
    ] = "rejected"


class BalancerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[balancer]: how the load balancer speaks to users.

    certificate:   with one, both listeners speak HTTPS.
    domain:        the name that the certificate is for; the deployer's probes ask for it.
    redirect_port: plain HTTP there is sent to the production listener.
    access_logs_s: how long the access logs are kept.
    """

    certificate: CertificateOrNone = ""
    domain: DomainOrNone = ""
    redirect_port: ListenerPort = 80
    tls_policy: TlsPolicy = "ELBSecurityPolicy-TLS13-1-2-2021-06"
    idle_timeout_s: IdleTime = field(name="idle_timeout", default=Seconds(60))
    access_logs_s: Kept = field(name="access_logs", default=Seconds(30 * DAY_S))


class FleetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[fleet]: what the groups are made of beside `instance_type`, and how they grow.

    instance_types:    further types of the same size, for more pools of capacity.
    on_demand_base:    so many instances of each group are never Spot.
    on_demand_percent: share of the rest that is not Spot.
    warm_pool:         stopped instances that each group keeps ready.
    scale_on_cpu:      percent of CPU that the group is kept at; 0: no such policy.
    scale_on_requests: requests a minute for each instance, likewise.
    agent:             the CloudWatch agent runs on the instances.
    """

    instance_types: FurtherTypes = ()
    on_demand_base: CountOrNone = 0
    on_demand_percent: Percent = 100
    warm_pool: CountOrNone = 0
    scale_on_cpu: Percent = 0
    scale_on_requests: RequestsOrNone = 0
    agent: Annotated[bool, YES_OR_NO] = False


class RunnerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[runner]: what carries deployments on in the cloud, without a machine of anybody's.

    enabled: the runner stack is built: the supervisor, and what `--detach` needs.
    every_s: how often the supervisor looks.
    expire_idle: it empties a slot without traffic that nobody can want any more.
    """

    enabled: Annotated[bool, YES_OR_NO] = True
    every_s: Every = field(name="every", default=Seconds(60))
    expire_idle: Annotated[bool, YES_OR_NO] = True


class MonitoringSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[monitoring]: alarms on each slot, who is told, and the dashboard.

    errors:       share of failed requests, per mille, above which a slot's alarm rings.
    min_requests: in a minute with fewer it does not.
    slow_s:       the slowest hundredth of the answers may take as long.
    minutes:      so many minutes in a row.
    emails:       told by the environment's topic, after they have confirmed.
    own_metrics:  the deployer publishes weights and marks of deployments, for the dashboard.
    upload_reports: a deployment's report lies in the artifact bucket once it has ended.
    """

    errors: ErrorShare = Share(50)
    min_requests: Requests = 20
    slow_s: Slowness = field(name="slow", default=Seconds(1))
    minutes: Minutes = 3
    emails: Emails = ()
    dashboard: Annotated[bool, YES_OR_NO] = True
    own_metrics: Annotated[bool, YES_OR_NO] = True
    upload_reports: Annotated[bool, YES_OR_NO] = True
