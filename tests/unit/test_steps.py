"""Every step as a table: what it sees, what it says; at most one change, none at the goal."""

from typing import Any

import pytest

from deployer.analysis.judge import Rule
from deployer.changes import Change, PinRelease, SetDesired, SetWeights
from deployer.errors import (
    CandidateUnhealthy,
    CloudUnavailable,
    ProbeFailed,
    UnsafeAction,
    VerdictFailed,
)
from deployer.model import Health, LaunchFailure, Minute, Release, Slot, SlotState, Weights
from deployer.ports import ProbeReport
from deployer.steps.bake import Bake
from deployer.steps.base import Act, Done, Waiting
from deployer.steps.linger import Linger
from deployer.steps.probe import Probe
from deployer.steps.provision import Provision, situation
from deployer.steps.retire import Retire
from deployer.steps.route import Route
from tests.unit.world import (
    BLUE,
    GREEN,
    INITIAL,
    NOW,
    UNHEALTHY,
    FixedMetrics,
    instances,
    slot,
    snapshot,
    world,
)

V2 = Release("v2")
LIVE = Weights(1000, 0)
PROVISION = Provision(GREEN, V2, 2, 600.0)
RESTORE = Provision(BLUE, None, 2, 600.0)
OLD, NEW = instances(2, "v1"), instances(2, "v2")


def green(*those: Any, **facts: Any) -> SlotState:
    return slot(GREEN, *those, **{"boots": "v2", **facts})


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (green(boots=None), PinRelease(GREEN, V2)),
        (green(boots="v1"), PinRelease(GREEN, V2)),
        (green(stale=True), PinRelease(GREEN, V2)),
        (green(*OLD, boots="v1"), SetDesired(GREEN, 0)),
        (green(*OLD), SetDesired(GREEN, 0)),
        (green(*NEW, stale=True), SetDesired(GREEN, 0)),
        (green(*instances(1, None)), SetDesired(GREEN, 0)),
        (green(*OLD, desired=0), "2 old instances are leaving"),
        (green(), SetDesired(GREEN, 2)),
        (green(NEW[0]), SetDesired(GREEN, 2)),
        (green(desired=2), "no instances yet"),
        (green(*instances(2, "v2", None, "Pending")), "0 of 2 healthy; 2 Pending"),
        (green(*instances(2, "v2", INITIAL)), "2 initial"),
        (green(*instances(2, "v2", UNHEALTHY)), "2 unhealthy"),
        (green(*instances(2, "v2", None)), "2 not registered"),
        (green(NEW[0], desired=2), "1 of 2 healthy"),
        (green(*NEW), Done),
        (green(*instances(3, "v2")), Done),
    ],
)
def test_provision(state: SlotState, expected: Change | str | type) -> None:
    progress = PROVISION.advance(world(snapshot(LIVE, green=state)))
    expect(progress, expected)


@pytest.mark.parametrize(
    ("state", "elapsed_s", "expected"),
    [
        (slot(BLUE, *OLD), 0.0, Done),
        (slot(BLUE, *OLD, boots="v7", stale=True), 0.0, Done),
        (slot(BLUE, OLD[0]), 0.0, SetDesired(BLUE, 2)),
        (slot(BLUE, OLD[0], desired=2), 0.0, "1 of 2 healthy"),
        (slot(BLUE, desired=0), 0.0, SetDesired(BLUE, 2)),
    ],
)
def test_restoring_capacity_of_whatever_it_runs(
    state: SlotState, elapsed_s: float, expected: Change | str | type
) -> None:
    progress = RESTORE.advance(world(snapshot(Weights(500, 500), state), elapsed_s=elapsed_s))
    expect(progress, expected)


BAKED, STOCK = "ami-00000002", "ami-00000001"


