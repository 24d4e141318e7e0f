"""What happens in the last minutes of a pause is judged, however soon the bake before it was paused."""

from functools import partial

import pytest

from deployer.journal import Ask
from deployer.model import Slot
from deployer.plan import Deployment, Status
from deployer.planning import strategies
from deployer.steps.bake import Bake
from tests.sim.fleet import Behaviour
from tests.sim.people import Person, ask_at
from tests.sim.play import INTENT, Play, play

MINUTE_S = 60.0
OURS = {"canary": strategies.canary, "blue-green": strategies.blue_green}


def at_once(deployment: Deployment, _now: float) -> Ask | None:
    """Pauses the first bake as soon as it begins."""
    known = any(event.note.startswith("pause") for event in deployment.log)
    return Ask.PAUSE if isinstance(deployment.step, Bake) and not known else None


def bad_for_a_minute(sim: Play, begins: float) -> None:
    """Every answer of the new slot is a 500 in the minute that begins there, and none before or after."""
    green = sim.cloud.groups[Slot.GREEN]

    def become(errors: int) -> None:
        for instance in green.instances:
            instance.behaviour = Behaviour(errors=errors)

    sim.cloud.at(begins, partial(become, 1000))
    sim.cloud.at(begins + MINUTE_S, partial(become, 0))


@pytest.mark.parametrize("strategy", OURS)
@pytest.mark.parametrize("after_s", [65.0, 75.0, 85.0, 95.0, 115.0, 135.0])
def test_a_minute_that_was_bad_just_before_it_was_resumed(strategy: str, after_s: float) -> None:
    """`after_s`: from the beginning of the bad minute to the wish to go on."""
    sim = play(rate=200.0)
    minute = sim.clock.now() // MINUTE_S * MINUTE_S + 30 * MINUTE_S
    Person(sim, at_once, every_s=5.0)
    bad_for_a_minute(sim, minute)
    ask_at(sim, minute + after_s - sim.clock.now(), Ask.RESUME)
    deployment = sim.ship(INTENT, OURS[strategy])
    assert deployment.status is Status.ROLLED_BACK
    assert "failed" in deployment.reason
    assert sim.oracle.violations == []
