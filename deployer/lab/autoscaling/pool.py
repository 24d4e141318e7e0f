"""The warm pool: how large it is, how an instance gets into it, which one leaves it next. Pure.

Sources: Auto Scaling user guide, "Warm pools" and "Use lifecycle hooks with a warm pool";
autoscaling API model, `PutWarmPool`. How long an instance runs before it is stopped is not
documented; without a launch hook it may be stopped before its application is installed.
"""

from collections.abc import Iterator, Mapping

from deployer.lab.autoscaling import zones
from deployer.lab.autoscaling.intents import (
    Boot,
    ForgetPool,
    Halt,
    Hold,
    Intent,
    Launch,
    Retire,
    Shelve,
)
from deployer.lab.autoscaling.model import (
    LAUNCHING,
    WARM,
    Group,
    Lifecycle,
    Member,
    Subnet,
)

PREPARE_S = 60.0  # from a running instance to one that is stopped
HERE = frozenset({"pending", "running", "stopping", "stopped"})


def size(group: Group) -> int:
    """How many instances the pool is to have: what is prepared in all, less what is asked for."""
    pool = group.pool
    if pool is None or pool.deleted:
        return 0
    prepared = group.maximum if pool.prepared is None else pool.prepared
    return max(pool.minimum, prepared - group.desired)


def full(group: Group) -> bool:
    return len(group.pooled) >= size(group)


def advance(
    group: Group, member: Member, state: str | None, boot_s: float, now: float
) -> Iterator[Intent]:
    """One member on its way into the pool; `state` is EC2's."""
    prepared = member.lifecycle is Lifecycle.WARMED_PENDING_PROCEED or (
        now - member.since >= boot_s + PREPARE_S
    )
    match member.lifecycle, state:
        case Lifecycle.WARMED_PENDING, "pending":
            if now - member.since >= boot_s:
                yield Boot(member.id)
        case Lifecycle.WARMED_PENDING, "running" if group.hooks_on(LAUNCHING):
            yield Hold(member.id, LAUNCHING)
        case ((Lifecycle.WARMED_PENDING | Lifecycle.WARMED_PENDING_PROCEED), "running") if prepared:
            yield Shelve(member.id) if group.pool and group.pool.running else Halt(member.id)
        case ((Lifecycle.WARMED_PENDING | Lifecycle.WARMED_PENDING_PROCEED), "stopped"):
            yield Shelve(member.id)


def settle(group: Group, states: Mapping[str, str], now: float) -> tuple[Intent, ...]:
    """Intents towards the pool's size."""
    if group.pool is not None and group.pool.deleted and not any(m.pooled for m in group.members):
        return (ForgetPool(),)
    lost = [m for m in group.pooled if states.get(m.id) not in HERE]
    if lost:
        return tuple(Retire(m.id, _lost(m)) for m in lost)
    surplus = len(group.pooled) - size(group)
    if surplus > 0 and group.runs("Terminate"):
        newest = sorted(group.pooled, key=lambda m: (m.launched_at, m.id))[-surplus:]
        return tuple(Retire(m.id, _shrunk(group)) for m in newest)
    if group.runs("Launch") and now >= group.retry_at:
        return _fill(group, -surplus - sum(member.returns for member in group.members))
    return ()


def _fill(group: Group, missing: int) -> tuple[Intent, ...]:
    planned: tuple[Subnet, ...] = tuple(member.subnet for member in group.pooled)
    launches: list[Intent] = []
    for _ in range(missing):
        subnet = zones.next_subnet(group, planned)
        planned += (subnet,)
        cause = "an instance was launched to fill the warm pool."
        launches.append(Launch(subnet, cause, pooled=True))
    return tuple(launches)


def drawn(group: Group, taken: frozenset[str], place: Subnet) -> Member | None:
    """The instance that is put into service instead of a launch in `place`; None: none is ready."""
    ready = [m for m in group.members if m.lifecycle in WARM and m.id not in taken]
    there = [m for m in ready if m.subnet.zone == place.zone]
    return min(there or ready, key=lambda m: (m.launched_at, m.id), default=None)


def _lost(member: Member) -> str:
    return f"an instance was taken out of the warm pool: {member.id} was terminated or stopped."


def _shrunk(group: Group) -> str:
    return f"an instance was taken out of the warm pool, which is to have {size(group)}."
