"""What people are told of a sweep: subjects and texts of its messages. Pure."""

from collections.abc import Sequence
from typing import Protocol

from deployer.operations.idle.ports import Level, Notice

LONGEST_SUBJECT = 100  # SNS
FATE: dict[Level, str] = {
    "retire": "loses the instances of its idle slot",
    "sleep": "goes to sleep",
    "delete": "is deleted, with all that it holds",
}


class Line(Protocol):
    """One environment's part of a message."""

    @property
    def environment(self) -> str: ...

    @property
    def words(self) -> str: ...


def subject(service: str, what: str) -> str:
    """In ASCII and one line, as SNS wants it."""
    text = f"{service}: {what}".encode("ascii", "replace").decode()
    return text if len(text) <= LONGEST_SUBJECT else text[: LONGEST_SUBJECT - 3] + "..."


def announcement(given: Sequence[tuple[str, Notice, str]]) -> str:
    """What notices tell: for each (environment, notice, when), its fate, why, and how to keep it."""
    return "\n\n".join(
        f"{name} {FATE[notice.level]} at {when}, unless it is used until then.\n"
        f"  Why:     {notice.why}.\n"
        f"  Keep it: deployer --env {name} extend 8h"
        for name, notice, when in given
    )


def summary(lines: Sequence[Line]) -> str:
    """What a sweep did, or would do, line by line."""
    return "\n".join(f"{line.environment}: {line.words}" for line in lines)
