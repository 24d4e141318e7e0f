"""Scaling policies at work: what ringing alarms make of a group's desired capacity."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from deployer.lab.autoscaling import hands, tracking
from deployer.lab.autoscaling.model import DELETING, ENDING, Group, Lifecycle
from deployer.lab.autoscaling.store import Store
from deployer.lab.autoscaling.tracking import HIGH, LOW, Policy, Strength
from deployer.lab.ringing import Ringing


@dataclass(frozen=True, slots=True)
class Heard:
    """One policy of a group whose alarm rings, by which of its two."""

    policy: Policy
    edge: str
    ringing: Ringing


def answer(store: Store, ringing: Sequence[Ringing], now: float) -> None:
    """Change the desired capacity of each group whose policies ask for it; under the lab's lock."""
    for group in list(store.groups.values()):
        heard = hear(group, ringing)
        if heard and group.runs("AlarmNotification") and group.status != DELETING:
            store.put(scaled(group, heard, now))


def hear(group: Group, ringing: Sequence[Ringing]) -> tuple[Heard, ...]:
    return tuple(
        Heard(policy, edge, one)
        for one in ringing
        for policy in group.scaling
        for edge, name in policy.alarms.items()
        if (policy.arn, name) == (one.action, one.alarm)
    )


def scaled(group: Group, heard: Sequence[Heard], now: float) -> Group:
    """Out if any policy asks for it; in only if all that may ask for it do."""
    for one in sorted(_of(heard, HIGH), key=lambda one: one.policy.name):
        wanted = tracking.grown(strength(group, (one.policy,), now), one.policy, one.ringing.points)
        if wanted > group.desired:
            group = _to(group, wanted, one, now)
    ready, able = _of(heard, LOW), [one for one in group.scaling if one.shrinks]
    if _of(heard, HIGH) or len(ready) < len(able):
        return group
    points = [(one.policy, one.ringing.points) for one in ready]
    wanted = tracking.shrunk(strength(group, able, now), points)
    return _to(group, wanted, ready[0], now) if wanted < group.desired else group


def _of(heard: Sequence[Heard], edge: str) -> list[Heard]:
    return [one for one in heard if one.edge == edge]


def strength(group: Group, policies: Sequence[Policy], now: float) -> Strength:
    """The group as these policies see it: the longest of their warm-ups counts."""
    warmup_s = max(one.warmup(group.warmup_s, group.cooldown_s) for one in policies)
    warm = sum(
        member.lifecycle is Lifecycle.IN_SERVICE and now - member.since >= warmup_s
        for member in group.active
    )
    ending = sum(m.lifecycle in ENDING and not m.pooled for m in group.members)
    coming = max(len(group.active), group.desired) - warm
    return Strength(group.desired, group.minimum, group.maximum, warm, coming, ending)


def _to(group: Group, wanted: int, one: Heard, now: float) -> Group:
    what = (
        f"a monitor alarm {one.ringing.alarm} in state ALARM triggered policy {one.policy.name}"
        f" changing the desired capacity from {group.desired} to {wanted}."
    )
    return replace(group, desired=wanted, reason=hands.at(now, "", what))
