"""Nouns of a deployment: slots, weights, releases, and one reading of the cloud. Pure data."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from deployer.cohort import Cohort
from deployer.durations import percent

WHOLE = 1000  # all traffic, in per mille: 0.1 % is the finest share an ALB can do


class Slot(StrEnum):
    """One target group + one Auto Scaling group + one launch template. Physical, permanent."""

    BLUE = "blue"
    GREEN = "green"

    @property
    def twin(self) -> "Slot":
        return Slot.GREEN if self is Slot.BLUE else Slot.BLUE


@dataclass(frozen=True, slots=True)
class Weights:
    """Share of traffic per slot, in per mille; the two sum to 1000.

    Raises:
        ValueError: a share outside 0..1000, or a sum that is not 1000.
    """

    blue: int
    green: int

    def __post_init__(self) -> None:
        if not (0 <= self.blue <= WHOLE and self.blue + self.green == WHOLE):
            raise ValueError(f"weights must be per mille and sum to 1000: {self.blue}+{self.green}")

    def __getitem__(self, slot: Slot) -> int:
        return self.blue if slot is Slot.BLUE else self.green

    @classmethod
    def toward(cls, slot: Slot, share: int) -> "Weights":
        """`share` per mille to `slot`, the rest to its twin."""
        return cls(share, WHOLE - share) if slot is Slot.BLUE else cls(WHOLE - share, share)

    @property
    def sole(self) -> Slot | None:
        """The slot that serves everything, if one does."""
        return next((slot for slot in Slot if self[slot] == WHOLE), None)

    def __str__(self) -> str:
        return f"blue {percent(self.blue)} / green {percent(self.green)}"


def instances_for(share: int, capacity: int) -> int:
    """Instances that `share` per mille of the traffic needs when `capacity` carry all of it."""
    return math.ceil(capacity * share / WHOLE)


def matched_to(share: int, capacity: int) -> int:
    """Instances that a slot is given for `share` when it is not to be as large as all traffic needs.

    A bake forgives a fifth of the instances that the share needs (`Bake`). The margin is that fifth,
    one instance at least: what is forgiven costs no user any capacity, and of a share that one
    instance can carry one may die.
    """
    needed = instances_for(share, capacity)
    return min(capacity, needed + math.ceil(needed / 5))


@dataclass(frozen=True, slots=True)
class Release:
    """What users name (`v42`) and what it resolves to.

    name:     as typed.
    artifact: S3 URI that the bootstrap script installs, if the service ships artifacts.
    image:    AMI id, if the service ships images.
    rollback_safe: the release before it can follow it, as long as nobody says otherwise.
    """

    name: str
    artifact: str | None = None
    image: str | None = None
    rollback_safe: bool = True


class Health(StrEnum):
    """Target health as the load balancer reports it (aws-facts 1.5)."""

    INITIAL = "initial"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNUSED = "unused"
    DRAINING = "draining"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of a slot's group.

    lifecycle: the Auto Scaling state: `Pending`, `InService`, `Terminating:Wait`, ...
    release:   the release its launch-template version carries; None if the version is the stack's.
    health:    its state in the slot's target group; None while it is not registered.
    protected: from scale-in: somebody wants to keep it.
    version:   number of that launch-template version: the lower, the older; 0 if it is not known.
    kind:      its type, `t3.micro`; empty if it is not known.
    """

    id: str
    lifecycle: str
    release: str | None
    health: Health | None
    zone: str = ""
    protected: bool = False
    version: int = 0
    kind: str = ""

    @property
    def serving(self) -> bool:
        return self.lifecycle == "InService" and self.health is Health.HEALTHY

    @property
    def booting(self) -> bool:
        """It has not been in service yet, as far as anybody can see: that says nothing against it."""
        early = self.health in (None, Health.INITIAL)
        return self.lifecycle.startswith("Pending") or (self.lifecycle == "InService" and early)


@dataclass(frozen=True, slots=True)
class LaunchFailure:
    """A scaling activity that ended in `Failed`: `at` in epoch seconds, `reason` in AWS's words."""

    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class WarmPool:
    """Instances that a group keeps ready beside those it has (aws-facts 3.2).

    Each stays of the release that booted it, whatever the launch template says by now, until it is
    used up; a launch takes from the pool first.

    group:  the Auto Scaling group's name, for people.
    size:   as many are in it now.
    up_to:  as many as it keeps while the group is asked for none.
    reuses: instances that leave the group go back into it.
    """

    group: str
    size: int
    up_to: int
    reuses: bool = False

    @property
    def most(self) -> int:
        """As many as it has or may have."""
        return max(self.size, self.up_to)


