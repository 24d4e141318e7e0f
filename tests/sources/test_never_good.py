"""What a further source does to a verdict: its counts speak, its silence never speaks for a release."""

import math

import pytest

from deployer.analysis.counts import MINUTE_S
from deployer.analysis.judge import Outcome
from deployer.analysis.limits import FAILURES, Limits, Metric
from deployer.analysis.observed import observations
from deployer.analysis.trial import run
from deployer.analysis.verdict import Judgement, judgement
from deployer.model import Minute, Slot
from deployer.operations.counting import Counted, beyond, counted, joined, missing
from deployer.record.course import Stretch

LIMITS = Limits(metrics=(FAILURES, Metric("refused", weight=0.5)))
STARTS = range(0, 40 * MINUTE_S, MINUTE_S)
ON, WHY = 40 * MINUTE_S + 60.0, "https://prometheus.example.com/api/v1/query_range: timeout"


def verdict(refused: Counted, failing: int = 10) -> Judgement:
    """Half of 20,000 requests a minute for 40 minutes; `failing` of the candidate's 10,000, 10 of stable's."""
    seen = {
        slot: [
            Minute(float(at), 10_000, failing if slot is Slot.GREEN else 10) for at in STARTS
        ]
        for slot in Slot
    }  # fmt: skip
    both = joined(seen, {"refused": refused})
    minutes = observations(
        both[Slot.GREEN], both[Slot.BLUE], (Stretch(-60, -60, 500),), LIMITS.metrics
    )
    return judgement(run(LIMITS, {}, minutes), ON)


def told(own: float) -> Counted:
    """Ten of a thousand on the stable slot, `own` on the candidate."""
    bad = {slot: dict.fromkeys(STARTS, own if slot is Slot.GREEN else 10.0) for slot in Slot}
    return counted(bad, {slot: dict.fromkeys(STARTS, 1000.0) for slot in Slot}, STARTS, absent="unknown")  # fmt: skip


def test_counts_that_are_fine_let_a_release_pass_and_bad_ones_do_not() -> None:
    assert verdict(told(10)).outcome is Outcome.PASS
    bad = verdict(told(40))
    assert bad.outcome is Outcome.FAIL
    assert "refused" in bad.reason


@pytest.mark.parametrize(
    "source",
    [missing(STARTS, WHY), beyond(told(10), STARTS[:-3], STARTS, WHY)],
    ids=["all along", "for three minutes"],
)
def test_a_source_that_fails_is_never_good(source: Counted) -> None:
    found = verdict(source)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert not found.advance
    assert WHY in found.reason


def test_a_source_that_is_back_tells_of_the_time_since() -> None:
    gone = beyond(told(10), STARTS[10:], STARTS[:10], WHY)
    found = verdict(gone)
    assert found.outcome is Outcome.PASS
    assert found.broken == 10


def test_a_source_that_fails_shields_no_release_that_fails_users() -> None:
    assert verdict(missing(STARTS, WHY), failing=60).outcome is Outcome.FAIL


def test_counts_of_the_stable_slot_alone_are_no_comparison() -> None:
    one = {Slot.GREEN: {}, Slot.BLUE: dict.fromkeys(STARTS, 10.0)}
    total = {Slot.GREEN: {}, Slot.BLUE: dict.fromkeys(STARTS, 1000.0)}
    found = verdict(counted(one, total, STARTS, absent="none"))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "the candidate is silent" in found.reason


def test_the_smallest_answer_that_is_not_a_number_is_unknown() -> None:
    series = {slot: dict.fromkeys(STARTS, math.nan) for slot in Slot}
    assert not verdict(counted(series, series, STARTS, absent="none")).advance
