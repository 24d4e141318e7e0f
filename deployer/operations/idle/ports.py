"""What the teardown of idle environments asks of others: to look, to tell, to remember, to act.

A notice is a promise to people: at `due_at`, unless somebody uses or extends the environment. It lies
in the environment's own journal, so that it is gone with it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
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
    """What is done to one environment."""

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

    id:    different for each notice.
    told:  the message was sent; before that nobody knows, and nothing is done.
    begun: the act was called: what is there of it is carried to its end.
    """

    id: str
    given_at: float
    due_at: float
    level: Level
    why: str
    told: bool = False
    begun: bool = False


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

    def give(self, environment: str, notice: Notice, instead: str = "") -> bool:
        """Write it down; `instead`: the id of the notice that it replaces.

        False if there is another one, or the environment was extended beyond `given_at` meanwhile.
        """
        ...

    def told(self, environment: str, notice_id: str) -> bool:
        """People know; false if it is another notice, or none, by now."""
        ...

    def begin(self, environment: str, notice_id: str) -> bool:
        """The act begins; false if it was withdrawn or the environment extended meanwhile."""
        ...

    def withdraw(self, environment: str, notice_id: str) -> None:
        """Take it back; nothing if it is another one by now."""
        ...

    def extend(self, environment: str, until: float) -> Standing:
        """Nobody tears it down before `until`, never earlier than was said before; no notice stands."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One reading of an environment, among many at once; moments in epoch seconds.

    tagged:     all of its stacks and its journal say that it is ephemeral.
    changed_at: when one of its stacks was last made or updated.
    moving:     a stack of it that CloudFormation works on, or left in a state that needs a person.
    deployment: the id of one that is being carried out, if any; somebody's lease, dead or alive.
    windows:    requests that were use, in each whole window, the newest last; None: no metrics of it.
    recent:     the same since the last whole window; None: none yet.
    instances:  wanted in each of the two groups.
    expires_at: by its tag.
    """

    tagged: bool
    made_at: float
    changed_at: float
    moving: str = ""
    deployment: str = ""
    windows: tuple[float | None, ...] = ()
    recent: float | None = None
    instances: tuple[int, int] = (0, 0)
    expires_at: float | None = None
    standing: Standing = field(default_factory=Standing)


@dataclass(frozen=True, slots=True)
class Span:
    """How an environment's requests are asked for: `windows` times `window_s` seconds."""

    window_s: int
    windows: int


@dataclass(frozen=True, slots=True)
class Scanned:
    """Every environment that was found, and names of ephemeral ones that nobody asked about."""

    facts: Mapping[str, Facts]
    strangers: tuple[str, ...] = ()


class Scan(Protocol):
    """Looks at many environments in few calls (docs/teardown.md has the formula)."""

    def read(self, spans: Mapping[str, Span], now: float) -> Scanned:
        """The environments named in `spans` that exist.

        Raises:
            CloudUnavailable, AccessProblem: a part of the reading is missing: nothing can be judged.
        """
        ...

    def deployed_at(self, environment: str) -> float:
        """When its newest deployment ended, epoch seconds; 0: there was none. One call."""
        ...


class Book(Protocol):
    """What the sweeps of a service in one Region remember: who runs, and how many were dry."""

    def take(self, owner: str, until: float, now: float) -> str:
        """Hold the sweep's lease, or tell who else does; empty: it is ours."""
        ...

    def keep(self, owner: str, until: float) -> bool:
        """Hold it for longer; false: it is not ours any more."""
        ...

    def free(self, owner: str) -> None:
        """Let it go."""
        ...

    def dry_runs(self) -> int:
        """How many scheduled runs have told what they would do."""
        ...

    def count_dry(self, before: int) -> None:
        """One more than `before`; nothing if it was counted already."""
        ...


class People(Protocol):
    """Those who are told."""

    def tell(self, subject: str, text: str) -> None:
        """Send it; raises CloudUnavailable, AccessProblem."""
        ...


class Reminders(Protocol):
    """One-shot schedules: a run at a moment that is not the schedule's own."""

    def set(self, environment: str, at: float) -> None:
        """A run at this moment (epoch seconds) for its sake; takes the place of the one before."""
        ...

    def drop(self, environments: Collection[str]) -> None:
        """None of these needs one any more."""
        ...


@dataclass(frozen=True, slots=True)
class Local:
    """A moment where people live: `weekday` 0 is Monday, `minute` counts from local midnight."""

    weekday: int
    minute: int


class Calendar(Protocol):
    """Moments as people have them."""

    def local(self, moment: float, zone: str) -> Local:
        """The wall's clock and calendar in the time zone."""
        ...

    def spell(self, moment: float, zone: str) -> str:
        """Such as `2026-11-23 19:00 CET`."""
        ...
