"""What the slot that serves was like before, read through the ports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from deployer.analysis.dispersion import ENOUGH_MIN as TRUSTED_MIN
from deployer.analysis.dispersion import PRIOR_PHI
from deployer.errors import CloudUnavailable
from deployer.model import Minute, Slot, Snapshot, Weights
from deployer.operations import usual
from deployer.operations.usual import LOOK_BACK_S, Past, Wish, past, threshold
from tests.unit.world import BLUE, GREEN, UNHEALTHY, instances, slot, snapshot

NOW, DELAY_S = 100_000 * 60.0 + 7, 60.0
WISH = Wish(DELAY_S)
SERVING = snapshot(Weights(1000, 0), slot(BLUE, *instances(2)))


@dataclass
class Clock:
    def now(self) -> float:
        return NOW

    def sleep(self, duration_s: float) -> None:
        raise AssertionError(duration_s)


@dataclass
class Before:
    """Blue has served for `minutes`; in the first `bad` of them it was a candidate that failed."""

    minutes: int = 300
    bad: int = 0
    each: int = 600
    newest: int = 600  # requests of each of the last fifteen minutes
    usual_s: float | None = 0.2134
    fails: Sequence[int] = (3, 3)  # by zone, in every tenth minute
    silent: bool = False
    asked: list[tuple[object, ...]] = field(default_factory=list)
    metrics: "Before" = field(init=False)
    history: "Before" = field(init=False)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.metrics = self.history = self

    def _starts(self) -> list[float]:
        end = (NOW - DELAY_S) // 60 * 60
        return [end - 60.0 * back for back in range(self.minutes, 0, -1)]

    def traffic(
        self, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[Slot, Sequence[Minute]]:
        assert (since, until, slow_s) == (NOW - DELAY_S - LOOK_BACK_S, NOW - DELAY_S, None)
        if self.silent:
            raise CloudUnavailable("no answer")
        ours, theirs = [], []
        for n, start in enumerate(self._starts()):
            tried = n < self.bad
            lately = n >= self.minutes - usual.LATELY_MIN
            whole = self.newest if lately else self.each
            ours.append(Minute(start, self.each // 20 if tried else whole))
            theirs.append(Minute(start, self.each if tried else None))
        return {BLUE: [Minute(0.0, None), *ours], GREEN: theirs}

    def zones(
        self, slot: Slot, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[str, Sequence[Minute]]:
        self.asked.append((slot, until - since, slow_s))
        return {
            zone: [
                Minute(
                    start, self.each // 2,
                    target_5xx=self.each // 2 if n < self.bad else (n % 10 == 0) * fails,
                    slow=None if slow_s is None else 1,
                )
                for n, start in enumerate(self._starts())
            ]
            for zone, fails in zip(("a", "b"), self.fails, strict=True)
        }  # fmt: skip

    def response_s(self, slot: Slot, since: float, until: float, quantile: float) -> float | None:
        self.asked.append((slot, until - since, quantile))
        return self.usual_s

    def balancer_5xx(self, since: float, until: float) -> int:
        raise AssertionError((since, until))


def test_what_was_usual_is_learned_from_the_slot_that_serves() -> None:
    before = Before()
    found = past(before, SERVING, WISH)
    assert (found.minutes, found.slow_s, found.requests_per_min) == (300, 0.22, 600.0)
    assert before.asked == [(BLUE, LOOK_BACK_S, 0.995), (BLUE, LOOK_BACK_S, 0.22)]
    failures, slow = found.bases["failures"], found.bases["slow"]
    assert failures.minutes == slow.minutes == 300
    assert failures.usual is not None
    assert 180 / 180_000 < failures.usual < 2 * 180 / 180_000
    assert slow.usual is not None
    assert 600 / 180_000 < slow.usual < 2 * 600 / 180_000
    assert failures.phi == slow.phi == 1.0  # both zones alike, and four hours of it


def test_the_load_is_that_of_the_last_minutes_not_of_the_night() -> None:
    assert past(Before(each=60, newest=900), SERVING, WISH).requests_per_min == 900.0


def test_failures_that_come_in_one_zone_at_a_time_are_measured_as_clusters() -> None:
    assert past(Before(fails=(30, 0)), SERVING, WISH).bases["failures"].phi > 5


def test_a_time_as_a_candidate_that_failed_is_not_what_is_usual() -> None:
    clean, tried = (past(Before(bad=n), SERVING, WISH) for n in (0, 30))
    assert (clean.minutes, tried.minutes) == (300, 270)
    one, other = (each.bases["failures"].usual or 0.0 for each in (clean, tried))
    assert other < 1.2 * one


def test_too_little_is_no_past_and_nothing_else_is_asked() -> None:
    before = Before(minutes=usual.ENOUGH_MIN - 1)
    found = past(before, SERVING, WISH)
    assert found == Past(usual.ENOUGH_MIN - 1)
    assert not found.enough
    assert before.asked == []
    assert past(Before(minutes=usual.ENOUGH_MIN), SERVING, WISH).enough


def test_a_short_past_is_not_trusted_to_say_that_failures_do_not_clump() -> None:
    short, long = (past(Before(n), SERVING, WISH) for n in (TRUSTED_MIN - 1, TRUSTED_MIN))
    assert short.bases["failures"].phi == PRIOR_PHI > long.bases["failures"].phi


@pytest.mark.parametrize(
    ("wish", "slow_s", "asked"),
    [
        (replace(WISH, slow_s=0.5), 0.5, [(BLUE, LOOK_BACK_S, 0.5)]),
        (replace(WISH, judged=False), None, [(BLUE, LOOK_BACK_S, None)]),
        (replace(WISH, slow_s=0.5, judged=False), None, [(BLUE, LOOK_BACK_S, None)]),
    ],
)
def test_latency_is_judged_as_the_settings_say(
    wish: Wish, slow_s: float | None, asked: list[tuple[object, ...]]
) -> None:
    before = Before()
    found = past(before, SERVING, wish)
    assert (found.slow_s, before.asked) == (slow_s, asked)


def test_a_limit_that_the_settings_give_needs_no_past() -> None:
    assert past(Before(0), SERVING, replace(WISH, slow_s=0.5)) == Past(0, 0.5)


def test_without_response_times_latency_is_not_judged_by_what_is_usual() -> None:
    found = past(Before(usual_s=None), SERVING, WISH)
    assert found.slow_s is None
    assert found.bases["slow"].usual is None
    assert found.enough


@pytest.mark.parametrize(
    ("usual_s", "slow_s"),
    [
        (None, None), (float("nan"), None), (-1.0, None), (0.0, 0.05), (0.003, 0.05),
        (0.05, 0.05), (0.0501, 0.051), (0.2, 0.2), (0.2134, 0.22), (0.996, 1.0), (1.0, 1.0),
        (1.01, 1.1), (12.3, 13.0),
    ],
)  # fmt: skip
def test_the_limit_is_a_number_that_people_can_read(
    usual_s: float | None, slow_s: float | None
) -> None:
    assert threshold(usual_s) == slow_s


@pytest.mark.parametrize(
    "seen",
    [
        snapshot(),
        snapshot(Weights(500, 500), slot(BLUE, *instances(2))),
        replace(SERVING, asleep=True),
        snapshot(Weights(1000, 0), slot(BLUE, *instances(2, health=UNHEALTHY))),
    ],
)
def test_where_nothing_or_both_serve_nothing_is_asked(seen: Snapshot) -> None:
    assert past(Before(silent=True), seen, WISH) == Past()


def test_metrics_that_do_not_answer_are_no_past_either() -> None:
    with pytest.raises(CloudUnavailable):
        past(Before(silent=True), SERVING, WISH)
