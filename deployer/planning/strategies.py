"""Strategies: pure compilers from one reading of the cloud and an intent to a plan."""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import replace

from deployer.errors import Halted, NotPossibleNow, PlanInvalid
from deployer.hooks import HookPoint
from deployer.intent import Intent
from deployer.model import WHOLE, Slot, SlotState, Snapshot
from deployer.plan import Deployment, Plan, basis_of
from deployer.planning import admission, climb, resting, stages, stickiness
from deployer.planning import rolling as in_place
from deployer.planning.footing import require_room, require_sound, serving
from deployer.steps.base import LATE_READING_S
from deployer.steps.kinds import Step
from deployer.steps.linger import Linger
from deployer.steps.provision import Provision
from deployer.steps.retire import Retire

RETURN_BAKE_S = 120.0  # a release that served before needs no longer look than this


def canary(seen: Snapshot, intent: Intent) -> Plan:
    """Shift traffic to the release a little at a time, judging it at each stop, or all the while.

    The candidate starts at the live slot's current size, so capacity never depends on the weight;
    with matched capacity it grows ahead of its share, while the old slot stays as large as it is,
    so that the way back never boots anything. The last Bake keeps the old slot warm. A user group,
    if one is named, comes before any weight, and has its own rule until the release has everything.
    Where nothing serves yet, or any more, there is nobody to protect and nothing to compare with:
    the release is provisioned, probed and routed.

    Raises:
        PlanInvalid: as `climb.stops`, or the group is too small for all of the traffic.
        NotPossibleNow: both slots have traffic, the live one is not healthy, or no user group can
                        have a rule of its own.
    """
    shares = climb.stops(intent)
    stable = serving(seen)
    if stable is None or not seen[stable].healthy():
        return first(seen, intent)
    require_sound(seen, stable)
    capacity, candidate = seen[stable].desired, stable.twin
    require_room(seen, candidate, capacity)
    admission.require_place(seen, intent)
    require_stops(intent, (0, *shares) if intent.cohort else shares)
    first_share = climb.first_of(intent, shares)
    return _plan(
        "canary", seen, intent, stable=stable, candidate=candidate, capacity=capacity,
        steps=(
            *stages.arrival(seen, intent, candidate, capacity, hold=stable, share=first_share),
            *stages.group(intent, candidate, capacity),
            *climb.steps(intent, candidate, shares, capacity),
            *stages.departure(intent, stable, stages.watch(intent, candidate, WHOLE, capacity)),
        ),
        notes=(*admission.notes(intent, stable, candidate), *stages.notes(intent, stable, capacity)),
    )  # fmt: skip


def blue_green(seen: Snapshot, intent: Intent) -> Plan:
    """Switch everything in one change, and keep the old slot warm for the way back.

    The candidate stands at the live slot's current size and has answered its probes before the
    switch. Within the window `deployer rollback` is one change; after it the old slot is retired,
    but for `standby` instances.

    Raises:
        PlanInvalid: the group is too small, or more standby than there are instances.
        NotPossibleNow: both slots have traffic, or the live one is not healthy.
    """
    stable = serving(seen)
    if stable is None or not seen[stable].healthy():
        return first(seen, intent)
    require_sound(seen, stable)
    capacity, candidate = seen[stable].desired, stable.twin
    require_room(seen, candidate, capacity)
    require_stops(intent, (WHOLE,))
    if intent.standby > capacity:
        raise PlanInvalid(f"standby {intent.standby} is more than the {capacity} that serve")
    window_s, watched = intent.window_s, stages.watch(intent, candidate, WHOLE, capacity)
    linger = Linger(
        stable, window_s + intent.linger_s, intent.delay_s, window_s + intent.linger_s + 120.0,
        least_s=window_s, watch=watched,
    )  # fmt: skip
    return _plan(
        "blue-green", seen, intent, stable=stable, candidate=candidate, capacity=capacity,
        steps=(
            *stages.arrival(seen, intent, candidate, capacity, hold=stable),
            *stages.stage(intent, candidate, WHOLE, capacity),
            linger,
            *stages.hook(intent, HookPoint.BEFORE_RETIRE, stable, watched=watched),
            Retire(stable, intent.limits.retire_s, keep=intent.standby),
        ),
    )  # fmt: skip


