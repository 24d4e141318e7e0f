"""What others do while a batch is under way: target tracking asks for more, people pause."""

import pytest

from deployer.journal import Ask
from deployer.model import Minute
from deployer.plan import Deployment, Status
from deployer.planning import strategies
from deployer.ports import World
from deployer.steps.checkpoint import Checkpoint
from deployer.steps.pin import Pin
from deployer.steps.replace import Replace
from tests.sim.fleet import Behaviour, SimGroup
from tests.sim.people import Person, ask_at, resumes
from tests.sim.play import play
from tests.unit.world import (
    FixedMetrics,
    FixedProber,
)

from .stage import BLUE, USUAL, intent, running, ship


@pytest.mark.parametrize("surge", [1, 2])
def test_one_instance_more_that_somebody_else_asked_for_is_kept(surge: int) -> None:
    """At every moment; only while the surge stands there such a wish leaves no trace."""
    seen = set()
    for second in range(5, 600, 7):
        sim = play(size=4)
        group, raised = sim.cloud.groups[BLUE], [0]

        def ask(group: SimGroup = group, raised: list[int] = raised) -> None:
            raised[0] = group.desired < 5
            group.desired = max(group.desired, 5)

        sim.cloud.at(sim.clock.now() + second, ask)
        assert ship(sim, intent(surge=surge)).status is Status.SHIPPED
        assert running(sim) == {"v2": 4 + raised[0]}, second
        assert sim.oracle.violations == []
        assert sim.cloud.ledger.outages == []
        seen.add(raised[0])
    assert seen == {0, 1}


def test_no_room_beyond_the_maximum_is_no_dead_end() -> None:
    sim = play(size=4)
    sim.cloud.groups[BLUE].max_size = 6
    sim.autoscale_at(100.0, BLUE, 6)
    assert ship(sim).status is Status.SHIPPED
    assert running(sim) == {"v2": 6}
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


PAUSES = {"errors": Behaviour(errors=300), "crashes": Behaviour(crash_after_s=60.0)}


@pytest.mark.parametrize("dip", [0, 2])
@pytest.mark.parametrize("how", PAUSES)
def test_who_pauses_in_the_middle_of_a_batch_leaves_it_under_judgement(how: str, dip: int) -> None:
    """Nobody ever resumes it: what was replaced is judged all the same, and goes back."""
    sim = play(size=6, behaviours={"v2": PAUSES[how]})
    sim.cloud.load = 6 - dip

    def pauses(deployment: Deployment, _now: float) -> Ask | None:
        standing = running(sim).get("v2", 0)
        return Ask.PAUSE if isinstance(deployment.step, Replace) and standing else None

    Person(sim, pauses, every_s=5.0)
    surge = 0 if dip else 3
    deployment = ship(sim, intent(surge=surge, max_unavailable=dip, before=USUAL))
    assert deployment.status is Status.ROLLED_BACK, deployment.reason
    assert any(event.note.startswith("paused") for event, _ in sim.events)
    assert "resume by" not in " ".join(event.note for event, _ in sim.events)
    assert running(sim) == {"v1": 6}
    assert sim.oracle.violations == []


def test_a_good_release_that_is_paused_in_the_middle_of_a_batch_stays_there() -> None:
    """Instances that are away on purpose are no reason to go back."""
    sim = play(size=4)
    sim.cloud.load = 2
    slow = {"v2": Behaviour(boot_s=200.0)}
    sim.cloud.groups[BLUE].behaviours = slow
    ask_at(sim, 100.0, Ask.PAUSE)
    Person(sim, resumes(3000.0))
    deployment = ship(sim, intent(surge=0, max_unavailable=2))
    assert deployment.status is Status.SHIPPED, deployment.reason
    held = [event for event, _ in sim.events if event.note.startswith("paused")]
    assert len(held) > 200
    assert any("meanwhile" in event.note for event in held)


def test_what_a_group_launches_is_watched_although_it_was_paused_before_that_was_seen() -> None:
    """Paused while the release is pinned: what dies from then on is replaced by it."""
    sim = play(size=4, behaviours={"v2": Behaviour(errors=300)})

    def pauses(deployment: Deployment, _now: float) -> Ask | None:
        return Ask.PAUSE if isinstance(deployment.step, Pin) else None

    Person(sim, pauses, every_s=1.0)
    sim.kill_instance_at(60.0, BLUE)
    deployment = ship(sim, intent(before=USUAL))
    assert deployment.status is Status.ROLLED_BACK
    assert any(event.note.startswith("paused") for event, _ in sim.events)
    assert running(sim) == {"v1": 4}


def test_hours_at_a_checkpoint_outweigh_nothing_that_goes_wrong_now() -> None:
    seen = play(size=4).runner("one").cloud.observe()
    plan = strategies.rolling(seen, intent(until="50%", surge=2))
    (checkpoint,) = [step for step in plan.steps if isinstance(step, Checkpoint)]
    metrics = FixedMetrics({BLUE: [Minute(seen.at - 600.0, 10_000)]})
    checkpoint.watch.require_good(World(seen, seen.at, seen.at - 36_000.0, metrics, FixedProber()))
    ((since, until),) = metrics.asked
    assert 600.0 < until - since < checkpoint.watch.deadline_s + 60.0
