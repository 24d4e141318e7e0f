"""An environment's side of a fleet: it answers how a deployment stands, begins one, or turns it back.

It runs beside its environment, under a role that can do nothing elsewhere, with that environment's
own settings: what a release has to go through there is not the fleet's business. An errand is done
once, however often it is asked: a deployment is known by its name.
"""

import dataclasses
import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from msgspec.structs import replace

from deployer.engine import control
from deployer.errors import (
    CloudUnavailable,
    DeployError,
    Locked,
    NotFound,
    NotPossibleNow,
    PlanInvalid,
)
from deployer.journal import NOT_BEGUN, REMEMBERED, Active, Ask, Lease, Request
from deployer.model import Release, Snapshot
from deployer.operations import afterwards, beginning
from deployer.operations.beginning import Ground, Meant, Opening, Waived
from deployer.operations.detached import unfit_hooks
from deployer.operations.fleet import Errand, Sight
from deployer.plan import RETIRE, Deployment, Plan, Status
from deployer.planning import preflight, strategies
from deployer.planning.preflight import Code, Objection

Kind = Literal["canary", "blue-green", "rolling", "rollback"]
NOTHING_OBJECTS = "nothing objects"
MARGIN_S: Final = 5.0  # a deployment is written down within that
STATES: Final = {
    Status.RUNNING: "running", Status.RETREATING: "running", Status.SHIPPED: "shipped",
    Status.ROLLED_BACK: "rolled_back", Status.HALTED: "halted",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Side:
    """One environment, ready to answer.

    strategy:     how a release is shipped here.
    alarms:       those that say whether what serves is well.
    find_release: raises NotFound.
    meant:        what the settings say about shipping a release in that way, and what was usual
                  before.
    lease:        in the name of whoever carries deployments on, from now on.
    start:        has a deployment of that id carried out; asked twice, once.
    foreseen:     a plan with what it is expected to come to; raises nothing.
    """

    ground: Ground
    strategy: Literal["canary", "blue-green", "rolling"]
    alarms: tuple[str, ...]
    find_release: Callable[[str], Release]
    meant: Callable[[Snapshot, Release, Kind], Meant]
    lease: Callable[[], Lease]
    start: Callable[[str], None]
    foreseen: Callable[[Plan, Snapshot], Plan] = lambda plan, _seen: plan

    def answer(self, errand: Errand) -> Sight:
        """Do it, and say how it stands; raises nothing that AWS or the settings are the reason of."""
        about = errand.about
        try:
            return replace(self._answered(errand), about=about)
        except CloudUnavailable as error:
            return Sight(state="silent", about=about, note=str(error))
        except Locked as error:
            return Sight(state="busy", about=about, note=str(error))
        except DeployError as error:
            state: Final = "silent" if errand.kind in ("look", "abort") else "refused"
            return Sight(state=state, about=about, note=str(error))

    def _answered(self, errand: Errand) -> Sight:
        if errand.kind == "check":
            return self._check(errand)
        record = self._record(errand.about)
        if errand.kind == "abort" and record is not None:
            self._abort(record, errand)
        begins = errand.kind in ("begin", "back")
        if record is not None:
            carried = record.version > 0
            return self._standing(self._started(record, carried=carried) if begins else record)
        return self._begin(errand) if begins else Sight(state="absent")

    # How it stands.

    def _standing(self, record: Deployment) -> Sight:
        if record.reason.startswith(NOT_BEGUN):
            return Sight(state="refused", note=record.reason.removeprefix(NOT_BEGUN))
        if not record.status.final:
            return Sight(state="running", note=where(record))
        sight = Sight(state=STATES[record.status], note=record.reason)  # type: ignore[arg-type]
        if record.status is not Status.SHIPPED:
            return sight
        since = self._since(record.id)
        if since:
            return replace(sight, other=since)
        rings = self.ground.alarms.ringing(self.alarms) if self.alarms else {}
        fails = afterwards.ailing(self.ground.metrics, record, self.ground.clock.now())
        return replace(sight, ringing=rings, ailing=fails)

    def _since(self, deployment_id: str) -> str:
        """What came after that deployment, in words; empty: nothing."""
        records = self.ground.journal.history(self.ground.environment, REMEMBERED)
        since = itertools.takewhile(lambda record: record.id != deployment_id, records)
        newest = next(filter(leaves_its_mark, since), None)
        if newest is None:
            return ""
        plan = newest.first_plan
        return f"{plan.strategy} {plan.release.name} ({newest.id}) by {newest.by}"

    def _record(self, deployment_id: str) -> Deployment | None:
        with suppress(NotFound):
            return self.ground.journal.load(self.ground.environment, deployment_id)
        return None

    # Turning back.

    def _abort(self, record: Deployment, errand: Errand) -> None:
        active = self.ground.journal.active(self.ground.environment)
        if active is None or active.deployment.id != record.id or control.stuck(record):
            return
        if record.status is not Status.RUNNING or record.ending is not None:
            return
        with suppress(NotPossibleNow):  # it was asked for already, or has ended
            wish = Request(Ask.ABORT, errand.by, f"{errand.deployment}-abort")
            self.ground.journal.ask(self.ground.environment, wish)

    # Beginning.

    def _check(self, errand: Errand) -> Sight:
        """What `begin` would meet now; nothing is changed."""
        active = self.ground.journal.active(self.ground.environment)
        seen, found = self.ground.cloud.observe(), self.find_release(errand.release)
        told = Sight(
            state="absent", note=NOTHING_OBJECTS, serves=serving(seen), strategy=self.strategy,
            irreversible=not found.rollback_safe,
        )  # fmt: skip
        if serves_only(seen, found.name):
            return replace(told, state="present", note=f"{found.name} serves already")
        waived = Waived(irreversible=True, freeze=errand.override)
        objections = self._weighed(seen, found, waived).found
        if active is not None:  # what else objects now may be its doing
            objections = tuple(each for each in objections if each.code is Code.HOOK_UNFIT)
        freeze = self.ground.freezes.now(self.ground.clock.now())
        if freeze is not None and {each.code for each in objections} == {Code.FROZEN}:
            return replace(told, state="frozen", note=freeze.words)
        if objections:
            return replace(told, state="refused", note="; ".join(map(str, objections)))
        return replace(told, state="busy", note=held_by(active)) if active is not None else told

    def _weighed(self, seen: Snapshot, found: Release, waived: Waived) -> beginning.Weighed:
        wanted = self.meant(seen, found, self.strategy)
        compiler = strategies.STRATEGIES[self.strategy]
        weighed = beginning.weigh(self.ground, compiler, seen, wanted, waived)
        unfit = unfit_hooks(weighed.plan) if weighed.plan is not None else ()
        objections = (Objection(Code.HOOK_UNFIT, why) for why in unfit)
        return dataclasses.replace(weighed, found=(*weighed.found, *objections))

    def _begin(self, errand: Errand) -> Sight:
        ground, name = self.ground, errand.about
        now = ground.clock.now()
        if late(errand, now):
            return Sight(state="late")
        freeze = ground.freezes.now(now) if errand.kind == "begin" else None
        if freeze is not None and not errand.override:
            return Sight(state="frozen", note=freeze.words)
        active = ground.journal.active(ground.environment)
        if active is not None:
            return Sight(state="busy", note=held_by(active))
        newest = next(iter(ground.journal.records(ground.environment, 1)), None)
        if newest is not None and newest.id > name:
            return Sight(state="stale", note=f"{newest.id} came after it")
        seen = ground.cloud.observe()
        if errand.kind == "begin" and serves_only(seen, errand.release):
            return Sight(state="present", note=f"{errand.release} serves already")
        plan = self._back(errand, seen) if errand.back else self._forward(errand, seen)
        return self._written(plan, seen, errand)

    def _forward(self, errand: Errand, seen: Snapshot) -> Plan:
        found = self.find_release(errand.release)
        waived = Waived(irreversible=errand.irreversible, freeze=errand.override)
        return self._weighed(seen, found, waived).cleared()

    def _back(self, errand: Errand, seen: Snapshot) -> Plan:
        """What served before this fleet's deployment, if that is still what was done last."""
        since = self._since(errand.deployment)
        if since:
            raise NotPossibleNow(f"something came after it: {since}")
        shipped = self.ground.journal.load(self.ground.environment, errand.deployment)
        before = shipped.first_plan.previous
        if before is None:
            raise NotPossibleNow(f"{errand.release} was the first release here")
        back = self.meant(seen, self.find_release(before), "rollback")
        plan = strategies.return_to(seen, back.intent)
        for objection in preflight.of_return(plan, seen):
            raise NotPossibleNow(str(objection))
        return plan

    def _written(self, plan: Plan, seen: Snapshot, errand: Errand) -> Sight:
        """From here on it exists: what follows may be done by the next errand, or by nobody."""
        ground, words = self.ground, f"{plan.strategy} {plan.release.name}"
        plan = self.foreseen(plan, seen)
        record = beginning.first_record(ground, plan, seen, Opening(errand.about, words, errand.by))
        if late(errand, ground.clock.now()):
            return Sight(state="late")
        begun = ground.journal.begin(record, self.lease())
        return self._standing(self._started(begun, carried=False))

    def _started(self, record: Deployment, *, carried: bool) -> Deployment:
        """Carried out from here on, unless its plan was overtaken while it was made.

        carried: somebody has carried it already, so that the cloud is not what it was.
        """
        if record.status.final:
            return record
        if not carried:
            try:
                record.plan.require_fresh(self.ground.cloud.observe())
            except PlanInvalid as error:
                ended = beginning.refused(record, error, self.ground.clock.now())
                return self.ground.journal.save(ended, self.lease())
        self.start(record.id)
        return record


def leaves_its_mark(record: Deployment) -> bool:
    """After it something else may serve than before: not what went back, nor an emptied idle slot. Pure."""
    if record.reason.startswith(NOT_BEGUN) or record.status is Status.ROLLED_BACK:
        return False
    return record.first_plan.strategy != RETIRE


def late(errand: Errand, now: float) -> bool:
    """Nobody begins anything for it any more. Pure."""
    return now > errand.until - MARGIN_S


def serves_only(seen: Snapshot, release: str) -> bool:
    """Everybody is on that release already. Pure."""
    slot = seen.weights.sole if seen.weights and not seen.asleep else None
    if slot is None or seen.admitted is not None or not seen[slot].healthy():
        return False
    return seen[slot].releases == (release,)


def serving(seen: Snapshot) -> str:
    """The release that serves, for people. Pure."""
    slot = seen.weights.sole if seen.weights else None
    if slot is None:
        return "" if seen.weights is None else "two releases"
    return ", ".join(seen[slot].releases)


def held_by(active: Active) -> str:
    """Whose deployment is under way, for people. Pure."""
    plan = active.deployment.first_plan
    what = f"{plan.strategy} {plan.release.name} ({active.deployment.id})"
    return f"{active.deployment.environment} is taken by {what} of {active.deployment.by}"


def where(record: Deployment) -> str:
    """Where a deployment stands, for people. Pure."""
    held = "paused at " if record.paused_at is not None else ""
    back = "on its way back, " if record.status is Status.RETREATING else ""
    step = f"step {record.cursor + 1} of {len(record.plan.steps)}"
    return f"{back}{held}{step}: {record.step.describe()}"
