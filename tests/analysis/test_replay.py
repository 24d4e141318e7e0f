"""A recording through other policies: what was recorded stays, what is assumed adds up."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.analysis.counts import Counts, Pair
from deployer.analysis.limits import Limits
from deployer.analysis.peers.policy import Act, Seen, Served
from deployer.analysis.replay.imagined import (
    ENOUGH,
    PLENTY,
    Imagined,
    Known,
    as_served,
    nearest,
    rate,
)
from deployer.analysis.replay.play import as_it_was, compare, play
from deployer.analysis.replay.policies import RECIPES, recipe
from deployer.analysis.replay.recording import Recorded, Recording, observations
from deployer.analysis.terms import Terms
from deployer.model import Minute

TERMS = Terms(Limits(), requests_per_min=6_000.0)


def dice(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - a simulation


def recorded(
    n: int, share: int | None, candidate: tuple[int, int], stable: tuple[int, int], slow: int = 0
) -> Recorded:
    """Minute `n`: requests and failures of both slots."""
    at = 60.0 * n
    own = Minute(at, candidate[0] or None, candidate[1], slow=slow)
    return Recorded(at, share, own, Minute(at, stable[0] or None, stable[1], slow=0))


def bad_release(minutes: int = 4, back: int = 6) -> list[Recorded]:
    """10 % of 10,000 requests a minute; a fifth of the candidate's fail; then it goes back."""
    served = [recorded(n, 100, (1_000, 200), (9_000, 9)) for n in range(minutes)]
    return served + [recorded(minutes + n, 0, (0, 0), (10_000, 10)) for n in range(back)]


def good_release(minutes: int = 40) -> list[Recorded]:
    return [recorded(n, 100, (1_000, 1), (9_000, 9)) for n in range(minutes)]


@dataclass
class Steady:
    """Always the same share, and never an end."""

    share: int

    def act(self, now: int, seen: Sequence[Seen]) -> Act:
        return Act(self.share)


def test_at_the_recorded_share_a_minute_is_what_was_recorded() -> None:
    minutes = [
        recorded(0, 100, (997, 3), (9_001, 7), slow=2),
        recorded(1, 100, (1_003, 0), (8_999, 1)),
    ]
    imagined = Imagined(Known(minutes), dice(1))
    assert imagined.minute(0, 100) == Seen(100, Served(997, 3, 2), Served(9_001, 7, 0))
    assert imagined.minute(1, 100).candidate == Served(1_003, 0, 0)


def test_after_the_way_back_the_rate_is_the_last_one_known() -> None:
    known = Known(bad_release(minutes=2, back=3))
    assert [known.served(minute) for minute in range(6)] == [True, True, False, False, False, False]
    assert (
        rate(known.rates(4).candidate["failed"])
        == rate(known.rates(500).candidate["failed"])
        == 0.2
    )
    assert known.rates(500).requests == 10_000