@pytest.mark.parametrize(
    ("image", "boots", "those", "expected"),
    [
        (BAKED, BAKED, NEW, Done),
        (BAKED, STOCK, (), PinRelease(GREEN, Release("v2", image=BAKED))),
        (BAKED, STOCK, NEW, SetDesired(GREEN, 0)),
        (STOCK, STOCK, NEW, Done),
        (None, STOCK, NEW, Done),
        (None, BAKED, (), PinRelease(GREEN, V2)),
        (None, BAKED, NEW, SetDesired(GREEN, 0)),
    ],
)
def test_the_same_name_with_another_image_is_another_thing_to_boot(
    image: str | None, boots: str, those: tuple[Any, ...], expected: Change | type
) -> None:
    """A release that failed for its AMI and is shipped again with a better one."""
    step = Provision(GREEN, Release("v2", image=image), 2, 600.0)
    state = green(*those, boots=Release("v2", image=boots), stack_image=STOCK)
    expect(step.advance(world(snapshot(LIVE, green=state))), expected)


def test_the_same_name_with_another_artifact_is_pinned_again() -> None:
    moved = Release("v2", "s3://new/v2.tar.gz")
    state = green(boots=Release("v2", "s3://old/v2.tar.gz"))
    progress = Provision(GREEN, moved, 2, 600.0).advance(world(snapshot(LIVE, green=state)))
    expect(progress, PinRelease(GREEN, moved))


def test_restoring_waits_out_late_readings_when_told_so() -> None:
    step = Provision(BLUE, None, 2, 600.0, settle_s=60.0)
    seen = snapshot(LIVE, slot(BLUE, *OLD))
    expect(step.advance(world(seen, elapsed_s=59.0)), "looking again")
    expect(step.advance(world(seen, elapsed_s=60.0)), Done)


def test_restoring_is_not_given_up_early() -> None:
    failed = (LaunchFailure(NOW, "InsufficientInstanceCapacity"),)
    state = slot(BLUE, OLD[0], desired=2, launch_failures=failed)
    expect(RESTORE.advance(world(snapshot(LIVE, state))), "1 of 2 healthy")


@pytest.mark.parametrize("at", [NOW - 10.0, NOW])
def test_a_failed_launch_ends_the_wait(at: float) -> None:
    state = green(desired=2, launch_failures=(LaunchFailure(at, "no capacity in the zone"),))
    with pytest.raises(CandidateUnhealthy, match="no capacity in the zone"):
        PROVISION.advance(world(snapshot(LIVE, green=state)))


def test_a_failed_launch_of_the_past_does_not() -> None:
    state = green(desired=2, launch_failures=(LaunchFailure(NOW - 11.0, "long ago"),))
    expect(PROVISION.advance(world(snapshot(LIVE, green=state))), "no instances yet")


def test_a_target_group_without_a_rule_is_an_error_not_a_wait() -> None:
    state = green(*instances(2, "v2", Health.UNUSED))
    with pytest.raises(CandidateUnhealthy, match="add a rule on the test listener"):
        PROVISION.advance(world(snapshot(LIVE, green=state)))


@pytest.mark.parametrize(
    "state", [green(*OLD), green(*instances(1, None)), green(*NEW, stale=True)]
)
def test_a_slot_with_traffic_is_not_emptied(state: SlotState) -> None:
    with pytest.raises(UnsafeAction, match="cannot be provisioned with v2"):
        PROVISION.advance(world(snapshot(Weights(999, 1), green=state)))


def test_situation() -> None:
    assert situation(green(*instances(2, "v2", INITIAL), *instances(1, "v2", None, "Pending"))) == (
        "1 Pending, 2 initial"
    )


PROBE = Probe(GREEN, "v2", 20, 1, 60.0)


@pytest.mark.parametrize("failures", [{}, {"500": 1}])
def test_a_probe_that_is_good_enough(failures: dict[str, int]) -> None:
    progress = PROBE.advance(world(snapshot(LIVE), probes=ProbeReport(20, failures)))
    expect(progress, Done)
    assert isinstance(progress, Done)
    assert progress.evidence == {"probes": 20, "failed": sum(failures.values())}


