"""The way up of a canary: by fixed shares, or by as much as the evidence allows. Pure."""

from itertools import pairwise

from deployer.analysis.ramp import LADDER
from deployer.durations import percent
from deployer.errors import PlanInvalid
from deployer.intent import Intent
from deployer.model import WHOLE, Slot, matched_to
from deployer.planning import stages
from deployer.steps.bake import BEYOND_S
from deployer.steps.kinds import Step
from deployer.steps.ramp import Ramp, start_of

SEEN_S = 180.0  # a share's first whole minute begins and ends, and is looked at; beside the delay


def stops(intent: Intent) -> tuple[int, ...]:
    """A canary's shares, per mille, all of the traffic included; a ramp's own are not known before.

    Raises:
        PlanInvalid: they do not rise within 0.1..99.9 %, or more is held back than they leave.
    """
    weights = () if intent.auto else intent.weights
    if any(low >= high for low, high in pairwise((0, *weights, WHOLE))):
        shown = ", ".join(f"{weight / 10:g}" for weight in weights)
        raise PlanInvalid(f"weights must rise within 0.1..99.9 percent: {shown}")
    if not intent.hold_back:
        return (*weights, WHOLE)
    held, last = WHOLE - intent.hold_back, LADDER[-1] if intent.auto else max(weights, default=0)
    if not last < held < WHOLE:
        raise PlanInvalid(
            f"a hold-back of {percent(intent.hold_back)} leaves {percent(held)} to the release, and "
            f"it has {percent(last)} before that: hold back less, or leave out the last weights"
        )
    return (*weights, held, WHOLE)


def ramp(intent: Intent, candidate: Slot, capacity: int) -> Ramp:
    """Up by the evidence, to where the candidate is called good.

    Raises:
        PlanInvalid: there are no terms to judge it by.
    """
    terms, limits = intent.terms, intent.limits
    if terms is None:
        raise PlanInvalid("a ramp needs terms to judge by; without, name the shares (--weights)")
    grow_s = limits.route_s + limits.provision_s
    asks = terms.limits.inconclusive != "abort"
    return Ramp(
        candidate, capacity, intent.delay_s, grow_s,
        60.0 * terms.limits.max_minutes + climbing_s(intent, capacity) + BEYOND_S
        + (intent.approve_s if asks else 0.0),
        matched=stages.matched(intent), alarms=intent.alarms,
        watch=stages.watch(intent, candidate, 0, capacity) if intent.cohort else None,
    )  # fmt: skip


def climbing_s(intent: Intent, capacity: int) -> float:
    """What all shares of a ramp take at most: they may still be had when the time of the terms is up."""
    limits = intent.limits
    sizes = {matched_to(share, capacity) for share in LADDER} if stages.matched(intent) else {0}
    grow_s = limits.route_s + limits.provision_s
    return len(LADDER) * (intent.delay_s + SEEN_S) + len(sizes) * grow_s


def steps(
    intent: Intent, candidate: Slot, shares: tuple[int, ...], capacity: int
) -> tuple[Step, ...]:
    """Up to each of the shares in turn, after the ramp if there is one."""
    before = 0 if intent.cohort else None
    up: tuple[Step, ...] = ()
    if intent.auto:
        up, before = (ramp(intent, candidate, capacity),), LADDER[-1]
    befores = (before, *shares[:-1])
    pairs = zip(befores, shares, strict=True)
    return (
        *up,
        *(s for b, share in pairs for s in stages.stage(intent, candidate, share, capacity, b)),
    )


def first_of(intent: Intent, shares: tuple[int, ...]) -> int:
    """What the candidate gets first, per mille."""
    return start_of(intent.terms) if intent.auto and intent.terms else shares[0]
