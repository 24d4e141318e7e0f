"""The nouns of Auto Scaling: a group, its members, hooks and attachments. Frozen; times in epoch s.

Names and words are those of the API (botocore's autoscaling model, 2011-01-01), so that the
answers of the Describe actions are these values, not translations of them.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from deployer.lab.autoscaling.mixture import Holding, Mixture
from deployer.lab.autoscaling.tracking import Policy

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
DELETING = "Delete in progress"

PROCESSES = (
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "Launch",
    "ReplaceUnhealthy",
    "ScheduledActions",
    "Terminate",
)


class Lifecycle(StrEnum):
    """Where a member is; a terminated or detached one is no member any more.

    `Warmed:*` ones are in the group's warm pool, and not among its instances.
    """

    PENDING = "Pending"
    PENDING_WAIT = "Pending:Wait"
    PENDING_PROCEED = "Pending:Proceed"
    IN_SERVICE = "InService"
    TERMINATING = "Terminating"
    TERMINATING_WAIT = "Terminating:Wait"
    TERMINATING_PROCEED = "Terminating:Proceed"
    DETACHING = "Detaching"
    ENTERING_STANDBY = "EnteringStandby"
    STANDBY = "Standby"
    WARMED_PENDING = "Warmed:Pending"
    WARMED_PENDING_WAIT = "Warmed:Pending:Wait"
    WARMED_PENDING_PROCEED = "Warmed:Pending:Proceed"
    WARMED_STOPPED = "Warmed:Stopped"
    WARMED_RUNNING = "Warmed:Running"
    WARMED_TERMINATING = "Warmed:Terminating"
    WARMED_TERMINATING_WAIT = "Warmed:Terminating:Wait"
    WARMED_TERMINATING_PROCEED = "Warmed:Terminating:Proceed"


COMING = frozenset({Lifecycle.PENDING, Lifecycle.PENDING_WAIT, Lifecycle.PENDING_PROCEED})
# What counts as capacity: standby, detaching and terminating members do not.
COUNTED = COMING | {Lifecycle.IN_SERVICE}
# These were deregistered and wait until their last request has been answered.
DRAINING = frozenset({Lifecycle.TERMINATING, Lifecycle.DETACHING, Lifecycle.ENTERING_STANDBY})
# On the way into the warm pool; in it, and to be had; on the way out for good.
WARMING = frozenset(
    {
        Lifecycle.WARMED_PENDING,
        Lifecycle.WARMED_PENDING_WAIT,
        Lifecycle.WARMED_PENDING_PROCEED,
    }
)
WARM = frozenset({Lifecycle.WARMED_STOPPED, Lifecycle.WARMED_RUNNING})
COOLING = frozenset(
    {
        Lifecycle.WARMED_TERMINATING,
        Lifecycle.WARMED_TERMINATING_WAIT,
        Lifecycle.WARMED_TERMINATING_PROCEED,
    }
)
ENDING = COOLING | {
    Lifecycle.TERMINATING,
    Lifecycle.TERMINATING_WAIT,
    Lifecycle.TERMINATING_PROCEED,
}


@dataclass(frozen=True, slots=True)
class TemplateRef:
    """A launch template; `version` is `$Default`, `$Latest` or a number, in digits."""

    id: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Subnet:
    id: str
    zone: str


@dataclass(frozen=True, slots=True)
class Tag:
    key: str
    value: str
    propagate: bool


@dataclass(frozen=True, slots=True)
class Hook:
    """A lifecycle hook. `transition` is LAUNCHING or TERMINATING."""

    name: str
    transition: str
    heartbeat_s: int = 3600
    default_result: str = "ABANDON"
    metadata: str = ""
    target_arn: str = ""
    role_arn: str = ""


@dataclass(frozen=True, slots=True)
class HookWait:
    """One hook that a member is waiting for. `until` moves with heartbeats, at most to `limit`."""

    hook: str
    token: str
    until: float
    limit: float
    heartbeat_s: int
    default_result: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A target group of the group.

    state:  Adding, Added, InService (one instance has passed a check, aws-facts 1.2), Removing.
    family: `target-group` or `traffic-source`: the API that attached it must detach it.
    since:  when the state was entered.
    """

    arn: str
    family: str = "target-group"
    state: str = "Adding"
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Member:
    """One instance of the group.

    since:    when `lifecycle` was entered; a draining member was deregistered then.
    template: with the number that was resolved at launch.
    targets:  target groups with which it is, or was until it began to drain, registered.
    ahead:    launched before the member that it replaces ends; not surplus until in service.
    ending:   EC2 was told to terminate it.
    quick:    goes on without lifecycle hooks (ForceDelete, ExitStandby; aws-facts 3.2).
    activity: id of the activity that its present transition belongs to.
    spot:     EC2 may take it back.
    risky:    EC2 has recommended to rebalance it, or given notice.
    taken_at: when EC2 takes it back, two minutes after its notice.
    proves:   the one that it replaces, `ahead`, stays until it has passed a health check itself.
    returns:  once drained it goes into the warm pool instead of ending.
    """

    id: str
    subnet: Subnet
    template: TemplateRef
    instance_type: str
    launched_at: float
    since: float
    lifecycle: Lifecycle = Lifecycle.PENDING
    health: str = "Healthy"
    complaint: str = ""
    protected: bool = False
    targets: frozenset[str] = frozenset()
    waits: tuple[HookWait, ...] = ()
    ahead: bool = False
    ending: bool = False
    quick: bool = False
    activity: str = ""
    spot: bool = False
    risky: bool = False
    taken_at: float | None = None
    proves: bool = False
    returns: bool = False

    @property
    def counted(self) -> bool:
        """Whether it counts towards the desired capacity."""
        return self.lifecycle in COUNTED

    @property
    def pooled(self) -> bool:
        """Whether it is in the warm pool, on its way there, or ends there."""
        return self.lifecycle in WARMING | WARM | COOLING

    @property
    def healthy(self) -> bool:
        return self.health == "Healthy"

    def enter(self, lifecycle: Lifecycle, now: float) -> "Member":
        return replace(self, lifecycle=lifecycle, since=now)


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Instance maintenance policy in percent of the desired capacity."""

    min_healthy: int
    max_healthy: int


@dataclass(frozen=True, slots=True)
class WarmPool:
    """Instances that are kept ready beside the group's own.

    prepared: so many are prepared in all, those in service included; None: the group's maximum.
    running:  they run while they wait, instead of being stopped.
    reuses:   instances that a scale-in takes out of the group go back into it.
    deleted:  it empties, and then it is gone.
    """

    minimum: int = 0
    prepared: int | None = None
    running: bool = False
    reuses: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """One Auto Scaling group.

    retry_at: no launch before this: the last one failed `failures` times in a row.
    reason:   why the desired capacity is what it is; the causes of activities quote it.
    mixture:  its mixed instances policy.
    rebalances: whether Spot instances at risk are replaced before EC2 takes them back.
    scaling:  its scaling policies.
    """

    name: str
    arn: str
    minimum: int
    maximum: int
    desired: int
    template: TemplateRef
    subnets: tuple[Subnet, ...]
    created_at: float
    health_check_type: str = "EC2"
    grace_s: int = 0
    cooldown_s: int = 300
    warmup_s: int | None = None
    attachments: tuple[Attachment, ...] = ()
    suspended: frozenset[str] = frozenset()
    tags: tuple[Tag, ...] = ()
    policies: tuple[str, ...] = ("Default",)
    hooks: tuple[Hook, ...] = ()
    maintenance: Maintenance | None = None
    protect_new: bool = False
    status: str = ""
    members: tuple[Member, ...] = ()
    failures: int = 0
    retry_at: float = 0.0
    reason: str = ""
    service_role: str = field(default="", repr=False)
    mixture: Mixture | None = None
    rebalances: bool = False
    pool: WarmPool | None = None
    scaling: tuple[Policy, ...] = ()

    @property
    def active(self) -> tuple[Member, ...]:
        """The members that count as capacity."""
        return tuple(member for member in self.members if member.counted)

    @property
    def pooled(self) -> tuple[Member, ...]:
        """What the warm pool has, without what ends."""
        return tuple(m for m in self.members if m.pooled and m.lifecycle not in COOLING)

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """What the group has bought; an unhealthy one, which another replaces, is as good as gone."""
        return tuple(
            Holding(m.instance_type, m.spot, m.subnet.zone, m.risky)
            for m in self.active
            if m.healthy
        )

    @property
    def zones(self) -> tuple[str, ...]:
        return tuple(sorted({subnet.zone for subnet in self.subnets}))

    @property
    def target_groups(self) -> frozenset[str]:
        """Those with which members in service are to be registered."""
        return frozenset(held.arn for held in self.attachments if held.state != "Removing")

    def runs(self, process: str) -> bool:
        """Whether a scaling process is not suspended."""
        return process not in self.suspended

    def member(self, instance_id: str) -> Member | None:
        return next((member for member in self.members if member.id == instance_id), None)

    def hooks_on(self, transition: str) -> tuple[Hook, ...]:
        return tuple(hook for hook in self.hooks if hook.transition == transition)

    def put(self, member: Member) -> "Group":
        """With this member in place of the one of the same id."""
        return replace(
            self, members=tuple(member if old.id == member.id else old for old in self.members)
        )

    def without(self, instance_id: str) -> "Group":
        return replace(self, members=tuple(m for m in self.members if m.id != instance_id))
