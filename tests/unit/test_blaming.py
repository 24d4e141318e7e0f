"""What a bad verdict was about: when it is told, from which minutes, and that nothing waits for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as altered

import pytest
from msgspec.structs import replace

from deployer.analysis import counts
from deployer.analysis.counts import Observation, Pair
from deployer.analysis.judge import Outcome
from deployer.analysis.limits import FAILURES, Limits, Metric
from deployer.analysis.trial import run
from deployer.analysis.verdict import judgement
from deployer.engine import blaming
from deployer.engine.exits import go_back
from deployer.errors import AccessProblem, CloudUnavailable, DeployError, VerdictFailed
from deployer.intent import Intent
from deployer.journal import decode, encode
from deployer.model import Minute, Release, Slot, Snapshot, Weights
from deployer.plan import Deployment, Event, Status
from deployer.planning import strategies
from deployer.record.course import Stretch
from deployer.steps.opinion import numbers_of
from tests.unit.world import BLUE, GREEN, NOW, instances, slot, snapshot

ALL_BLUE, FIVE = Weights(1000, 0), Weights(950, 50)
BOTH = snapshot(FIVE, slot(BLUE, *instances(2)), slot(GREEN, *instances(2, "v2"), boots="v2"))
SAFE = altered(BOTH, weights=ALL_BLUE)
INTENT = Intent(release=Release("v2"), weights=(5,), delay_s=120.0)
PLAN = strategies.canary(snapshot(ALL_BLUE, slot(BLUE, *instances(2))), INTENT)
BAD = VerdictFailed("worse than stable", {"verdict": "fail"})
A, B = "eu-central-1a", "eu-central-1b"

Counts = tuple[int, int, int]  # requests, 5xx, failed connections


@dataclass
class Told:
    """A History: counts of each slot's zones in every minute, or what it raises."""

    zones_of: Mapping[Slot, Mapping[str, Counts]]
    elb_5xx: int = 0
    error: DeployError | None = None
    asked: list[tuple[Slot, float, float, float | None]] = field(default_factory=list)

    def zones(
        self, slot: Slot, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[str, Sequence[Minute]]:
        self.asked.append((slot, since, until, slow_s))
        if self.error is not None:
            raise self.error
        return {
            zone: [Minute(since, requests, failed, broken)]
            for zone, (requests, failed, broken) in self.zones_of.get(slot, {}).items()
        }

    def response_s(self, slot: Slot, since: float, until: float, quantile: float) -> float | None:
        raise AssertionError("nobody asks how quick it was")

    def balancer_5xx(self, since: float, until: float) -> int:
        return self.elb_5xx


HEALTHY = {A: (5000, 5, 0), B: (5000, 5, 0)}


def turned_back(bad: VerdictFailed = BAD, **facts: object) -> Deployment:
    """It went back at NOW, by a bad verdict; its first users came ten minutes before."""
    record = Deployment(
        id="d1", environment="prod", status=Status.RUNNING, plan=PLAN, started_at=NOW - 900,
        entered_at=NOW - 300, written=FIVE, shares=(Stretch(NOW - 605, NOW - 600, 50),),
    )  # fmt: skip
    return replace(go_back(record, bad, BOTH, NOW).after, **facts)


def test_cause_and_zone_are_told_and_kept_beside_the_reason() -> None:
    history = Told({GREEN: {A: (250, 61, 0), B: (250, 1, 0)}, BLUE: HEALTHY})
    decision = blaming.tell(history, turned_back(), SAFE, NOW + 5)
    assert decision is not None
    assert decision.change is None
    words = f"what was worse: 62 more 5xx by the application than at stable's rate, nearly all of them in {A}"
    assert decision.event.note == words
    assert decision.after.reason == f"worse than stable; {words}"
    assert decision.after.log[-1] == decision.event
    assert decision.event.detail["causes"] == [{"cause": "target_5xx", "added": 62, "zone": A}]
    assert decision.event.detail["candidate"][B]["requests"] == 250
    assert blaming.tell(history, decision.after, SAFE, NOW + 10) is None  # once


def test_a_metric_of_the_services_own_is_named_with_its_counts() -> None:
    """What condemned it: the load balancer saw nothing of that."""
    limits = Limits(metrics=(FAILURES, Metric("orders refused")))
    pairs = {
        "failures": Pair(counts.Counts(250, 1), counts.Counts(4750, 10)),
        "orders refused": Pair(counts.Counts(50, 25), counts.Counts(950, 19)),
    }
    minutes = [Observation(NOW - 600 + 60 * n, 50, pairs) for n in range(5)]
    judged = judgement(run(limits, {}, minutes), NOW)
    assert judged.outcome is Outcome.FAIL
    bad = VerdictFailed(judged.reason, numbers_of(judged, 50))
    history = Told({GREEN: {A: (1250, 2, 0)}, BLUE: HEALTHY})
    decision = blaming.tell(history, turned_back(bad), SAFE, NOW + 5)
    assert decision is not None
    words = 'what was worse: 72 more of "orders refused" than at stable\'s rate'
    assert decision.event.note == words
    assert decision.event.detail["causes"] == [
        {"cause": "orders refused", "added": 72, "zone": None}
    ]
    written = decode(encode(turned_back(bad)))  # as whoever resumes it finds it
    assert blaming.tell(history, written, SAFE, NOW + 5) == decision
    strange = turned_back(VerdictFailed("bad", {"verdict": "fail", "metrics": ["of tomorrow"]}))
    assert blaming.tell(history, strange, SAFE, NOW + 5) is not None


def test_it_is_asked_about_the_minutes_that_were_judged() -> None:
    history = Told({GREEN: HEALTHY, BLUE: HEALTHY})
    blaming.tell(history, turned_back(), SAFE, NOW + 5)
    since = (NOW - 605) // 60 * 60
    assert history.asked == [
        (GREEN, since, NOW + 5 - 120, None),
        (BLUE, since, NOW + 5 - 120, None),
    ]


def test_a_stable_slot_that_was_left_is_told_by_what_it_served_before() -> None:
    """Blue/green: nothing served beside the release."""

    class Left(Told):
        def zones(
            self, slot: Slot, since: float, until: float, slow_s: float | None = None
        ) -> Mapping[str, Sequence[Minute]]:
            found = super().zones(slot, since, until, slow_s)
            return {} if slot is BLUE and until > NOW - 600 else found

    history = Left({GREEN: {A: (1000, 30, 0)}, BLUE: {A: (1000, 20, 0)}})
    assert blaming.tell(history, turned_back(), SAFE, NOW + 5) is not None
    slot, since, until, _ = history.asked[-1]
    first = (NOW - 605) // 60 * 60
    assert (slot, since, until) == (BLUE, first - blaming.BEFORE_S, first)


def test_what_belongs_to_no_slot_is_told_apart() -> None:
    history = Told({GREEN: {A: (500, 0, 60)}, BLUE: HEALTHY}, elb_5xx=75)
    decision = blaming.tell(history, turned_back(), SAFE, NOW + 5)
    assert decision is not None
    assert "60 more failed connections" in decision.event.note
    assert decision.event.note.endswith("15 5xx by the load balancer itself, of no slot")


def test_what_was_taken_and_never_answered_is_what_is_left_of_all() -> None:
    served = [
        Minute(0.0, 100, target_5xx=3, connection_errors=5, answers=90),
        Minute(60.0, 50, answers=52),  # an answer may be counted a minute later than its request
        Minute(120.0, None, answers=0),
        Minute(180.0, 10),  # nobody asked
    ]
    found = blaming.causes({A: served})[A]
    assert (found.requests, found.unanswered) == (160, 3)


def test_where_nothing_stands_out_the_reason_stays() -> None:
    decision = blaming.tell(Told({GREEN: HEALTHY, BLUE: HEALTHY}), turned_back(), SAFE, NOW + 5)
    assert decision is not None
    assert decision.after.reason == "worse than stable"
    assert "stands out" in decision.event.note


def test_where_nothing_was_published_nothing_is_said() -> None:
    assert blaming.tell(Told({BLUE: HEALTHY}), turned_back(), SAFE, NOW + 5) is None


def test_a_missing_permission_is_said_once() -> None:
    history = Told({}, error=AccessProblem("allow elasticloadbalancing:DescribeLoadBalancers"))
    decision = blaming.tell(history, turned_back(), SAFE, NOW + 5)
    assert decision is not None
    assert "DescribeLoadBalancers" in decision.event.note
    assert decision.after.reason == "worse than stable"
    assert blaming.tell(history, decision.after, SAFE, NOW + 10) is None


def test_metrics_that_do_not_answer_keep_nobody_waiting() -> None:
    history = Told({}, error=CloudUnavailable("throttled"))
    assert blaming.tell(history, turned_back(), SAFE, NOW + 5) is None
    assert blaming.tell(history, turned_back(), SAFE, NOW + 10) is None
    assert len(history.asked) == 2  # the next look tries again


@pytest.mark.parametrize(
    ("record", "seen", "now"),
    [
        (turned_back(), BOTH, NOW + 5),  # users still reach it
        (turned_back(status=Status.RUNNING), SAFE, NOW + 5),
        (turned_back(ending=Status.ROLLED_BACK), SAFE, NOW + 5),
        (turned_back(), SAFE, NOW + blaming.WITHIN_S + 1),
        (turned_back(log=(Event(NOW, "retreat", "no instance starts"),), shares=()), SAFE, NOW + 5),
        (turned_back(log=()), SAFE, NOW + 5),
    ],
)
def test_when_nothing_is_asked(record: Deployment, seen: Snapshot, now: float) -> None:
    history = Told({GREEN: {A: (250, 61, 0)}, BLUE: HEALTHY})
    assert blaming.tell(history, record, seen, now) is None
    assert history.asked == []


RANG = Event(NOW, "retreat", "alarm x is in ALARM", {"alarms": {"x": "is in ALARM"}})
DIED = Event(NOW, "retreat", "green: 0 healthy instances, 1 needed for its share")
USERS = turned_back().shares


@pytest.mark.parametrize(("turn", "shares"), [(RANG, USERS), (RANG, ()), (DIED, USERS)])
def test_whatever_turned_it_back_is_looked_into_if_it_had_users(
    turn: Event, shares: tuple[Stretch, ...]
) -> None:
    """A group of users has no share."""
    history = Told({GREEN: {A: (250, 61, 0)}, BLUE: HEALTHY})
    record = turned_back(log=(turn,), shares=shares)
    assert blaming.tell(history, record, SAFE, NOW + 5) is not None
