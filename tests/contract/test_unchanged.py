"""A long answer costs what is new in it: what has not changed is not put together again."""

import subprocess
import sys
from dataclasses import dataclass, field

import pytest

from deployer.aws.unchanged import Unchanged


@dataclass
class Double:
    """A pure function that counts its calls."""

    calls: list[tuple[object, ...]] = field(default_factory=list)

    def __call__(self, numbers: list[int], more: int) -> list[int]:
        self.calls.append((numbers, more))
        return [2 * n for n in (*numbers, more)]


def test_the_same_arguments_are_worked_on_once() -> None:
    make = Double()
    doubled = Unchanged(make)
    first = doubled([1, 2], 3)
    assert doubled([1, 2], 3) is first == [2, 4, 6]
    assert make.calls == [([1, 2], 3)]


@pytest.mark.parametrize("other", [([1, 2], 4), ([2, 1], 3), ([1], 3)])
def test_whatever_differs_is_worked_on_anew(other: tuple[list[int], int]) -> None:
    make = Double()
    doubled = Unchanged(make)
    for given in (([1, 2], 3), other, ([1, 2], 3)):
        assert doubled(*given) == [2 * n for n in (*given[0], given[1])]
    assert len(make.calls) == 3


def test_arguments_have_one_order() -> None:
    with pytest.raises(TypeError, match="by position"):
        Unchanged(Double())([1], more=2)


HEAP = """
import gc
from deployer.process import heap

heap.settle()  # nobody has asked for it
assert gc.get_freeze_count() == 0

class Node:
    pass

kept, models = Node(), [[] for _ in range(1000)]
kept.itself = kept
heap.spare_what_stays()
heap.spare_what_stays()
heap.settle()
assert gc.get_freeze_count() > 1000
assert not any(each is models for each in gc.get_objects())

import weakref
later = Node()
later.itself = later
gone = weakref.ref(later)
del later
gc.collect()
assert gone() is None
assert len(gc.callbacks) == 1
"""


def test_what_a_collection_has_left_is_not_looked_through_again() -> None:
    """In a process of its own: it is the whole process's collector."""
    subprocess.run([sys.executable, "-c", HEAP], check=True)
