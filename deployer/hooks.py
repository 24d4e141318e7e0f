"""Hooks: what a service's owners have run at fixed points of a deployment. Pure data, and the port.

A hook runs at least once: whoever takes a deployment over cannot know how far the last run came,
so it runs the hook again, under the same key (docs/decisions/0007).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, Protocol
from urllib.parse import urlsplit

from deployer.errors import ChangeRefused
from deployer.model import Slot

SHOWN = 60  # characters of a command that a line shows


class HookPoint(StrEnum):
    """When a hook runs.

    BEFORE_TRAFFIC: the candidate stands and answers; no user has seen it.
    AFTER_TRAFFIC:  it has everything, and is judged while the hook runs; before its last bake.
    BEFORE_RETIRE:  the old slot is silent, and about to lose its instances.
    ON_ROLLBACK:    the way back has brought users to safety; before anything is cleared away.
    """

    BEFORE_TRAFFIC = "before_traffic"
    AFTER_TRAFFIC = "after_traffic"
    BEFORE_RETIRE = "before_retire"
    ON_ROLLBACK = "on_rollback"


@dataclass(frozen=True, slots=True)
class HookAction:
    """What a hook does: one of three.

    command:    program and arguments, without a shell.
    url:        gets a POST.
    function:   Lambda function, by name or ARN.
    deadline_s: then it is killed, and has failed.
    """

    command: tuple[str, ...] = ()
    url: str = ""
    function: str = ""
    deadline_s: float = 300.0

    def __str__(self) -> str:
        if self.command:
            words = " ".join(self.command)
            return f"run {words if len(words) <= SHOWN else words[: SHOWN - 3] + '...'}"
        if self.url:
            where = urlsplit(self.url)  # what follows may hold a token
            return f"POST to {where.scheme}://{where.netloc}{where.path}"
        return f"invoke {self.function}"


@dataclass(frozen=True, slots=True)
class About:
    """What a deployment is about, for its hooks; `previous`: the release it replaces, if known."""

    deployment: str
    release: str
    previous: str | None


NOTHING: Final = About("", "", None)


@dataclass(frozen=True, slots=True)
class RunHook:
    """The hook is begun, unless a run under the same key was begun here before.

    key:   the same for each run of this hook in this deployment: what makes it idempotent.
    slot:  that it is about: the candidate, or the slot that is about to be retired.
    """

    key: str
    point: HookPoint
    action: HookAction
    about: About
    slot: Slot

    def __str__(self) -> str:
        return f"hook {self.point}: {self.action}"


@dataclass(frozen=True, slots=True)
class HookReport:
    """How a run stands. `reason`: why it failed; `output`: the last of it, bounded."""

    state: Literal["running", "succeeded", "failed"]
    reason: str = ""
    output: str = ""


class Hooks(Protocol):
    """One hook at a time, in the background of this process."""

    def begin(self, run: RunHook) -> None:
        """Begin it; a run that cannot begin has failed: `report` says why."""
        ...

    def report(self, key: str) -> HookReport | None:
        """How the run under `key` stands; None: this process has begun none."""
        ...

    def end(self) -> None:
        """Nobody waits for it any more: it is told to stop."""
        ...

    def close(self) -> None:
        """The same, and waited for, a few seconds at most."""
        ...


class NoHooks:
    """Nobody runs hooks: where one is due, that is an error, not silence."""

    def begin(self, run: RunHook) -> None:
        """Refuse.

        Raises:
            ChangeRefused: always.
        """
        raise ChangeRefused(f"nobody here can run a hook ({run})")

    def report(self, key: str) -> HookReport | None:  # noqa: ARG002  the port's signature
        return None

    def end(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing runs."""


NO_HOOKS: Final = NoHooks()
