"""The same named situations for every strategy; a new one in STRATEGIES inherits all of them."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from deployer.errors import NotPossibleNow, PlanInvalid
from deployer.intent import Intent
from deployer.model import Release, Slot, Weights
from deployer.plan import Status
from deployer.planning.strategies import STRATEGIES
from tests.sim.fleet import Behaviour
from tests.sim.people import Person, approves
from tests.sim.play import Play, intent_for, play

SIZE = 4
BLUE, GREEN = Slot.BLUE, Slot.GREEN
DUD, FAILING = Behaviour(healthy=False), Behaviour(errors=200)


def stock(sim: Play, slot: Slot, release: str, count: int) -> None:
    """`count` long since healthy instances of `release` in `slot`."""
    group = sim.cloud.groups[slot]
    group.desired, group.boots = count, Release(release)
    behaviours, group.behaviours = group.behaviours, {}
    group.stock(sim.clock.now()).behaviours = behaviours


def nothing_running(_: Play) -> None:
    """Nothing was ever released."""


def old_but_no_new(_: Play) -> None:
    """v1 serves, and v2 is nowhere."""


def done_already(sim: Play) -> None:
    """v2 serves already."""
    sim.cloud.groups[BLUE].instances.clear()
    stock(sim, BLUE, "v2", SIZE)


def mid_way(sim: Play) -> None:
    """Somebody had begun: half of v2 stands, without traffic."""
    stock(sim, GREEN, "v2", SIZE // 2)


def mid_way_in_place(sim: Play) -> None:
    """Somebody had begun to replace: half of the live group runs v2, and it launches v1."""
    group = sim.cloud.groups[BLUE]
    group.versions = {"v1": 0, "v2": 1}
    for instance in group.instances[: SIZE // 2]:
        instance.release, instance.version = "v2", 1


def new_but_no_old(sim: Play) -> None:
    """v1 has the traffic and is dead for good; v2 stands beside it."""
    dead = sim.cloud.groups[BLUE]
    for instance in dead.instances:
        instance.fails_at = sim.clock.now() - 60.0
    dead.no_capacity = "InsufficientInstanceCapacity"
    stock(sim, GREEN, "v2", SIZE)


def both_serving(sim: Play) -> None:
    """v1 and v2 have half of the traffic each."""
    stock(sim, GREEN, "v2", SIZE)
    sim.cloud.rule = sim.cloud.flowing = Weights(500, 500)


def a_third_release_arrives(sim: Play) -> None:
    """v2 was left behind beside v1, and v3 comes."""
    stock(sim, GREEN, "v2", SIZE)


@dataclass(frozen=True)
class Situation:
    """Where a deployment begins."""

    set_up: Callable[[Play], None]
    release: str = "v2"
    empty: bool = False

    def play(self, behaviour: Behaviour | None = None) -> Play:
        behaviours = {self.release: behaviour} if behaviour else {}
        weights = None if self.empty else Weights(1000, 0)
        sim = play(size=2 if self.empty else SIZE, weights=weights, behaviours=behaviours)
        self.set_up(sim)
        return sim


SITUATIONS = {
    "nothing running": Situation(nothing_running, empty=True),
    "old but no new": Situation(old_but_no_new),
    "done already": Situation(done_already),
    "mid-way": Situation(mid_way),
    "mid-way in place": Situation(mid_way_in_place),
    "new but no old": Situation(new_but_no_old),
    "a third release arrives": Situation(a_third_release_arrives, release="v3"),
}
BOTH = Situation(both_serving)

each_strategy = pytest.mark.parametrize("strategy", STRATEGIES)
each_situation = pytest.mark.parametrize("name", SITUATIONS)


def served_by(sim: Play) -> tuple[set[str | None], int]:
    """The releases that users reach, and by how many able instances."""
    assert sim.cloud.rule is not None
    sole = sim.cloud.rule.sole
    assert sole is not None
    group, now = sim.cloud.groups[sole], sim.clock.now()
    return {instance.release for instance in group.instances}, group.able(now)


def nothing_lost(sim: Play) -> None:
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


def begins(sim: Play, intent: Intent, strategy: str) -> bool:
    """Whether there is a plan; what serves already may be refused, and nothing else may."""
    try:
        STRATEGIES[strategy](sim.runner("nobody").cloud.observe(), intent)
    except NotPossibleNow:
        assert served_by(sim)[0] == {intent.release.name}
        return False
    return True


@each_situation
@each_strategy
def test_a_good_release_ends_up_serving_everything(strategy: str, name: str) -> None:
    situation = SITUATIONS[name]
    sim = situation.play()
    size = sim.cloud.load
    if begins(sim, intent_for(situation.release), strategy):
        deployment = sim.ship(intent_for(situation.release), STRATEGIES[strategy])
        assert deployment.status is Status.SHIPPED, deployment.reason
    assert served_by(sim) == ({situation.release}, size)
    nothing_lost(sim)


@each_situation
@each_strategy
def test_a_release_that_never_gets_up_changes_nothing_for_users(strategy: str, name: str) -> None:
    situation = SITUATIONS[name]
    sim = situation.play(DUD)
    rule = sim.cloud.rule
    before = None if rule is None else served_by(sim)
    standing = sim.cloud.groups[GREEN].able(sim.clock.now())
    if not begins(sim, intent_for(situation.release), strategy):
        return
    deployment = sim.ship(intent_for(situation.release), STRATEGIES[strategy])
    nothing_lost(sim)
    if name == "new but no old":
        assert standing  # what stands already is good: only what boots now is not
        assert served_by(sim)[0] == {"v2"}
        return
    assert deployment.status is Status.ROLLED_BACK, deployment.reason
    assert sim.cloud.rule == rule
    if rule is None:
        return
    if (strategy, name) == ("rolling", "mid-way in place"):
        before = ({"v1"}, SIZE)  # where it goes back to is one release, not the mixture
    assert served_by(sim) == before


@each_strategy
@pytest.mark.parametrize("name", ["old but no new", "mid-way", "a third release arrives"])
def test_a_release_that_fails_its_users_goes_back(strategy: str, name: str) -> None:
    situation = SITUATIONS[name]
    sim = situation.play(FAILING)
    intent = intent_for(situation.release, probe_allowed_failures=20)
    assert sim.ship(intent, STRATEGIES[strategy]).status is Status.ROLLED_BACK
    assert served_by(sim) == ({"v1"}, SIZE)
    assert sim.cloud.ledger.total.errors > 0
    nothing_lost(sim)


@each_strategy
def test_done_already_means_refused_or_brought_up_beside_itself(strategy: str) -> None:
    """Rolling has nothing to replace; the others may be used to renew what runs."""
    sim = SITUATIONS["done already"].play()
    assert begins(sim, intent_for("v2"), strategy) is (strategy != "rolling")


@each_strategy
def test_where_both_slots_serve_no_deployment_begins(strategy: str) -> None:
    sim = BOTH.play()
    seen = sim.runner("one").cloud.observe()
    with pytest.raises(NotPossibleNow, match="both slots serve"):
        STRATEGIES[strategy](seen, intent_for("v2"))


def asks_for_approval(strategy: str) -> bool:
    """A strategy that has no such stop must say so: a wish for approval is never passed over."""
    seen = SITUATIONS["old but no new"].play().runner("nobody").cloud.observe()
    try:
        STRATEGIES[strategy](seen, intent_for("v2", approve=(1000,)))
    except PlanInvalid as refusal:
        return "approval" not in str(refusal)
    return True


@each_strategy
def test_a_person_who_approves_the_end_lets_it_ship(strategy: str) -> None:
    if asks_for_approval(strategy):
        sim = SITUATIONS["old but no new"].play()
        person = Person(sim, approves)
        deployment = sim.ship(intent_for("v2", approve=(1000,)), STRATEGIES[strategy])
        assert deployment.status is Status.SHIPPED
        assert len(person.asked) == 1
        nothing_lost(sim)


@each_strategy
def test_nobody_who_approves_means_no(strategy: str) -> None:
    if asks_for_approval(strategy):
        sim = SITUATIONS["old but no new"].play()
        deployment = sim.ship(intent_for("v2", approve=(1000,)), STRATEGIES[strategy])
        assert deployment.status is Status.ROLLED_BACK
        assert "wait for approval (within 10m; else it goes back)" in deployment.reason
        assert served_by(sim) == ({"v1"}, SIZE)
        nothing_lost(sim)


@each_strategy
@each_situation
def test_what_one_leaves_behind_any_other_can_begin_with(strategy: str, name: str) -> None:
    situation = SITUATIONS[name]
    sim = situation.play()
    if begins(sim, intent_for(situation.release), strategy):
        sim.ship(intent_for(situation.release), STRATEGIES[strategy], name="d0")
    sim.cloud.groups[BLUE].no_capacity = None
    for number, other in enumerate(STRATEGIES.values()):
        release = f"v{number + 10}"
        shipped = sim.ship(intent_for(release), other, name=release)
        assert shipped.status is Status.SHIPPED, shipped.reason
        assert served_by(sim)[0] == {release}
    nothing_lost(sim)
