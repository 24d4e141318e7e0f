"""What the record keeps of the fleet: every change, few of the rest, and never too many."""

from hypothesis import given
from hypothesis import strategies as st

from deployer.model import Slot, Weights
from deployer.record.samples import Sample, added, no_calls, sampled
from tests.unit.world import BLUE, GREEN, NOW, instances, slot, snapshot


def of(at: float, blue: int, calls: int = 0) -> Sample:
    return Sample(at, blue, blue, 0, 0, calls)


def test_a_reading_is_counted_by_slot() -> None:
    seen = snapshot(Weights(1000, 0), slot(BLUE, *instances(2)))
    (found,) = sampled((), seen, 7)
    assert (found.at, found.calls) == (NOW, 7)
    assert [found.healthy(each) for each in Slot] == [2, 0]
    assert [found.wanted(each) for each in Slot] == [seen[BLUE].desired, seen[GREEN].desired]


def test_without_a_reading_nothing_is_known() -> None:
    assert sampled((of(1, 2),), None, 9) == (of(1, 2),)


def test_of_a_run_of_equal_ones_the_first_and_the_last_stay() -> None:
    kept: tuple[Sample, ...] = (of(NOW - 20, 2), of(NOW - 10, 2))
    seen = snapshot(Weights(1000, 0), slot(BLUE, *instances(2)))
    again = sampled(kept, seen, 5)
    assert [each.at for each in again[:1]] == [NOW - 20]
    assert again[-1].at == NOW
    assert again[-1].calls == 5


@given(st.lists(st.integers(0, 4), max_size=80), st.integers(4, 20))
def test_there_are_never_too_many_and_the_newest_is_there(counts: list[int], most: int) -> None:
    kept: tuple[Sample, ...] = ()
    for n, count in enumerate(counts):
        seen = snapshot(Weights(1000, 0), slot(BLUE, *instances(count)))
        kept = sampled(kept, seen, n, most)
        assert len(kept) <= most
        assert kept[-1].healthy(BLUE) == count
        assert kept[-1].calls == n
    assert [each.calls for each in kept] == sorted(each.calls for each in kept)


def test_calls_add_up() -> None:
    assert added({"a": 1, "b": 2}, {"b": 3, "c": 4}) == {"a": 1, "b": 5, "c": 4}
    assert added({}, no_calls()) == {}
