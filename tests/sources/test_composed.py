"""Further sources beside the load balancer's metrics: late, silent, failing, hanging."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from deployer.errors import CloudUnavailable
from deployer.model import Minute, Slot
from deployer.operations.counting import Counted
from deployer.sources.composed import REST_S, Composed, Facts

FACTS = {slot: {"slot": slot.value} for slot in Slot}


class Balancer:
    """Ten requests a minute on both slots."""

    def traffic(
        self, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[Slot, Sequence[Minute]]:
        starts = range(int(since), int(until // 60) * 60, 60)
        return {slot: tuple(Minute(float(at), 10) for at in starts) for slot in Slot}


@dataclass
class Scripted:
    """A source that answers as `say` does, and notes what it was asked."""

    say: Callable[[range], Counted]
    timeout_s: float = 5.0
    asked: list[range] = field(default_factory=list)

    def counts(self, starts: range, facts: Facts) -> Counted:
        self.asked.append(starts)
        return self.say(starts)


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def good(starts: range) -> Counted:
    return Counted({slot: dict.fromkeys(starts, (1.0, 4.0)) for slot in Slot})


def bad(_starts: range) -> Counted:
    raise CloudUnavailable("https://metrics.example.com/x: refused")


def composed(time: Time | None = None, **sources: Scripted) -> Composed:
    return Composed(Balancer(), sources, lambda: FACTS, time or Time())


def test_each_source_adds_its_metric_to_every_minute() -> None:
    found = composed(a=Scripted(good), b=Scripted(good)).traffic(0, 120)
    for minute in (*found[Slot.BLUE], *found[Slot.GREEN]):
        assert minute.custom == {"a": (1.0, 4.0), "b": (1.0, 4.0)}
        assert minute.requests == 10


def test_a_source_that_fails_takes_its_own_minutes_along_and_nothing_else() -> None:
    found = composed(a=Scripted(good), b=Scripted(bad)).traffic(0, 120)
    for minute in (*found[Slot.BLUE], *found[Slot.GREEN]):
        assert minute.custom == {"a": (1.0, 4.0)}
        assert minute.unknown == {"b": "https://metrics.example.com/x: refused"}


def test_a_mistake_in_a_source_is_said_not_swallowed() -> None:
    def broken(_starts: range) -> Counted:
        raise ZeroDivisionError("by zero")

    found = composed(a=Scripted(broken)).traffic(0, 60)
    assert found[Slot.BLUE][0].unknown == {"a": "ZeroDivisionError: by zero"}


def test_what_is_known_is_not_asked_for_again_until_there_is_a_minute_more() -> None:
    source = Scripted(good)
    metrics = composed(a=source)
    for _ in range(5):
        metrics.traffic(0, 120)
    metrics.traffic(0, 180)
    assert source.asked == [range(0, 120, 60), range(0, 180, 60)]


def test_a_source_that_fails_rests_and_then_is_asked_again() -> None:
    time, source = Time(), Scripted(bad)
    metrics = composed(time, a=source)
    for _ in range(3):
        metrics.traffic(0, 120)
    assert len(source.asked) == 1
    time.now += REST_S
    source.say = good
    assert metrics.traffic(0, 120)[Slot.BLUE][0].custom == {"a": (1.0, 4.0)}
    assert len(source.asked) == 2


def test_minutes_that_were_told_stay_known_when_the_source_fails_later() -> None:
    source = Scripted(good)
    metrics = composed(a=source)
    metrics.traffic(0, 120)
    source.say = bad
    first, second, third = metrics.traffic(0, 180)[Slot.GREEN]
    assert [each.custom for each in (first, second)] == [{"a": (1.0, 4.0)}] * 2
    assert third.custom == {}
    assert list(third.unknown) == ["a"]


def test_another_release_in_the_slot_is_another_question() -> None:
    source, facts = Scripted(good), dict(FACTS)
    metrics = Composed(Balancer(), {"a": source}, lambda: dict(facts), Time())
    metrics.traffic(0, 60)
    facts[Slot.BLUE] = {"slot": "blue", "release": "v2"}
    source.say = bad
    found = metrics.traffic(0, 60)
    assert len(source.asked) == 2
    assert list(found[Slot.BLUE][0].unknown) == ["a"]  # the other release's counts are not its own
    facts[Slot.BLUE] = {"slot": "blue", "release": "v3"}
    source.say = good
    assert metrics.traffic(0, 60)[Slot.BLUE][0].custom == {"a": (1.0, 4.0)}  # and no rest for it


def test_without_a_minute_nobody_is_asked() -> None:
    source = Scripted(good)
    assert composed(a=source).traffic(0, 30) == {Slot.BLUE: (), Slot.GREEN: ()}
    assert source.asked == []


@pytest.mark.alone
def test_a_source_that_hangs_is_left_behind_and_not_asked_twice() -> None:
    release = threading.Event()

    def hang(starts: range) -> Counted:
        release.wait(30)
        return good(starts)

    slow, quick = Scripted(hang, timeout_s=-1.9), Scripted(good, timeout_s=-1.9)
    metrics = Composed(Balancer(), {"slow": slow, "quick": quick}, lambda: FACTS, Time())
    try:
        found = metrics.traffic(0, 60)
        again = metrics.traffic(0, 120)
    finally:
        release.set()
    assert found[Slot.BLUE][0].unknown == {"slow": "no answer within -1.9s"}
    assert again[Slot.BLUE][1].custom == {"quick": (1.0, 4.0)}
    assert len(slow.asked) == 1
