"""The evidence over time is the verdict's own, minute by minute."""

import pytest

from deployer.analysis.counts import Counts, Observation
from deployer.analysis.limits import FAILURES, Limits
from deployer.analysis.observed import observations
from deployer.analysis.replay.recording import Recorded
from deployer.analysis.replay.trail import standing_beside, trail
from deployer.analysis.terms import Terms
from deployer.analysis.trial import run
from deployer.model import Minute
from deployer.record.course import Stretch

TERMS = Terms(Limits(metrics=(FAILURES,)))


def minute(n: int, share: int | None, bad: int = 0, own: int | None = 100) -> Recorded:
    at = 60.0 * n
    return Recorded(at, share, Minute(at, own, bad), Minute(at, 900, 9))


BAD = [minute(n, 100, bad=30) for n in range(6)]


def test_each_minute_ends_where_the_verdict_of_as_many_stood() -> None:
    course = (Stretch(-60.0, -60.0, 100),)
    for n, look in enumerate(trail(BAD, TERMS), 1):
        seen: tuple[Observation, ...] = observations(
            [one.candidate for one in BAD[:n]], [one.stable for one in BAD[:n]], course, (FAILURES,)
        )
        found = run(TERMS.limits, {}, seen)
        assert look.condemned == (found.crossing is not None)
        assert look.findings[0].cost == pytest.approx(found.metrics[0].cost)
        assert look.counts("failures") == (Counts(100, 30), Counts(900, 9))
    assert look.condemned
    assert look.against > look.threshold
    assert look.findings[0].cost_whole == pytest.approx(10 * look.findings[0].cost)


def test_it_ends_where_nothing_is_beside_the_release_any_more() -> None:
    back = [*BAD, minute(6, None), minute(7, 0, own=None), minute(8, 0, own=None)]
    assert standing_beside(back) == tuple(BAD)
    on = [*BAD, minute(6, None), minute(7, 1000), minute(8, 1000)]
    assert standing_beside(on) == tuple(BAD)
    moved = [*BAD, minute(6, None), minute(7, 200)]
    assert standing_beside(moved) == tuple(moved)
    assert standing_beside([minute(0, 0), minute(1, 1000)]) == ()
    assert trail([minute(0, 1000)], TERMS) == ()


def test_a_part_of_a_minute_warms_nothing() -> None:
    whole, part = trail(BAD, TERMS), trail([minute(-1, None, bad=1), *BAD], TERMS)
    assert [one.condemned for one in part[1:]] == [one.condemned for one in whole]
    without = trail([minute(-1, None, own=None), *BAD], TERMS)
    assert without == whole


def test_a_minute_that_cannot_be_judged_says_why() -> None:
    (_, broken, opened) = trail(
        [minute(0, 100), minute(1, 100, own=None), Recorded(
            120.0, 100, Minute(120.0, 100, failed_open=7), Minute(120.0, 900)
        )], TERMS,
    )  # fmt: skip
    assert broken.trouble == "failures: the candidate is silent"
    assert broken.counts("failures")[0] == Counts(0, 0)
    assert (opened.opened, opened.trouble) == (7, "")
