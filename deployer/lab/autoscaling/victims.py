"""Whom a scale-in ends: zone balance first, then the group's termination policies. Pure.

Source: Auto Scaling user guide, "Control which instances terminate"; aws-facts 3.2.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from deployer.lab.autoscaling.model import Group, Member

_HOUR_S = 3600

POLICIES = (
    "AllocationStrategy",
    "ClosestToNextInstanceHour",
    "Default",
    "NewestInstance",
    "OldestInstance",
    "OldestLaunchTemplate",
)


def choose(group: Group, count: int, now: float) -> tuple[Member, ...]:
    """At most `count` victims, one after another; fewer when the rest is protected."""
    left, victims = list(group.active), list[Member]()
    while len(victims) < count and any(not member.protected for member in left):
        victim = _next(group, left, now)
        left.remove(victim)
        victims.append(victim)
    return tuple(victims)


def _next(group: Group, members: Sequence[Member], now: float) -> Member:
    candidates = [member for member in members if not member.protected]
    unwell = [member for member in candidates if not member.healthy]
    risky = [member for member in candidates if member.risky and group.rebalances]
    candidates = (
        unwell or risky or _of_fullest_zone(group, members, _market(group, members, candidates))
    )
    for policy in group.policies:
        candidates = _narrow(policy, group, candidates, now)
    return min(candidates, key=lambda member: (member.launched_at, member.id))


def _market(group: Group, members: Sequence[Member], candidates: list[Member]) -> list[Member]:
    """Of a mixed group: those of Spot and On-Demand of which it has too many, if there are any.

    members: who is left, without the victims chosen before.
    """
    if group.mixture is None:
        return candidates
    bought = sum(not member.spot for member in members)
    too_many = bought > group.mixture.on_demand(group.desired)
    return [member for member in candidates if member.spot != too_many] or candidates


def _of_fullest_zone(
    group: Group, members: Sequence[Member], candidates: list[Member]
) -> list[Member]:
    foreign = [member for member in candidates if member.subnet.zone not in group.zones]
    if foreign:
        return foreign
    counts = Counter(member.subnet.zone for member in members)
    fullest = max(counts[member.subnet.zone] for member in candidates)
    return [member for member in candidates if counts[member.subnet.zone] == fullest]


def _narrow(policy: str, group: Group, members: list[Member], now: float) -> list[Member]:
    if policy == "Default":
        oldest = _lowest(members, lambda member: _template_age(group, member))
        return _lowest(oldest, lambda member: _to_next_hour(member, now))
    if policy == "OldestLaunchTemplate":
        return _lowest(members, lambda member: _template_age(group, member))
    if policy == "ClosestToNextInstanceHour":
        return _lowest(members, lambda member: _to_next_hour(member, now))
    if policy == "OldestInstance":
        return _lowest(members, lambda member: member.launched_at)
    if policy == "NewestInstance":
        return _lowest(members, lambda member: -member.launched_at)
    return members  # AllocationStrategy: the lab knows no prices, so all are aligned with it


def _template_age(group: Group, member: Member) -> float:
    """Another template than the group's is the oldest; else the lowest version is."""
    return int(member.template.version) if member.template.id == group.template.id else 0


def _to_next_hour(member: Member, now: float) -> float:
    return -(now - member.launched_at) % _HOUR_S


def _lowest(members: list[Member], rank: Callable[[Member], float]) -> list[Member]:
    best = min(rank(member) for member in members)
    return [member for member in members if rank(member) == best]
