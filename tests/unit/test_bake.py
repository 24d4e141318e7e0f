"""Bake: what condemns a candidate, what clears it, and which of its instances it needs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.analysis.judge import Rule
from deployer.errors import CandidateUnhealthy, VerdictFailed
from deployer.model import Instance, Minute, Weights
from deployer.ports import World
from deployer.steps.bake import Bake
from deployer.steps.base import Done, Waiting
from tests.unit.world import (
    BLUE,
    GREEN,
    NOW,
    UNHEALTHY,
    FixedMetrics,
    FixedProber,
    instances,
    slot,
    snapshot,
)

Row = tuple[int | None, int]
RULE = Rule(min_requests=100, min_failures=5, tolerance=0.01)


def bake(share: int = 500, capacity: int = 4, look_back_s: float = 120.0) -> Bake:
    return Bake(
        candidate=GREEN, share=share, capacity=capacity, bake_s=300.0, rule=RULE, delay_s=60.0,
        patience_s=900.0, inconclusive="abort", deadline_s=1000.0, look_back_s=look_back_s,
    )  # fmt: skip


class Published:
    """Minutes by their distance from the minute of entry; what lies outside is not handed out."""

    def __init__(self, entry: float, green: dict[int, Row], blue: dict[int, Row]) -> None:
        self.entry, self.rows = entry, {GREEN: green, BLUE: blue}

    def traffic(
        self, since: float, until: float, slow_s: float | None = None
    ) -> dict[object, list[Minute]]:
        first, last = int((since - self.entry) // 60), int((until - self.entry) // 60)
        return {
            which: [
                Minute(self.entry + 60.0 * n, *rows.get(n, (None, 0))) for n in range(first, last)
            ]
            for which, rows in self.rows.items()
        }


def judged(
    step: Bake, green: dict[int, Row], blue: dict[int, Row], *, minutes: int = 8
) -> Done | Waiting | str:
    """What becomes of `step`, entered in mid-minute 0, after `minutes`; a text: condemned."""
    share = step.share
    seen = snapshot(
        Weights(1000 - share, share), slot(BLUE, *instances(4)), slot(GREEN, *instances(4, "v2"))
    )
    metrics = Published(NOW, green, blue)
    view = World(seen, NOW + 60.0 * minutes, NOW + 30.0, metrics, FixedProber())  # type: ignore[arg-type]
    try:
        progress = step.advance(view)
    except VerdictFailed as failed:
        return str(failed)
    assert isinstance(progress, Done | Waiting)
    return progress


GOOD: dict[int, Row] = dict.fromkeys(range(-5, 9), (1000, 0))
OUTAGE: dict[int, Row] = {-2: (1000, 100), -1: (1000, 100)}
CALM: dict[int, Row] = dict.fromkeys(range(-5, 9), (None, 0))


@pytest.mark.parametrize("share", [500, 1000])
def test_the_last_minutes_of_the_stop_before_condemn(share: int) -> None:
    green = {**GOOD, **OUTAGE}
    early = judged(bake(share), green, GOOD, minutes=2)
    assert isinstance(early, str)
    assert "200 of " in early
    assert isinstance(judged(bake(share, look_back_s=0.0), green, GOOD), Done)


@pytest.mark.parametrize("share", [500, 1000])
def test_what_was_before_is_judged_beside_the_stable_slot_of_the_same_minutes(share: int) -> None:
    """Both failed: something else was down, and the release is not to blame."""
    both = {**GOOD, **OUTAGE}
    assert isinstance(judged(bake(share), both, both), Done)


def test_at_all_of_the_traffic_the_bake_itself_is_judged_alone() -> None:
    """A stable slot that failed earlier excuses nothing now."""
    green = {**GOOD, 3: (1000, 300)}
    assert isinstance(judged(bake(1000), green, {**CALM, -1: (10, 10)}), str)


@pytest.mark.parametrize("share", [500, 1000])
def test_what_was_before_does_not_clear(share: int) -> None:
    green: dict[int, Row] = {**CALM, -2: (5000, 0), -1: (5000, 0), 0: (5000, 0), 6: (10, 0)}
    progress = judged(bake(share), green, GOOD)
    assert isinstance(progress, Waiting)
    assert "10 of 100 requests needed" in progress.reason


def test_earlier_than_that_is_not_looked_at() -> None:
    assert isinstance(judged(bake(), {**GOOD, -3: (1000, 900), -4: (1000, 900)}, GOOD), Done)


def test_the_first_stop_looks_back_at_nothing_but_probes_so_it_does_not() -> None:
    assert isinstance(judged(bake(look_back_s=0.0), {**GOOD, -1: (20, 20)}, GOOD), Done)


@pytest.mark.parametrize(
    ("share", "capacity", "healthy", "desired", "sick"),
    [
        (1000, 1, 0, 1, True),
        (1000, 1, 1, 1, False),
        (1000, 2, 1, 2, True),
        (1000, 4, 3, 4, True),
        (1000, 5, 4, 5, False),
        (1000, 5, 3, 5, True),
        (1000, 10, 8, 10, False),
        (1000, 10, 7, 10, True),
        (500, 10, 4, 10, False),
        (500, 10, 3, 10, True),
        (1, 10, 1, 10, False),
        (1, 10, 0, 10, True),
        (1000, 10, 5, 5, False),
        (1000, 10, 4, 5, False),
        (1000, 10, 3, 5, True),
        (1000, 10, 0, 0, True),
        (500, 10, 2, 2, False),
    ],
)
def test_how_many_healthy_instances_are_too_few(
    *, share: int, capacity: int, healthy: int, desired: int, sick: bool
) -> None:
    """Fewer than four fifths of what its share needs, or of what it was scaled in to."""
    those = instances(healthy, "v2"), instances(max(desired - healthy, 0), "v2", UNHEALTHY)
    green = slot(GREEN, *those[0], *those[1], desired=desired)
    weights = Weights(1000 - share, share)
    seen = snapshot(weights, slot(BLUE, *instances(capacity)), green)
    view = World(seen, NOW, NOW - 10.0, FixedMetrics(), FixedProber())
    step = bake(share, capacity)
    if sick:
        with pytest.raises(CandidateUnhealthy, match=f"{healthy} healthy instances"):
            step.require_good(view)
    else:
        step.require_good(view)


@given(need=st.integers(1, 60), healthy=st.integers(0, 60))
def test_a_fifth_missing_is_forgiven_and_no_more(need: int, healthy: int) -> None:
    seen = snapshot(Weights(0, 1000), None, slot(GREEN, *instances(healthy, "v2"), desired=need))
    view = World(seen, NOW, NOW - 10.0, FixedMetrics(), FixedProber())
    try:
        bake(1000, need).require_good(view)
    except CandidateUnhealthy:
        assert healthy < 0.8 * need
    else:
        assert healthy >= 0.8 * need


def boots(count: int, lifecycle: str = "Pending") -> tuple[Instance, ...]:
    return tuple(Instance(f"i-new{n}", lifecycle, "v2", None) for n in range(count))


@pytest.mark.parametrize(
    ("healthy", "others", "desired", "sick"),
    [
        (2, boots(1), 3, False),  # scaled in before, and out now
        (2, boots(1, "InService"), 3, False),  # not yet registered
        (1, boots(2), 3, False),
        (2, boots(1, "Terminating:Wait") + boots(1), 3, True),  # in the place of one that leaves
        (2, (), 3, True),
        (0, boots(3), 3, True),  # somebody must serve
    ],
)
def test_a_candidate_that_its_policy_makes_larger_is_not_sick(
    *, healthy: int, others: tuple[Instance, ...], desired: int, sick: bool
) -> None:
    green = slot(GREEN, *instances(healthy, "v2"), *others, desired=desired)
    seen = snapshot(Weights(0, 1000), None, green)
    view = World(seen, NOW, NOW - 10.0, FixedMetrics(), FixedProber())
    if sick:
        with pytest.raises(CandidateUnhealthy, match=f"{healthy} healthy instances"):
            bake(1000, 3).require_good(view)
    else:
        bake(1000, 3).require_good(view)


def test_one_of_five_missing_does_not_end_the_bake_but_does_not_pass_it_either() -> None:
    green = slot(GREEN, *instances(4, "v2"), desired=5)
    seen = snapshot(Weights(0, 1000), slot(BLUE, *instances(5)), green)
    view = World(seen, NOW + 480.0, NOW + 30.0, Published(NOW, GOOD, GOOD), FixedProber())  # type: ignore[arg-type]
    progress = bake(1000, 5).advance(view)
    assert isinstance(progress, Waiting)
    assert progress.reason == "4 of 5 instances healthy"


@pytest.mark.parametrize("share", [500, 1000])
def test_hours_of_good_service_do_not_outweigh_what_goes_wrong_now(share: int) -> None:
    """A watch may last for days; it reads no more than its deadline's worth of minutes."""
    day = 24 * 60
    good: dict[int, Row] = dict.fromkeys(range(-5, day + 10), (1000, 0))
    bad = {**good, **dict.fromkeys(range(day, day + 10), (1000, 200))}
    assert isinstance(judged(bake(share), good, good, minutes=day), Done)
    said = judged(bake(share), bad, good, minutes=day + 2)
    assert isinstance(said, str)
    assert "200 of 17000 failed" in said
