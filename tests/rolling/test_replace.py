"""Replace and Soak: what they look at before they let another batch go."""

import pytest
from msgspec import structs

from deployer.changes import PinRelease
from deployer.engine.transition import doubt
from deployer.errors import CandidateUnhealthy, CloudUnavailable, VerdictFailed
from deployer.model import Minute, Release, SlotState, Weights
from deployer.planning import strategies
from deployer.ports import World
from deployer.record.held import Surge
from deployer.steps.base import Act, Done, Waiting
from deployer.steps.batches import Pace
from deployer.steps.replace import Replace
from deployer.steps.soak import Soak
from tests.sim.play import play
from tests.unit.world import (
    NOW,
    UNHEALTHY,
    FixedMetrics,
    FixedProber,
    instances,
    slot,
    snapshot,
)

from .stage import BLUE, USUAL, intent

BACK = Replace(BLUE, Release("v1"), Pace(4, 0, 1), 4, 900.0, returning=True)


def failing() -> FixedMetrics:
    """A tenth of what users asked for went wrong."""
    return FixedMetrics({BLUE: [Minute(NOW - 120.0, 3000, 300)]})


def forward() -> Replace:
    """The first batch of a rolling deployment of v2 in a group of four."""
    seen = play(size=4).runner("one").cloud.observe()
    steps = strategies.rolling(seen, intent(before=USUAL)).steps
    return next(step for step in steps if isinstance(step, Replace))


def world(state: SlotState, metrics: FixedMetrics | None = None, elapsed_s: float = 200.0) -> World:
    seen = snapshot(Weights(1000, 0), state)
    return World(seen, NOW, NOW - elapsed_s, metrics or FixedMetrics(), FixedProber())


def mixed(healthy: int, ready: int) -> SlotState:
    """v1, of which so many are healthy; the rest is v2."""
    old = (*instances(healthy), *instances(4 - healthy - ready, health=UNHEALTHY))
    return slot(BLUE, *old, *instances(ready, "v2"), boots="v2")


@pytest.mark.parametrize(
    ("healthy", "ready", "goes_on"), [(4, 0, True), (2, 0, False), (2, 1, True)]
)
def test_whatever_dies_is_replaced_by_a_release_that_must_have_proved_itself(
    healthy: int, ready: int, *, goes_on: bool
) -> None:
    """While none of it is healthy nobody knows that it would help, and the group is short already."""
    if goes_on:
        assert isinstance(forward().advance(world(mixed(healthy, ready))), Act | Done)
        return
    with pytest.raises(
        CandidateUnhealthy, match="2 of 4 instances are healthy, and none of v2 yet"
    ):
        forward().advance(world(mixed(healthy, ready)))


def test_a_batch_is_judged_while_it_is_replaced() -> None:
    with pytest.raises(VerdictFailed, match="slot 300 of 3000"):
        forward().advance(world(mixed(3, 1), failing()))


def test_nothing_is_judged_before_the_first_instance_of_the_release_is_up() -> None:
    """What fails then is the old release's doing: going back would change nothing."""
    metrics = failing()
    assert isinstance(forward().advance(world(mixed(4, 0), metrics)), Act)
    assert metrics.asked == []


def test_what_others_pin_in_the_middle_of_it_is_pinned_back() -> None:
    state = slot(BLUE, *instances(4), boots="v3")
    assert forward().advance(world(state)) == Act(PinRelease(BLUE, Release("v2")))


@pytest.mark.parametrize(("elapsed_s", "kind"), [(59.0, Waiting), (60.0, Done)])
def test_the_way_back_does_not_end_on_a_reading_from_before_its_pin(
    elapsed_s: float, kind: type
) -> None:
    state = slot(BLUE, *instances(4), boots="v1")
    assert isinstance(BACK.advance(world(state, elapsed_s=elapsed_s)), kind)


@pytest.mark.parametrize("policy", ["abort", "promote"])
def test_no_verdict_in_time_is_what_the_settings_make_of_it(policy: str) -> None:
    seen = play(size=4).runner("one").cloud.observe()
    steps = strategies.rolling(seen, intent(before=USUAL, inconclusive=policy)).steps
    soak = next(step for step in steps if isinstance(step, Soak))
    silent = mixed(3, 1)
    assert isinstance(soak.advance(world(silent, elapsed_s=soak.patience_s - 1.0)), Waiting)
    late = world(silent, elapsed_s=soak.patience_s)
    if policy == "promote":
        assert isinstance(soak.advance(late), Done)
        return
    with pytest.raises(VerdictFailed, match="no verdict within"):
        soak.advance(late)


def soak_of(**wanted: object) -> Soak:
    """What judges the first batch of one."""
    seen = play(size=4).runner("one").cloud.observe()
    steps = strategies.rolling(seen, intent(before=USUAL, **wanted)).steps  # type: ignore[arg-type]
    return next(step for step in steps if isinstance(step, Soak))


def serving() -> FixedMetrics:
    """As well as ever, for three minutes."""
    return FixedMetrics({BLUE: [Minute(NOW - 60.0 * n, 3000, 1) for n in (4, 3, 2)]})


def test_a_group_of_which_half_is_gone_is_no_accident() -> None:
    assert isinstance(soak_of().advance(world(mixed(2, 1), serving(), 240.0)), Done)
    with pytest.raises(CandidateUnhealthy, match="2 of 4 instances are healthy with 1 of v2"):
        soak_of().advance(world(mixed(1, 1), serving(), 240.0))


def test_a_good_verdict_is_none_while_the_release_has_lost_what_it_was_given() -> None:
    state = slot(BLUE, *instances(3), *instances(1, "v2", UNHEALTHY), boots="v2")
    assert isinstance(soak_of().advance(world(state, serving(), 240.0)), Waiting)


def test_alarms_that_do_not_answer_are_no_good_news() -> None:
    with pytest.raises(CloudUnavailable, match="nobody listens to the alarms errors"):
        soak_of(alarms=("errors",)).advance(world(mixed(3, 1), serving(), 240.0))


@pytest.mark.parametrize(
    ("asked_s_ago", "step", "believed"),
    [(59.0, Replace, False), (60.0, Replace, True), (0.0, Soak, True), (None, Replace, True)],
)
def test_the_end_of_a_replacement_is_not_believed_right_after_a_surge_was_asked_for(
    asked_s_ago: float | None, step: type, believed: bool
) -> None:
    """The reading may be from before: then one instance too many would stay for good."""
    sim = play(size=4)
    deployment = sim.open(sim.runner("one"), intent(before=USUAL), strategies.rolling, "d1")
    cursor = next(n for n, each in enumerate(deployment.plan.steps) if isinstance(each, step))
    surge = None if asked_s_ago is None else Surge(BLUE, 4, 5, asked_at=NOW - asked_s_ago)
    record = structs.replace(deployment, cursor=cursor, surge=surge)
    progress = doubt(record, Done("4 ready"), NOW)
    assert isinstance(progress, Done if believed else Waiting)
    assert believed or "blue may have been asked for 5 instances" in str(progress)
