"""A production rule that sticks (AWSALBTG): kept while shares are split, off at every switch, given back.

The simulated balancer honours a cookie even at weight 0, the worst that AWS may do: clients whose
cookie names a slot without instances are outages in the ledger.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from deployer.changes import SetDesired, SetWeights, Stick
from deployer.errors import CloudUnavailable
from deployer.intent import Intent
from deployer.model import Slot, Weights
from deployer.plan import Deployment, Status
from deployer.planning import strategies
from deployer.record.held import Unstuck
from tests.sim.faults import Fault
from tests.sim.fleet import Behaviour
from tests.sim.play import Play, Strategy, intent_for, play

SHORT_S, LONG_S = 300, 3600
QUICK = intent_for("v2", weights=(500,), bake_s=60.0)
UNPROBED = intent_for("v2", weights=(500,), bake_s=60.0, probe_allowed_failures=20)
FAILING = {"v2": Behaviour(errors=200)}
ALL_BLUE, ALL_GREEN, HALF = Weights(1000, 0), Weights(0, 1000), Weights(500, 500)


@dataclass(frozen=True)
class Story:
    """A deployment over a rule that sticks, and how it ends."""

    ends: Status
    strategy: Strategy = strategies.canary
    intent: Intent = QUICK
    behaviours: Mapping[str, Behaviour] = field(default_factory=dict)
    sticky_s: int | None = SHORT_S
    happens: Callable[[Play], None] = lambda _: None

    def tell(self, faults: Mapping[int, Fault] | None = None) -> tuple[Play, Deployment]:
        sim = play(behaviours=self.behaviours, faults=faults, sticky_s=self.sticky_s)
        sim.poll_s = 20.0
        self.happens(sim)
        return sim, sim.ship(self.intent, self.strategy)


STORIES = {
    "good": Story(Status.SHIPPED),
    "failing": Story(Status.ROLLED_BACK, intent=UNPROBED, behaviours=FAILING),
    "blue-green": Story(Status.SHIPPED, strategies.blue_green),
    "blue-green failing": Story(
        Status.ROLLED_BACK, strategies.blue_green, UNPROBED, behaviours=FAILING
    ),
    "long": Story(Status.SHIPPED, strategies.blue_green, sticky_s=LONG_S),
}


def check(sim: Play, deployment: Deployment, story: Story) -> None:
    assert sim.oracle.violations == []
    assert sim.cloud.ledger.outages == []
    assert deployment.status is story.ends, deployment.reason


def of_the_rule(sim: Play) -> list[SetWeights | Stick]:
    return [change for _, change in sim.cloud.changes if isinstance(change, SetWeights | Stick)]


@pytest.mark.parametrize("kill", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER], ids=["before", "after"])
@pytest.mark.parametrize("name", STORIES)
def test_a_kill_at_any_call_leaves_the_stickiness_as_it_was_met(name: str, kill: Fault) -> None:
    story = STORIES[name]
    undisturbed, ended = story.tell()
    check(undisturbed, ended, story)
    for call, what in enumerate(undisturbed.gate.names):
        sim, deployment = story.tell({call: kill})
        check(sim, deployment, story)
        assert sim.state == undisturbed.state, f"killed at call {call}, {what}"
        assert (deployment.unstuck is None) == (ended.unstuck is None)


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.REPLY_LOST])
@pytest.mark.parametrize("name", ["good", "blue-green failing"])
def test_one_call_without_an_answer_leaves_it_too(name: str, fault: Fault) -> None:
    story = STORIES[name]
    undisturbed, _ = story.tell()
    for call in range(len(undisturbed.gate.names)):
        sim, deployment = story.tell({call: fault})
        check(sim, deployment, story)
        assert sim.state == undisturbed.state


def test_it_stays_on_while_shares_are_split_and_goes_off_with_the_last_weight() -> None:
    sim, _ = STORIES["good"].tell()
    assert of_the_rule(sim) == [
        SetWeights(HALF, ALL_BLUE, SHORT_S),
        SetWeights(ALL_GREEN, HALF, SHORT_S),
        Stick(SHORT_S, ALL_GREEN),
    ]


def test_users_leave_a_bad_release_by_the_change_of_the_weights_cookies_or_not() -> None:
    """At half of the traffic, eight of ten requests carry a cookie: none comes after the change."""
    sim, _ = STORIES["failing"].tell()
    back = SetWeights(ALL_BLUE, HALF, SHORT_S)
    assert of_the_rule(sim)[1:] == [back, Stick(SHORT_S, ALL_BLUE)]
    (left_at,) = [at for at, change in sim.cloud.changes if change == back]
    silent = [
        minute.requests for (slot, start), minute in sim.cloud.ledger.minutes.items()
        if slot is Slot.GREEN and start > left_at + sim.cloud.data_lag_s
    ]  # fmt: skip
    assert sum(silent) == 0


def test_it_comes_back_when_every_cookie_of_before_has_run_out() -> None:
    sim, _ = STORIES["good"].tell()
    times = {type(c): at for at, c in sim.cloud.changes if isinstance(c, SetWeights | Stick)}
    assert times[Stick] - times[SetWeights] >= SHORT_S + sim.cloud.data_lag_s


def test_a_balancer_that_sticks_again_too_early_is_caught_at_it() -> None:
    """The judge can say no: clients of the old slot are sent to where no instance is left."""
    sim, deployment = STORIES["long"].tell()
    assert deployment.unstuck is not None
    sim.cloud.set_sticky(LONG_S)
    sim.clock.sleep(60.0)
    assert sim.cloud.ledger.outages


def test_the_next_deployment_gives_back_what_could_not_be_waited_for() -> None:
    sim, first = STORIES["long"].tell()
    assert isinstance(first.unstuck, Unstuck)
    sim.clock.sleep(LONG_S)
    second = sim.ship(intent_for("v3", weights=(500,), bake_s=60.0), name="d2")
    assert (second.status, sim.oracle.violations) == (Status.SHIPPED, [])
    assert of_the_rule(sim)[1:] == [
        Stick(LONG_S, ALL_GREEN),
        SetWeights(HALF, ALL_GREEN, LONG_S),
        SetWeights(ALL_BLUE, HALF, LONG_S),
    ]
    assert sim.cloud.ledger.outages == []


def test_a_deployment_in_between_carries_it_on() -> None:
    sim, first = STORIES["long"].tell()
    second = sim.ship(intent_for("v3", weights=(500,), bake_s=60.0), name="d2")
    assert [type(change) for change in of_the_rule(sim)].count(Stick) == 0
    assert second.unstuck == first.unstuck
    assert second.status is Status.SHIPPED


def test_switched_off_by_somebody_before_the_cut_over_it_stays_off() -> None:
    story = Story(Status.SHIPPED, happens=lambda sim: sim.stick_at(100.0, None))
    sim, deployment = story.tell()
    check(sim, deployment, story)
    assert (sim.cloud.sticky_s, deployment.unstuck) == (None, None)


@pytest.mark.parametrize("met", [None, SHORT_S], ids=["off", "on"])
def test_what_somebody_sets_before_the_cut_over_is_what_comes_back(met: int | None) -> None:
    story = Story(Status.SHIPPED, sticky_s=met, happens=lambda sim: sim.stick_at(100.0, 120))
    sim, deployment = story.tell()
    check(sim, deployment, story)
    assert of_the_rule(sim)[-1] == Stick(120, ALL_GREEN)


def test_switched_on_by_somebody_after_the_cut_over_it_halts_before_the_old_slot_goes() -> None:
    warm = intent_for("v2", window_s=600.0)

    def meddle(sim: Play) -> None:
        sim.stick_at(200.0, LONG_S)

    sim, deployment = Story(
        Status.HALTED, strategies.blue_green, warm, happens=meddle, sticky_s=LONG_S
    ).tell()
    assert deployment.status is Status.HALTED
    assert "the production rule sticks, which this deployment had switched off" in deployment.reason
    assert SetDesired(Slot.BLUE, 0) not in [change for _, change in sim.cloud.changes]
    assert (sim.cloud.sticky_s, deployment.unstuck) == (LONG_S, None)
    assert sim.cloud.ledger.outages == []


def test_too_little_is_judged_by_what_was_served_not_by_the_weight() -> None:
    """5 % of 20 requests a second are enough in two minutes; a fifth of that is not in seven."""
    for sticky_s, ends in ((None, Status.SHIPPED), (LONG_S, Status.ROLLED_BACK)):
        sim = play(rate=20.0, sticky_s=sticky_s)
        deployment = sim.ship(intent_for("v2", weights=(50,), patience_s=60.0))
        assert deployment.status is ends, deployment.reason
        assert sim.oracle.violations == []
    assert "of 100 requests needed to judge the candidate" in deployment.reason


def test_giving_back_what_was_left_to_it_holds_no_deployment_for_ever() -> None:
    """AWS answers everything but that one change: the deployment goes on at its step's deadline."""
    sim = play(sticky_s=LONG_S)
    left = sim.ship()
    assert left.unstuck is not None
    sim.clock.sleep(LONG_S)
    tried: list[float] = []

    def refuse() -> None:
        active = sim.journal.peek("sim")
        change = active.deployment.log[-1].note if active else ""
        if change.startswith("let the rule stick again"):
            tried.append(sim.clock.now())
            raise CloudUnavailable("no answer")

    sim.gate.hooks["cloud.apply"] = refuse
    deployment = sim.ship(intent_for("v3"), name="d2")
    assert tried
    assert deployment.status.final
    assert sim.oracle.violations == []
