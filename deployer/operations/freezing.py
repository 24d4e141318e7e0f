"""Freezes: times in which nothing begins unless somebody says why. Pure; what is when comes from a port.

what                                        in a freeze
canary, blue-green, rolling, deploy, fleet  refused, unless overridden with a reason
approve, promote (--full too)               refused, unless overridden with a reason
rollback, abort, pause                      never refused: the way to safety is always open
resume, and the supervisor's taking over    never refused: what runs already is not stopped
an idle slot's emptying                     waits: the supervisor begins nothing by itself
"""

from msgspec.structs import replace

from deployer.errors import NotPossibleNow
from deployer.freezes import Freeze, Freezes
from deployer.journal import Ask
from deployer.operations.expected import expected_end
from deployer.plan import Plan
from deployer.steps.bake import Bake
from deployer.steps.kinds import Step
from deployer.steps.linger import Linger
from deployer.steps.soak import Soak

OVERRIDE = "--override-freeze"
FORWARD = (Ask.APPROVE, Ask.PROMOTE, Ask.PROMOTE_FULL)  # by a person's word alone


def require_open(freezes: Freezes, ask: Ask, now: float, why: str = "") -> str:
    """Refuse what brings users to a release in a freeze, unless somebody says why.

    Returns:
        `why`, if a freeze is on and the wish is one that needs it; else nothing: no reason was needed.

    Raises:
        NotPossibleNow: a freeze is on, and nobody has.
    """
    freeze = freezes.now(now) if ask in FORWARD else None
    if freeze is None:
        return ""
    if not why:
        raise NotPossibleNow(
            f"`deployer {ask}` is refused in a freeze: {freeze.words}; what runs goes on, `deployer "
            f'abort` and `rollback` are possible, and {OVERRIDE} "why" does it all the same'
        )
    return why


def refusal(freeze: Freeze) -> str:
    """Why a deployment does not begin."""
    return (
        f'a freeze is on: {freeze.words}; begin then, or say why not: {OVERRIDE} "why" (it is '
        "recorded; `deployer windows` shows what is allowed when)"
    )


def overridden(freeze: Freeze, why: str) -> str:
    """What a plan says that begins in a freeze all the same."""
    return f"In a freeze ({freeze.words}) all the same, because: {why} ({OVERRIDE})."


def warned(freezes: Freezes, plan: Plan, now: float) -> Plan:
    """The plan, whose outlook is known, with a note if it would run into a freeze; not one that goes back."""
    forward = plan.ships and plan.strategy != "rollback" and not plan.override
    if not forward or freezes.now(now) is not None or not (words := ahead(freezes, plan, now)):
        return plan
    return replace(plan, notes=(words, *plan.notes))


def ahead(freezes: Freezes, plan: Plan, now: float) -> str:
    """What a plan says that would run into a freeze; empty: it would not.

    People's time to approve is in nobody's estimate: where one is waited for, it may take longer.
    """
    expected = expected_end(plan, now)
    end = now + least_s(plan) if expected is None else expected
    freeze = freezes.ahead(now, end)
    if freeze is None:
        return ""
    until = "lasts" if expected is None else "is expected to last"
    return (
        f"CAREFUL: it would run into a freeze: {freeze.why} begins {freeze.since}, and it {until} "
        f"until {freezes.spell(end)}{' at least' if expected is None else ''}. It is not stopped then, "
        f"but approving and promoting it needs {OVERRIDE}."
    )


def least_s(plan: Plan) -> float:
    """Seconds that a plan waits in any case: bakes, and the window of a blue/green deployment."""
    return sum(map(_waits_s, plan.steps))


def _waits_s(step: Step) -> float:
    if isinstance(step, Bake):
        return step.bake_s
    if isinstance(step, Soak):
        return step.soak_s
    return step.least_s if isinstance(step, Linger) else 0.0
