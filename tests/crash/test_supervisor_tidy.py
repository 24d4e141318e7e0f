"""What the supervisor does where nothing is being deployed: gives back, empties, and tells people once."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from msgspec.structs import replace as changed

from deployer import strategies
from deployer.errors import AccessProblem, ChangeRefused, CloudUnavailable, DeployError
from deployer.held import Suspended
from deployer.hooks import HookAction, HookPoint
from deployer.journal import Active, Lease, encode, last_begun
from deployer.model import Slot, Snapshot, Weights
from deployer.operations.expiry import LOOK_S, Expiry, idle, settled
from deployer.operations.reporting import Report, due, report
from deployer.operations.supervisor import State, Supervisor, Visit, overdue_s
from deployer.plan import SLEEP, Deployment, Status
from deployer.ports import ResumeProcesses
from deployer.preflight import Surroundings
from deployer.settling import RETRY_S
from tests.crash.test_kill_anywhere import STORIES
from tests.crash.test_supervisor import (
    EVERY_S,
    KILLS,
    Watchman,
    abandoned,
    calls_of,
    record,
)
from tests.sim.faults import Fault, Killed
from tests.sim.hooks import Book
from tests.sim.play import ENVIRONMENT, INTENT, Play, play

BLUE, GREEN = Slot.BLUE, Slot.GREEN
WINDOW_S = 3600.0


# -- how soon


@pytest.mark.parametrize("phase_s", [0.0, 10.0, 29.0, 31.0, 45.0, 59.0])
def test_a_dead_runner_is_found_out_within_a_minute_and_a_half(phase_s: float) -> None:
    """A lease that should have been renewed is looked at again when it runs out."""
    for call in list(calls_of(STORIES["good"]))[::11]:
        sim = abandoned(call)
        died = sim.clock.now()
        watchman = Watchman(sim)
        sim.clock.sleep(phase_s)
        watchman.keep_coming()
        acted = next(at for at, v in watchman.visits if v.state is not State.ATTENDED)
        assert acted - died <= 95.0


@pytest.mark.parametrize(
    ("left_s", "again_s"), [(60.0, 0.0), (30.0, 0.0), (29.0, 29.0), (1.0, 1.0), (0.0, 0.0)]
)
def test_a_lease_that_should_have_been_renewed_is_looked_at_again(
    left_s: float, again_s: float
) -> None:
    active = Active(record(), Lease("alice@laptop #1", 1_000.0 + left_s))
    assert overdue_s(active, 60.0, 1_000.0) == again_s


@pytest.mark.parametrize("kill", KILLS, ids=["before", "after"])
def test_a_visit_that_was_killed_costs_a_runners_lease_and_not_two_pauses(kill: Fault) -> None:
    sim = abandoned(calls_of(STORIES["good"])[20])
    watchman = Watchman(sim)
    sim.clock.sleep(sim.lease_s)
    sim.gate.faults = {len(sim.gate.names) + 5: kill}
    assert watchman.come() is None
    died = sim.clock.now()
    watchman.keep_coming()
    acted = next(at for at, v in watchman.visits if at > died and v.state is not State.ATTENDED)
    assert acted - died <= 95.0


def test_a_visit_too_slow_for_its_own_lease_stops_and_is_no_failure() -> None:
    """Another one has taken over in the middle: that one goes on, and nobody is alarmed."""
    sim = abandoned(calls_of(STORIES["good"])[20])
    sim.clock.sleep(sim.lease_s)
    slow, other = Watchman(sim), Watchman(sim, numbers=count(1_000))
    frozen: list[int] = []

    def freeze() -> None:
        if not frozen:
            frozen.append(1)
            sim.clock.sleep(sim.lease_s + 1.0)
            other.come()

    sim.gate.hooks["cloud.observe"] = freeze
    visit = slow.come()
    assert visit is not None
    assert (visit.state, visit.problem) == (State.ATTENDED, None)
    assert slow.keep_coming().status is Status.SHIPPED
    assert sim.oracle.violations == []


def test_a_visit_that_comes_late_lets_the_deadlines_run_on() -> None:
    """One visit of the schedule is missed: what was left to the next one still waits for it."""
    sim = abandoned(calls_of(STORIES["dud"])[5], story=STORIES["dud"])
    watchman = Watchman(sim)
    watchman.pause(watchman.come())
    while sim.journal.peek(ENVIRONMENT) is not None:
        visit = watchman.come()
        assert visit is not None
        assert visit.late_s == 0.0
        sim.clock.sleep(2 * EVERY_S)


def test_a_hook_that_cannot_run_here_sends_nothing_back() -> None:
    sim = play(faults={30: Fault.KILLED_BEFORE})
    sim.hooks = Book()
    runner = sim.runner("alice@laptop #1")
    hooked = changed(INTENT, hooks={HookPoint.BEFORE_RETIRE: HookAction(command=("./migrate",))})
    with pytest.raises(Killed):
        runner.run(sim.open(runner, hooked, strategies.canary, "d1"))
    sim.clock.sleep(sim.lease_s)
    before = list(sim.cloud.changes)
    missing = replace(
        Watchman(sim).supervisor(),
        lacking=lambda _: "there is no program ./migrate",
        stay_s=4_000.0,
    )
    visit = missing.visit()
    assert visit.state is State.STUCK
    assert "hook before_retire cannot run here: there is no program ./migrate" in str(visit.problem)
    assert visit.deployment is not None
    assert list(sim.cloud.changes) == before


# -- processes that an ended deployment has left suspended


def left_suspended(sim: Play) -> Deployment:
    """A record as `parting.give_up` leaves it: AWS refused for too long to resume them."""
    sim.ship()
    ended = last_begun(sim.journal, ENVIRONMENT)
    assert ended is not None
    held = changed(
        ended, status=Status.HALTED, suspended=Suspended(GREEN, ("AZRebalance",)), version=1
    )
    sim.journal.stored[ended.id] = encode(held)
    sim.journal._read.clear()
    sim.cloud.groups[GREEN].suspended = {"AZRebalance"}
    return held


def test_processes_that_a_deployment_left_suspended_are_resumed_once_it_can_be() -> None:
    sim = play()
    held = left_suspended(sim)
    watchman = Watchman(sim)
    assert watchman.come() == Visit(State.FREE)  # it was tried a moment ago
    sim.clock.sleep(RETRY_S)
    visit = watchman.come()
    assert visit is not None
    assert visit.state is State.SETTLED
    assert not sim.cloud.groups[GREEN].suspended
    after = last_begun(sim.journal, ENVIRONMENT)
    assert after is not None
    assert (after.id, after.status, after.suspended) == (held.id, Status.HALTED, None)
    assert sim.journal.peek(ENVIRONMENT) is None
    assert watchman.come() == Visit(State.FREE)


def test_what_aws_still_refuses_to_resume_is_told_and_tried_again_later() -> None:
    sim = play()
    left_suspended(sim)
    sim.clock.sleep(RETRY_S)

    def refuse() -> None:
        raise ChangeRefused("not now")

    sim.gate.hooks["cloud.apply"] = refuse
    visit = Watchman(sim).come()
    assert visit is not None
    assert visit.state is State.STUCK
    assert "still to resume AZRebalance of green" in str(visit.problem)
    assert sim.journal.peek(ENVIRONMENT) is None
    tries = sim.gate.names.count("cloud.apply")
    Watchman(sim).come()
    assert sim.gate.names.count("cloud.apply") == tries
    sim.gate.hooks.clear()
    sim.clock.sleep(RETRY_S)
    again = Watchman(sim).come()
    assert again is not None
    assert again.state is State.SETTLED


@pytest.mark.parametrize("kill", KILLS, ids=["before", "after"])
def test_resuming_them_survives_a_kill_at_any_call(kill: Fault) -> None:
    undisturbed = play()
    left_suspended(undisturbed)
    undisturbed.clock.sleep(RETRY_S)
    first = len(undisturbed.gate.names)
    Watchman(undisturbed).come()
    for call in range(first, len(undisturbed.gate.names)):
        sim = play()
        left_suspended(sim)
        sim.clock.sleep(RETRY_S)
        sim.gate.faults = {call: kill}
        watchman = Watchman(sim)
        watchman.come()
        for _ in range(60):
            watchman.pause(watchman.come())
        assert not sim.cloud.groups[GREEN].suspended, f"killed at call {call}"
        assert sim.journal.peek(ENVIRONMENT) is None
        resumed = [c for _, c in sim.cloud.changes if isinstance(c, ResumeProcesses)]
        assert len(resumed) in (1, 2)


# -- idle slots


@dataclass
class Yard:
    """The ground of a simulated environment, as `wiring.Services` is one of a real one."""

    sim: Play
    environment: str = ENVIRONMENT
    sticks_s: int = 0
    lacking: Callable[[HookAction], str] = lambda _: ""
    look_around: Callable[[], Surroundings] = Surroundings

    def __getattr__(self, name: str) -> object:
        if name == "cloud":
            return self.sim.runner("ground").cloud
        return getattr(self.sim, name)


def expiry(sim: Play, **more: object) -> Expiry:
    made = Expiry(
        ground=Yard(sim),  # type: ignore[arg-type]
        window_s=WINDOW_S,
        span_s=EVERY_S,
        intent=INTENT,
        new_id=lambda now: f"r{now:.0f}",
        by="supervisor",
    )
    return replace(made, **more)  # type: ignore[arg-type]


def keeper(sim: Play, **more: object) -> Supervisor:
    return replace(Watchman(sim).supervisor(), expire=expiry(sim, **more).begin)


def to_a_look(sim: Play) -> None:
    sim.clock.sleep(LOOK_S - sim.clock.now() % LOOK_S)


def filled(sim: Play) -> Slot:
    """Somebody has filled the idle slot; its name."""
    sole = sim.cloud.rule.sole if sim.cloud.rule else None
    assert sole is not None
    sim.cloud.groups[sole.twin].desired = 2
    sim.clock.sleep(200.0)
    return sole.twin


def come(sim: Play, **more: object) -> Visit:
    """Visits until nothing is left to do; what the first one came to."""
    first = keeper(sim, **more).visit()
    for _ in range(30):
        if sim.journal.peek(ENVIRONMENT) is None:
            return first
        sim.clock.sleep(EVERY_S)
        keeper(sim, **more).visit()
    raise AssertionError("thirty visits were not enough")


def test_an_idle_slot_is_emptied_once_its_window_is_over_and_not_before() -> None:
    sim = play()
    sim.ship()
    slot = filled(sim)
    to_a_look(sim)
    assert come(sim).state is State.FREE
    assert sim.cloud.groups[slot].desired == 2
    sim.clock.sleep(WINDOW_S)
    to_a_look(sim)
    assert come(sim).state is State.EXPIRED
    assert sim.cloud.groups[slot].desired == 0
    last = last_begun(sim.journal, ENVIRONMENT)
    assert last is not None
    assert (last.first_plan.strategy, last.status, last.by) == (
        "retire",
        Status.SHIPPED,
        "supervisor",
    )
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


def test_what_is_to_stay_on_standby_stays() -> None:
    sim = play()
    sim.ship()
    slot = filled(sim)
    sim.clock.sleep(WINDOW_S)
    to_a_look(sim)
    assert come(sim, intent=changed(INTENT, standby=2)).state is State.FREE
    assert sim.cloud.groups[slot].desired == 2


def test_the_cloud_is_read_for_it_once_in_a_quarter_of_an_hour() -> None:
    sim = play()
    sim.ship()
    sim.clock.sleep(WINDOW_S)
    to_a_look(sim)
    looks = sim.gate.names.count("cloud.observe")
    for _ in range(15):
        keeper(sim).visit()
        sim.clock.sleep(EVERY_S)
    assert sim.gate.names.count("cloud.observe") == looks + 1


def ended(**fields: object) -> Deployment:
    base = changed(record(), status=Status.SHIPPED, finished_at=1_000.0)
    return changed(base, **fields)


@pytest.mark.parametrize(
    ("last", "over"),
    [
        (None, False),
        (ended(), True),
        (ended(status=Status.ROLLED_BACK), True),
        (ended(status=Status.HALTED), False),
        (ended(finished_at=None), False),
        (ended(finished_at=1_001.0), False),
        (ended(plan=changed(record().plan, strategy=SLEEP)), False),
    ],
)
def test_when_nobody_can_want_it_any_more(last: Deployment | None, over: bool) -> None:
    assert settled(last, 1_000.0 + WINDOW_S, WINDOW_S) is over


def read(sim: Play) -> Snapshot:
    return sim.runner("anybody").cloud.observe()


def test_a_slot_with_traffic_or_behind_a_page_is_never_idle() -> None:
    sim = play()
    sim.ship()
    filled(sim)
    seen = read(sim)
    assert idle(seen, 0)
    assert not idle(seen, 2)
    assert not idle(replace(seen, weights=Weights(999, 1)), 0)
    assert not idle(replace(seen, weights=None), 0)
    assert not idle(replace(seen, asleep=True), 0)


# -- reports


@dataclass
class Told:
    """Who was told what; `dies` at the next remembering."""

    mark: str = ""
    told: list[str] = field(default_factory=list)
    dies: bool = False

    def last(self) -> str:
        return self.mark

    def publish(self, subject: str, words: str) -> None:
        self.told.append(f"{subject}\n{words}")

    def remember(self, mark: str, before: str) -> None:
        if self.dies:
            raise CloudUnavailable("no answer")
        if self.mark == before:
            self.mark = mark


HALTED = ended(
    status=Status.HALTED, reason="weights were moved: run `deployer rollback`", by="alice"
)
FREE = Visit(State.FREE)


def wanted(newest: Deployment | None, visit: Visit = FREE) -> Report | None:
    return due("shop/prod", "prod", newest, visit)


def test_a_halt_is_told_once_in_words_that_name_the_next_command() -> None:
    book = Told()
    for _ in range(3):
        report(book, wanted(HALTED))
    (told,) = book.told
    assert told.startswith("shop/prod: v2 halted\n")
    assert "weights were moved" in told
    assert "begun by alice" in told
    for command in ("status", f"report {HALTED.id}", "rollback"):
        assert f"deployer --env prod {command}\n" in told


def test_a_halt_is_told_twice_rather_than_never() -> None:
    book = Told(dies=True)
    assert report(book, wanted(HALTED)) is not None
    book.dies = False
    assert report(book, wanted(HALTED)) is not None
    assert report(book, wanted(HALTED)) is None
    assert len(book.told) == 2


@pytest.mark.parametrize(
    ("newest", "visit", "mark"),
    [
        (None, FREE, None),
        (ended(), FREE, None),
        (HALTED, FREE, "halted d1"),
        (None, Visit(State.ENDED, HALTED), "halted d1"),
        (HALTED, Visit(State.OURS, record()), None),
        (HALTED, Visit(State.ATTENDED, record()), None),
        (None, Visit(State.STUCK, record(), AccessProblem("no")), "stuck d1"),
        (HALTED, Visit(State.STUCK, None, AccessProblem("no")), "stuck AccessProblem"),
        (None, Visit(State.STUCK, record(), CloudUnavailable("no")), None),
    ],
)
def test_what_is_worth_telling(newest: Deployment | None, visit: Visit, mark: str | None) -> None:
    found = wanted(newest, visit)
    assert (found.mark if found else None) == mark


def test_what_cannot_be_told_is_not_remembered() -> None:
    class Deaf(Told):
        def publish(self, subject: str, words: str) -> None:
            raise AccessProblem("sns:Publish is not allowed")

    deaf = Deaf()
    with pytest.raises(DeployError, match="not allowed"):
        report(deaf, wanted(HALTED))
    assert deaf.mark == ""
