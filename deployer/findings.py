"""What a check has found: one row of the table that `deployer verify` prints. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """`problem` makes the exit status 6; `unknown` could not be looked at."""

    OK = "ok"
    WARNING = "warning"
    UNKNOWN = "unknown"
    PROBLEM = "problem"


class Bite(StrEnum):
    """Updates of a template of others that would take something from a deployment.

    They are the rows of the table in docs/stacks.md, "What the templates never say".
    """

    UNRELATED = "unrelated resource"
    LISTENER = "listener"
    TEMPLATE = "launch template"
    SIZE = "max size"
    FAILING = "failing update"
    TWICE = "deploy twice"
    DRIFT = "revert-drift"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row.

    check: code, documented in docs/adoption.md.
    where: the resource, as its owner calls it.
    what:  what is so.
    why:   what comes of it.
    todo:  what to do: lines; those that begin with `aws ` are commands.
    bites: of a template: the updates that would.
    """

    check: str
    level: Level
    where: str
    what: str
    why: str = ""
    todo: tuple[str, ...] = ()
    bites: tuple[Bite, ...] = ()


def problem(check: str, where: str, what: str, why: str, *todo: str) -> Finding:
    """Deployments would fail, or lose requests."""
    return Finding(check, Level.PROBLEM, where, what, why, todo)


def warning(check: str, where: str, what: str, why: str, *todo: str) -> Finding:
    """It works, and not as well as it could."""
    return Finding(check, Level.WARNING, where, what, why, todo)


def unknown(check: str, where: str, what: str, why: str, *todo: str) -> Finding:
    """Nobody could look."""
    return Finding(check, Level.UNKNOWN, where, what, why, todo)


def or_ok(check: str, where: str, what: str, found: Iterable[Finding]) -> Iterator[Finding]:
    """What was found, or the row that says that all is well."""
    rows = tuple(found)
    yield from rows or (Finding(check, Level.OK, where, what),)


def worst(findings: Iterable[Finding]) -> Level:
    """The gravest level; `ok` of nothing."""
    order = tuple(Level)
    return max((each.level for each in findings), key=order.index, default=Level.OK)
