"""CONTRIBUTING.md, walked: what a newcomer writes in its steps is taken by what is there."""

from collections.abc import Mapping

import msgspec
import pytest
from msgspec.structs import replace

from deployer.errors import CloudUnavailable, PlanInvalid
from deployer.intent import Intent
from deployer.journal import decode, encode
from deployer.model import WHOLE, Minute, Slot, Snapshot, Weights
from deployer.operations.counting import Counted
from deployer.plan import Deployment, Plan, Status
from deployer.planning import stages, strategies
from deployer.ports import World
from deployer.sources.composed import Composed, Facts, Source
from deployer.steps.base import Done, Goal, Progress, Waiting
from deployer.steps.retire import Retire
from tests.documents.reading import page
from tests.sim.fleet import Behaviour
from tests.sim.play import INTENT, play
from tests.unit.world import BLUE, instances, slot, snapshot

SECTIONS = {heading for level, heading in page("CONTRIBUTING.md").headings if level == 2}


def test_there_is_a_walk_for_each_of_the_five() -> None:
    for what in ("a strategy", "a step", "a metric source", "another compute backend", "a stack"):
        assert f"Where to add {what}" in SECTIONS


def straight(seen: Snapshot, intent: Intent) -> Plan:
    """A strategy of stages that exist: arrive, take everything, be judged, let the old one go."""
    plan = strategies.canary(seen, intent)
    candidate, size = plan.candidate, plan.capacity
    steps = (
        *stages.arrival(seen, intent, candidate, size, hold=plan.stable),
        *stages.stage(intent, candidate, WHOLE, size),
        *stages.departure(intent, candidate.twin, stages.watch(intent, candidate, WHOLE, size)),
    )
    return replace(plan, strategy="straight", steps=steps)


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [(Behaviour(), Status.SHIPPED), (Behaviour(errors=300), Status.ROLLED_BACK)],
)
def test_a_new_strategy_is_a_function(behaviour: Behaviour, status: Status) -> None:
    sim = play(size=3, behaviours={"v2": behaviour})
    ended = sim.ship(strategy=straight)
    assert (ended.status, ended.first_plan.strategy) == (status, "straight")
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.total.ours == 0


class Nap(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """A step as a newcomer writes it: so many seconds have passed."""

    nap_s: float
    deadline_s: float = 60.0

    def describe(self) -> str:
        return f"rest for {self.nap_s:g}s"

    def advance(self, world: World) -> Progress:
        return Done() if world.elapsed_s >= self.nap_s else Waiting("resting")


def record_of(plan: Plan) -> Deployment:
    return Deployment(
        id="d1", environment="e", status=Status.RUNNING, plan=plan, started_at=0.0, entered_at=0.0,
        written=None,
    )  # fmt: skip


def test_a_new_step_is_refused_by_the_journal_until_it_is_among_the_kinds() -> None:
    nap: Goal = Nap(5.0)
    plan = strategies.canary(snapshot(Weights(1000, 0), slot(BLUE, *instances(2))), INTENT)
    steps = (*plan.steps, nap)
    record = record_of(replace(plan, steps=steps))
    with pytest.raises(PlanInvalid, match="Nap"):
        decode(encode(record))


def test_what_is_among_the_kinds_comes_back_as_it_was() -> None:
    plan = strategies.canary(snapshot(Weights(1000, 0), slot(BLUE, *instances(2))), INTENT)
    record = record_of(plan)
    assert isinstance(decode(encode(record)).plan.steps[-1], Retire)


class Counter:
    """A source as a newcomer writes it."""

    timeout_s = 1.0

    def counts(self, starts: range, facts: Facts) -> Counted:
        if facts[Slot.GREEN]["release"] != "v2":
            raise CloudUnavailable("it does not know that release")
        return Counted({each: dict.fromkeys(starts, (1.0, 10.0)) for each in Slot})


class Users:
    def traffic(
        self, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[Slot, tuple[Minute, ...]]:
        return {each: (Minute(since, 100),) for each in Slot}


@pytest.mark.parametrize(("release", "known"), [("v2", {"carts": (1.0, 10.0)}), ("v3", {})])
def test_a_new_source_is_asked_beside_the_others(release: str, known: Mapping[str, object]) -> None:
    source: Source = Counter()
    facts = {each: {"release": release} for each in Slot}
    metrics = Composed(Users(), {"carts": source}, lambda: facts, lambda: 0.0)
    (minute,) = metrics.traffic(600.0, 660.0)[Slot.GREEN]
    assert {name: found for name, found in minute.custom.items() if found} == known
