"""Strategies: pure compilers from one reading of the cloud and an intent to a plan."""

from itertools import pairwise

from msgspec.structs import replace

from deployer.errors import Halted, NotPossibleNow, PlanInvalid
from deployer.model import WHOLE, Slot, SlotState, Snapshot, Weights
from deployer.plan import Deployment, Intent, Plan, basis_of
from deployer.steps.bake import Bake
from deployer.steps.base import LATE_READING_S
from deployer.steps.kinds import Step
from deployer.steps.linger import Linger
from deployer.steps.probe import Probe
from deployer.steps.provision import Provision
from deployer.steps.retire import Retire
from deployer.steps.route import Route

RETURN_BAKE_S = 120.0  # a release that served before needs no longer look than this


def canary(seen: Snapshot, intent: Intent) -> Plan:
    """Shift traffic to the release a little at a time, judging it at each stop.

    The candidate starts at the live slot's current size, so capacity never depends on the weight,
    and the last Bake keeps the old slot warm. Where nothing serves yet, or any more, there is
    nobody to protect and nothing to compare with: the release is provisioned, probed and routed.

    Raises:
        PlanInvalid: weights not strictly rising within 0.1..99.9 %, or the group is too small.
        NotPossibleNow: both slots have traffic, or the live one is not healthy.
    """
    weights = (*intent.weights, WHOLE)
    if any(low >= high for low, high in pairwise((0, *weights))):
        shown = ", ".join(f"{weight / 10:g}" for weight in intent.weights)
        raise PlanInvalid(f"weights must rise within 0.1..99.9 percent: {shown}")
    stable = serving(seen)
    if stable is None or not seen[stable].healthy():
        return first(seen, intent)
    require_sound(seen, stable)
    capacity, candidate = seen[stable].desired, stable.twin
    require_room(seen, candidate, capacity)
    climb = [step for share in weights for step in stage(intent, candidate, share, capacity)]
    return _plan(
        "canary", seen, intent, stable=stable, candidate=candidate, capacity=capacity,
        steps=(
            *arrival(intent, candidate, capacity),
            *climb,
            *departure(intent, stable),
        ),
    )  # fmt: skip


def first(seen: Snapshot, intent: Intent) -> Plan:
    """Bring a release up where nothing serves: no analysis, and no way back.

    A dead slot that still holds the weight is retired afterwards.

    Raises:
        PlanInvalid: the group cannot hold that many instances.
    """
    dead = serving(seen)
    candidate = dead.twin if dead else Slot.BLUE
    capacity = max(intent.size, seen[dead].desired if dead else 0)
    require_room(seen, candidate, capacity)
    return _plan(
        "first", seen, intent, stable=None, candidate=candidate, capacity=capacity,
        steps=(
            *arrival(intent, candidate, capacity),
            Route(Weights.toward(candidate, WHOLE), capacity, intent.limits.route_s),
            *(departure(intent, dead) if dead else ()),
        ),
    )  # fmt: skip


def return_to(seen: Snapshot, intent: Intent) -> Plan:
    """Put a release that served before back in place, at once: no shares in between.

    Unlike a canary it starts from an unhealthy slot too, since that may be why one goes back, and
    too little evidence does not stop it: the release has proven itself before.

    Raises:
        NotPossibleNow: both slots have traffic, or the release serves already.
        PlanInvalid: the group is too small.
    """
    stable = serving(seen)
    if stable is None or not seen[stable].healthy():
        return first(seen, intent)
    if seen[stable].releases == (intent.release.name,):
        raise NotPossibleNow(
            f"{intent.release.name} serves already: nothing to go back from; see `deployer history`"
        )
    capacity, candidate = seen[stable].desired or intent.size, stable.twin
    require_room(seen, candidate, capacity)
    quick = replace(
        intent,
        weights=(),
        final_bake_s=min(intent.final_bake_s, RETURN_BAKE_S),
        patience_s=0.0,
        inconclusive="promote",
    )
    return _plan(
        "rollback", seen, quick, stable=stable, candidate=candidate, capacity=capacity,
        steps=(
            *arrival(quick, candidate, capacity),
            *stage(quick, candidate, WHOLE, capacity),
            *departure(quick, stable),
        ),
    )  # fmt: skip


