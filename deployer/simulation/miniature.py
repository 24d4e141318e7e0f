"""A plan and the fleet it is for, in proportion but smaller. Pure.

A fleet of thousands takes too long to look at again and again. What becomes of a plan depends on shares
far more than on numbers: 5 of 250 instances fare as 100 of 5,000 do. So numbers of instances become
smaller here, and nothing else does: not weights, durations, requests or what a release is held to.

Numbers are rounded up, so that whatever was enough still is. A batch goes to a whole number of
instances, one at least, and never becomes more steps: where a batch is less than one instance of
the miniature, several batches become one (`rounds` tells how many are left).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from dataclasses import replace as altered
from math import ceil
from typing import Any

from msgspec.structs import fields, replace

from deployer.model import Instance, Slot, SlotState, Snapshot, matched_to
from deployer.plan import Plan
from deployer.record.held import Surge
from deployer.steps.bake import Bake
from deployer.steps.batches import Pace, counted, stand
from deployer.steps.kinds import Step
from deployer.steps.provision import Provision
from deployer.steps.replace import Replace
from deployer.steps.route import Route
from deployer.steps.soak import Soak

OF_INSTANCES = frozenset({"away", "capacity", "count", "floor", "keep", "until"})
"""Fields of steps that say a number of instances; tests/simulation/test_miniature.py knows all others."""
ROOM = 2  # of the largest size: numbers that are rounded up one by one may come to more together


@dataclass(frozen=True, slots=True)
class Scale:
    """`part` instances of the miniature stand for `whole` real ones; 1 <= part <= whole."""

    part: int
    whole: int

    def of(self, number: int) -> int:
        """Rounded up: what there was one of, there is one of."""
        return -(-number * self.part // self.whole)

    @property
    def one_to(self) -> float:
        """Real instances that one of the miniature stands for."""
        return self.whole / self.part


def fleet(seen: Snapshot, plan: Plan) -> int:
    """Instances that the plan is about: as many as the larger slot has, or is to have."""
    there = (max(s.desired, len(s.instances)) for s in (seen.blue, seen.green))
    return max(1, plan.capacity, *there)


def rounds(plan: Plan, seen: Snapshot) -> int:
    """How many times a batch of instances is replaced; 0: none is, since nothing is done in place."""
    total, done = 0, renewed(plan, seen)
    for step in plan.steps:
        if isinstance(step, Replace):
            total += -(-max(0, step.until - done) // step.pace.batch)
            done = max(done, step.until)
    return total


def renewed(plan: Plan, seen: Snapshot) -> int:
    """Instances that need not be replaced: an earlier deployment of the release came so far."""
    step = next((step for step in plan.steps if isinstance(step, Replace)), None)
    if step is None:
        return 0
    at = stand(seen[step.slot], step.release.name, renewed=not step.returning)
    return max(0, step.pace.count - len(at.old) - len(at.kept))


def small_plan(plan: Plan, seen: Snapshot, scale: Scale) -> Plan:
    """The same plan for the smaller fleet; `seen`: the smaller one, whose instances its surge names."""
    intent, steps = plan.intent, tuple(_small(step, scale) for step in _merged(plan.steps, scale))
    return replace(
        plan,
        intent=replace(
            intent, size=scale.of(intent.size), standby=scale.of(intent.standby), floor=scale.of(intent.floor)
        ),
        capacity=scale.of(plan.capacity),
        steps=tuple(_with_margin(steps, plan, scale)),
        surge=_surge(plan.surge, seen, scale) if plan.surge else None,
    )  # fmt: skip


def small_pace(pace: Pace, scale: Scale) -> Pace:
    """Its batch is in proportion, and so is what of it is surge; one instance always serves."""
    count, batch = scale.of(pace.count), scale.of(pace.batch)
    surge = min(batch, round(pace.surge * batch / pace.batch))
    unavailable = min(count - 1, batch - surge)
    return Pace(count, unavailable, batch - unavailable)


def _small(step: Step, scale: Scale) -> Step:
    """Every number of instances in it, and in what it is judged by meanwhile."""
    numbers: dict[str, Any] = {}
    for field in fields(step):
        value = getattr(step, field.name)
        if field.name in OF_INSTANCES:
            numbers[field.name] = scale.of(value)
        elif isinstance(value, Bake | Soak):
            numbers[field.name] = _small(value, scale)
    small: Step = replace(step, **numbers)
    if not isinstance(small, Replace):
        return small
    pace = small_pace(small.pace, scale)
    watch = replace(small.watch, away=pace.max_unavailable) if small.watch else None
    return replace(small, pace=pace, watch=watch)


def _with_margin(steps: Sequence[Step], plan: Plan, scale: Scale) -> Iterator[Step]:
    """What is launched for the first share has its margin here too: an instance at least (`matched_to`)."""
    first = next((step for step in steps if isinstance(step, Route) and step.matched), None)
    for step in steps:
        if first is not None and isinstance(step, Provision) and step.slot is plan.candidate:
            needed = matched_to(first.weights[plan.candidate], scale.of(plan.capacity))
            yield replace(step, count=max(step.count, needed))
        else:
            yield step


def rarer(plan: Plan, share: Callable[[int], float]) -> Plan:
    """The plan as if its release ran on fewer instances.

    share: of so many instances that run it after a batch, the part, 0..1, that is taken to.

    What mixed instances are held to goes by the part of them that run the release: so much fewer
    failures are accepted, and so many more requests needed.
    """
    return replace(plan, steps=tuple(_rarer(step, share) for step in plan.steps))


def _rarer(step: Step, share: Callable[[int], float]) -> Step:
    if isinstance(step, Soak):
        rule, part = step.rule, share(step.until)
        needed, tolerated = ceil(rule.min_requests / part), rule.tolerance * part
        return replace(step, rule=altered(rule, min_requests=needed, tolerance=tolerated))
    watch = getattr(step, "watch", None)
    if isinstance(watch, Soak):
        return replace(step, watch=_rarer(watch, share))
    return step


def _merged(steps: Sequence[Step], scale: Scale) -> Iterator[Step]:
    """Without batches, and judgements of batches, that lead no further than the one before."""
    reached: dict[type[Step], int] = {}
    for step in steps:
        if isinstance(step, Replace | Soak):
            until = scale.of(step.until)
            if reached.get(type(step)) == until:
                continue
            reached[type(step)] = until
        yield step


def _surge(surge: Surge, seen: Snapshot, scale: Scale) -> Surge:
    """What is left of an earlier deployment's in the smaller group."""
    there = {instance.id for instance in seen[surge.slot].instances}
    leaving = tuple(name for name in surge.leaving if name in there)
    return replace(surge, base=scale.of(surge.base), top=scale.of(surge.top), leaving=leaving)


