"""What the judgement sees of a release in time, and what it must not take for sickness."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from deployer.hooks import HookAction, HookPoint
from deployer.intent import Intent
from deployer.journal import Ask
from deployer.model import Slot, Weights
from deployer.plan import Deployment, Status
from deployer.planning import strategies
from deployer.planning.strategies import Strategy
from deployer.steps.approve import Approve
from deployer.steps.bake import Bake
from deployer.steps.hook import Hook
from deployer.steps.linger import Linger
from deployer.steps.route import Route
from tests.sim.clock import NOON
from tests.sim.faults import Killed
from tests.sim.fleet import Behaviour
from tests.sim.hooks import Book
from tests.sim.people import Person, approves
from tests.sim.play import INTENT, Play, play

BLUE, GREEN = Slot.BLUE, Slot.GREEN
CANARY, BLUE_GREEN = strategies.canary, strategies.blue_green
WIDE = replace(INTENT, weights=(200, 600), window_s=240.0)


def entered(strategy: Strategy, kind: type, which: int = 0, intent: Intent = WIDE) -> float:
    """When an undisturbed deployment enters its step number `which` of a kind, from its begin."""
    sim = play(rate=200.0)
    plan = sim.ship(intent, strategy).plan
    index = [n for n, step in enumerate(plan.steps) if isinstance(step, kind)][which]
    return [event.at for event, _ in sim.events if event.kind == "step_done"][index - 1] - NOON


def bad_between(sim: Play, since_s: float, until_s: float, errors: int = 300) -> None:
    """The new release fails for a while, and is as good as before afterwards."""
    for second, how in ((since_s, Behaviour(errors=errors)), (until_s, Behaviour())):
        sim.cloud.at(NOON + second, lambda how=how: behave(sim, how))  # type: ignore[misc]


def behave(sim: Play, how: Behaviour) -> None:
    for instance in sim.cloud.groups[GREEN].instances:
        instance.behaviour = how


@pytest.mark.parametrize(
    ("strategy", "kind", "which"),
    [(CANARY, Bake, 1), (CANARY, Bake, 2), (CANARY, Linger, 0), (BLUE_GREEN, Linger, 0)],
)
def test_what_goes_wrong_in_the_last_minutes_of_a_stop_is_found_at_the_next(
    strategy: Strategy, kind: type, which: int
) -> None:
    """Those minutes were not published yet when the stop ended, and all is well afterwards."""
    begins_s = entered(strategy, kind, which)
    sim = play(rate=200.0)
    bad_between(sim, begins_s - 60.0, begins_s)
    deployment = sim.ship(WIDE, strategy)
    assert deployment.status is Status.ROLLED_BACK
    assert "failed" in deployment.reason
    retreat = next(event.at for event, _ in sim.events if event.kind == "retreat")
    assert retreat - NOON > begins_s
    assert sim.cloud.ledger.outages == []


def test_without_looking_back_it_would_have_shipped() -> None:
    """The same story with steps that know only their own time: what this guards against."""

    def forgetful(*args: object) -> object:
        plan = CANARY(*args)  # type: ignore[arg-type]
        steps = (
            replace(step, look_back_s=0.0) if isinstance(step, Bake)
            else replace(step, watch=None) if isinstance(step, Route | Linger)
            else step
            for step in plan.steps
        )  # fmt: skip
        return replace(plan, steps=tuple(steps))

    unpublished_s = (NOON + entered(CANARY, Bake, 1)) // 60 * 60 - 60 - NOON
    sim = play(rate=200.0)
    bad_between(sim, unpublished_s, unpublished_s + 60.0)
    assert sim.ship(WIDE, forgetful).status is Status.SHIPPED  # type: ignore[arg-type]


def test_what_goes_wrong_after_hours_of_waiting_for_approval_is_found_within_minutes() -> None:
    intent = replace(WIDE, weights=(200,), approve=(200,), approve_s=86_400.0)
    sim = play(rate=200.0)
    bad_at_s = 6 * 3_600.0
    bad_between(sim, bad_at_s, 1e6, errors=50)
    deployment = sim.ship(intent)
    assert deployment.status is Status.ROLLED_BACK
    retreat = next(event.at for event, _ in sim.events if event.kind == "retreat")
    assert 0 < retreat - NOON - bad_at_s < 300.0


def take_away(sim: Play, now: float) -> None:
    """AWS retires an instance of the new release: drained, and replaced by the group."""
    group = sim.cloud.groups[GREEN]
    group._dismiss(next(i for i in group.instances if i.able(now)), now)
    group.owed += 1


@pytest.mark.parametrize("strategy", [CANARY, BLUE_GREEN])
@pytest.mark.parametrize(("size", "survives"), [(4, False), (5, True), (10, True)])
def test_one_instance_of_five_that_is_replaced_is_no_reason_to_go_back(
    strategy: Strategy, size: int, survives: bool
) -> None:
    sim = play(size=size, rate=200.0)
    sim.cloud.load = size - 1  # there is room to spare: nobody notices
    moment = NOON + entered(strategy, Bake, -1) + 20.0
    sim.cloud.at(moment, lambda: take_away(sim, moment))
    deployment = sim.ship(WIDE, strategy)
    assert deployment.status is (Status.SHIPPED if survives else Status.ROLLED_BACK)
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    if survives:
        assert sim.cloud.groups[GREEN].able(sim.clock.now()) == size


def test_two_of_five_are_one_too_many() -> None:
    sim = play(size=5, rate=200.0)
    moment = NOON + entered(BLUE_GREEN, Bake) + 20.0
    for _ in range(2):
        sim.cloud.at(moment, lambda: take_away(sim, moment))
    assert sim.ship(WIDE, BLUE_GREEN).status is Status.ROLLED_BACK


def test_a_night_with_less_traffic_is_not_a_sick_release() -> None:
    """Target tracking takes half of the instances away while approval is waited for."""
    intent = replace(WIDE, approve=(1000,), approve_s=20_000.0)
    sim = play(size=6, rate=200.0)

    def night() -> None:
        sim.cloud.load = 3
        sim.cloud.groups[GREEN].desired = 3

    sim.cloud.at(NOON + entered(BLUE_GREEN, Bake) + 1_000.0, night)
    sim.cloud.at(NOON + 3_000.0, lambda: Person(sim, approves))
    deployment = sim.ship(intent, BLUE_GREEN)
    assert deployment.status is Status.SHIPPED, deployment.reason
    assert sim.cloud.groups[GREEN].desired == 3
    assert sim.oracle.violations == []


@pytest.mark.parametrize("boot_s", [30.0, 200.0])
def test_a_route_has_the_time_to_boot_what_was_scaled_in(boot_s: float) -> None:
    """Longer than the route's own deadline: a new share waits for the capacity that it needs."""
    intent = replace(WIDE, weights=(100,), approve=(100,))
    sim = play(size=4, rate=200.0, behaviours={"v2": Behaviour(boot_s=boot_s)})

    def wants(deployment: Deployment, now: float) -> Ask | None:
        if isinstance(deployment.step, Approve) and sim.cloud.groups[GREEN].desired == 4:
            sim.cloud.groups[GREEN].desired = 1  # little traffic, so target tracking scales in
            return None
        return approves(deployment, now)

    Person(sim, wants)
    deployment = sim.ship(intent)
    assert deployment.status is Status.SHIPPED, deployment.reason
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    assert boot_s < intent.limits.route_s or sim.cloud.groups[GREEN].launched > 4