def test_few_requests_are_pooled_with_the_nearest_until_they_tell_something() -> None:
    minutes = [recorded(n, 1, (PLENTY // 10, 20 * (n == 3)), (9_000, 0)) for n in range(12)]
    known = Known(minutes)
    assert rate(known.rates(3).candidate["failed"]) == pytest.approx(20 / PLENTY)
    assert rate(known.rates(11).candidate["failed"]) == pytest.approx(20 / PLENTY)
    telling = Known([recorded(n, 1, (200, ENOUGH * (n == 3)), (9_000, 0)) for n in range(12)])
    assert rate(telling.rates(3).candidate["failed"]) == ENOUGH / 200
    assert rate(telling.rates(5).candidate["failed"]) == ENOUGH / 800  # minutes 5, 4, 6 and 3
    plenty = Known([recorded(n, 500, (PLENTY, 5 * (n == 3)), (PLENTY, 0)) for n in range(12)])
    assert rate(plenty.rates(3).candidate["failed"]) == 5 / PLENTY
    assert rate(plenty.rates(4).candidate["failed"]) == 0
    assert plenty.rates(4).requests == 2 * PLENTY


def test_what_was_not_published_is_assumed() -> None:
    known = Known([bad_release()[0], recorded(1, 100, (0, 0), (0, 0)), bad_release()[2]])
    assert known.recorded(1) is None
    assert rate(known.rates(1).candidate["failed"]) == 0.2
    assert known.rates(1).requests == 10_000


def test_few_requests_leave_open_how_often_a_release_fails() -> None:
    assert rate(Counts(0, 0), 2.0) == 0
    assert rate(Counts(100, 5)) == 0.05
    assert rate(Counts(100, 0), -1.96) == 0
    assert rate(Counts(100, 0), 1.96) == pytest.approx(0.037, abs=1e-3)  # as tables have it
    assert rate(Counts(100, 100), -1.96) == pytest.approx(0.963, abs=1e-3)
    assert rate(Counts(100, 100), 1.96) == pytest.approx(1)
    known = Known([recorded(n, 1, (10, 0), (9_990, 10)) for n in range(10)])
    best, worst = (Imagined(known, dice(1), z).minute(4, 500) for z in (-1.96, 1.96))
    assert best.candidate.failed == 0
    assert worst.candidate.failed == pytest.approx(5_000 * 0.037, rel=0.3)
    assert best.stable.failed > worst.stable.failed


def test_who_is_nearest() -> None:
    assert nearest([], 3) == []
    assert nearest([2, 3, 9], 3) == [3, 2, 9]
    assert nearest([0, 1, 2, 3, 4, 70], 100) == [70]
    assert nearest(list(range(100)), 300) == list(range(99, 38, -1))
    assert nearest([8, 9, 30], 0) == [8, 9, 30]


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(0, 5), st.integers(1, 500)),
        min_size=1,
        max_size=20,
    ),
    st.integers(0, 1000),
    st.integers(),
)
def test_no_request_comes_or_goes(rows: list[tuple[int, int, int]], share: int, seed: int) -> None:
    minutes = [
        recorded(n, None, (own, min(bad, own)), (other, 0))
        for n, (own, bad, other) in enumerate(rows)
    ]
    imagined = Imagined(Known(minutes), dice(seed))
    for n, (own, _, other) in enumerate(rows):
        seen = imagined.minute(n, share)
        assert seen.candidate.requests + seen.stable.requests == own + other
        assert 0 <= seen.candidate.failed <= seen.candidate.requests
        assert 0 <= seen.stable.failed <= seen.stable.requests


def test_draws_have_the_rates_that_were_recorded() -> None:
    known = Known(bad_release())
    drawn = [Imagined(known, dice(n)).minute(2, 500) for n in range(200)]
    assert fmean(one.candidate.requests for one in drawn) == pytest.approx(5_000, rel=0.01)
    assert fmean(one.candidate.failed for one in drawn) == pytest.approx(1_000, rel=0.02)
    assert fmean(one.stable.failed for one in drawn) == pytest.approx(5, rel=0.1)


def test_the_cost_is_beyond_what_stable_would_have_served() -> None:
    known = Known(bad_release())
    assert as_it_was(known) == pytest.approx([199.0] * 4 + [0.0] * 6)
    course = play(Steady(500), Imagined(known, dice(1)), 1)
    assert course.decided is None
    assert course.bad[0] == pytest.approx(995, rel=0.1)
    assert course.bad[50] == pytest.approx(995, rel=0.1)


def test_who_promotes_a_bad_release_pays_to_the_end() -> None:
    known = Known(bad_release())
    blind = recipe("codedeploy-rate:rate=0.5")
    course = play(blind[0].make(TERMS, blind[1]), Imagined(known, dice(1)), 1)
    assert (course.decided, course.promoted, max(course.shares)) == (5, True, 100)
    assert course.cost([1990.0] * 4) == pytest.approx(4 * 199)  # those were recorded
    assert course.cost([1990.0] * 10) - course.cost([1990.0] * 5) == pytest.approx(5 * 1990)


