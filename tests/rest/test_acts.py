"""A sweep's acts: each call gets as far as it goes without waiting, and any call may be the last."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count

import pytest

from deployer.errors import Halted, Locked, NotPossibleNow
from deployer.freezes import NO_FREEZES, Freezes
from deployer.hooks import HookAction
from deployer.journal import Lease
from deployer.model import Release, Slot, Weights
from deployer.operations.idle.ports import Ending, Outcome
from deployer.operations.rest.acts import Hand, Teardown
from deployer.operations.rest.levels import Level
from deployer.operations.rest.rails import Facts, Use
from deployer.plan import DELETE, SLEEP, Status
from deployer.planning.preflight import Surroundings
from deployer.ports import UNRECORDED, Alarms, Clock, Cloud, History, Metrics
from tests.crash.test_supervisor import LEASE_S, NAME, Watchman
from tests.rest.test_deletion import Cloud as Stacks
from tests.sim.faults import Fault, Killed
from tests.sim.journal import SimJournal
from tests.sim.play import ENVIRONMENT, INTENT, Play, play

KILLS = [Fault.KILLED_BEFORE, Fault.KILLED_AFTER]
AGAIN_S = 600.0


@dataclass
class Ground:
    """What beginning something reads, of a simulated environment."""

    sim: Play

    environment: str = ENVIRONMENT
    sticks_s: int = 0

    @property
    def cloud(self) -> Cloud:
        return self.sim.runner("sweep").cloud

    @property
    def journal(self) -> SimJournal:
        return self.sim.journal

    @property
    def alarms(self) -> Alarms:
        return self.sim.alarms

    @property
    def metrics(self) -> Metrics:
        return self.sim.metrics

    @property
    def history(self) -> History:
        return UNRECORDED

    @property
    def clock(self) -> Clock:
        return self.sim.clock

    @property
    def look_around(self) -> Callable[[], Surroundings]:
        return Surroundings

    @property
    def lacking(self) -> Callable[[HookAction], str]:
        return lambda _: ""

    @property
    def freezes(self) -> Freezes:
        return NO_FREEZES


@dataclass
class Sweeper:
    """Calls again and again, as sweeps do; each call is a process of its own.

    requests: within the last window.
    """

    sim: Play
    requests: float | None = 0.0
    wanted: str = ""
    numbers: "count[int]" = field(default_factory=count)

    def __post_init__(self) -> None:
        self.stacks = Stacks(self.sim.clock, self.sim.gate)
        self.watchman = Watchman(self.sim)

    def teardown(self) -> Teardown:
        ground, sim = Ground(self.sim), self.sim

        def owned() -> Lease:
            return Lease(NAME, sim.clock.now() + LEASE_S)

        hand = Hand(
            "shop", ground, INTENT, owned, lambda: f"t{next(self.numbers)}", self.stacks, "sweep",
            lambda: self.wanted,
        )  # fmt: skip
        return Teardown(hand, self.facts, self.watchman.supervisor().visit)

    def facts(self) -> Facts:
        ground = Ground(self.sim)
        gone = "service" not in self.stacks.there
        seen = None if gone else ground.cloud.observe()
        hidden = seen is None or seen.asleep
        return Facts(
            seen=seen, ephemeral=True, tagged=True, protected=False,
            active=ground.journal.active(ENVIRONMENT),
            use=None if hidden else Use(self.requests, 20, 3600.0),
        )  # fmt: skip

    def call(self, level: Level) -> Outcome | None:
        """One call; None: it was killed."""
        try:
            return self.teardown().tear_down(level, "idle")
        except (Killed, Locked):
            return None

    def keep_calling(self, level: Level) -> Outcome:
        """Until it has not merely begun."""
        for _ in range(200):
            outcome = self.call(level)
            if outcome is not None and outcome.ending is not Ending.BEGUN:
                return outcome
            self.sim.clock.sleep(AGAIN_S)
        raise AssertionError("two hundred calls were not enough")


def world(faults: Mapping[int, Fault] | None = None) -> Play:
    sim = play(size=2, faults=faults)
    sim.poll_s = 20.0
    return sim


def is_bare(sim: Play) -> bool:
    groups = sim.cloud.groups.values()
    return sim.cloud.asleep and not any(group.desired or group.instances for group in groups)


@pytest.mark.parametrize("kill", KILLS, ids=["before", "after"])
@pytest.mark.parametrize("level", [Level.SLEEP, Level.DELETE])
def test_killed_at_any_call_the_next_one_goes_on_to_the_same_end(level: Level, kill: Fault) -> None:
    undisturbed = world()
    assert Sweeper(undisturbed).keep_calling(level).ending in (Ending.DONE, Ending.NOTHING)
    for at, what in enumerate(undisturbed.gate.names):
        sim = world({at: kill})
        sweeper = Sweeper(sim)
        outcome = sweeper.keep_calling(level)
        assert outcome.ending in (Ending.DONE, Ending.NOTHING), (at, what, outcome)
        assert is_bare(sim), (at, what)
        assert sim.oracle.violations == []
        assert sweeper.stacks.violations == []
        assert bool(sweeper.stacks.there) is (level is Level.SLEEP), (at, what)
        assert sim.cloud.ledger.total.ours == 0


def test_a_call_waits_for_nothing() -> None:
    sim = world()
    before = sim.clock.now()
    outcome = Sweeper(sim).call(Level.SLEEP)
    assert outcome == Outcome(Ending.BEGUN, "it goes on by itself: `deployer status` follows it")
    assert sim.clock.now() == before


def test_the_supervisor_goes_on_with_what_a_sweep_has_begun() -> None:
    sim = world()
    sweeper = Sweeper(sim)
    sweeper.call(Level.SLEEP)
    for _ in range(60):
        sweeper.watchman.pause(sweeper.watchman.come())
    assert is_bare(sim)
    outcome = sweeper.call(Level.SLEEP)
    assert outcome == Outcome(Ending.NOTHING, "it is asleep already")


def test_the_service_stack_goes_under_the_environments_lease_and_the_way_back_is_on_record() -> (
    None
):
    sim = world()
    assert Sweeper(sim).keep_calling(Level.DELETE).words == "its stacks are gone"
    newest, before = sim.journal.history(ENVIRONMENT, 2)
    assert [newest.plan.strategy, before.plan.strategy] == [DELETE, SLEEP]
    assert newest.status is Status.SHIPPED
    assert "To restore: deployer --env sim deploy v1" in newest.plan.notes


def test_a_rail_refuses_and_nothing_is_begun() -> None:
    for requests, rail in ((21.0, "traffic"), (None, "traffic-unknown")):
        sim = world()
        outcome = Sweeper(sim, requests).call(Level.SLEEP)
        assert outcome is not None
        assert outcome.ending is Ending.REFUSED
        assert outcome.words.startswith(f"{rail}: ")
        assert (sim.journal.stored, sim.cloud.changes) == ({}, [])


def test_somebody_who_wakes_it_meanwhile_is_right() -> None:
    sim = world()
    sweeper = Sweeper(sim)
    sweeper.call(Level.DELETE)
    sim.abort_at(200.0)
    sim.clock.sleep(300.0)
    with pytest.raises(Halted, match="aborted by alice"):
        sweeper.keep_calling(Level.DELETE)
    assert sim.cloud.rule == Weights(1000, 0)
    assert not sim.cloud.asleep
    assert sim.cloud.groups[Slot.BLUE].desired == 2
    assert sweeper.stacks.asked == []


@pytest.mark.parametrize("level", [Level.SLEEP, Level.DELETE])
def test_an_extension_that_comes_while_it_takes_the_environment_wins(level: Level) -> None:
    sim = world()
    sweeper = Sweeper(sim, wanted="somebody has extended it meanwhile")
    assert sweeper.call(level) == Outcome(Ending.REFUSED, "somebody has extended it meanwhile")
    assert (sim.cloud.changes, sweeper.stacks.asked) == ([], [])
    assert sim.journal.active(ENVIRONMENT) is None


def test_an_idle_slot_that_was_just_emptied_is_not_taken_for_sleep() -> None:
    """The supervisor's retirement was under way when the sweep came."""
    sim = world()
    green = sim.cloud.groups[Slot.GREEN]
    green.desired, green.boots = 1, Release("v0")
    green.stock(sim.clock.now())
    sweeper = Sweeper(sim)
    assert sweeper.call(Level.RETIRE) is not None
    for _ in range(100):
        outcome = sweeper.call(Level.SLEEP)
        assert outcome is not None
        assert outcome.ending is Ending.BEGUN or is_bare(sim), outcome
        if outcome.ending is not Ending.BEGUN:
            return
        sim.clock.sleep(AGAIN_S)
    raise AssertionError("it does not go to sleep")


def test_the_service_stack_does_not_go_while_instances_run_in_it() -> None:
    """Somebody woke it after it was looked at."""
    sim = world()
    sweeper = Sweeper(sim)
    service = next(each for each in sweeper.stacks.look() if each.part == "service")
    with pytest.raises(NotPossibleNow, match="it must be asleep before its service stack goes"):
        sweeper.teardown().hand.ask(service)
    assert (sweeper.stacks.asked, sim.journal.stored) == ([], {})
