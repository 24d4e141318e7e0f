"""Forward from where a release that cannot go back has halted: it gets all of the traffic. Pure.

Such a release halts at whatever share it has (`control.no_way_back`), and the next one can only be
shipped from one slot that serves everything. A person decides that; this is the plan that does it.
"""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from deployer.errors import NotPossibleNow
from deployer.hooks import HookPoint
from deployer.intent import Intent
from deployer.model import WHOLE, Slot, Snapshot, Weights
from deployer.plan import Deployment, Plan, basis_of
from deployer.planning import stages, stickiness
from deployer.planning.footing import require_room
from deployer.steps.provision import Provision
from deployer.steps.retire import Retire

STRATEGY = "promote"


def open_to(deployment: Deployment, seen: Snapshot) -> bool:
    """It leads to one slot that serves everything, and that is not reached.

    In place, and where nothing served before, one slot has all of the weight all the time.
    """
    plan = deployment.plan
    if not plan.irreversible or plan.in_place or plan.stable is None or seen.weights is None:
        return False
    return seen.weights.sole is not plan.candidate or seen.admitted is not None


def onward(seen: Snapshot, halted: Deployment, ringing: Mapping[str, str] | None = None) -> Plan:
    """The plan that gives the halted release everything, from the cloud as it is now.

    Capacity first: as many as all of the traffic needs by now, before any of it moves. The old slot
    keeps its size until the last bake is over, since `deployer abort --force` may need it. That
    bake judges as always, but by nothing from before: what has halted the release is known. Where
    it is bad with everything too, it halts there.

    Args:
        seen: the cloud now.
        halted: the newest deployment; `open_to` holds.
        ringing: alarms that ring, and why. They forbid nothing, since they may be why it halted, and
                 whoever asks for this knows; but this plan is not judged by them.

    Raises:
        NotPossibleNow: the slot does not run the release any more.
        PlanInvalid: its group may not become large enough.
    """
    plan, rings = halted.plan, ringing or {}
    candidate, stable = plan.candidate, plan.candidate.twin
    intent = replace(
        plan.intent, weights=(), approve=(), hold_back=0, capacity="full",
        alarms=tuple(name for name in plan.intent.alarms if name not in rings),
    )  # fmt: skip
    require_release(seen, candidate, plan.release.name)
    capacity = stages.carried(seen, plan.capacity, candidate)
    require_room(seen, candidate, capacity)
    watched = stages.watch(intent, candidate, WHOLE, capacity)
    fresh = stages.bake(intent, candidate, WHOLE, capacity, 0.0)
    steps = (
        Provision(
            candidate, None, capacity, intent.limits.provision_s, hold=stable, keep=capacity
        ),
        stages.route(intent, candidate, WHOLE, capacity, sized_by=stable),
        *((stages.dismissal(intent, capacity, fresh),) if seen.admitted else ()),
        *stages.hook(intent, HookPoint.AFTER_TRAFFIC, candidate, watched=fresh),
        fresh,
        stages.linger(intent, stable, watched),
        *stages.hook(intent, HookPoint.BEFORE_RETIRE, stable, watched=watched),
        Retire(stable, intent.limits.retire_s, keep=min(intent.standby, capacity)),
    )  # fmt: skip
    return Plan(
        strategy=STRATEGY, intent=intent, candidate=candidate, stable=stable,
        previous=plan.previous, capacity=capacity, basis=basis_of(seen),
        steps=stages.kept(steps, intent, candidate),
        notes=(*notes(halted, intent, rings), *stickiness.notes(seen, intent, steps)),
    )  # fmt: skip


def require_release(seen: Snapshot, slot: Slot, name: str) -> None:
    """The slot runs the release, and launches it where it has to grow.

    Raises:
        NotPossibleNow: it does not.
    """
    state = seen[slot]
    if state.boots_name != name or any(each.release != name for each in state.instances):
        runs = ", ".join(state.releases) or "no release"
        raise NotPossibleNow(
            f"{slot} should run {name} and runs {runs}, and launches "
            f"{state.boots_name or 'what the stack made'}: somebody has changed it since; see "
            "`deployer status`"
        )


def untouched(seen: Snapshot, halted: Deployment) -> bool:
    """Users are where the halted deployment has left them, as far as it knew."""
    weights: tuple[Weights | None, ...] = (halted.written, *halted.intended)
    return seen.weights in weights and seen.admitted in (halted.cohort, *halted.cohort_intended)


def notes(halted: Deployment, intent: Intent, ringing: Mapping[str, str]) -> Iterator[str]:
    """What people should know before it begins."""
    name = intent.release.name
    why = halted.reason.partition(f"; {name} is marked")[0]
    yield f"CAREFUL: {halted.id} has halted, since: {why}. This gives {name} everything all the same."
    if ringing:
        said = ", ".join(f"{alarm} {words}" for alarm, words in ringing.items())
        yield f"CAREFUL: not judged by in this deployment: {said}."
    yield (
        f"Should {name} be judged bad with all of the traffic too, this halts there: "
        "`deployer deploy RELEASE` ships what mends it."
    )