def test_a_probe_that_fails_says_what() -> None:
    report = ProbeReport(20, {"500": 1, "answered by v1": 3})
    with pytest.raises(ProbeFailed, match=r"4 of 20 probes of v2: 1 × 500, 3 × answered by v1"):
        PROBE.advance(world(snapshot(LIVE), probes=report))


def test_a_probe_without_an_answer_is_no_failure_of_the_release() -> None:
    with pytest.raises(CloudUnavailable):
        PROBE.advance(world(snapshot(LIVE)))


TEN = Weights(900, 100)
ROUTE = Route(TEN, 4, 60.0)
FOUR = instances(4)


@pytest.mark.parametrize(
    ("live", "blue", "green_", "expected"),
    [
        (TEN, slot(BLUE), green(), Done),
        (LIVE, slot(BLUE, *FOUR), green(*NEW), SetWeights(TEN, LIVE)),
        (LIVE, slot(BLUE), green(NEW[0]), SetWeights(TEN, LIVE)),
        (LIVE, slot(BLUE, *FOUR), green(*instances(2, "v2", INITIAL)), "green: 0 healthy, 1 need"),
        (LIVE, slot(BLUE, *FOUR), green(desired=0), SetDesired(GREEN, 4, live=0)),
        (None, slot(BLUE, *FOUR), green(*NEW), SetWeights(TEN, None)),
        (None, slot(BLUE, *FOUR[:3]), green(*NEW), SetDesired(BLUE, 4, live=3)),
        (None, slot(BLUE, *FOUR[:3], desired=4), green(*NEW), "blue: 3 healthy, 4 needed"),
        (Weights(500, 500), slot(BLUE, *FOUR), green(), SetWeights(TEN, Weights(500, 500))),
        (Weights(500, 500), slot(BLUE, *FOUR[:3], desired=4), green(), "blue: 3 healthy, 4"),
    ],
)
def test_route(
    live: Weights | None, blue: SlotState, green_: SlotState, expected: Change | str | type
) -> None:
    expect(ROUTE.advance(world(snapshot(live, blue, green_))), expected)


def test_the_finest_share_needs_an_instance_too() -> None:
    step = Route(Weights(999, 1), 4, 60.0)
    seen = snapshot(None, slot(BLUE, *FOUR), green())
    expect(step.advance(world(seen)), SetDesired(GREEN, 4, live=0))


def minutes(*counts: tuple[int | None, int]) -> list[Minute]:
    return [Minute(NOW + 60.0 * n, requests, errors) for n, (requests, errors) in enumerate(counts)]


def bake(**changes: Any) -> Bake:
    facts: dict[str, Any] = {
        "candidate": GREEN, "share": 500, "capacity": 4, "bake_s": 600.0, "rule": Rule(),
        "delay_s": 60.0, "patience_s": 900.0, "inconclusive": "abort", "deadline_s": 1000.0,
    }  # fmt: skip
    return Bake(**{**facts, **changes})


GOOD = FixedMetrics({GREEN: minutes((500, 0)), BLUE: minutes((500, 0))})
BAD = FixedMetrics({GREEN: minutes((500, 50)), BLUE: minutes((500, 0))})
SILENT = FixedMetrics({GREEN: minutes((None, 0)), BLUE: minutes((500, 0))})
BAKING = snapshot(Weights(500, 500), slot(BLUE, *FOUR), green(*instances(4, "v2")))
SHORT = snapshot(Weights(500, 500), slot(BLUE, *FOUR), green(*instances(3, "v2"), desired=4))


