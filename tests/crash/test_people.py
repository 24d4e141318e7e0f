"""People hold, hurry, approve and stop deployments: at any second, twice, too late, and across kills."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from deployer.intent import Intent
from deployer.journal import Ask
from deployer.model import Weights
from deployer.plan import Deployment, Status
from deployer.planning.strategies import STRATEGIES
from tests.sim.clock import NOON
from tests.sim.faults import Fault, Killed, repeats
from tests.sim.fleet import Behaviour
from tests.sim.people import Person, approves, ask_at, resumes
from tests.sim.play import INTENT, Play, play

CANARY, BLUE_GREEN = STRATEGIES["canary"], STRATEGIES["blue-green"]
OURS = {"canary": CANARY, "blue-green": BLUE_GREEN}
SHORT = replace(INTENT, weights=(50,), bake_s=60.0, window_s=60.0, probe_allowed_failures=20)
GATED = {
    "canary": replace(SHORT, approve=(50, 1000)),
    "blue-green": replace(SHORT, approve=(1000,)),
}
KILLS = [Fault.KILLED_BEFORE, Fault.KILLED_AFTER]
each = pytest.mark.parametrize("strategy", OURS)


def nothing_lost(sim: Play) -> None:
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []


def notes(sim: Play, kind: str) -> list[str]:
    return [event.note for event, _ in sim.events if event.kind == kind]


def length_s(strategy: str, intent: Intent = SHORT) -> int:
    sim = play()
    sim.ship(intent, OURS[strategy])
    return int(sim.clock.now() - NOON)


def paused_spans(sim: Play) -> list[tuple[float, float]]:
    """From each pause that was granted to what ended it."""
    spans, since = [], None
    for event, _ in sim.events:
        asked = event.kind == "asked"
        if asked and event.note.startswith("pause"):
            since = event.at
        elif since is not None and (asked or event.kind == "retreat"):
            spans.append((since, event.at))
            since = None
    return spans


@each
def test_a_pause_at_any_second_changes_nothing_until_it_is_lifted(strategy: str) -> None:
    held = 0
    for second in range(0, length_s(strategy), 9):
        sim = play()
        ask_at(sim, second, Ask.PAUSE)
        Person(sim, resumes(130.0))
        assert sim.ship(SHORT, OURS[strategy]).status is Status.SHIPPED
        nothing_lost(sim)
        for since, until in paused_spans(sim):
            held += 1
            assert [c for at, c in sim.cloud.changes if since < at < until] == []
            assert until - since >= 130.0
    assert held > 30


@each
def test_the_time_it_is_paused_counts_for_nothing(strategy: str) -> None:
    """An hour is longer than any deadline, bake or window here."""
    usual_s, long_s = length_s(strategy), 3_600.0
    for second in range(5, usual_s, 37):
        sim = play()
        ask_at(sim, second, Ask.PAUSE)
        ask_at(sim, second + long_s, Ask.RESUME)
        assert sim.ship(SHORT, OURS[strategy]).status is Status.SHIPPED
        took_s = sim.clock.now() - NOON - long_s
        assert usual_s - 60.0 <= took_s <= usual_s + 3 * 60.0
        nothing_lost(sim)


@each
@pytest.mark.parametrize(
    "bad", [Behaviour(errors=200), Behaviour(crash_after_s=400.0)], ids=["failing", "crashing"]
)
def test_a_paused_release_that_goes_bad_goes_back_without_being_asked(
    strategy: str, bad: Behaviour
) -> None:
    """Nobody ever resumes it; in the end somebody aborts those that had no users to harm."""
    found = 0
    for second in range(0, 400, 12):
        sim = play(behaviours={"v2": bad}, rate=200.0)
        ask_at(sim, second, Ask.PAUSE)
        ask_at(sim, 1_500.0, Ask.ABORT)
        deployment = sim.ship(SHORT, OURS[strategy])
        assert deployment.status is Status.ROLLED_BACK
        nothing_lost(sim)
        if "aborted" in deployment.reason:
            assert sim.cloud.ledger.total.errors == sim.cloud.ledger.total.broken == 0
        else:
            found += bool(notes(sim, "asked"))
    assert found > 5


@dataclass(frozen=True)
class Story:
    """A deployment with people around it, and how it ends."""

    ends: Status
    people: Callable[[Play], object]
    strategy: str = "canary"
    intent: Intent = SHORT
    release: Behaviour = field(default_factory=Behaviour)

    def tell(self, faults: dict[int, Fault]) -> tuple[Play, Deployment]:
        sim = play(behaviours={"v2": self.release}, faults=faults)
        sim.poll_s = 25.0
        self.people(sim)
        return sim, sim.ship(self.intent, OURS[self.strategy])


def holds(sim: Play) -> None:
    """Pauses at 100 s, and lets go a minute later."""
    ask_at(sim, 100.0, Ask.PAUSE)
    Person(sim, resumes(60.0))


def hurries(sim: Play) -> Person:
    return Person(sim, lambda *_: Ask.PROMOTE_FULL)


def steps_on(sim: Play) -> Person:
    return Person(sim, lambda *_: Ask.PROMOTE)


STORIES = {
    "canary, held": Story(Status.SHIPPED, holds),
    "blue-green, held": Story(Status.SHIPPED, holds, "blue-green"),
    "held and bad": Story(Status.ROLLED_BACK, holds, "blue-green", release=Behaviour(errors=200)),
    "canary, approved": Story(
        Status.SHIPPED, lambda s: Person(s, approves), intent=GATED["canary"]
    ),
    "blue-green, approved": Story(
        Status.SHIPPED, lambda s: Person(s, approves), "blue-green", GATED["blue-green"]
    ),
    "hurried to the end": Story(Status.SHIPPED, hurries),
    "hurried along": Story(Status.SHIPPED, steps_on),
}


@pytest.mark.parametrize("kill", KILLS, ids=["before", "after"])
@pytest.mark.parametrize("name", STORIES)
def test_a_kill_at_any_call_changes_nothing_about_the_end(name: str, kill: Fault) -> None:
    story = STORIES[name]
    undisturbed, deployment = story.tell({})
    assert deployment.status is story.ends, deployment.reason
    for call, what in enumerate(undisturbed.gate.names):
        if repeats(kill, what):
            continue
        sim, deployment = story.tell({call: kill})
        assert deployment.status is story.ends, deployment.reason
        assert sim.state == undisturbed.state, f"killed at call {call}, {what}"
        nothing_lost(sim)


@each
def test_a_runner_that_dies_while_paused_is_followed_by_one_that_is_paused_too(
    strategy: str,
) -> None:
    sim = play()
    ask_at(sim, 100.0, Ask.PAUSE)
    sim.cloud.at(NOON + 2_000.0, lambda: sim.gate.hooks.update({"cloud.observe": die}))

    def die() -> None:
        del sim.gate.hooks["cloud.observe"]
        raise Killed

    ask_at(sim, 6_000.0, Ask.RESUME)
    assert sim.ship(SHORT, OURS[strategy]).status is Status.SHIPPED
    ((since, until),) = paused_spans(sim)
    assert until >= NOON + 6_000.0
    assert [c for at, c in sim.cloud.changes if since < at < until] == []
    assert "journal.take_over" in sim.gate.calls
    nothing_lost(sim)


def gate_opens(strategy: str) -> float:
    """When the first approval is waited for, epoch seconds."""
    sim = play()
    sim.ship(GATED[strategy], OURS[strategy])
    first = next(event.at for event, _ in sim.events if "deployer approve" in event.note)
    return first - NOON


@pytest.mark.parametrize("second_click_s", range(0, 150, 7))
def test_approving_twice_opens_one_gate(second_click_s: int) -> None:
    sim = play()
    first_s = gate_opens("canary") + 30.0
    ask_at(sim, first_s, Ask.APPROVE)
    ask_at(sim, first_s + second_click_s, Ask.APPROVE)
    deployment = sim.ship(GATED["canary"], CANARY)
    assert deployment.status is Status.ROLLED_BACK
    assert "wait for approval" in deployment.reason
    asked, refused = notes(sim, "asked"), notes(sim, "refused")
    assert asked == ["approve by alice"]
    assert refused in ([], ["approve by alice: too late"])
    nothing_lost(sim)


@each
def test_an_approval_before_anything_waits_for_it_is_refused_and_does_not_linger(
    strategy: str,
) -> None:
    for second in range(0, int(gate_opens(strategy)) - 10, 11):
        sim = play()
        ask_at(sim, second, Ask.APPROVE)
        assert sim.ship(GATED[strategy], OURS[strategy]).status is Status.ROLLED_BACK
        assert notes(sim, "asked") == []
        assert len(notes(sim, "refused")) == 1


@each
def test_an_approval_that_comes_too_late_finds_the_way_back_begun(strategy: str) -> None:
    sim = play()
    ask_at(sim, gate_opens(strategy) + INTENT.approve_s + 25.0, Ask.APPROVE)
    deployment = sim.ship(GATED[strategy], OURS[strategy])
    assert deployment.status is Status.ROLLED_BACK
    assert notes(sim, "asked") == []
    assert sim.cloud.rule == Weights(1000, 0)
    nothing_lost(sim)


@each
def test_an_approval_while_paused_lets_it_go_on(strategy: str) -> None:
    sim = play()
    opens_s = gate_opens(strategy)
    ask_at(sim, opens_s + 20.0, Ask.PAUSE)
    ask_at(sim, opens_s + 5_000.0, Ask.APPROVE)
    sim.cloud.at(NOON + opens_s + 5_100.0, lambda: Person(sim, approves))
    deployment = sim.ship(GATED[strategy], OURS[strategy])
    assert deployment.status is Status.SHIPPED, deployment.reason
    assert deployment.paused_at is None
    nothing_lost(sim)


@each
@pytest.mark.parametrize(
    "ask", [Ask.ABORT, Ask.PAUSE, Ask.RESUME, Ask.PROMOTE, Ask.PROMOTE_FULL, Ask.APPROVE]
)
def test_any_wish_at_any_second_costs_nothing(strategy: str, ask: Ask) -> None:
    for second in range(0, length_s(strategy), 13):
        sim = play()
        ask_at(sim, second, ask)
        Person(sim, resumes(60.0))
        Person(sim, approves)
        deployment = sim.ship(GATED[strategy], OURS[strategy])
        gone_back = ask is Ask.ABORT and "aborted by alice" in deployment.reason
        assert deployment.status is (Status.ROLLED_BACK if gone_back else Status.SHIPPED)
        nothing_lost(sim)


def test_an_abort_is_heeded_at_any_second_even_while_paused() -> None:
    for second in range(0, 300, 10):
        sim = play()
        ask_at(sim, max(0, second - 30), Ask.PAUSE)
        ask_at(sim, second, Ask.ABORT)
        ask_at(sim, second + 1, Ask.PROMOTE_FULL)  # too late: the wish to go back stands
        assert sim.ship(SHORT, BLUE_GREEN).status is Status.ROLLED_BACK
        assert sim.cloud.rule == Weights(1000, 0)
        nothing_lost(sim)


def test_promoted_in_full_a_canary_goes_straight_to_all_of_the_traffic() -> None:
    sim = play()
    hurries(sim)
    assert sim.ship(SHORT, CANARY).status is Status.SHIPPED
    shares = [change.weights.green for _, change in sim.cloud.changes if hasattr(change, "weights")]
    assert shares in ([50, 1000], [1000])
    assert length_s("canary") - (sim.clock.now() - NOON) > SHORT.bake_s
    nothing_lost(sim)
