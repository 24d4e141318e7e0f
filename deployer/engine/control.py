"""What people may ask of a running deployment, when it makes sense, and what it then does. Pure.

    ask           valid while it runs and ...            effect
    abort         users can still go back (`stuck`)      the way back begins
    abort --force always; only offered when they cannot  the way back begins
    pause         it is not paused                       nothing moves forward; judgement goes on
    resume        it is paused                           its timers go on where they stood
    promote       it bakes, or ramps up                  that step counts as done
                  it keeps the old slot warm             that window is over: it falls silent next
                  it has ended, and only waits until     it waits no longer: `deployer settle` gives
                  the rule may stick again               that back later
    promote full  the candidate stands and is probed     straight to all of the traffic
                  (after a halt: deployer.planning.completing)
    approve       it waits for approval                  that step counts as done

On its way back nothing can be asked: whatever was wrong, users are being brought to safety.
"""

from msgspec.structs import replace

from deployer.engine import audit
from deployer.errors import Aborted, NotPossibleNow
from deployer.journal import Ask, Request
from deployer.model import WHOLE, Snapshot
from deployer.plan import Deployment, Event, Status
from deployer.planning import completing, stickiness
from deployer.record.acts import OVERRODE, REFUSED
from deployer.steps.approve import Approve
from deployer.steps.bake import Bake
from deployer.steps.hook import Hook
from deployer.steps.kinds import Step
from deployer.steps.linger import Linger
from deployer.steps.probe import Probe
from deployer.steps.provision import Provision
from deployer.steps.ramp import Ramp
from deployer.steps.route import Route
from deployer.steps.soak import Soak

ENDS_A_STEP = (Ask.PROMOTE, Ask.PROMOTE_FULL, Ask.APPROVE)


def possible(deployment: Deployment) -> tuple[Ask, ...]:
    """What may be asked of it now, in the order of `Ask`."""
    if deployment.ending is not None:
        return (Ask.PROMOTE,) if stickiness.waits(deployment) else ()
    if deployment.status is not Status.RUNNING:
        return ()
    step = deployment.step
    sensible = {
        Ask.ABORT: not stuck(deployment),
        Ask.ABORT_FORCE: stuck(deployment),
        Ask.PAUSE: deployment.paused_at is None,
        Ask.RESUME: deployment.paused_at is not None,
        Ask.PROMOTE: isinstance(step, Bake | Soak | Ramp) or in_window(deployment),
        Ask.PROMOTE_FULL: full_route(deployment) is not None,
        Ask.APPROVE: isinstance(step, Approve),
    }
    return tuple(ask for ask, sense in sensible.items() if sense)


def in_window(deployment: Deployment) -> bool:
    """It keeps the old slot warm and whole, for going back in one change."""
    step = deployment.step
    return isinstance(step, Linger) and step.least_s > 0


def stuck(deployment: Deployment) -> bool:
    """Users reach a release that cannot go back safely."""
    return deployment.plan.irreversible and deployment.activated


def one_way(deployment: Deployment) -> str:
    """Why it does not go back, for people."""
    name = deployment.first_plan.release.name
    return f"{name} is marked rollback-safe: false and users reach it, so it does not go back"


def no_way_back(deployment: Deployment, seen: Snapshot, why: str) -> str:
    """Why nothing goes back by itself, and what a person can do, in one line."""
    name, previous = deployment.plan.release.name, deployment.plan.previous
    halfway = completing.open_to(deployment, seen)
    first = f"`deployer promote --full` gives {name} all of the traffic, then " if halfway else ""
    return (
        f"{why}; {one_way(deployment)}: fix forward ({first}`deployer deploy RELEASE`), or, if "
        f"{previous or 'the release before'} can live with what {name} did, "
        "`deployer rollback --force`"
    )