@pytest.mark.parametrize(
    ("seen", "metrics", "elapsed_s", "expected"),
    [
        (BAKING, GOOD, 599.0, "at most 1.00% is accepted"),
        (BAKING, GOOD, 600.0, Done),
        (SHORT, GOOD, 600.0, "3 of 4 instances healthy"),
        (BAKING, SILENT, 599.0, "no data"),
        (BAKING, SILENT, 899.0, "inconclusive: no data"),
        (BAKING, GOOD, 30.0, "waiting for the first whole minute of metrics"),
    ],
)
def test_bake(seen: Any, metrics: FixedMetrics, elapsed_s: float, expected: str | type) -> None:
    expect(bake().advance(world(seen, elapsed_s=elapsed_s, metrics=metrics)), expected)


@pytest.mark.parametrize("elapsed_s", [130.0, 599.0, 2000.0])
def test_a_bad_verdict_ends_the_bake_at_once(elapsed_s: float) -> None:
    with pytest.raises(VerdictFailed, match="50 of 500 failed"):
        bake().advance(world(BAKING, elapsed_s=elapsed_s, metrics=BAD))


def test_patience_runs_out() -> None:
    late = world(BAKING, elapsed_s=900.0, metrics=SILENT)
    with pytest.raises(VerdictFailed, match="no verdict within 15m, and the settings say") as ended:
        bake().advance(late)
    assert ended.value.evidence["verdict"] == "inconclusive"
    expect(bake(inconclusive="promote").advance(late), Done)


def test_too_few_healthy_for_the_share_ends_the_bake() -> None:
    seen = snapshot(Weights(500, 500), slot(BLUE, *FOUR), green(NEW[0], desired=4))
    with pytest.raises(CandidateUnhealthy, match="1 healthy instances, 2 needed for its share"):
        bake().advance(world(seen, metrics=GOOD))


def test_bake_reads_whole_minutes_from_that_of_entry_up_to_what_is_published() -> None:
    metrics = FixedMetrics(GOOD.minutes)
    bake().advance(world(BAKING, elapsed_s=185.0, metrics=metrics))
    assert metrics.asked == [(NOW - 240.0, NOW - 60.0)]


def test_a_minute_that_began_at_entry_counts_in_full() -> None:
    whole = (Minute(NOW - 660.0, 500, 0),)
    metrics = FixedMetrics({GREEN: whole, BLUE: whole})
    expect(bake().advance(world(BAKING, elapsed_s=660.0, metrics=metrics)), Done)


def test_the_minute_of_entry_condemns_but_does_not_clear() -> None:
    entry = NOW - 630.0 - 30.0  # entered half a minute after it began: the probes are in it
    both = (Minute(entry, 500, 0), Minute(entry + 60.0, 10, 0))
    probed = FixedMetrics({GREEN: both, BLUE: minutes((500, 0))})
    expect(bake().advance(world(BAKING, elapsed_s=630.0, metrics=probed)), "10 of 100 requests")
    failing = FixedMetrics({GREEN: (Minute(entry, 500, 50),), BLUE: (Minute(entry, 500, 0),)})
    with pytest.raises(VerdictFailed, match="50 of 500 failed"):
        bake().advance(world(BAKING, elapsed_s=630.0, metrics=failing))


def test_at_all_of_the_traffic_there_is_nothing_to_compare_with() -> None:
    seen = snapshot(Weights(0, 1000), slot(BLUE, *FOUR), green(*instances(4, "v2")))
    quiet = FixedMetrics({GREEN: minutes((500, 0)), BLUE: minutes((None, 0))})
    progress = bake(share=1000).advance(world(seen, elapsed_s=600.0, metrics=quiet))
    expect(progress, Done)
    assert isinstance(progress, Done)
    assert progress.evidence == {
        "verdict": "pass", "candidate_requests": 500, "candidate_failures": 0,
    }  # fmt: skip


def test_evidence_of_both_sides() -> None:
    progress = bake().advance(world(BAKING, elapsed_s=300.0, metrics=GOOD))
    assert isinstance(progress, Waiting)
    assert progress.evidence["stable_requests"] == 500
    assert progress.evidence["stable_failures"] == 0
    assert progress.evidence["observed_share"] == 0.5


