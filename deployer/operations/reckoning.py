"""How long all batches of a rolling deployment take, by some that were rehearsed. Pure.

A batch at the beginning may take longer than a later one: the fewer instances run the release, the more
requests it takes to judge it. So the first few are rehearsed one by one, and each that was
rehearsed after those stands for several.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Course:
    """One rehearsal, in which each batch stands for `stride` real ones.

    marks: after each batch, the last being the end: seconds since the beginning, and seconds of instances
           beyond those there were.
    """

    stride: float
    marks: tuple[tuple[float, float], ...]

    def at(self, batches: float) -> tuple[float, float]:
        """After so many of the real ones; between two marks in proportion."""
        points = ((0.0, 0.0), *self.marks)
        place = min(batches / self.stride, len(self.marks))
        before = min(int(place), len(self.marks) - 1)
        part = place - before
        (gone, spent), (later, more) = points[before], points[before + 1]
        return gone + part * (later - gone), spent + part * (more - spent)

    @property
    def reach(self) -> float:
        """Real batches that it comes to."""
        return self.stride * len(self.marks)


def gone_through(courses: Sequence[Course]) -> tuple[float, float]:
    """Seconds until the end of all, and seconds of instances beyond those there were.

    courses: the closest look first, each further than the one before; one alone: all of it was rehearsed,
             or it is in its own proportion throughout.
    """
    took, beside, reached = 0.0, 0.0, 0.0
    for course in courses:
        begun, ended = course.at(reached), course.at(course.reach)
        took += course.stride * (ended[0] - begun[0])
        beside += course.stride * (ended[1] - begun[1])
        reached = course.reach
    return took, beside
