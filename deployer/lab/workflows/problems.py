"""What goes wrong in a state machine, and who tries again or catches it. Pure.

Source: Step Functions Developer Guide, "Handling errors": `States.ALL` stands for every error but
`States.Runtime` and `States.DataLimitExceeded`; retriers are asked in order, each with its own count.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from deployer.lab.wire import Refused

ALL, TASK_FAILED, TIMEOUT = "States.ALL", "States.TaskFailed", "States.Timeout"
RUNTIME, TOO_LARGE = "States.Runtime", "States.DataLimitExceeded"
UNCATCHABLE = (RUNTIME, TOO_LARGE)


class Problem(Exception):
    """An error by name, and its cause in words."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error, cause)
        self.error, self.cause = error, cause

    def told(self) -> dict[str, Any]:
        """What a Catch puts into the data."""
        return {"Error": self.error, "Cause": self.cause}


def runtime(cause: str) -> Problem:
    """The machine cannot go on with such data."""
    return Problem(RUNTIME, cause)


def unsimulated(what: str) -> Refused:
    """For what AWS does and the lab does not."""
    return Refused("NotImplemented", f"the lab does not simulate {what}")


def undefined(what: str) -> Refused:
    """For what is no state machine."""
    return Refused("InvalidDefinition", f"Invalid State Machine Definition: '{what}'")


def covers(names: Sequence[str], problem: Problem) -> bool:
    """Whether ErrorEquals of these names means it."""
    if problem.error in names:
        return True
    if problem.error in UNCATCHABLE:
        return False
    return ALL in names or (TASK_FAILED in names and problem.error != TIMEOUT)


@dataclass(frozen=True, slots=True)
class Retrier:
    """One entry of Retry."""

    errors: tuple[str, ...]
    interval_s: float = 1.0
    most: int = 3
    backoff: float = 2.0
    longest_s: float = 31_622_400.0

    def wait_s(self, tried: int) -> float:
        """Before the next attempt, after so many."""
        return float(min(self.longest_s, self.interval_s * self.backoff**tried))


@dataclass(frozen=True, slots=True)
class Catcher:
    """One entry of Catch: where to go on, with the error at `result_path` of the input."""

    errors: tuple[str, ...]
    following: str
    result_path: str | None = "$"


@dataclass(slots=True)
class Attempts:
    """How often each retrier of one state's visit has been used."""

    retriers: tuple[Retrier, ...]
    used: Counter[int] = field(default_factory=Counter)

    def wait_s(self, problem: Problem) -> float | None:
        """Seconds until the next attempt; None: there is none."""
        for index, one in enumerate(self.retriers):
            if not covers(one.errors, problem):
                continue
            if self.used[index] >= one.most:
                return None
            self.used[index] += 1
            return one.wait_s(self.used[index] - 1)
        return None