def test_the_way_back_too_waits_for_capacity_that_boots_slowly() -> None:
    """An instance of the old slot dies right after it was found to be complete."""
    sim = play(size=2, behaviours={"v1": Behaviour(boot_s=200.0)}, rate=200.0)
    sim.abort_at(150.0)
    died: list[float] = []

    def die() -> None:
        active = sim.journal.peek("sim")
        back = active is not None and active.deployment.status is Status.RETREATING
        if back and isinstance(active.deployment.step, Route) and not died:  # type: ignore[union-attr]
            died.append(sim.clock.now())
            broken = sim.cloud.groups[BLUE].instances[0]
            broken.fails_at = sim.clock.now() - 15.0

    sim.gate.hooks["cloud.observe"] = die
    deployment = sim.ship(WIDE, CANARY)
    assert died
    assert deployment.status is Status.ROLLED_BACK, deployment.reason
    assert sim.cloud.rule == Weights(1000, 0)


def at_first(sim: Play, step: type, happens: Callable[[], None]) -> list[float]:
    """Once, at the first look while the deployment moves forward in such a step; tells when."""
    at: list[float] = []

    def look() -> None:
        active = sim.journal.peek("sim")
        if active is None or active.deployment.status is not Status.RUNNING or at:
            return
        if isinstance(active.deployment.step, step):
            at.append(sim.clock.now())
            happens()

    sim.gate.hooks["cloud.observe"] = look
    return at


def goes_bad_in(sim: Play, after_s: float) -> None:
    sim.cloud.at(sim.clock.now() + after_s, lambda: behave(sim, Behaviour(errors=300)))


@pytest.mark.parametrize("strategy", [CANARY, BLUE_GREEN])
def test_what_went_bad_while_nobody_looked_is_found_before_the_old_slot_goes(
    strategy: Strategy,
) -> None:
    """The runner dies while the old slot is kept, and whoever resumes comes after its time."""
    sim = play(rate=200.0)

    def die() -> None:
        sim.absence_s = 7_200.0
        goes_bad_in(sim, 3_600.0)
        raise Killed

    died = at_first(sim, Linger, die)
    deployment = sim.ship(WIDE, strategy)
    assert died
    assert deployment.status is Status.ROLLED_BACK, deployment.reason
    assert sim.oracle.violations == []


@pytest.mark.parametrize("strategy", [CANARY, BLUE_GREEN])
def test_a_release_that_goes_bad_while_the_last_hook_runs_goes_back(strategy: Strategy) -> None:
    """The old slot still stands: before it goes the hook has an hour."""
    action = HookAction(command=("./archive",), deadline_s=4_000.0)
    sim = play(rate=200.0)
    sim.hooks = Book(lasts_s=3_600.0)
    ran = at_first(sim, Hook, lambda: goes_bad_in(sim, 200.0))
    deployment = sim.ship(replace(WIDE, hooks={HookPoint.BEFORE_RETIRE: action}), strategy)
    assert ran
    assert deployment.status is Status.ROLLED_BACK, deployment.reason
    assert "failed" in deployment.reason
    assert sim.cloud.ledger.outages == []