LINGER = Linger(BLUE, 300.0, 60.0, 420.0)
GONE = snapshot(Weights(0, 1000), slot(BLUE, *OLD), green(*NEW))


def seen_by(own: tuple[int | None, int], twin: int | None) -> FixedMetrics:
    return FixedMetrics({BLUE: minutes(own), GREEN: minutes((twin, 0))})


@pytest.mark.parametrize(
    ("metrics", "elapsed_s", "expected"),
    [
        (seen_by((None, 0), 500), 200.0, Done),
        (seen_by((0, 0), 500), 200.0, Done),
        (seen_by((1, 0), 500), 200.0, "to fall silent"),
        (seen_by((None, 3), 500), 200.0, "to fall silent"),
        (seen_by((None, 0), None), 200.0, "to fall silent"),
        (seen_by((None, 0), 0), 200.0, "to fall silent"),
        (seen_by((None, 0), 500), 119.0, "to fall silent"),
        (seen_by((1, 0), 500), 300.0, Done),
    ],
)
def test_linger(metrics: FixedMetrics, elapsed_s: float, expected: str | type) -> None:
    expect(LINGER.advance(world(GONE, elapsed_s=elapsed_s, metrics=metrics)), expected)


def test_linger_asks_only_for_minutes_that_began_after_entry() -> None:
    metrics = seen_by((None, 0), 500)
    LINGER.advance(world(GONE, elapsed_s=185.0, metrics=metrics))
    assert metrics.asked == [(NOW - 180.0, NOW - 60.0)]


RETIRE = Retire(BLUE, 300.0)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (slot(BLUE, *OLD), SetDesired(BLUE, 0)),
        (slot(BLUE, *OLD, desired=0), "2 instances of blue drain and stop"),
        (slot(BLUE, draining=1), "1 instance of blue drains and stops"),
        (slot(BLUE), Done),
    ],
)
@pytest.mark.parametrize("weights", [Weights(0, 1000), None])
def test_retire(weights: Weights | None, state: SlotState, expected: Change | str | type) -> None:
    expect(RETIRE.advance(world(snapshot(weights, state))), expected)


@pytest.mark.parametrize("step", [LINGER, RETIRE])
def test_a_slot_with_traffic_is_not_left(step: Linger | Retire) -> None:
    with pytest.raises(UnsafeAction, match="blue still has traffic"):
        step.advance(world(snapshot(Weights(1, 999), slot(BLUE, *OLD))))


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (PROVISION, "provision green: 2 healthy of v2 (within 10m)"),
        (RESTORE, "provision blue: 2 healthy of what it runs (within 10m)"),
        (PROBE, "probe green: 20 requests through the test listener (within 1m)"),
        (ROUTE, "route blue 90 % / green 10 % (within 1m)"),
        (bake(), "bake green for 10m under analysis"),
        (LINGER, "linger: keep blue until it is silent (at most 5m)"),
        (RETIRE, "retire blue (within 5m)"),
    ],
)
def test_steps_for_people(step: Provision | Probe | Route | Bake | Linger, words: str) -> None:
    assert step.describe() == words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (SetWeights(TEN, LIVE), "send blue 90 % / green 10 %"),
        (PinRelease(Slot.GREEN, V2), "green boots v2 from now on"),
        (SetDesired(Slot.GREEN, 2), "ask green for 2 instances"),
    ],
)
def test_changes_for_people(change: Change, words: str) -> None:
    assert str(change) == words


def expect(progress: Done | Waiting | Act, expected: Change | str | type) -> None:
    """A change: that one and no other. A text: waiting, for that reason. Done: no change."""
    if isinstance(expected, str):
        assert isinstance(progress, Waiting), progress
        assert expected in progress.reason
    elif isinstance(expected, type):
        assert isinstance(progress, expected), progress
    else:
        assert progress == Act(expected)
