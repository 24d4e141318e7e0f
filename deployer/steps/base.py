"""What every step is: a goal in words, a deadline, and `advance`, which decides and never acts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from deployer.changes import Effect
from deployer.ports import World

LATE_READING_S = 60.0  # a reading of the cloud is never older than this (aws-facts 4.4)


@dataclass(frozen=True, slots=True)
class Done:
    """The goal holds. `evidence`: numbers for the record."""

    note: str = ""
    evidence: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The goal does not hold yet; nothing to change."""

    reason: str
    evidence: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Act:
    """The one change that brings the goal nearer. `evidence`: numbers that it rests on."""

    change: Effect
    evidence: Mapping[str, object] = field(default_factory=dict)


Progress = Done | Waiting | Act


class Goal(Protocol):
    """A step, as the engine sees it."""

    @property
    def deadline_s(self) -> float:
        """Seconds from entry to giving up; finite."""
        ...

    def describe(self) -> str:
        """The goal, in one line for people."""
        ...

    def advance(self, world: World) -> Progress:
        """Look; say what holds, what is missing, or the one change to make.

        Raises:
            StepFailed: the goal is out of reach.
            Halted: going on would not be safe.
            CloudUnavailable: a reading failed; try again.
        """
        ...