def small_fleet(seen: Snapshot, scale: Scale) -> Snapshot:
    """The same environment with fewer instances of each kind that it has."""
    blue, green = (_slot(seen[slot], scale) for slot in (Slot.BLUE, Slot.GREEN))
    return altered(seen, blue=blue, green=green)


def _slot(state: SlotState, scale: Scale) -> SlotState:
    pool = state.pool
    desired = scale.of(state.desired)
    return altered(
        state,
        min_size=min(desired, scale.of(state.min_size)),
        max_size=scale.of(state.max_size) + ROOM,
        desired=desired,
        instances=_some(state.instances, scale),
        pool=altered(pool, size=scale.of(pool.size), up_to=scale.of(pool.up_to)) if pool else None,
    )


def _some(instances: Sequence[Instance], scale: Scale) -> tuple[Instance, ...]:
    """Some of each kind, one at least; of the commonest kind, what is left. Ids are real ones."""
    kinds: dict[tuple[object, ...], list[Instance]] = {}
    for each in instances:
        key = (each.release, each.version, each.protected, counted(each))
        kinds.setdefault(key, []).append(each)
    *rare, common = sorted(kinds.values(), key=len) or [[]]
    chosen = [each for kind in rare for each in _spread(kind, scale.of(len(kind)))]
    rest = max(min(1, len(common)), scale.of(len(instances)) - len(chosen))
    return (*chosen, *_spread(common, rest))


def _spread(those: Sequence[Instance], number: int) -> list[Instance]:
    """So many of them, from all zones alike."""
    zones = sorted(those, key=lambda each: (each.zone, each.id))
    return [zones[nth * len(zones) // number] for nth in range(number)]
