"""The nouns of Auto Scaling: a group, its members, hooks and attachments. Frozen; times in epoch s.

Names and words are those of the API (botocore's autoscaling model, 2011-01-01), so that the
answers of the Describe actions are these values, not translations of them.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

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
    """Where a member is; a terminated or detached one is no member any more."""

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


COMING = frozenset({Lifecycle.PENDING, Lifecycle.PENDING_WAIT, Lifecycle.PENDING_PROCEED})
# What counts as capacity: standby, detaching and terminating members do not.
COUNTED = COMING | {Lifecycle.IN_SERVICE}
# These were deregistered and wait until their last request has been answered.
DRAINING = frozenset({Lifecycle.TERMINATING, Lifecycle.DETACHING, Lifecycle.ENTERING_STANDBY})


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

    @property
    def counted(self) -> bool:
        """Whether it counts towards the desired capacity."""
        return self.lifecycle in COUNTED

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
class Group:
    """One Auto Scaling group.

    retry_at: no launch before this: the last one failed `failures` times in a row.
    reason:   why the desired capacity is what it is; the causes of activities quote it.
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

    @property
    def active(self) -> tuple[Member, ...]:
        """The members that count as capacity."""
        return tuple(member for member in self.members if member.counted)

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
