"""What a rule is asked once a minute, and what it may answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["failed", "slow"]
KINDS: tuple[Kind, Kind] = ("failed", "slow")


@dataclass(frozen=True, slots=True)
class Served:
    """Requests of one slot in one minute, failed ones and slow ones."""

    requests: int
    failed: int
    slow: int

    def bad(self, kind: Kind) -> int:
        """Those that were bad in this way."""
        return self.failed if kind == "failed" else self.slow


@dataclass(frozen=True, slots=True)
class Seen:
    """One minute as it was published; `share`, per mille, is what the candidate was given."""

    share: int
    candidate: Served
    stable: Served


@dataclass(frozen=True, slots=True)
class Act:
    """What a policy does: `share` per mille from now on; `ended`, after which it looks no more."""

    share: int
    ended: bool = False
    aborted: bool = False


class Policy(Protocol):
    """Decides once a minute."""

    def act(self, now: int, seen: Sequence[Seen]) -> Act:
        """In minute `now`, 0, 1, ..., of the minutes `seen` that are published, oldest first."""
        ...
