"""A production rule that sticks: what that means for a deployment, and how it gets that back. Pure.

With target-group stickiness a client keeps the slot that it got, whatever the weights say, and each
answer prolongs that (aws-facts 1.3). While shares are split, that is what people want. When one
slot gets everything it is not, least of all on the way back from a bad release: the same change
switches it off. It comes back once no cookie of before is left, since clients that still have one
may be sent to a slot that has no instances any more. A deployment that has ended waits for that as
long as its settings say. What takes longer stays in its record, and `deployer settle` gives it back
from then on, at any time (deployer.engine.settling), or else the next deployment, before it moves a share.
"""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from deployer.changes import SetWeights, Stick
from deployer.durations import spell
from deployer.intent import Intent
from deployer.model import Snapshot
from deployer.plan import Deployment, Status
from deployer.record.held import Unstuck
from deployer.steps.base import LATE_READING_S
from deployer.steps.kinds import Step
from deployer.steps.ramp import Ramp
from deployer.steps.route import Route


def notes(seen: Snapshot, intent: Intent, steps: Sequence[Step]) -> Iterator[str]:
    """What people should know of a plan of `steps`, a sentence each."""
    shares = [
        isinstance(step, Ramp) or step.weights.sole is None
        for step in steps
        if isinstance(step, Route | Ramp)
    ]
    if seen.sticky_s is None or not shares:
        return
    lasts = spell(seen.sticky_s)
    if any(shares):
        yield (
            f"The production rule sticks (AWSALBTG, {lasts}): clients keep the release that they "
            f"got until they have been away for {lasts}, so the observed share lags behind the "
            "weight; judged is what each slot really served."
        )
    yield (
        "The change to 100 %, and every way back, switches that stickiness off in the same call. It "
        f"comes back when no cookie from before is left, {lasts} later"
        + (
            "."
            if seen.sticky_s <= intent.sticky_wait_s
            else f": at the end of this deployment, if that is at most {spell(intent.sticky_wait_s)} "
            "away then, else by `deployer settle`."
        )
    )


def remembering(deployment: Deployment, change: SetWeights, now: float) -> Deployment:
    """The record, before the change is made."""
    if change.sticky_s is None or not change.unsticks:
        return deployment
    return replace(deployment, unstuck=Unstuck(change.sticky_s, now))


def due_at(unstuck: Unstuck) -> float:
    """From when on every cookie of before has run out, epoch seconds; the data plane lags."""
    return unstuck.at + unstuck.sticky_s + LATE_READING_S


def strange(deployment: Deployment, seen: Snapshot) -> bool:
    """It sticks although this plan has switched that off: somebody else has switched it on."""
    passed = deployment.plan.steps[: deployment.cursor]
    alone = any(isinstance(step, Route) and step.weights.sole is not None for step in passed)
    return alone and deployment.unstuck is not None and seen.sticky_s is not None


def overdue(deployment: Deployment, seen: Snapshot, now: float) -> Stick | None:
    """What an earlier deployment left to be given back, before this one has moved any share."""
    unstuck, begun = deployment.unstuck, deployment.plan.steps[: deployment.cursor + 1]
    moves = any(isinstance(step, Route | Ramp) for step in begun)
    if unstuck is None or moves or deployment.status is not Status.RUNNING:
        return None
    off = seen.sticky_s is None and now >= due_at(unstuck)
    if not off or seen.weights is None or seen.weights.sole is None:
        return None
    return Stick(unstuck.sticky_s, seen.weights)


def handing_back(deployment: Deployment, seen: Snapshot | None, now: float) -> Stick | str | None:
    """At the end: the change that gives it back, why that must wait, or None: it is settled.

    Settled is what sticks already, and what is left to `deployer settle` (`owed`).
    """
    unstuck = deployment.unstuck
    if unstuck is None or seen is None:
        return None
    if seen.sticky_s is not None:
        late = now < unstuck.at + LATE_READING_S
        return "looking again whether the production rule sticks" if late else None
    if not waits(deployment) and now < due_at(unstuck):
        return None
    left_s = due_at(unstuck) - now
    if left_s > 0:
        return f"in {spell(left_s)} the production rule may stick again: {_why(unstuck)}"
    hindered = hindrance(deployment, seen)
    if hindered:
        late = now < due_at(unstuck) + LATE_READING_S and deployment.ending is not Status.HALTED
        return f"looking again: {hindered}" if late else None
    return Stick(unstuck.sticky_s, seen.weights) if seen.weights is not None else None


def waits(deployment: Deployment) -> bool:
    """It has ended, and keeps its environment until the rule may stick again.

    One that halted keeps it for nothing: a person is to look, and may want to begin the next one.
    """
    unstuck = deployment.unstuck
    if unstuck is None or deployment.ending in (None, Status.HALTED) or deployment.reopened:
        return False
    if deployment.suspended is not None or deployment.frozen is not None:
        return False
    return due_at(unstuck) <= deployment.entered_at + deployment.plan.intent.sticky_wait_s


def impatient(deployment: Deployment) -> Deployment:
    """It waits no longer: somebody has asked for that."""
    plan = deployment.plan
    hasty = replace(plan, intent=replace(plan.intent, sticky_wait_s=0.0))
    return replace(deployment, plan=hasty)


def hindrance(deployment: Deployment, seen: Snapshot) -> str:
    """Why the rule cannot stick again, though it is time; empty: nothing is in the way.

    It is given back to the rule that the deployment left, where one slot has everything: else it is
    not known what people want there now (invariant I4). Until shares are split again nobody misses
    it.
    """
    left = (deployment.written, *deployment.intended)
    if seen.weights not in left:
        return (
            f"the production rule sends {seen.weights or 'nothing: it is gone'}, and "
            f"{deployment.id} left {deployment.written}: somebody else moved traffic"
        )
    if seen.weights is None or seen.weights.sole is None:
        return f"both slots have traffic ({seen.weights})"
    return ""


def settled(deployment: Deployment, seen: Snapshot | None) -> Deployment:
    """The record once nothing more is done: nothing is owed to a rule that sticks, or is not there."""
    if seen is not None and (seen.sticky_s is not None or seen.weights is None):
        return replace(deployment, unstuck=None)
    return deployment


def inherited(last: Deployment | None, seen: Snapshot) -> Unstuck | None:
    """What the deployment before, if there was one, left to the one that begins now."""
    return last.unstuck if last is not None and seen.sticky_s is None else None


def of_first(sticky_s: int, now: float) -> Unstuck | None:
    """What the rule that a first release makes gets at its end: nobody has a cookie to wait for.

    Not when it is made: the change to 100 % would take it away again.
    """
    return Unstuck(sticky_s, now - sticky_s - LATE_READING_S) if sticky_s else None


def owed(deployment: Deployment) -> str:
    """What is left to be given back after its end, for people; empty: nothing."""
    unstuck = deployment.unstuck
    if unstuck is None:
        return ""
    return (
        f"the production rule's stickiness of {spell(unstuck.sticky_s)} is still off: "
        f"{_why(unstuck)}; `deployer settle` gives it back after that, or else the next deployment"
    )


def _why(unstuck: Unstuck) -> str:
    return f"cookies of the other slot last {spell(unstuck.sticky_s)}"