def rollback(seen: Snapshot, deployment: Deployment) -> Plan:
    """The way back of a deployment: capacity first, traffic second, shrink last.

    Compiled from the cloud as it is now, not from the steps that were taken.

    Raises:
        Halted: users are on the candidate and there is nothing to go back to.
    """
    plan = deployment.plan
    intent, candidate, stable = plan.intent, plan.candidate, plan.stable
    touched = any(
        weights is not None and weights[candidate]
        for weights in (seen.weights, deployment.written, *deployment.intended)
    )
    shrink = Retire(candidate, intent.limits.retire_s)
    leaving = isinstance(deployment.step, Retire)
    settle_s = LATE_READING_S if leaving else 0.0  # its instances may be gone and still be read
    if not touched:
        steps: tuple[Step, ...] = (shrink,)
    elif stable is None:
        raise Halted(
            f"{intent.release.name} serves and there is no earlier release to go back to: "
            "ship a good one with `deployer canary RELEASE`"
        )
    else:
        limits = intent.limits
        # An instance that dies in between is waited for: to give up here would strand users.
        route_s = limits.provision_s + limits.route_s
        steps = (
            Provision(stable, None, plan.capacity, limits.provision_s, settle_s),
            Route(Weights.toward(stable, WHOLE), plan.capacity, route_s),
            _linger(intent, candidate),
            shrink,
        )
    return _plan(
        "rollback", seen, intent, stable=stable, candidate=candidate, capacity=plan.capacity,
        steps=steps, previous=plan.previous,
    )  # fmt: skip


def serving(seen: Snapshot) -> Slot | None:
    """The slot that serves everything; None if nothing was ever released.

    Raises:
        NotPossibleNow: both slots have traffic.
    """
    if seen.weights is None:
        return None
    if seen.weights.sole is None:
        raise NotPossibleNow(
            f"both slots serve ({seen.weights}): an earlier deployment was left half-way; "
            "run `deployer status`, then `deployer rollback`"
        )
    return seen.weights.sole


def require_sound(seen: Snapshot, stable: Slot) -> None:
    """A deployment begins from a healthy environment only.

    Raises:
        NotPossibleNow: the live slot has fewer healthy instances than it should, or is being
            scaled to none, so that nobody knows how many the release needs.
    """
    state = seen[stable]
    if state.desired == 0:
        raise NotPossibleNow(
            f"{stable} serves everything, and its group is asked for 0 instances: give it its "
            "desired capacity back, then run the command again"
        )
    if state.healthy() < state.desired:
        raise NotPossibleNow(
            f"{stable} serves everything with {state.healthy()} of {state.desired} instances "
            "healthy: wait until it has recovered, then run the command again"
        )


def require_room(seen: Snapshot, candidate: Slot, capacity: int) -> None:
    """A slot that cannot grow to the size it needs is refused before anything is changed.

    Raises:
        PlanInvalid: the group is too small.
    """
    if seen[candidate].max_size < capacity:
        raise PlanInvalid(
            f"{candidate} may have at most {seen[candidate].max_size} instances and {capacity} "
            "are needed: raise max_instances in deployer.toml and deploy the stacks"
        )


def arrival(intent: Intent, candidate: Slot, capacity: int) -> tuple[Step, ...]:
    """The candidate stands, and answers, before any user sees it."""
    limits = intent.limits
    return (
        Provision(candidate, intent.release, capacity, limits.provision_s),
        Probe(
            candidate, intent.release.name, intent.probe_requests,
            intent.probe_allowed_failures, limits.probe_s,
        ),
    )  # fmt: skip


def stage(intent: Intent, candidate: Slot, share: int, capacity: int) -> tuple[Step, Step]:
    """One stop of the climb: route `share` per mille, then bake there."""
    bake_s = intent.final_bake_s if share == WHOLE else intent.bake_s
    patience_s = bake_s + intent.delay_s + intent.patience_s
    return (
        Route(Weights.toward(candidate, share), capacity, intent.limits.route_s),
        Bake(
            candidate=candidate, share=share, capacity=capacity, bake_s=bake_s, rule=intent.rule,
            delay_s=intent.delay_s, patience_s=patience_s, inconclusive=intent.inconclusive,
            deadline_s=patience_s + 120.0,
        ),
    )  # fmt: skip


def departure(intent: Intent, old: Slot) -> tuple[Step, ...]:
    """The old slot leaves once it is silent."""
    return (_linger(intent, old), Retire(old, intent.limits.retire_s))


def _linger(intent: Intent, slot: Slot) -> Linger:
    return Linger(slot, intent.linger_s, intent.delay_s, intent.linger_s + 120.0)


def served_by(state: SlotState) -> str | None:
    """The release that a slot runs; if its instances name none, the one that it would boot."""
    return ", ".join(state.releases) or (state.boots.name if state.boots else None)


def _plan(
    strategy: str,
    seen: Snapshot,
    intent: Intent,
    *,
    stable: Slot | None,
    candidate: Slot,
    capacity: int,
    steps: tuple[Step, ...],
    previous: str | None = None,
) -> Plan:
    before = seen[stable] if stable else None
    return Plan(
        strategy=strategy,
        intent=intent,
        candidate=candidate,
        stable=stable,
        previous=previous or (served_by(before) if before else None),
        capacity=capacity,
        steps=steps,
        basis=basis_of(seen),
    )