def require_possible(deployment: Deployment, ask: Ask) -> None:
    """Refuse what makes no sense now.

    Raises:
        NotPossibleNow: says what would.
    """
    sensible = possible(deployment)
    if ask in sensible or (ask is Ask.ABORT_FORCE and sensible and deployment.ending is None):
        return
    if not sensible:
        back = deployment.status is Status.RETREATING and deployment.ending is None
        state = "is on its way back" if back else "has ended"
        raise NotPossibleNow(f"{deployment.id} {state}: see `deployer status`")
    commands = ", ".join(f"`deployer {other}`" for other in sensible)
    if ask is Ask.ABORT:
        raise NotPossibleNow(f"{one_way(deployment)}: `deployer abort --force` does all the same")
    if deployment.ending is not None:
        raise NotPossibleNow(
            f"`deployer {ask}` is not possible now: {deployment.id} has ended, and waits until the "
            f"production rule may stick again; possible now: {commands}"
        )
    held = "is paused" if deployment.paused_at is not None else "runs"
    raise NotPossibleNow(
        f"`deployer {ask}` is not possible now: {deployment.id} {held} in the step "
        f"«{deployment.step.describe()}»; possible now: {commands}"
    )


def full_route(deployment: Deployment) -> int | None:
    """Index of the step, still to come, that gives the candidate everything.

    None while the candidate does not stand yet, while a hook runs, or when it has everything already.
    """
    if isinstance(deployment.step, Hook):
        return None
    candidate = deployment.plan.candidate
    for index, step in enumerate(deployment.plan.steps):
        if isinstance(step, Provision | Probe) and index >= deployment.cursor:
            return None
        if isinstance(step, Route) and step.weights[candidate] == WHOLE:
            return index if index > deployment.cursor else None
    return None


def grant(deployment: Deployment, request: Request, now: float) -> Deployment:
    """The deployment with the request granted, or refused on the record, once.

    Raises:
        Aborted: the way back begins.
    """
    heeded = replace(deployment, heeded=request.id)
    if request.ask not in (*possible(deployment), Ask.ABORT_FORCE):
        late = audit.did(heeded, request.asker, REFUSED, now, note=f"{request.ask}: too late")
        return late.noting(Event(now, "refused", f"{request.ask} by {request.by}: too late"))
    if request.ask in (Ask.ABORT, Ask.ABORT_FORCE):
        raise Aborted(f"aborted by {request.by}")
    because = f" in a freeze, because: {request.why}" if request.why else ""
    note = Event(
        now, "asked", f"{request.ask} by {request.by}{because}", _ended(deployment, request)
    )
    return _granted(asked(heeded, request, now), request.ask, now).noting(note)


def _ended(deployment: Deployment, request: Request) -> dict[str, str]:
    """What a promotion ends, or approving lets go: a record tells of nobody's click without it.

    One that has ended only waits until its rule may stick again: no step of its plan ends by that.
    """
    ends = request.ask in ENDS_A_STEP and deployment.ending is None
    return {"step": deployment.step.describe()} if ends else {}


def asked(deployment: Deployment, request: Request, now: float) -> Deployment:
    """The record with who wished it, and why in spite of a freeze."""
    about = _ended(deployment, request).get("step", "")
    after = audit.did(deployment, request.asker, request.ask, now, note=about)
    if not request.why:
        return after
    return audit.did(after, request.asker, OVERRODE, now, note=request.why)


def _granted(deployment: Deployment, ask: Ask, now: float) -> Deployment:
    if deployment.ending is not None:
        return stickiness.impatient(deployment)
    if ask is Ask.PAUSE:
        return replace(deployment, paused_at=now)
    moving = resumed(deployment, now)
    if ask is Ask.RESUME:
        return moving
    full = full_route(deployment)
    if ask is Ask.PROMOTE_FULL and full is not None:
        return replace(moving, cursor=full, entered_at=now, held_s=0.0)
    if isinstance(moving.step, Linger):
        return stepping(moving, moving.step.cut(now - moving.entered_at))
    return moving.past_its_step(now)


def stepping(deployment: Deployment, step: Step) -> Deployment:
    """The step in execution becomes `step`."""
    plan, at = deployment.plan, deployment.cursor
    steps = (*plan.steps[:at], step, *plan.steps[at + 1 :])
    return replace(deployment, plan=replace(plan, steps=steps))


def resumed(deployment: Deployment, now: float) -> Deployment:
    """No longer paused; the time it was does not count against its step, nor against its deadline."""
    if deployment.paused_at is None:
        return deployment
    held_s, attended = now - deployment.paused_at, deployment.resumed_at
    if attended is not None:
        attended += now - max(attended, deployment.paused_at)
    return replace(
        deployment, paused_at=None, entered_at=deployment.entered_at + held_s,
        held_s=deployment.held_s + held_s, resumed_at=attended,
    )  # fmt: skip
