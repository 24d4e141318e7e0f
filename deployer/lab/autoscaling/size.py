"""How a group gets and keeps its size: replace the unhealthy, launch, scale in, rebalance. Pure."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from deployer.lab.autoscaling import pool, victims, zones
from deployer.lab.autoscaling.intents import Draw, Intent, Launch, Retire
from deployer.lab.autoscaling.model import COMING, Group, Lifecycle, Member, Subnet

_UNHEALTHY = "an instance was launched in response to an unhealthy instance needing to be replaced."
_RISKY = "an instance was launched in response to an EC2 instance rebalance recommendation."


def settle(group: Group, alive: AbstractSet[str], now: float) -> tuple[Intent, ...]:
    """Intents towards the desired capacity; `alive`: instances that EC2 still runs."""
    replaced = _replace(group, alive)
    if replaced:
        return replaced
    surplus = len(group.active) - group.desired - _ahead(group)
    if surplus > 0 and group.runs("Terminate"):
        reused = group.pool is not None and group.pool.reuses
        return tuple(
            Retire(member.id, shrink(group, member, index), returns=reused)
            for index, member in enumerate(victims.choose(group, surplus, now))
        )
    if not group.runs("Launch") or now < group.retry_at:
        return ()
    return _launches(group, _grow(group)) or _rebalance(group)


def _ahead(group: Group) -> int:
    """Members that were launched before those that they replace, and do not serve yet."""
    return sum(
        member.ahead and (member.proves or member.lifecycle in COMING) for member in group.active
    )


@dataclass(frozen=True, slots=True)
class Want:
    """One launch that is wanted, wherever; see `Launch`."""

    cause: str
    ahead: bool = False
    proves: bool = False


def _grow(group: Group) -> list[Want]:
    """What is missing; if nothing is, replacements that come first."""
    missing = max(0, group.desired - len(group.active) + _ahead(group))
    if missing:
        have = len(group.active)
        return [Want(_growth(have + index)) for index in range(missing)]
    if not group.runs("Terminate"):
        return []
    unwell = sum(not member.healthy for member in group.active)
    replacements = min(unwell, _headroom(group)) if group.runs("ReplaceUnhealthy") else 0
    risky = [m for m in group.active if m.risky and m.healthy and m.taken_at is None]
    wanted = [Want(_RISKY, ahead=True, proves=True)] * (len(risky) if group.rebalances else 0)
    wanted += [Want(_UNHEALTHY, ahead=True)] * replacements
    return wanted[_ahead(group) :]


def _growth(have: int) -> str:
    return (
        "an instance was started in response to a difference between desired and actual capacity,"
        f" increasing the capacity from {have} to {have + 1}."
    )


def _headroom(group: Group) -> int:
    """How many members may exist beyond the desired capacity while others are replaced.

    Only an instance maintenance policy with more than 100 % launches first (aws-facts 3.2).
    """
    if group.maintenance is None or group.maintenance.max_healthy <= 100:
        return 0
    return max(1, group.desired * (group.maintenance.max_healthy - 100) // 100)


def _launches(group: Group, wanted: list[Want]) -> tuple[Intent, ...]:
    """Out of the warm pool as long as it has something ready, else new ones."""
    planned: tuple[Subnet, ...] = ()
    taken = frozenset[str]()
    launches: list[Intent] = []
    for want in wanted:
        place = zones.next_subnet(group, planned)
        ready = pool.drawn(group, taken, place)
        if ready is None:
            planned += (place,)
            launches.append(Launch(place, want.cause, want.ahead, want.proves))
        else:
            planned += (ready.subnet,)
            taken |= {ready.id}
            launches.append(Draw(ready.id, want.cause, want.ahead, want.proves))
    return tuple(launches)


def _replace(group: Group, alive: AbstractSet[str]) -> tuple[Intent, ...]:
    """The unhealthy that go now: the gone at once, others as the group can bear it."""
    if not (group.runs("ReplaceUnhealthy") and group.runs("Terminate")):
        return ()
    unwell = [member for member in group.active if not member.healthy]
    gone = [member for member in unwell if member.id not in alive]
    rest = [member for member in unwell if member.id in alive]
    if _headroom(group):
        room = len(group.active) - len(gone) - _ahead(group) - group.desired
    else:  # terminate first, a tenth of the group at a time
        coming = sum(member.lifecycle in COMING for member in group.active)
        missing = max(0, group.desired - len(group.active) + len(gone))
        room = max(1, group.desired // 10) - coming - missing
    doomed = gone + rest[: max(0, room)]
    return tuple(Retire(member.id, unhealthy(member)) for member in doomed)


def _rebalance(group: Group) -> tuple[Intent, ...]:
    """In a quiet, lopsided group: one more in the emptiest zone; the scale-in then evens it out."""
    calm = (Lifecycle.IN_SERVICE, Lifecycle.STANDBY)
    quiet = all(
        member.lifecycle in calm and (member.healthy or not member.counted)
        for member in group.members
        if not member.pooled
    )
    allowed = group.runs("AZRebalance") and group.runs("Terminate") and not group.failures
    if not (quiet and allowed and zones.lopsided(group) and not _pinned(group)):
        return ()
    cause = (
        "an instance was launched to rebalance the instances of zones"
        f" {' '.join(sorted(zones.fullest(group)))} with other zones, increasing the capacity from"
        f" {len(group.active)} to {len(group.active) + 1}."
    )
    return (Launch(zones.next_subnet(group), cause, ahead=True),)


def _pinned(group: Group) -> bool:
    """Whether no member of a fullest zone may be ended, so that a launch would not help."""
    fullest = zones.fullest(group)
    return all(m.protected for m in group.active if m.subnet.zone in fullest)


def shrink(group: Group, member: Member, index: int) -> str:
    """The cause of a scale-in's `index`-th victim."""
    have = len(group.active) - index
    return (
        "an instance was taken out of service in response to a difference between desired and"
        f" actual capacity, shrinking the capacity from {have} to {have - 1}.  Instance {member.id}"
        " was selected for termination."
    )


def unhealthy(member: Member) -> str:
    return f"an instance was taken out of service in response to {member.complaint}."
