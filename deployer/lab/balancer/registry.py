"""Who is registered with which target group: since when, how healthy, draining until when.

moto's own registrations are not used: it knows one port for each instance, no draining, no health.
Targets are keyed by (id, port), as on AWS: one instance may be registered with several ports.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import inf

from deployer.lab.balancer.health import HEALTHY, UNHEALTHY, Outcome, Tally, after
from deployer.lab.balancer.model import Endpoint, Group

Key = tuple[str, int]


@dataclass(slots=True)
class Target:
    """One registration.

    since:          wall time, epoch seconds: outcomes of earlier checks are not about it.
    draining_until: virtual time, None while registered; infinite until nobody is sent there any more,
                    from when on the delay counts.
    delay_s:        of its deregistration, virtual seconds.
    stopped:        its instance's state when that is `stopping` or `stopped`, else empty.
    zone:           its Availability Zone; empty: unknown.
    """

    id: str
    port: int
    address: str
    since: float
    tally: Tally = field(default_factory=Tally)
    draining_until: float | None = None
    delay_s: float = 0.0
    stopped: str = ""
    zone: str = ""

    @property
    def usable(self) -> bool:
        """Whether it may be checked and may get requests."""
        return self.draining_until is None and not self.stopped


class Registry:
    """Registrations by target group (dimension value). The caller keeps threads apart."""

    def __init__(self) -> None:
        self._groups: dict[str, dict[Key, Target]] = {}

    def targets(self, group: str) -> list[Target]:
        """All of a group's targets, the draining ones too, in order of registration."""
        return list(self._groups.get(group, {}).values())

    def find(self, group: str, target_id: str, port: int | None) -> list[Target]:
        """A group's targets of this id, on this port or on any."""
        return [
            each
            for each in self.targets(group)
            if each.id == target_id and port in {None, each.port}
        ]

    def everyone(self) -> Iterator[tuple[str, Target]]:
        """(group, target) of all registrations."""
        for group in list(self._groups):
            for target in self.targets(group):
                yield group, target

    def register(self, group: str, target: Target) -> None:
        """Add a target; one that is draining comes back as new, a registered one stays as it is."""
        known = self._groups.setdefault(group, {})
        present = known.get((target.id, target.port))
        if present is None or present.draining_until is not None:
            known[target.id, target.port] = target

    def drain(self, group: Group, target: Target, *, in_use: bool) -> None:
        """Deregister: draining, its delay to begin with `left`; gone at once if nothing routes to it."""
        if target.draining_until is not None:
            return
        target.draining_until, target.delay_s = inf, group.deregistration_delay_s
        if not in_use:
            del self._groups[group.name][target.id, target.port]

    def left(self, now: float) -> None:
        """Nobody is sent any more to those that were deregistered: from now on their delay counts."""
        for _, target in self.everyone():
            if target.draining_until == inf:
                target.draining_until = now + target.delay_s

    def expire(self, now: float) -> bool:
        """Forget targets whose draining is over; whether there were any."""
        over = [
            (group, target)
            for group, target in self.everyone()
            if target.draining_until is not None and target.draining_until <= now
        ]
        for group, target in over:
            del self._groups[group][target.id, target.port]
        return bool(over)

    def forget(self, group: str) -> None:
        """The target group is gone."""
        self._groups.pop(group, None)

    def unused(self, group: str, wall: float) -> None:
        """No rule references the group any more: what is known of its targets' health is void."""
        for target in self.targets(group):
            target.tally, target.since = Tally(), wall

    def record(self, group: Group, outcome: Outcome) -> bool:
        """Count one health check; whether a target's state changed."""
        changed = False
        for target in self.targets(group.name):
            where = (target.address, group.check.port or target.port)
            if where != (outcome.address, outcome.port) or outcome.at < target.since:
                continue
            if not target.usable:
                continue
            before, target.tally = target.tally, after(target.tally, outcome, group.check)
            changed |= before.state != target.tally.state
        return changed

    def checked(self, group: Group) -> list[Endpoint]:
        """Where the group's health checks go."""
        return [
            Endpoint(each.address, group.check.port or each.port)
            for each in self.targets(group.name)
            if each.usable
        ]

    def in_state(self, group: str, state: str) -> list[Endpoint]:
        """Where the group's usable targets in this state are."""
        return [
            Endpoint(each.address, each.port, zone=each.zone)
            for each in self.targets(group)
            if each.usable and each.tally.state == state
        ]

    def zones(self, group: str) -> dict[str, tuple[int, int]]:
        """By zone: how many of the group's usable targets are healthy, and unhealthy."""
        healthy = Counter(each.zone for each in self.healthy(group))
        unhealthy = Counter(each.zone for each in self.unhealthy(group))
        return {zone: (healthy[zone], unhealthy[zone]) for zone in healthy | unhealthy}

    def healthy(self, group: str) -> list[Endpoint]:
        return self.in_state(group, HEALTHY)

    def unhealthy(self, group: str) -> list[Endpoint]:
        return self.in_state(group, UNHEALTHY)


def states(targets: Iterable[Target]) -> dict[str, int]:
    """How many usable targets are in each state."""
    counts: dict[str, int] = {}
    for each in targets:
        if each.usable:
            counts[each.tally.state] = counts.get(each.tally.state, 0) + 1
    return counts
