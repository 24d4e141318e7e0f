"""What a plan is rehearsed on: the fleet as it is, or where that is too large, a smaller one like it. Pure.

Two things make a rehearsal long: many instances, which are looked at again and again, and many batches.
Instances are made fewer in proportion. Batches keep their number as long as there is time for them
all; where there is not, some are rehearsed and the rest are reckoned from these: each takes as long as
the one before.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import log

from deployer.model import Snapshot, matched_to
from deployer.plan import Plan
from deployer.record.outlook import Reduced
from deployer.simulation.miniature import (
    Scale,
    fleet,
    rarer,
    renewed,
    rounds,
    small_fleet,
    small_pace,
    small_plan,
)
from deployer.simulation.rehearsal import BESIDES
from deployer.steps.bake import Bake
from deployer.steps.linger import Linger
from deployer.steps.provision import Provision
from deployer.steps.replace import Replace
from deployer.steps.retire import Retire
from deployer.steps.route import Route
from deployer.steps.soak import Soak

LOOKS_A_STEP = 2.0  # of a rehearsal, about, but for those at what it waits for
LOOKS_A_ROUND = 10.0
LOOKS_BESIDE = 40.0  # before the first batch and after the last
SHARE = 0.6  # of the work that is allowed: what a miniature is made for
LESS = 0.1  # likewise, where even that was too much
TINY = 12  # instances that are always looked at
PATIENCE = 12  # a look is this part of what a step has lasted away from the next one, at most
MINUTE_S = 60.0
MOST_ROUNDS = 500  # of so many batches that not all of them are rehearsed
MOST_A_BATCH = 16  # instances of a batch in a miniature
FURTHER = 10.0  # from one stride to the next
FURTHER_AT_MOST = 0.3  # of the work, for one stride: there are several
ALIKE = 1.02  # so many times as many batches are taken for as many


@dataclass(frozen=True, slots=True)
class Likeness:
    """A plan and a fleet to rehearse it on.

    one_to: real instance hours for each that is counted here.
    rounds: batches that are replaced here; `of`: those of the real plan.
    done:   instances here that an earlier deployment of the release has replaced already.
    larger: batches that the whole real fleet would make, for each that this one would.
    scale:  None: it is the real fleet.
    """

    plan: Plan
    seen: Snapshot
    rounds: int = 0
    of: int = 0
    done: int = 0
    larger: float = 1.0
    one_to: float = 1.0
    scale: Scale | None = None

    @property
    def longer(self) -> float:
        """Batches of the real plan for each that is rehearsed; 1: all of them are."""
        ratio = self.of / self.rounds if self.rounds else 1.0
        return ratio if ratio > ALIKE else 1.0

    def strides(self) -> Iterator[float]:
        """Batches of the real plan that one here may stand for: from a single one up to its share of all.

        Who looks closely sees the first few only; who looks from far sees all, but not how the first
        few fare, with the release on so few instances that it takes long to judge.
        """
        stride = 1.0
        while stride < self.longer:
            yield stride
            stride *= FURTHER
        yield self.longer

    def at(self, stride: float) -> "Likeness":
        """The same where a batch stands for `stride` real ones.

        A batch is a larger part of this fleet than those are of theirs, so what the release is held
        to is that of as small a part (`rarer`).
        """
        if stride == self.longer:
            return self
        return replace(self, plan=rarer(self.plan, lambda until: self.part(until, stride)))

    def part(self, until: int, stride: float) -> float:
        """Of `until` instances here with the release, those there would be in a fleet like the real one.

        What was there before is in proportion; what comes with a batch is not.
        """
        return (self.done + (until - self.done) * stride / self.longer) / until

    def at_first(self, stride: float) -> float:
        """The same after the first batch; without batches 1."""
        first = next((step.until for step in self.plan.steps if isinstance(step, Replace)), None)
        return 1.0 if first is None else self.part(first, stride)

    def back(self, stride: float) -> float:
        """Batches of the real way back for each that is rehearsed, of what ran the release after that."""
        return self.larger * self.at_first(stride) if self.done and self.longer > 1 else stride

    @property
    def reduced(self) -> Reduced | None:
        """The same for the outlook."""
        if self.scale is None:
            return None
        some = self.longer > 1
        return Reduced(
            one_to=self.scale.one_to,
            batches=self.rounds if some else None,
            of_batches=self.of if some else None,
        )


def likenesses(plan: Plan, seen: Snapshot, work: float) -> Iterator[Likeness]:
    """The best that `work` should be enough for (as in `Rehearsal`), then one that takes far less."""
    size, batches = fleet(seen, plan), rounds(plan, seen)
    most = max(batches, _way_back(plan, seen))
    if effort(plan, size, most) <= work:
        yield Likeness(plan, seen, batches, batches)
    else:
        yield like(plan, seen, _scale(plan, size, most, SHARE * work), batches)
    if size > TINY:
        yield like(plan, seen, _scale(plan, size, most, LESS * work), batches)


def _way_back(plan: Plan, seen: Snapshot) -> int:
    """Batches that a bad release takes to leave after its first: all that ran it before leave too."""
    batch = _first_batch(plan)
    return 1 + -(-renewed(plan, seen) // batch) if batch else 0


def like(plan: Plan, seen: Snapshot, scale: Scale, batches: int) -> Likeness:
    """The plan in miniature; `batches` of the real one."""
    there = small_fleet(seen, scale)
    small = small_plan(plan, there, scale)
    one_to = larger = scale.one_to
    real, mini = _first_batch(plan), _first_batch(small)
    if real and mini:
        one_to = real / mini
        larger = plan.capacity / small.capacity / one_to
    return Likeness(
        small, there, rounds(small, there), batches, renewed(small, there), larger, one_to, scale
    )


def _first_batch(plan: Plan) -> int:
    """Instances that are replaced at a time; 0: none are."""
    return next((step.pace.batch for step in plan.steps if isinstance(step, Replace)), 0)


def effort(plan: Plan, size: int, batches: int) -> float:
    """What a rehearsal looks at, about: instances, `BESIDES` at each look, and minutes that it reads."""
    if batches:
        soak_s = next((step.soak_s for step in plan.steps if isinstance(step, Soak)), 0.0)
        a_round = LOOKS_A_ROUND + _looks(soak_s / MINUTE_S)
        return (LOOKS_BESIDE + batches * a_round) * (size + BESIDES)
    looks, read = _waited(plan)
    return looks * (2 * size + BESIDES) + read


def _waited(plan: Plan) -> tuple[float, float]:
    """Looks at a plan without batches, about, and what they read of minutes."""
    minutes = [
        (step.bake_s if isinstance(step, Bake) else step.linger_s) / MINUTE_S
        for step in plan.steps
        if isinstance(step, Bake | Linger)
    ]
    each = [(_looks(number), number) for number in minutes]
    read = sum(looks * number / 20 for looks, number in each)
    return LOOKS_A_STEP * len(plan.steps) + sum(looks for looks, _ in each), read


def _looks(minutes: float) -> float:
    """As long as a wait is new, one a minute; the longer it lasts, the fewer (`foreseeing.rest_s`)."""
    return min(minutes, PATIENCE) + PATIENCE * log(max(1.0, minutes / PATIENCE))


def _scale(plan: Plan, size: int, batches: int, work: float) -> Scale:
    """The one at which all numbers come out best, of those that are small enough."""
    if not batches:
        looks, read = _waited(plan)
        most = min(size, max(TINY, int(((work - read) / looks - BESIDES) / 2)))
        fit = [Scale(part, size) for part in range(max(1, most // 2), most + 1)]
    else:
        batch = _first_batch(plan)
        parts = [Scale(part, batch) for part in range(1, min(MOST_A_BATCH, batch - 1) + 1)]
        fit = [scale for scale in parts if effort(plan, scale.of(size), batches) <= work]
    if fit:
        return min(fit, key=lambda scale: (_off(plan, scale), -scale.part))
    levels = FURTHER_AT_MOST * work
    sizes = range(min(size, MOST_ROUNDS), 0, -1)
    most = next(n for n in sizes if n <= TINY or effort(plan, n, n) <= levels)
    return Scale(1, _first_batch(plan)) if 0 < batches <= most else Scale(most, size)


def _off(plan: Plan, scale: Scale) -> float:
    """By how much its numbers are off at worst, as a share of all instances."""
    off = [abs(scale.of(n) * scale.one_to - n) for n in _kept(plan)]
    for step in plan.steps:
        if isinstance(step, Route) and step.matched:
            share = step.weights[plan.candidate]
            small = matched_to(share, scale.of(plan.capacity)) * scale.one_to
            off.append(abs(small - matched_to(share, plan.capacity)))
    pace = next((step.pace for step in plan.steps if isinstance(step, Replace)), None)
    if pace is not None:
        off.append(abs(small_pace(pace, scale).surge * scale.one_to - pace.surge))
    return round(max(off, default=0.0) / max(1, plan.capacity), 4)


def _kept(plan: Plan) -> Iterator[int]:
    """Numbers of instances that are there for long."""
    for step in plan.steps:
        if isinstance(step, Provision):
            yield step.count
        if isinstance(step, Retire):
            yield step.keep