def rolling(seen: Snapshot, intent: Intent) -> Plan:
    """Replace the instances of the group that serves, a batch at a time.

    Where nothing serves yet, or any more, there is nothing to replace.

    Raises:
        PlanInvalid: no instance could be replaced, the group cannot grow by its surge, or approval
                     is asked for.
        NotPossibleNow: both slots have traffic, the live one is not healthy, it runs the release
                        already, or a process that this needs is suspended.
    """
    stable = serving(seen)
    if stable is None or not seen[stable].healthy():
        return first(seen, intent)
    require_sound(seen, stable)
    require_stops(intent, ())
    plan = in_place.forward(seen, intent, stable)
    return replace(plan, steps=(*stages.left_over(seen, intent, plan.capacity), *plan.steps))


Strategy = Callable[[Snapshot, Intent], Plan]
STRATEGIES: Final[Mapping[str, Strategy]] = {
    "canary": canary,
    "blue-green": blue_green,
    "rolling": rolling,
}
"""What people choose from; tests/unit/test_situations.py holds each of them to the same table."""


def first(seen: Snapshot, intent: Intent) -> Plan:
    """Bring a release up where nothing serves: no analysis, and no way back.

    A dead slot that still holds the weight is retired afterwards. Where it has instances, and all of
    them read as unhealthy, the load balancer sends to all of them (aws-facts 1.3): users may be
    served, and the plan says so, loudly. It is not refused: whoever ships into an outage needs that
    to work at once, unattended, and the plan is shown before anything happens.

    Raises:
        PlanInvalid: the group cannot hold that many instances, or approval is asked for: nothing
                     stops on the way, and a gate that somebody wants is not left out silently.
    """
    if intent.approve:
        raise PlanInvalid(
            f"approval is asked for, but {intent.release.name} is the first release here, or "
            "nothing healthy serves: there is no stop to approve at; run the command with --approve "
            "none (blue-green: --no-approve)"
        )
    dead = serving(seen)
    candidate = dead.twin if dead else Slot.BLUE
    capacity = max(intent.size, seen[dead].desired if dead else 0)
    require_room(seen, candidate, capacity)
    return _plan(
        "first", seen, intent, stable=None, candidate=candidate, capacity=capacity,
        steps=(
            *stages.arrival(seen, intent, candidate, capacity),
            stages.route(intent, candidate, WHOLE, capacity),
            *stages.hook(intent, HookPoint.AFTER_TRAFFIC, candidate),
            *(stages.departure(intent, dead) if dead else ()),
        ),
        notes=tuple(stages.unjudged(seen, intent, dead)) if dead else (),
    )  # fmt: skip