@dataclass(frozen=True, slots=True)
class SlotState:
    """One reading of a slot.

    boots:           what the launch template's default version carries, and would launch now: its
                     AMI included, wherever that is from; None: the stack's, without a release.
    stale:           the stack has made a newer launch-template version than the one `boots` is from.
    stack_image:     AMI of the newest version that the stack made.
    draining:        registered targets that still drain, whether or not the group knows them.
    launch_failures: recent failed launches, newest first.
    suspended:       processes of the group that are suspended (aws-facts 3.2).
    version:         number of the launch template's default version; 0 if it is not known.
    known:           what the releases that it boots and runs stand for, as far as that is known.
    pool:            instances that its group keeps ready; None: none.
    """

    slot: Slot
    min_size: int
    max_size: int
    desired: int
    instances: tuple[Instance, ...] = ()
    boots: Release | None = None
    stale: bool = False
    stack_image: str | None = None
    draining: int = 0
    launch_failures: tuple[LaunchFailure, ...] = ()
    suspended: frozenset[str] = frozenset()
    version: int = 0
    known: tuple[Release, ...] = ()
    pool: WarmPool | None = None

    def healthy(self, release: str | None = None) -> int:
        """Instances in service and healthy in the target group (of `release`, if named)."""
        return sum(
            instance.serving and release in (None, instance.release) for instance in self.instances
        )

    @property
    def growing(self) -> int:
        """Instances that boot, beyond those that take the place of one that leaves."""
        booting = sum(instance.booting for instance in self.instances)
        leaving = sum(instance.lifecycle.startswith("Terminating") for instance in self.instances)
        return max(0, booting - leaving)

    def boots_exactly(self, release: Release) -> bool:
        """Whether instances launched now run `release`: its artifact, and its AMI or the stack's."""
        boots = self.boots
        if boots is None or self.stale:
            return False
        wanted = (release.name, release.artifact, release.image or self.stack_image)
        return (boots.name, boots.artifact, boots.image) == wanted

    @property
    def boots_name(self) -> str | None:
        """The release that instances launched now would run; None: the stack's own version."""
        return self.boots.name if self.boots else None

    @property
    def releases(self) -> tuple[str, ...]:
        """Releases its instances run, sorted; more than one means a mixed slot."""
        return tuple(sorted({i.release for i in self.instances if i.release is not None}))

    @property
    def empty(self) -> bool:
        return self.desired == 0 and not self.instances and not self.draining


@dataclass(frozen=True, slots=True)
class Admitted:
    """A user group has a rule of its own, before the production rule, which leads to `slot`."""

    cohort: Cohort
    slot: Slot

    def __str__(self) -> str:
        return f"{self.cohort} to {self.slot}"


@dataclass(frozen=True, slots=True)
class Blocked:
    """No user group can get a rule of its own, or what has its place is not ours: `why`, in words."""

    why: str

    def __str__(self) -> str:
        return f"something else ({self.why})"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One reading of the cloud.

    at:       epoch seconds at which it was begun.
    weights:  None while the production rule does not exist (nothing was ever released).
    cohort:   the user group's own rule; None: there is none, and there may be one.
    sticky_s: for how long the rule keeps a client with the target group that it got, whatever the
              weights say (cookie AWSALBTG, aws-facts 1.3); None: it does not.
    asleep:   a rule before it answers everybody with a page, so that no slot has traffic.
    """

    at: float
    weights: Weights | None
    blue: SlotState
    green: SlotState
    cohort: Admitted | Blocked | None = None
    sticky_s: int | None = None
    asleep: bool = False

    def __getitem__(self, slot: Slot) -> SlotState:
        return self.blue if slot is Slot.BLUE else self.green

    @property
    def admitted(self) -> Admitted | None:
        """The group that goes its own way, if one does."""
        return self.cohort if isinstance(self.cohort, Admitted) else None

    def traffic_of(self, slot: Slot) -> str:
        """What leads users to `slot`, in words; empty if nothing does."""
        if self.asleep:
            return ""
        admitted = self.admitted
        if self.weights is not None and self.weights[slot]:
            return str(self.weights)
        return f"the users {admitted.cohort}" if admitted and admitted.slot is slot else ""


@dataclass(frozen=True, slots=True)
class Minute:
    """What one slot served in one closed minute; `start` in epoch seconds.

    requests:          None when the metric is missing: unknown, never zero by itself
                       (aws-facts 2: a missing error count is zero only beside a RequestCount).
    target_5xx:        answers 5xx by the application.
    connection_errors: connections to a target that failed: the client saw an ELB-made 502/503/504.
    p99_s:             99th percentile of the target's response time, seconds; None without data.
    slow:              requests slower than what was asked about; None: unknown, or not asked.
    failed_open:       requests that were sent although every target was unhealthy (aws-facts 1.3).
    custom:            of each further metric, how many were bad and how many there were; one that is
                       not there had nothing to count, or is unknown.
    unknown:           further metrics of which nobody can tell in this minute, and why.
    answers:           answers by the application, whatever they say; None: not asked.
    """

    start: float
    requests: int | None
    target_5xx: int = 0
    connection_errors: int = 0
    target_4xx: int = 0
    p99_s: float | None = None
    slow: int | None = None
    failed_open: int = 0
    custom: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    answers: int | None = None

    @property
    def failures(self) -> int:
        return self.target_5xx + self.connection_errors
