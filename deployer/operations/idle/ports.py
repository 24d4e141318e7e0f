"""What the teardown of idle environments asks of others: the acts on one of them, and its notice.

A notice is a promise to people: at `due_at`, unless somebody uses or extends the environment. It lies
in the environment's own journal, so that it is gone with it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

Level = Literal["retire", "sleep", "delete"]


class Ending(StrEnum):
    """What came of an act."""

    DONE = "done"
    BEGUN = "begun"  # it goes on by itself, or with the next call: stacks are being deleted
    NOTHING = "nothing to do"  # it is at this level, or below, already
    REFUSED = "refused"  # a rail forbids it: nothing was changed


@dataclass(frozen=True, slots=True)
class Outcome:
    """`words` are for people: what was done, or what forbids it."""

    ending: Ending
    words: str


class Acts(Protocol):
    """What is done to one environment (deployer.operations.sleep and its like)."""

    def tear_down(self, environment: str, level: Level, why: str) -> Outcome:
        """Bring the environment down to `level`.

        It looks for itself first: every rail for a single environment is its own (ephemeral, nobody's
        lease, no traffic, no weight, no rollback window). It may be called again, after a death at any
        instruction too, and goes on where it was. It waits for nothing that takes minutes: then it has
        BEGUN.

        Raises:
            Locked: a deployment, or another teardown, holds the environment.
            AccessProblem: the role may not.
            CloudUnavailable: no answer; it may have been done.
        """
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """What people were told; moments in epoch seconds.

    id: different for each notice.
    """

    id: str
    given_at: float
    due_at: float
    level: Level
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What the environment's journal says of its teardown.

    extended_until: somebody wants it until then, epoch seconds; 0: nobody said so.
    """

    notice: Notice | None = None
    extended_until: float = 0.0


class Notices(Protocol):
    """Where notices lie. Every method raises CloudUnavailable when the store does not answer."""

    def read(self, environment: str) -> Standing:
        """What is said of it now."""
        ...

    def give(self, environment: str, notice: Notice) -> bool:
        """Write it down; false if there is one already, or the environment was extended meanwhile."""
        ...

    def withdraw(self, environment: str, notice_id: str) -> None:
        """Take it back; nothing if it is another one by now."""
        ...

    def extend(self, environment: str, until: float) -> Standing:
        """Nobody tears it down before `until`, never earlier than was said before; no notice stands."""
        ...