def return_to(seen: Snapshot, intent: Intent) -> Plan:
    """Put a release that served before back in place, at once: no shares in between.

    Nobody is asked for approval: whoever goes back is in a hurry. Unlike a canary it starts from an
    unhealthy slot and under ringing alarms too, since they may be why one goes back, and too little
    evidence does not stop it: the release has proven itself before. Of the hooks only on_rollback
    runs: no other may stand in the way.

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
        approve=(),
        final_bake_s=min(intent.final_bake_s, RETURN_BAKE_S),
        patience_s=0.0,
        inconclusive="promote",
        alarms=(),
        hooks={},
    )
    route, *rest = stages.stage(quick, candidate, WHOLE, capacity)
    return _plan(
        "rollback", seen, replace(quick, hooks=intent.hooks),
        stable=stable, candidate=candidate, capacity=capacity,
        steps=(
            *stages.arrival(seen, quick, candidate, capacity),
            route,
            *stages.turned_back(intent, stable),
            *rest,
            *stages.departure(quick, stable, stages.watch(quick, candidate, WHOLE, capacity)),
        ),
    )  # fmt: skip


def rollback(seen: Snapshot, deployment: Deployment) -> Plan:
    """The way back of a deployment: capacity first, traffic second, shrink last.

    A user group that goes its own way comes after the weights: should its rule refuse to go, most
    users are safe all the same.

    Compiled from the cloud as it is now, not from the steps that were taken.

    Raises:
        Halted: users are on the candidate and there is nothing to go back to.
    """
    plan = deployment.plan
    if not plan.ships:
        return resting.back(seen, deployment)
    if plan.in_place:
        return in_place.back(seen, deployment)
    intent, candidate, stable = plan.intent, plan.candidate, plan.stable
    told = stages.turned_back(intent, candidate, plan)
    shrink = Retire(candidate, intent.limits.retire_s, settle_s=LATE_READING_S)
    leaving, capacity = isinstance(deployment.step, Retire), plan.capacity
    settle_s = LATE_READING_S if leaving else 0.0  # its instances may be gone and still be read
    if not activated(seen, deployment):
        steps: tuple[Step, ...] = (*told, shrink)
    elif stable is None:
        raise Halted(
            f"{intent.release.name} serves and there is no earlier release to go back to: "
            "ship a good one with `deployer canary RELEASE`"
        )
    else:
        grouped = seen.admitted is not None or deployment.cohorts
        capacity = stages.carried(seen, plan.capacity, stable)
        steps = (
            *(() if leaving else stages.relief(seen, intent, stable, capacity)),
            Provision(stable, None, capacity, intent.limits.provision_s, settle_s),
            stages.route(intent, stable, WHOLE, capacity),
            *((stages.dismissal(intent, capacity),) if grouped else ()),
            *told,
            stages.linger(intent, candidate),
            shrink,
        )
    return _plan(
        "rollback", seen, intent, stable=stable, candidate=candidate, capacity=capacity,
        steps=steps, previous=plan.previous, cleared=True,
    )  # fmt: skip


def activated(seen: Snapshot, deployment: Deployment) -> bool:
    """Users reach the release, or may: by what is seen now or by what was written down."""
    if deployment.plan.in_place:
        return deployment.activated or in_place.reached(seen, deployment.plan)
    return deployment.activated or bool(seen.traffic_of(deployment.plan.candidate))


def irreversible(seen: Snapshot, deployment: Deployment) -> bool:
    """Users reach a release that cannot go back safely: nothing may send them back by itself."""
    return deployment.plan.irreversible and activated(seen, deployment)


def require_stops(intent: Intent, stops: tuple[int, ...]) -> None:
    """Approval is asked for where the plan stops, nowhere else.

    Raises:
        PlanInvalid: a share at which the plan does not stop.
    """
    strange = [share for share in intent.approve if share not in stops]
    if strange:
        shown = ", ".join(map(stages.stop_name, strange))
        where = (
            f"stops at {', '.join(map(stages.stop_name, stops))}" if stops else "has no such stops"
        )
        raise PlanInvalid(f"approval after {shown}, but the plan {where}")


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
    notes: tuple[str, ...] = (),
    cleared: bool = False,
) -> Plan:
    """The plan; it begins with what an earlier one left of a user group.

    cleared: it is the way back of one that has begun: that is done, and `stable` serves in the end.
    """
    before = seen[stable] if stable else None
    steps = stages.kept(steps, intent, stable if cleared else candidate)
    return Plan(
        strategy=strategy,
        intent=intent,
        candidate=candidate,
        stable=stable,
        previous=previous or (served_by(before) if before else None),
        capacity=capacity,
        steps=steps if cleared else (*stages.left_over(seen, intent, capacity), *steps),
        basis=basis_of(seen),
        notes=(
            *notes,
            *(() if cleared else stages.leftovers(seen, intent, candidate)),
            *(() if cleared else stages.once_more(before, intent)),
            *stickiness.notes(seen, intent, steps),
        ),
    )
