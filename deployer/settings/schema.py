"""What deployer.toml may say: one frozen struct per section, with the defaults.

A field's name in the file is its name here without the unit: `bake = "10m"` is `bake_s == 600.0`.
Durations (`*_s`) are seconds, shares (`weights`, `tolerance`) are per mille.
deployer.example.toml documents every key; a test compares it with these structs.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from deployer.settings.cost import CostSettings
from deployer.settings.existing import ExistingSettings
from deployer.settings.freezing import WindowsSettings
from deployer.settings.hooks import HooksSettings
from deployer.settings.kinds import (
    AUTO,
    Account,
    AlarmNames,
    Approvals,
    Batch,
    BatchOrNone,
    Bound,
    Budget,
    CanaryWeights,
    Cidr,
    Climb,
    Count,
    CountOrNone,
    Deadline,
    Draining,
    Grace,
    GroupOfUsers,
    GroupOrNone,
    HoldBack,
    HoldBackTime,
    Image,
    ImageOrNone,
    InstanceType,
    Interval,
    Lease,
    Line,
    ListenerPort,
    Minutes,
    MinutesOrNone,
    Path,
    Patience,
    Pause,
    Portion,
    PortionOrNone,
    Probes,
    Ratio,
    Region,
    Requests,
    Seconds,
    SecondsOrAuto,
    ServicePort,
    Share,
    ShareOrAuto,
    Slowness,
    SlowStart,
    Slug,
    Stickiness,
    Threshold,
    Tolerance,
    Wait,
)
from deployer.settings.metrics import Metrics
from deployer.settings.notify import NotifySettings
from deployer.settings.stacks import (
    BalancerSettings,
    FleetSettings,
    MonitoringSettings,
    NetworkSettings,
    RunnerSettings,
)
from deployer.settings.teardown import SweepSettings, TeardownSettings
from deployer.settings.telemetry import TelemetrySettings


class ServiceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[service]: what runs on each instance."""

    name: Slug
    port: ServicePort = 8080
    health_path: Path = "/health"
    start: Line = "python3 app.py"


class ReleaseSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[release]: what the name of a release stands for.

    artifact: template of an S3 URI with {bucket}, {service} and {release}; see `artifacts.resolve`.
    image:    AMI id that releases boot instead of the environment's; empty for none.
    """

    artifact: Annotated[
        str,
        Meta(description="an S3 URI with {release} in it; {bucket} and {service} are also known"),
    ] = "s3://{bucket}/{service}/{release}.tar.gz"
    image: ImageOrNone = ""


STOPS = (Share(50), Share(250), Share(500))  # without a past there is no ramp
RAMP_HOLD_BACK = Share(50)


class CanarySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[canary]: the way traffic moves.

    weights:          the candidate's shares on the way to 100 %, per mille, rising; empty: a ramp
                      finds them as the evidence comes, where the service's past is known.
    bake_s:           how long each of these shares is judged.
    final_bake_s:     how long the candidate is judged while it serves everything.
    group:            users that the candidate serves before anybody else does; empty: none.
    group_bake_s:     how long it is judged meanwhile.
    approve:          shares, per mille, after whose bake a person must approve; 1000 is one too,
                      and 0 the group alone.
    approve_within_s: how long approval is waited for, of a blue/green deployment too.
    capacity:         what the candidate gets: as much as the live slot has, or what its share needs.
    hold_back_s:      how long `hold_back`, a share in per mille, stays with the old release, to be
                      compared with the new one, before that gets everything; 0: nothing is held
                      back; auto: as `held` and `held_s` say.
    linger_s:         how long the old slot stays, warm and at weight 0, after that.
    """

    weights: CanaryWeights = Climb()
    bake_s: Pause = field(name="bake", default=Seconds(600))
    final_bake_s: Pause = field(name="final_bake", default=Seconds(600))
    group: GroupOfUsers = GroupOrNone()
    group_bake_s: Pause = field(name="group_bake", default=Seconds(600))
    approve: Approvals = ()
    approve_within_s: Wait = field(name="approve_within", default=Seconds(86_400))
    capacity: Annotated[Literal["full", "matched"], Meta(description='"full" or "matched"')] = (
        "full"
    )
    hold_back: HoldBack = ShareOrAuto(AUTO)
    hold_back_s: HoldBackTime = field(name="hold_back_for", default=SecondsOrAuto(AUTO))
    linger_s: Pause = field(name="linger", default=Seconds(600))
    route_deadline_s: Deadline = field(name="route_deadline", default=Seconds(120))
    retire_deadline_s: Deadline = field(name="retire_deadline", default=Seconds(900))

    @property
    def stops(self) -> tuple[Share, ...]:
        """The shares that there are if no ramp finds any."""
        return self.weights or STOPS

    @property
    def held(self) -> Share:
        """What is held back, per mille: auto is a twentieth after a ramp, else nothing."""
        given = self.hold_back.given
        return (Share(0) if self.weights else RAMP_HOLD_BACK) if given is None else given

    @property
    def held_s(self) -> Seconds:
        """For how long: auto is ten minutes after a ramp, else an hour."""
        given = self.hold_back_s.given
        return Seconds(3600 if self.weights else 600) if given is None else given


class BlueGreenSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[blue_green]: everything in one change.

    bake_s:   how long the candidate is judged while it serves everything.
    approve:  a person must approve after that.
    window_s: how long the old slot stays warm and whole: going back is one change.
    standby:  instances that the old slot keeps after that.
    """

    bake_s: Pause = field(name="bake", default=Seconds(600))
    approve: Annotated[bool, Meta(description="true or false")] = False
    window_s: Pause = field(name="window", default=Seconds(3600))
    standby: CountOrNone = 0


class RollingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[rolling]: the instances of the live group give way, a batch at a time.

    max_unavailable: so many instances fewer than the group has may serve; a share rounds down.
    surge:           so many more may be launched, so that capacity never falls; it rounds up.
    bake_s:          how long the slot is judged after each batch.
    until:           so many replaced instances are a checkpoint: it pauses there.
    """

    max_unavailable: Batch = Portion("0")
    surge: Batch = Portion("25%")
    bake_s: Pause = field(name="bake", default=Seconds(60))
    until: BatchOrNone = PortionOrNone()


class AnalysisSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[analysis]: when a candidate is good (docs/analysis.md).

    alpha, beta:     a good release is sent back, a harmful one called good, with this probability at
                     most, 0..1.
    tolerated:       times the stable slot's rate of bad requests that is still fine.
    harm_budget:     bad requests that the next stretch of a ramp may cost at worst.
    slow:            from when an answer is slow: auto, by what is usual; off: latency is not judged.
    warm_up_s:       the candidate's first minutes, in which only a fatal fault counts.
    min_time_s, max_time_s: least and most time that a canary is judged for.
    inconclusive:    what too little evidence means when time is up; auto: to promote what stands
                     beside the stable slot, and to abort anything else.
    min_requests, tolerance: where nothing is beside the release: fewer requests than this are no
                     evidence; the share of failures that it may add to what was usual, per mille.
    metrics_delay_s: age from which a closed minute of metrics counts as complete.
    alarms:          CloudWatch alarms, composite ones too, none of which may ring when a deployment
                     begins nor while it bakes.
    alarms_without_data: what INSUFFICIENT_DATA of one of them means.
    metrics:         what else a canary is judged by.
    probes:          requests of the tool's own a minute while it is compared, to each slot its share.
    """

    alpha: Bound = 0.01
    beta: Bound = 0.05
    tolerated: Ratio = 1.1
    harm_budget: Budget = 100.0
    slow: Slowness = SecondsOrAuto(AUTO)
    warm_up_s: MinutesOrNone = field(name="warm_up", default=Seconds(120))
    min_time_s: Minutes = field(name="min_time", default=Seconds(60))
    max_time_s: Minutes = field(name="max_time", default=Seconds(1800))
    inconclusive: Annotated[
        Literal["auto", "promote", "hold", "abort"],
        Meta(description='"auto", "promote", "hold" or "abort"'),
    ] = "auto"
    min_requests: Requests = 100
    tolerance: Tolerance = Share(10)
    metrics_delay_s: Pause = field(name="metrics_delay", default=Seconds(120))
    alarms: AlarmNames = ()
    alarms_without_data: Annotated[
        Literal["ok", "ringing"], Meta(description='"ok" or "ringing"')
    ] = "ok"
    metrics: Metrics = ()
    probes: Probes = 0


class ProbeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[probe]: smoke requests to the candidate before any user sees it."""

    requests: Count = 20
    path: Path = "/"
    timeout_s: Deadline = field(name="timeout", default=Seconds(5))
    allowed_failures: CountOrNone = 0
    deadline_s: Deadline = field(name="deadline", default=Seconds(120))


class ProvisionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[provision]: starting the candidate's instances, until all are healthy."""

    deadline_s: Deadline = field(name="deadline", default=Seconds(600))


class JournalSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[journal]: the lock's lease, how often the runner looks, what a signal means to it."""

    lease_s: Lease = field(name="lease", default=Seconds(60))
    poll_s: Deadline = field(name="poll", default=Seconds(5))
    on_interrupt: Annotated[
        Literal["pause", "rollback", "hand-over"],
        Meta(description='"pause", "rollback" or "hand-over"'),
    ] = "pause"
    takeover: Annotated[
        Literal["resume", "rollback"], Meta(description='"resume" or "rollback"')
    ] = "resume"


class EnvironmentSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[environments.NAME]: where it runs and how big. `name` is the section's."""

    name: Slug
    region: Region
    account: Account = ""
    strategy: Annotated[
        Literal["canary", "blue-green", "rolling"],
        Meta(description='"canary", "blue-green" or "rolling"'),
    ] = "canary"
    protected: bool = True
    zones: Annotated[
        tuple[str, ...],
        Meta(description='two or more zones of its Region, such as ["us-east-1a", "us-east-1b"]'),
    ]
    image: Image
    instance_type: InstanceType = "t3.micro"
    instances: Count = 2
    max_instances: Count = 10
    vpc_cidr: Cidr = "10.0.0.0/16"
    ingress_cidr: Cidr = "0.0.0.0/0"
    listener_port: ListenerPort = 80
    test_listener_cidr: Cidr = "10.0.0.0/16"
    test_listener_port: ListenerPort = 8080
    deregistration_delay_s: Draining = field(name="deregistration_delay", default=Seconds(30))
    slow_start_s: SlowStart = field(name="slow_start", default=Seconds(0))
    stickiness_s: Stickiness = field(name="stickiness", default=Seconds(0))
    stickiness_wait_s: Pause = field(name="stickiness_wait", default=Seconds(600))
    health_check_interval_s: Interval = field(name="health_check_interval", default=Seconds(5))
    health_check_timeout_s: Patience = field(name="health_check_timeout", default=Seconds(2))
    health_check_grace_s: Grace = field(name="health_check_grace", default=Seconds(120))
    healthy_threshold: Threshold = 2
    unhealthy_threshold: Threshold = 2


class ExistingEnvironment(EnvironmentSettings, frozen=True, kw_only=True):
    """The same beside [environments.NAME.existing]: what only the stacks read may be left out."""

    zones: tuple[str, ...] = ()
    image: ImageOrNone = ""


class Settings(Struct, frozen=True, kw_only=True):
    """One environment's settings, its overrides merged in.

    existing: None: the stacks made everything.
    """

    service: ServiceSettings
    release: ReleaseSettings
    environment: EnvironmentSettings
    canary: CanarySettings
    blue_green: BlueGreenSettings
    rolling: RollingSettings
    analysis: AnalysisSettings
    probe: ProbeSettings
    provision: ProvisionSettings
    hooks: HooksSettings
    journal: JournalSettings
    network: NetworkSettings
    balancer: BalancerSettings
    fleet: FleetSettings
    cost: CostSettings
    monitoring: MonitoringSettings
    runner: RunnerSettings
    notify: NotifySettings
    telemetry: TelemetrySettings
    teardown: TeardownSettings
    sweep: SweepSettings
    windows: WindowsSettings
    existing: ExistingSettings | None = None
