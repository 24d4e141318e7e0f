"""A plan with its outlook: what the rehearsal needs is read here, and nothing that fails stops a plan."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Protocol

from msgspec.structs import replace

from deployer.errors import DeployError
from deployer.journal import Journal
from deployer.model import Snapshot
from deployer.operations.foreseeing import QUICK, THOROUGH, Circumstances, foresee
from deployer.operations.prices import UNASKED, PriceList, kinds, price, without
from deployer.plan import Deployment, Plan
from deployer.ports import Clock, Metrics
from deployer.record.outlook import Assumed, Outlook

TAKEN_BOOT_S = 90.0  # where no deployment has told how long instances take here
LATELY_S = 900.0  # minutes whose load is that of now
LAST = 5  # deployments whose boots are looked at
MINUTE_S = 60.0
ASKING = "ask "  # begins what a change of a group's size is called in the log
PROVISIONED = "provision "


@dataclass(frozen=True, slots=True)
class Costs:
    """What an environment's instances are, and what they cost.

    region:  theirs.
    kind:    their type, where no instance tells it; empty: unknown.
    own:     US dollars an hour, by type, as the settings say.
    drain_s: from an instance's deregistration until it is gone.
    asked:   AWS's price list, for who has time to ask.
    """

    region: str = ""
    kind: str = ""
    own: Mapping[str, float] = field(default_factory=dict)
    drain_s: float = 30.0
    asked: PriceList = UNASKED


class Ground(Protocol):
    """What is read; `wiring.Services` is one."""

    @property
    def environment(self) -> str: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def poll_s(self) -> float: ...
    @property
    def costs(self) -> Costs: ...


def with_outlook(
    ground: Ground,
    plan: Plan,
    seen: Snapshot,
    *,
    thorough: bool = False,
    per_min: float | None = None,
) -> Plan:
    """The plan with what it is expected to come to; what is not known is told in it. It raises nothing.

    thorough: there is time: AWS's price list is asked, and large fleets are simulated too.
    per_min:  requests of all users, where somebody has read them already (`one_load`).
    """
    if not plan.ships:
        return plan
    costs = ground.costs
    those = kinds(seen, costs.kind)
    try:
        asked = costs.asked if thorough else UNASKED
        under = Circumstances(
            assumed(ground, plan, per_min), ground.poll_s,
            price(those, costs.region, costs.own, asked), THOROUGH if thorough else QUICK,
        )  # fmt: skip
        found = foresee(plan, seen, under)
    except Exception as error:  # noqa: BLE001  an estimate that fails must never stop a plan
        words = str(error) if isinstance(error, DeployError) else f"{type(error).__name__}: {error}"
        taken = Assumed(boot_s=TAKEN_BOOT_S, drain_s=costs.drain_s)
        found = Outlook(assumed=taken, why=(f"It could not be estimated: {words}.",))
    if found.price is None:
        found = replace(found, why=(*found.why, without(sorted(those))))
    return replace(plan, outlook=found)


def assumed(ground: Ground, plan: Plan, per_min: float | None = None) -> Assumed:
    """What the rehearsal rests on; `per_min` as in `with_outlook`.

    Raises:
        CloudUnavailable, AccessProblem: the journal does not answer.
    """
    known = boots_s(ground.journal.history(ground.environment, LAST))
    return Assumed(
        boot_s=median(known) if known else TAKEN_BOOT_S, measured=bool(known), drain_s=ground.costs.drain_s,
        requests_per_min=load_per_min(ground, plan) if per_min is None else per_min,
    )  # fmt: skip


def load_per_min(ground: Ground, plan: Plan) -> float | None:
    """Requests a minute of all users, lately: as the plan knows it, else asked for; None: unknown."""
    terms, before = plan.intent.terms, plan.intent.roll.before
    if terms is not None and terms.requests_per_min is not None:
        return terms.requests_per_min
    if plan.in_place and before is not None and before.minutes:
        return before.requests / before.minutes
    if plan.strategy == "rollback":
        return None  # who goes back is in a hurry, and is not judged by it
    until = ground.clock.now() - plan.intent.delay_s
    try:
        seen = ground.metrics.traffic(until - LATELY_S, until)
    except DeployError:
        return None
    sums: dict[float, int] = {}
    for minutes in seen.values():
        for one in minutes:
            if one.requests is not None:
                sums[one.start] = sums.get(one.start, 0) + one.requests
    return fmean(sums.values()) if sums else None


def one_load(ground: Ground, plans: Iterable[Plan]) -> float | None:
    """For plans that are compared: the first load that one of them knows; each has its own way to."""
    loads = (load_per_min(ground, plan) for plan in plans)
    return next((load for load in loads if load is not None), None)


def boots_s(records: Sequence[Deployment]) -> tuple[float, ...]:
    """How long instances took from their launch until all were healthy, by deployment, newest first."""
    return tuple(taken for record in records for taken in _boots_of(record))


def _boots_of(record: Deployment) -> Iterator[float]:
    """From the change that asked for instances to the end of that step, of each step that provisions."""
    asked: float | None = None
    for event in record.log:
        if event.kind == "change" and event.note.startswith(ASKING):
            asked = event.at if asked is None else asked
        if event.kind == "step_done":
            if asked is not None and event.note.startswith(PROVISIONED):
                yield event.at - asked
            asked = None
        if event.kind == "retreat":
            return
