"""`deployer teardown --idle` for people: a line for each environment, why it goes or stays. Pure."""

from collections.abc import Callable

from rich.text import Text

from deployer.operations.idle.agenda import Item, Move
from deployer.operations.idle.judge import Why
from deployer.operations.idle.ports import Ending
from deployer.operations.idle.sweep import Report, Row
from deployer.operations.idle.words import FATE
from deployer.render.words import one_line

HEAD = ("environment", "state", "why", "next")
STATES = {Why.IDLE: "idle", Why.EXPIRED: "expired", Why.ABSENT: "not there", Why.ASLEEP: "asleep"}
KEPT = "in use"
When = Callable[[str, float], str]


def sweep_text(report: Report, when: When) -> Text:
    """A table in the order of names; `when` spells a moment for an environment."""
    rows = [_cells(row, when) for row in report.rows]
    widths = [max(map(len, column)) for column in zip(HEAD, *rows, strict=True)]
    lines = [Text(_padded(HEAD, widths), "dim")]
    for row, cells in zip(report.rows, rows, strict=True):
        lines.append(Text(_padded(cells, widths), _style(row)))
    if report.strangers:
        names = ", ".join(map(one_line, report.strangers))
        lines.append(Text(f"Ephemeral, but not in deployer.toml, so left alone: {names}", "yellow"))
    if report.excess:
        lines.append(Text(one_line(report.excess), "bold red"))
    return Text("\n").join(lines)


def state_of(item: Item) -> str:
    """What it is, in a word or two."""
    return STATES.get(item.judgement.why, KEPT)


def next_of(item: Item, when: When) -> str:
    """What the next sweep that is no dry run does about it."""
    notice, level = item.notice, item.level
    if item.move is Move.WITHDRAW:
        return "its notice is withdrawn"
    if item.move is Move.LEAVE or level is None:
        return ""
    if item.move is Move.GIVE:
        return f"people are told that it {FATE[level]}"
    if item.move is Move.WAIT and notice is not None:
        return f"it {FATE[level]} at {when(item.environment, notice.due_at)}"
    return f"it {FATE[level]} now"


def _cells(row: Row, when: When) -> tuple[str, ...]:
    said = row.words or next_of(row.item, when)
    cells = (row.environment, state_of(row.item), row.item.judgement.words, said)
    return tuple(map(one_line, cells))


def _style(row: Row) -> str:
    if row.problem is not None or row.ending is Ending.REFUSED:
        return "red"
    return "yellow" if row.item.judgement.level is not None else ""


def _padded(cells: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip()