def test_what_was_is_told_beside_what_would_have_been() -> None:
    makers = [(name, partial(recipe(name)[0].make, TERMS, {})) for name in ("ours", "kayenta")]
    draws = [partial(dice, n) for n in range(3)]
    found = compare(Known(bad_release()), makers, 1, draws, shipped=False)
    assert (found.minutes, found.recorded, found.served) == (20, 10, 4)
    assert found.bad == pytest.approx(4 * 199)
    assert found.whole == pytest.approx(20 * 1990)
    ours, kayenta = (played for _, played in found.played)
    assert (ours.back, ours.promoted, ours.undecided) == (kayenta.back, 0, 0) == (3, 0, 0)
    assert kayenta.minute == (20, 20, 20)
    assert ours.bad < kayenta.bad == pytest.approx(20 * 199, rel=0.05)
    shipped = compare(Known(bad_release()), makers, 1, draws, shipped=True)
    assert shipped.bad == pytest.approx(4 * 199 + 10 * 1990)


@pytest.mark.parametrize("name", RECIPES)
def test_every_policy_can_be_asked(name: str) -> None:
    found, settings = recipe(name)
    dead = [recorded(n, 100, (1_000, 700), (9_000, 9)) for n in range(3)]
    bad = play(found.make(TERMS, settings), Imagined(Known(dead), dice(1)), 1)
    assert (bad.decided is not None, bad.promoted) == (True, False)
    good = [recorded(n, 100, (1_000, 0), (9_000, 0)) for n in range(60)]
    fine = play(found.make(TERMS, settings), Imagined(Known(good), dice(1)), 1)
    assert (fine.decided is not None, fine.promoted) == (True, True)
    assert sum(fine.bad) == 0


def test_a_policy_can_be_set() -> None:
    found, settings = recipe("flagger: success=0.5, threshold=2")
    known = Known(bad_release())
    assert settings == {"success": 0.5, "threshold": 2}
    assert play(found.make(TERMS, settings), Imagined(known, dice(1)), 1).promoted
    assert recipe("flagger:latency=false")[1] == {"latency": False}
    assert recipe("argo:limit=0")[1] == {"limit": 0}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("spinnaker", "there is no policy 'spinnaker': known are ours, ours-fixed, argo,"),
        ("argo:color=1", "argo has no setting 'color': it has success=0.95, limit=3"),
        ("ours:alpha=1", "ours has no setting 'alpha': it has nothing"),
        ("argo:limit=x", "argo: limit=x is no whole number"),
        ("argo:success=nan", "argo: success is 0 to 1, not nan"),
        ("flagger:success=99", "flagger: success is 0 to 1, not 99"),
        ("codedeploy-rate:rate=5", "codedeploy-rate: rate is 0 to 1, not 5"),
        ("z-test:z=-1", "z-test: z is 0 to 100000, not -1"),
        ("kayenta:every=0", "kayenta: every is 1 to 100000, not 0"),
        ("codedeploy:share=1001", "codedeploy: share is 1 to 1000, not 1001"),
        ("flagger:latency=no", "flagger: latency is true or false, not 'no'"),
    ],
)
def test_what_is_no_policy(text: str, says: str) -> None:
    with pytest.raises(ValueError, match="^" + says):
        recipe(text)


def test_the_analysis_is_given_what_was_recorded() -> None:
    recording = Recording(tuple(bad_release()))
    first = observations(recording.minutes, Limits().metrics)[0]
    assert (first.start, first.share) == (0.0, 100)
    assert first.pairs["failures"] == Pair(Counts(1_000, 200), Counts(9_000, 9))
    assert first.pairs["slow"] == Pair(Counts(1_000, 0), Counts(9_000, 0))
    assert recording.slow_known
    assert as_served(Minute(0.0, None)) == Served(0, 0, 0)
    assert as_served(Minute(0.0, 5, 1, 9)) == Served(5, 5, 0)  # connections fail more than once
