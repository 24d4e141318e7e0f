"""What a group does next: pure, from what it wants, what is seen of EC2 and of target health.

Each call is one look; the fleet carries the intents out and looks again. Order of the intents is
the order of the effects. Sources: Auto Scaling user guide (lifecycle, health checks, suspended
processes), aws-facts 1.2 and 3.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from deployer.lab.autoscaling import pool, size
from deployer.lab.autoscaling.intents import (
    Boot,
    Bury,
    Condemn,
    End,
    GiveUpWaiting,
    Hold,
    Intent,
    Leave,
    MarkAttachment,
    Prove,
    Reclaim,
    Retire,
    Return,
    Serve,
    Vanish,
)
from deployer.lab.autoscaling.model import (
    DELETING,
    DRAINING,
    ENDING,
    LAUNCHING,
    TERMINATING,
    WARMING,
    Attachment,
    Group,
    Lifecycle,
    Member,
)

BOOT_S = 5.0  # from RunInstances to a running instance whose user data begins to run
ALIVE = frozenset({"pending", "running"})


@dataclass(frozen=True, slots=True)
class Reading:
    """One DescribeTargetHealth: when it was asked, and state by instance id."""

    at: float
    states: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """EC2 state by instance id (absent: gone) and the latest reading of each target group."""

    instances: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, Reading] = field(default_factory=dict)


def decide(group: Group, seen: Seen, now: float) -> tuple[Intent, ...]:
    """The intents of one look at `now` (epoch s)."""
    if group.status == DELETING and not group.members:
        return (Vanish(),)
    steps = [step for member in group.members for step in _advance(group, member, seen, now)]
    health = [step for member in group.members for step in _check(group, member, seen, now)]
    marks = [step for held in group.attachments for step in _attach(group, held, seen)]
    if group.status == DELETING:
        return (*steps, *marks)
    alive = frozenset(key for key, state in seen.instances.items() if state in ALIVE)
    # The pool comes after the group: it gives, and may get back, what the group needs or can spare.
    sized = size.settle(group, alive, now) or pool.settle(group, seen.instances, now)
    return (*steps, *health, *marks, *sized)


def _advance(group: Group, member: Member, seen: Seen, now: float) -> Iterator[Intent]:
    """One member on its way in or out."""
    taken = tuple(_taken(group, member, now))
    if taken:
        yield from taken
        return
    if member.waits:
        yield from (GiveUpWaiting(member.id, w.hook) for w in member.waits if now >= w.until)
        return
    state = seen.instances.get(member.id)
    match member.lifecycle:
        case Lifecycle.PENDING if state == "pending" and now - member.since >= BOOT_S:
            yield Boot(member.id)
        case Lifecycle.PENDING if state == "running":
            hooked = group.hooks_on(LAUNCHING) and not member.quick
            yield Hold(member.id, LAUNCHING) if hooked else Serve(member.id)
        case Lifecycle.PENDING_WAIT | Lifecycle.PENDING_PROCEED if state == "running":
            yield Serve(member.id)
        case Lifecycle.DETACHING | Lifecycle.ENTERING_STANDBY if drained(member, seen):
            yield Leave(member.id)
        case Lifecycle.IN_SERVICE if member.proves and _proven(group, member, seen):
            yield Prove(member.id)
        case lifecycle if lifecycle in ENDING:
            yield from _leave(group, member, seen)
        case lifecycle if lifecycle in WARMING:
            yield from pool.advance(group, member, state, BOOT_S, now)


def _taken(group: Group, member: Member, now: float) -> Iterator[Intent]:
    """EC2's notice: two minutes for a group that heeds it, and then the instance is gone."""
    if member.taken_at is None:
        return
    if now >= member.taken_at:
        yield Reclaim(member.id)
    elif group.rebalances and member.counted and group.runs("Terminate"):
        cause = (
            "an instance was taken out of service in response to an EC2 Spot interruption notice."
        )
        yield Retire(member.id, cause)


def _proven(group: Group, member: Member, seen: Seen) -> bool:
    """Whether it has passed the group's health check: that of every target group, or EC2's."""
    if group.health_check_type != "ELB":
        return True
    return all(
        (reading := seen.targets.get(arn)) is not None
        and reading.states.get(member.id) == "healthy"
        for arn in member.targets
    )


def _leave(group: Group, member: Member, seen: Seen) -> Iterator[Intent]:
    if member.ending:
        if seen.instances.get(member.id, "terminated") == "terminated":
            yield Bury(member.id)
    elif member.lifecycle not in (Lifecycle.TERMINATING, Lifecycle.WARMED_TERMINATING):
        yield _last(group, member)
    elif drained(member, seen):
        hooked = not member.quick and group.hooks_on(TERMINATING)
        yield Hold(member.id, TERMINATING) if hooked else _last(group, member)


def _last(group: Group, member: Member) -> Intent:
    """The end of an instance, or its way into the warm pool."""
    back = member.returns and not pool.full(group)
    return Return(member.id) if back else End(member.id)


def drained(member: Member, seen: Seen) -> bool:
    """Whether readings made after its deregistration show it draining nowhere."""
    return all(
        (reading := seen.targets.get(arn)) is not None
        and reading.at > member.since
        and reading.states.get(member.id) != "draining"
        for arn in member.targets
    )


def _check(group: Group, member: Member, seen: Seen, now: float) -> Iterator[Intent]:
    """Health checks: EC2's always, the load balancer's when the group asks for it."""
    if not (member.counted and member.healthy and group.runs("HealthCheck")):
        return
    if seen.instances.get(member.id) not in ALIVE:
        yield Condemn(member.id, "an EC2 health check indicating it has been terminated or stopped")
    elif _fails_elb(group, member, seen, now):
        yield Condemn(member.id, "an ELB system health check failure")


def _fails_elb(group: Group, member: Member, seen: Seen, now: float) -> bool:
    """After the grace period, and only by target groups that once were in service (1.2)."""
    if group.health_check_type != "ELB" or member.lifecycle is not Lifecycle.IN_SERVICE:
        return False
    if now - member.since < group.grace_s:
        return False
    readings = (seen.targets.get(a.arn) for a in group.attachments if a.state == "InService")
    return any(
        reading.at >= member.since and reading.states.get(member.id) == "unhealthy"
        for reading in readings
        if reading is not None
    )


def _attach(group: Group, held: Attachment, seen: Seen) -> Iterator[Intent]:
    """Adding -> Added once all members are registered -> InService once one is healthy."""
    reading = seen.targets.get(held.arn)
    if held.state == "Adding":
        yield MarkAttachment(held.arn, "Added")
    elif reading is None or reading.at <= held.since:
        return
    elif held.state == "Added":
        if any(reading.states.get(member.id) == "healthy" for member in group.members):
            yield MarkAttachment(held.arn, "InService")
    elif held.state == "Removing" and "draining" not in {
        reading.states.get(member.id) for member in group.members
    }:
        yield MarkAttachment(held.arn, "Removed")


def wanted_readings(group: Group) -> tuple[frozenset[str], frozenset[str]]:
    """Target groups to be read: (at once, now and then)."""
    urgent = {arn for m in group.members if m.lifecycle in DRAINING for arn in m.targets}
    urgent |= {held.arn for held in group.attachments if held.state == "Removing"}
    serving = [m for m in group.members if m.lifecycle is Lifecycle.IN_SERVICE]
    steady = {
        held.arn
        for held in group.attachments
        if serving and (held.state == "Added" or group.health_check_type == "ELB")
    }
    return frozenset(urgent), frozenset(steady - urgent)
