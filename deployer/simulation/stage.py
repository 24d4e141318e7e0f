"""A simulated environment that is as the real one was read."""

from collections.abc import Mapping

from deployer.model import Slot, SlotState, Snapshot
from deployer.simulation.clock import SimClock
from deployer.simulation.cloud import SimCloud
from deployer.simulation.fleet import NEVER, Behaviour, Loss, SimGroup, SimInstance
from deployer.simulation.ledger import Ledger

LONG_AGO_S = 3600.0
ENOUGH = 1  # instances that carry everything: nobody knows how many it takes, and that is not asked
UNLIKE = 1_000_000  # launched before, so that no new one is named like one that was read
BEFORE_S = 1200.0  # of traffic that there was before: who is silent is known by it


def staged(
    seen: Snapshot,
    behaviours: Mapping[str, Behaviour],
    *,
    drain_s: float,
    rate: float,
    group: int,
    limit_s: float,
) -> SimCloud:
    """The environment, in which everything that was there works and is long since healthy.

    behaviours: of the releases that may be launched, by name; any other is as `Behaviour()`.
    rate:       requests per second of all users.
    group:      share of these that a user group makes, per mille.
    limit_s:    simulated seconds after which a run is stuck.
    """
    clock = SimClock(start=seen.at, limit_s=limit_s)
    groups = {slot: _group(seen[slot], behaviours, drain_s=drain_s, now=seen.at) for slot in Slot}
    live = seen.weights.sole if seen.weights else None
    ledger = Ledger()
    if live is not None and not seen.asleep:
        ledger.serve(live, seen.at - BEFORE_S, seen.at, rate, Loss())
    return SimCloud(
        clock, groups, seen.weights, load=ENOUGH, rate=rate, group=group,
        cohort=seen.cohort, sticky_s=seen.sticky_s, asleep=seen.asleep, ledger=ledger,
    )  # fmt: skip


def _group(
    state: SlotState, behaviours: Mapping[str, Behaviour], *, drain_s: float, now: float
) -> SimGroup:
    group = SimGroup(
        state.slot, desired=state.desired, boots=state.boots, min_size=state.min_size,
        max_size=state.max_size, drain_s=drain_s, stale=state.stale,
        stack_image=state.stack_image, behaviours=behaviours, version=state.version,
        suspended=set(state.suspended), launched=UNLIKE,
    )  # fmt: skip
    if state.boots is not None:
        group.versions[state.boots.name] = state.version
    if state.pool is not None:
        group.keeps_warm = state.pool.up_to
        group.warm = [(state.boots_name, state.version)] * state.pool.size
    for instance in state.instances:
        if instance.lifecycle.startswith("Terminating"):
            continue
        there = SimInstance(
            instance.id, instance.release, behaviours.get(instance.release or "", Behaviour()),
            now - LONG_AGO_S, zone=instance.zone, version=instance.version,
            protected=instance.protected,
        )  # fmt: skip
        there.in_service_at = there.healthy_at = now - LONG_AGO_S
        there.fails_at = NEVER
        group.instances.append(there)
    group.zones = tuple(sorted({i.zone for i in state.instances})) or group.zones
    return group
