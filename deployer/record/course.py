"""What the candidate had of the traffic, and when: evidence of a minute counts at that share alone."""

from collections.abc import Sequence
from dataclasses import dataclass

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `seen_at` on the candidate had `share`, per mille; from `asked_at` on it may have had it.

    Both in epoch seconds: the change was written at `asked_at`, or later, and read at `seen_at`.
    """

    asked_at: float
    seen_at: float
    share: int


def begun_at(course: Sequence[Stretch]) -> float | None:
    """When the candidate may have had its first users by weight, epoch seconds; None: not yet."""
    return next((stretch.asked_at for stretch in course if stretch.share), None)


def shared_since(course: Sequence[Stretch]) -> float | None:
    """When the candidate was first seen to have users by weight, epoch seconds; None: not yet."""
    return next((stretch.seen_at for stretch in course if stretch.share), None)


def at_present(course: Sequence[Stretch], start: float | None) -> bool:
    """Whether the candidate had what it has now all through the minute that begins at `start`."""
    return start is not None and bool(course) and start >= course[-1].seen_at


def share_in(course: Sequence[Stretch], start: float) -> int | None:
    """The candidate's share, per mille, all through the minute that begins at `start` (epoch seconds).

    course: oldest first. None: it changed, or may have, or nothing is known of it yet.
    """
    end, known = start + MINUTE_S, None
    for stretch in course:
        if stretch.seen_at <= start:
            known = stretch.share
        elif stretch.asked_at < end:
            return None
    return known
