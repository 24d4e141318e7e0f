"""A deployment's beginning, whoever begins it: what objects, the plan, the first record.

A person's command and a function in the cloud go the same way: a reading, the strategy's plan and
everything that objects to it, then the record that is written before anything is changed.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from deployer.analysis.judge import Tally, tally
from deployer.engine import audit
from deployer.errors import DeployError, NotPossibleNow, UsageError
from deployer.freezes import Freeze, Freezes
from deployer.hooks import HookAction
from deployer.intent import Intent
from deployer.journal import NOT_BEGUN, REMEMBERED, Journal, last_begun, newest_begun
from deployer.model import Release, Snapshot
from deployer.operations import freezing
from deployer.plan import Deployment, Event, Plan, Status
from deployer.planning import preflight, stickiness, strategies
from deployer.planning.preflight import (
    Code,
    Facts,
    Objection,
    Surroundings,
    objections,
    of_error,
    of_plan,
)
from deployer.ports import Alarms, Clock, Cloud, History, Metrics
from deployer.record.acts import BEGAN, OVERRODE, Actor
from deployer.record.held import Unstuck

Compiler = Callable[[Snapshot, Intent], Plan]
LOOK_BACK_S = 900.0  # long enough for a share of failures, short enough to be the same load


class Ground(Protocol):
    """What is read of an environment before something begins there; `wiring.Services` is one."""

    @property
    def environment(self) -> str: ...
    @property
    def cloud(self) -> Cloud: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def alarms(self) -> Alarms: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def history(self) -> History: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def look_around(self) -> Callable[[], Surroundings]: ...
    @property
    def lacking(self) -> Callable[[HookAction], str]: ...
    @property
    def sticks_s(self) -> int: ...
    @property
    def freezes(self) -> Freezes: ...


@dataclass(frozen=True, slots=True)
class Waived:
    """What a person has said is fine: objections to it are none.

    freeze: why it begins although a freeze is on; empty: nobody has said so.
    """

    weights: bool = False
    alarms: bool = False
    irreversible: bool = False
    freeze: str = ""


@dataclass(frozen=True, slots=True)
class Meant:
    """What a strategy is asked for, and what people should know of that: a sentence each."""

    intent: Intent
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Weighed:
    """What came of looking before a beginning.

    plan:    None: the strategy makes none.
    found:   what objects, the strategy's refusal included.
    refused: that refusal.
    remarks: what could not be looked at.
    """

    plan: Plan | None
    found: tuple[Objection, ...] = ()
    refused: UsageError | None = None
    remarks: tuple[str, ...] = ()

    def cleared(self) -> Plan:
        """The plan, if nothing objects.

        Raises:
            NotPossibleNow: something does.
            UsageError: the strategy's own refusal, if that is all there is.
        """
        if self.refused is not None and len(self.found) == 1:
            raise self.refused
        if self.plan is None or self.found:
            raise NotPossibleNow("; ".join(map(str, self.found)))
        return self.plan


def weigh(
    ground: Ground,
    compiler: Compiler,
    seen: Snapshot,
    wanted: Meant,
    waived: Waived,
) -> Weighed:
    """The plan and everything that objects to it. It reads, and changes nothing.

    Alarms that are accepted do not judge the plan, which says so: the record keeps it.

    Raises:
        CloudUnavailable, AccessProblem: not everything could be looked at, so nothing is begun.
    """
    intent = wanted.intent
    rings = ground.alarms.ringing(intent.alarms) if intent.alarms else {}
    accepted = rings if waived.alarms else {}
    intent = replace(intent, alarms=tuple(each for each in intent.alarms if each not in accepted))
    found, remarks = facing(
        ground, seen, intent.release, {} if waived.alarms else rings, waived,
        moves_traffic=compiler is not strategies.rolling,
    )  # fmt: skip
    freeze = ground.freezes.now(ground.clock.now())
    if freeze is not None and not waived.freeze:
        found = (*found, Objection(Code.FROZEN, freezing.refusal(freeze)))
    try:
        plan = compiler(seen, intent)
    except UsageError as error:
        return Weighed(None, (*found, of_error(error)), error, remarks)
    notes = (
        *_overriding(freeze, waived.freeze),
        *plan.notes,
        *wanted.notes,
        *_accepting(accepted),
        *_unfit_hooks(intent, ground.lacking),
    )
    found = (*found, *of_plan(plan, seen))
    why = waived.freeze if freeze is not None else ""
    return Weighed(replace(plan, notes=notes, override=why), found, None, remarks)


def _overriding(freeze: Freeze | None, why: str) -> Iterator[str]:
    """That it begins in a freeze."""
    if freeze is not None and why:
        yield freezing.overridden(freeze, why)


def facing(
    ground: Ground,
    seen: Snapshot,
    release: Release,
    ringing: Mapping[str, str],
    waived: Waived,
    *,
    moves_traffic: bool,
) -> tuple[tuple[Objection, ...], tuple[str, ...]]:
    """What objects to a deployment that begins now, and what could not be looked at.

    Raises:
        CloudUnavailable, AccessProblem: as `weigh`.
    """
    around = ground.look_around()
    last = newest_begun(ground.journal.history(ground.environment, REMEMBERED))
    one_way = "" if release.rollback_safe or waived.irreversible else release.name
    facts = Facts(seen, around, ringing, last, waived.weights, one_way, moves_traffic)
    return objections(facts), preflight.remarks(around)


def _unfit_hooks(intent: Intent, lacking: Callable[[HookAction], str]) -> Iterator[str]:
    """Hooks that would fail if they ran here now; an earlier one may mend that, so none is refused."""
    for point, action in intent.hooks.items():
        if why := lacking(action):
            yield f"CAREFUL: the hook {point} would fail: {why}."


def _accepting(alarms: Mapping[str, str]) -> Iterator[str]:
    """The one line that says what is accepted."""
    if alarms:
        said = ", ".join(f"{name} {why}" for name, why in alarms.items())
        yield f"Accepted (--accept-alarms), and not judged by in this deployment: {said}."


@dataclass(frozen=True, slots=True)
class Opening:
    """How a deployment begins.

    id:     its own.
    title:  `canary of v42`, for its first event.
    by:     who wants it.
    status: a way back that leads away from its release begins as a retreat, with its `reason`.
    actor:  who wants it, with what AWS knows of them; None: no more than `by`.
    """

    id: str
    title: str
    by: str
    status: Status = Status.RUNNING
    reason: str = ""
    actor: Actor | None = None


def first_record(ground: Ground, plan: Plan, seen: Snapshot, opening: Opening) -> Deployment:
    """The record that is written before anything is changed; reads the last one."""
    now = ground.clock.now()
    last = last_begun(ground.journal, ground.environment)
    record = Deployment(
        id=opening.id, environment=ground.environment, status=opening.status, plan=plan,
        started_at=now, entered_at=now, written=seen.weights, cohort=seen.admitted,
        surge=plan.surge, reason=opening.reason, by=opening.by,
        unstuck=_inherited(ground, last, seen),
        calm_since=now if preflight.disturbed(last, seen) else None,
    ).noting(Event(now, "started", f"{opening.title} by {opening.by}"))  # fmt: skip
    who = opening.actor or Actor(opening.by)
    begun = audit.did(record, who, BEGAN, now, note=opening.title)
    return audit.did(begun, who, OVERRODE, now, note=plan.override) if plan.override else begun


def _inherited(ground: Ground, last: Deployment | None, seen: Snapshot) -> Unstuck | None:
    """The stickiness that an earlier deployment has left to be given back, or the settings want."""
    if seen.sticky_s is not None:
        return None
    if seen.weights is None:
        return stickiness.of_first(ground.sticks_s, ground.clock.now())
    return stickiness.inherited(last, seen)


def refused(deployment: Deployment, error: DeployError, now: float) -> Deployment:
    """The record of one that was refused after it was written, before anything was changed."""
    return replace(
        deployment, status=Status.ROLLED_BACK, finished_at=now, reason=f"{NOT_BEGUN}{error}"
    )


def remembering(ground: Ground, seen: Snapshot, intent: Intent) -> Intent:
    """The intent with what the live slot served in the minutes before now: rolling is judged by it.

    Raises:
        CloudUnavailable: the metrics do not answer: better to begin when they do.
    """
    before = _usual(ground, seen, intent.delay_s)
    return replace(intent, roll=replace(intent.roll, before=before))


def _usual(ground: Ground, seen: Snapshot, delay_s: float) -> Tally | None:
    """Its requests and failures; None where no slot serves, or nothing was published."""
    slot = seen.weights.sole if seen.weights else None
    if slot is None:
        return None
    until = ground.clock.now() - delay_s
    found = tally(ground.metrics.traffic(until - LOOK_BACK_S, until)[slot])
    return found if found.requests else None
