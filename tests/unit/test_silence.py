"""Instances of another release leave a slot in silence: what counts as silence, as a table."""

from dataclasses import replace
from typing import Any

import pytest

from deployer.changes import SetDesired
from deployer.errors import CandidateUnhealthy
from deployer.intent import Intent
from deployer.model import Minute, Release, Snapshot, Weights
from deployer.planning import strategies
from deployer.steps.base import Act, Done, Waiting
from deployer.steps.linger import Linger
from deployer.steps.provision import Provision
from deployer.steps.retire import Retire
from tests.unit.world import BLUE, GREEN, NOW, FixedMetrics, instances, slot, snapshot, world

V2 = Release("v2")
LIVE = Weights(1000, 0)
SILENT, SERVED, UNTOLD = (0, 900), (900, 900), (None, None)


@pytest.mark.parametrize(
    ("minutes", "facts", "expected"),
    [
        ([SILENT], {}, SetDesired(GREEN, 0)),
        ([(None, 900)], {}, SetDesired(GREEN, 0)),
        ([SERVED, SILENT], {}, SetDesired(GREEN, 0)),
        ([SILENT, UNTOLD], {}, SetDesired(GREEN, 0)),
        ([SERVED], {}, "waiting for green to fall silent: it still runs v1"),
        ([SILENT, SERVED], {}, "waiting"),
        ([SERVED, UNTOLD], {}, "waiting"),
        ([UNTOLD], {}, "waiting"),
        ([UNTOLD], {"elapsed_s": 300.0}, SetDesired(GREEN, 0)),
        ([SERVED], {"elapsed_s": 300.0}, SetDesired(GREEN, 0)),
        ([SERVED], {"elapsed_s": 300.0, "sticky_s": 60}, CandidateUnhealthy),
        ([SILENT], {"elapsed_s": 300.0, "sticky_s": 60}, SetDesired(GREEN, 0)),
        ([SERVED], {"weights": None}, SetDesired(GREEN, 0)),
        ([SERVED], {"linger_s": 0.0}, SetDesired(GREEN, 0)),
    ],
)
def test_instances_of_another_release_leave_in_silence(
    minutes: list[tuple[int | None, int | None]], facts: dict[str, Any], expected: object
) -> None:
    """Own requests and the twin's, a minute each: what the newest minute that tells something tells."""
    starts = [NOW - 120.0 - 60.0 * n for n in reversed(range(1, len(minutes) + 1))]
    both = list(zip(starts, minutes, strict=True))
    told = {
        GREEN: [Minute(at, own) for at, (own, _) in both],
        BLUE: [Minute(at, twin) for at, (_, twin) in both],
    }
    seen = Snapshot(
        NOW, facts.get("weights", LIVE), slot(BLUE, *instances(2)), slot(GREEN, *instances(2)),
        sticky_s=facts.get("sticky_s"),
    )  # fmt: skip
    step = Provision(GREEN, V2, 2, 900.0, linger_s=facts.get("linger_s", 300.0), delay_s=120.0)
    metrics = FixedMetrics(told)
    around = world(seen, elapsed_s=facts.get("elapsed_s", 10.0), metrics=metrics)
    if isinstance(expected, type):
        with pytest.raises(expected, match="still serves 900 requests a minute: clients hold cook"):
            step.advance(around)
        return
    progress = step.advance(around)
    if isinstance(expected, str):
        assert isinstance(progress, Waiting)
        assert progress.reason.startswith(expected)
    else:
        assert progress == Act(expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(("left", "more_s"), [(0, 0.0), (2, 600.0)])
def test_a_slot_that_must_fall_silent_first_has_time_for_that_and_for_booting(
    left: int, more_s: float
) -> None:
    seen = snapshot(LIVE, slot(BLUE, *instances(2)), slot(GREEN, *instances(left, "v0")))
    intent = Intent(release=V2, linger_s=600.0)
    first = strategies.canary(seen, intent).steps[0]
    assert (type(first), first.deadline_s) == (Provision, intent.limits.provision_s + more_s)


@pytest.mark.parametrize("elapsed_s", [10.0, 400.0])
@pytest.mark.parametrize("calm_s", [None, 0.0, 59.0, 61.0])
def test_right_after_somebody_gave_a_slot_traffic_nothing_leaves_it(
    calm_s: float | None, elapsed_s: float
) -> None:
    """However long it was waited for before that."""
    around = replace(
        world(
            snapshot(LIVE, green=slot(GREEN, *instances(2))),
            elapsed_s=elapsed_s,
            metrics=FixedMetrics({GREEN: [], BLUE: []}),
        ),
        calm_since=None if calm_s is None else NOW - calm_s,
    )
    quiet = calm_s in (None, 61.0)
    retire = Retire(GREEN, 900.0).advance(around)
    assert (retire == Act(SetDesired(GREEN, 0))) is quiet
    provision = Provision(GREEN, V2, 2, 900.0, linger_s=300.0, delay_s=120.0).advance(around)
    assert (provision == Act(SetDesired(GREEN, 0))) is (quiet and elapsed_s > 300.0)
    linger = Linger(GREEN, 300.0, 120.0, 420.0).advance(around)
    assert isinstance(linger, Done) is (quiet and elapsed_s > 300.0)


@pytest.mark.parametrize(
    ("calm_since", "since"), [(None, NOW - 720.0), (NOW - 400.0, NOW - 360.0), (NOW - 130.0, None)]
)
def test_silence_from_before_somebody_moved_traffic_is_none(
    calm_since: float | None, since: float | None
) -> None:
    metrics = FixedMetrics({GREEN: [], BLUE: []})
    state = slot(GREEN, *instances(2))
    around = replace(world(snapshot(LIVE, green=state), metrics=metrics), calm_since=calm_since)
    step = Provision(GREEN, V2, 2, 900.0, linger_s=300.0, delay_s=120.0)
    assert isinstance(step.advance(around), Waiting)
    assert metrics.asked == ([(since, NOW - 120.0)] if since is not None else [])
