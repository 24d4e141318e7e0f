"""An idle slot that no plan will empty any more gives its instances back, once its window is over.

A plan that ships a release empties the old slot itself: whoever carries it on, does. What is left is a
slot that somebody filled, or that a deployment of long ago has left: it costs money and serves nobody.
Not after a halted deployment: there a person decides. The plan is that of `deployer.planning.resting.retired`:
silence is proven before instances leave.
"""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from deployer.errors import DeployError, NotPossibleNow
from deployer.intent import Intent
from deployer.journal import Lease, last_begun
from deployer.model import Snapshot
from deployer.operations import beginning
from deployer.operations.beginning import Ground, Opening, first_record
from deployer.plan import SLEEP, Deployment, Status
from deployer.planning import resting

LOOK_S = 900.0  # so often the cloud is read for it


@dataclass(frozen=True, slots=True)
class Expiry:
    """Of one environment.

    window_s: so long after a deployment has ended, its old slot may still be wanted, seconds.
    span_s:   from one visit to the next.
    intent:   as the settings have it; its `standby` instances stay, or those of the last deployment
              (`blue-green --standby`).
    new_id:   a deployment's id, from the time.
    by:       who wants it, for people.
    """

    ground: Ground
    window_s: float
    span_s: float
    intent: Intent
    new_id: Callable[[float], str]
    by: str

    def begin(self, lease: Lease) -> Deployment | None:
        """The record of a deployment that empties the idle slot, begun; None: nothing is due.

        Raises:
            Locked: somebody was faster.
            DeployError: the cloud or the journal cannot be read.
        """
        now = self.ground.clock.now()
        if now % LOOK_S >= self.span_s:
            return None
        last = last_begun(self.ground.journal, self.ground.environment)
        if self.ground.freezes.now(now) or not settled(last, now, self.window_s):
            return None
        seen, intent = self.ground.cloud.observe(), keeping(self.intent, last)
        if not idle(seen, intent.standby):
            return None
        try:
            plan = resting.retired(seen, intent, intent.standby)
        except NotPossibleNow:
            return None
        opening = Opening(self.new_id(now), "retiring the idle slot", self.by)
        begun = self.ground.journal.begin(first_record(self.ground, plan, seen, opening), lease)
        try:
            plan.require_fresh(self.ground.cloud.observe())
        except DeployError as error:
            ended = beginning.refused(begun, error, self.ground.clock.now())
            self.ground.journal.save(ended, lease)
            return None
        return begun


def keeping(intent: Intent, last: Deployment | None) -> Intent:
    """The settings', but what the last deployment was told to keep on standby stays, too. Pure."""
    kept = last.first_plan.intent.standby if last is not None else 0
    return replace(intent, standby=max(intent.standby, kept))


def settled(last: Deployment | None, now: float, window_s: float) -> bool:
    """Whether nobody can want the idle slot of the last deployment any more. Pure.

    Whoever has put the environment to sleep wants it as it is, and a halt wants a person.
    """
    if last is None or last.finished_at is None or last.status is Status.HALTED:
        return False
    return last.first_plan.strategy != SLEEP and now - last.finished_at >= window_s


def idle(seen: Snapshot, standby: int) -> bool:
    """Whether one slot has all of the traffic and the other one more instances than it is to keep."""
    sole = seen.weights.sole if seen.weights is not None else None
    if sole is None or seen.asleep or seen.admitted is not None:
        return False
    return seen[sole].desired > 0 and seen[sole.twin].desired > standby
