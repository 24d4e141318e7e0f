"""Minutes that are read once, and those that are read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.aws.settled import MISSED_S, SETTLED_S, Settled
from deployer.model import Minute, Slot

NOON = 1_700_000_040
SETTLED = SETTLED_S // 60


def minutes(starts: range, requests: int) -> dict[Slot, list[Minute]]:
    return {slot: [Minute(float(start), requests) for start in starts] for slot in Slot}


def upto(minute: int, since: int = 0) -> range:
    return range(NOON + 60 * since, NOON + 60 * minute, 60)


def test_what_is_old_is_read_once_and_what_is_young_again() -> None:
    settled = Settled()
    assert settled.unread(upto(60), 0.5) == upto(60)
    first = settled.joined(upto(60), minutes(upto(60), 7))
    again = settled.unread(upto(61), 0.5)
    assert again == upto(61, since=60 - SETTLED)
    whole = settled.joined(upto(61), minutes(again, 8))
    counts = [one.requests for one in whole[Slot.GREEN]]
    assert counts == [7] * (60 - SETTLED) + [8] * (SETTLED + 1)
    assert whole[Slot.BLUE][: 60 - SETTLED] == first[Slot.BLUE][: 60 - SETTLED]
    assert [one.start for one in whole[Slot.BLUE]] == [float(start) for start in upto(61)]


def test_within_the_same_minute_nothing_is_read_again() -> None:
    settled = Settled()
    first = settled.joined(upto(60), minutes(settled.unread(upto(60), None), 7))
    assert list(settled.unread(upto(60), None)) == []
    assert settled.joined(upto(60), minutes(upto(0), 9)) == first
    assert list(settled.unread(upto(60, since=20), None)) == []  # a part of it neither


def test_a_newest_minute_that_is_missing_is_looked_for_again() -> None:
    settled = Settled()
    read = minutes(settled.unread(upto(60), None), 7)
    read[Slot.GREEN][-1] = Minute(read[Slot.GREEN][-1].start, None)
    settled.joined(upto(60), read)
    assert settled.unread(upto(60), None) == upto(60, since=60 - SETTLED)


def test_a_slot_that_serves_nobody_is_not_missed() -> None:
    settled = Settled()
    read = minutes(settled.unread(upto(60), None), 7)
    read[Slot.GREEN] = [Minute(one.start, None) for one in read[Slot.GREEN]]
    settled.joined(upto(60), read)
    assert list(settled.unread(upto(60), None)) == []


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 80)), max_size=30))
def test_every_minute_is_told_and_no_young_one_is_old_news(looks: list[tuple[int, int]]) -> None:
    """Looks at growing times, from wherever: each minute's count is the time at which it was read."""
    settled, now = Settled(), 40
    for since, ahead in looks:
        now += ahead % 5
        starts = upto(now, since)
        unread = settled.unread(starts, None)
        found = settled.joined(starts, minutes(unread, now))
        assert [one.start for one in found[Slot.BLUE]] == [float(start) for start in starts]
        for one in found[Slot.BLUE]:
            read_at = one.requests or 0
            settled_then = one.start + 60 <= NOON + 60 * read_at - SETTLED_S
            assert read_at == now or settled_then


def test_another_threshold_of_slowness_is_another_question() -> None:
    settled = Settled()
    settled.joined(upto(60), minutes(settled.unread(upto(60), 0.5), 7))
    assert settled.unread(upto(61), None) == upto(61)


def test_an_earlier_beginning_is_read_whole() -> None:
    settled = Settled()
    settled.joined(upto(60, 10), minutes(settled.unread(upto(60, 10), None), 7))
    assert settled.unread(upto(61), None) == upto(61)
    whole = settled.joined(upto(61), minutes(upto(61), 9))
    assert {one.requests for one in whole[Slot.BLUE]} == {9}


def test_a_later_beginning_forgets_what_was_before() -> None:
    settled = Settled()
    settled.joined(upto(60), minutes(settled.unread(upto(60), None), 7))
    later = settled.unread(upto(61, 30), None)
    assert later == upto(61, 60 - SETTLED)
    settled.joined(upto(61, 30), minutes(later, 7))
    assert settled.unread(upto(61), None) == upto(61)


def test_nothing_to_read_is_nothing() -> None:
    settled = Settled()
    assert list(settled.unread(upto(0), None)) == []
    assert settled.joined(upto(0), minutes(upto(0), 1)) == dict.fromkeys(Slot, ())


@pytest.mark.parametrize("slot", Slot)
def test_a_minute_of_which_something_is_unknown_is_read_again(slot: Slot) -> None:
    settled = Settled()
    read = minutes(settled.unread(upto(60), None), 7)
    read[slot][20] = Minute(read[slot][20].start, 7, unknown={"orders": "no answer"})
    settled.joined(upto(60), read)
    again = settled.unread(upto(60), None)
    assert again == upto(60, since=20)
    whole = settled.joined(upto(60), minutes(again, 8))
    assert [one.requests for one in whole[slot]] == [7] * 20 + [8] * 40


@pytest.mark.parametrize("slot", Slot)
def test_a_minute_that_came_after_an_outage_is_seen_however_late(slot: Slot) -> None:
    """Missing is not settled: the minute that condemns a release may be the one that came late."""
    settled = Settled()
    read = minutes(settled.unread(upto(60), None), 7)
    read[slot][20] = Minute(read[slot][20].start, None)
    settled.joined(upto(60), read)
    again = settled.unread(upto(61), None)
    assert again == upto(61, since=20)
    assert settled.joined(upto(61), minutes(again, 8))[slot][20].requests == 8


def test_what_was_missing_for_hours_is_given_up() -> None:
    settled, most = Settled(), MISSED_S // 60
    read = minutes(settled.unread(upto(most + 60), None), 7)
    for slot in Slot:
        read[slot] = [Minute(one.start, None) for one in read[slot]]
    settled.joined(upto(most + 60), read)
    assert settled.unread(upto(most + 61), None) == upto(most + 61, since=60)
