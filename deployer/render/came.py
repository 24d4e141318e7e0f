"""What deployments came to, beside what was expected of them: for people and for programs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from deployer.journal import Unreadable
from deployer.operations.came_to import CameTo, came_to
from deployer.plan import Deployment
from deployer.render.cost import (
    Row,
    at_least,
    counted,
    in_hours,
    outlook_document,
    paid,
    rehearsed,
    table,
    timed,
)
from deployer.render.progress import WORDS
from deployer.render.words import one_line

if TYPE_CHECKING:
    from rich.text import Text

NEVER = "–"


def came_document(record: Deployment) -> dict[str, Any]:
    """What it was expected to come to, and what it came to; what is not known is null."""
    was, expected = came_to(record), record.first_plan.outlook
    price = expected.price if expected else None
    usd = price.usd * was.extra_hours if price and was.extra_hours is not None else None
    return {
        "expected": outlook_document(expected),
        "actual": {
            "full_s": was.full_s, "end_s": was.end_s, "extra_instance_hours": was.extra_hours,
            "usd": usd, "exposed": was.exposed, "failed": was.failed, "found_s": was.found_s,
            "back_s": was.back_s,
        },
    }  # fmt: skip


def came_rows(record: Deployment) -> tuple[Row, ...]:
    """Expected and actual, for `show`; empty where neither is known."""
    was, expected = came_to(record), record.first_plan.outlook
    if expected is None and record.spent is None:
        return ()
    bad = expected.bad if expected else None
    usd = expected.price.usd if expected and expected.price else None
    spent = usd * was.extra_hours if usd is not None and was.extra_hours is not None else None
    whole = "all replaced after" if record.first_plan.in_place else "all of the traffic after"
    rows = [
        Row(whole, (timed(expected.full_s if expected else None), timed(was.full_s))),
        Row("everything done after", (timed(expected.end_s if expected else None), timed(was.end_s))),
        Row(
            "extra instance hours", (in_hours(expected.extra_hours if expected else None), in_hours(was.extra_hours))
        ),
        Row("money", (paid(expected.usd if expected else None), paid(spent))),
    ]  # fmt: skip
    if was.found_s is not None or was.back_s is not None:
        rows += [
            Row(
                "a bad release is found after",
                (timed(bad.found_s if bad else None), timed(was.found_s)),
            ),
            Row(
                "  requests that reach it",
                (counted(bad.exposed if bad else None), at_least(was.exposed)),
            ),
            Row("  of these fail", (counted(bad.failed if bad else None), at_least(was.failed))),
            Row(
                "  nobody reaches it after", (timed(bad.back_s if bad else None), timed(was.back_s))
            ),
        ]
    return tuple(rows)


def came_text(record: Deployment) -> Text | None:
    """The table, for `show`; None where nothing is known."""
    rows = came_rows(record)
    if not rows:
        return None
    made, expected = table(("", "expected", "actual"), rows), record.first_plan.outlook
    if expected is not None and expected.reduced is not None:
        made.append(f"\n{rehearsed(expected.reduced)}", "dim")
    return made


# `deployer history --cost`.

HEAD = (
    "deployment", "strategy", "release", "result", "took", "expected", "hours", "expected",
    "exposed", "expected",
)  # fmt: skip


SPARE = ("strategy", "result", "release")


def spent_text(
    records: Sequence[Deployment | Unreadable], width: int, places: Sequence[str] = ()
) -> Text:
    """A table, newest first: what was, beside what was expected; `places`: of each record, if of several.

    In less than its `width` what `deployer history` tells anyway is left out.
    """
    from rich.text import Text  # noqa: PLC0415  the functions in the cloud have no console

    if not records:
        return Text("The journal holds no deployment that fits.", "dim")
    rows = [_spent_row(record) for record in records]
    if places:
        rows = [(place, *row) for place, row in zip(places, rows, strict=True)]
    head: tuple[str, ...] = ("environment", *HEAD) if places else HEAD
    lines = [head, *rows]
    for name in SPARE:
        if sum(max(map(len, column)) + 2 for column in zip(*lines, strict=True)) - 2 <= width:
            break
        at = lines[0].index(name)
        lines = [(*line[:at], *line[at + 1 :]) for line in lines]
    head, *rows = lines
    return table(head, [Row(row[0], row[1:]) for row in rows])


def _spent_row(record: Deployment | Unreadable) -> tuple[str, ...]:
    if isinstance(record, Unreadable):
        return (one_line(record.id), "", one_line(record.release), "unreadable", *("?" * 6))
    was: CameTo = came_to(record)
    found = record.first_plan.outlook
    bad = found.bad if found else None
    turned = was.found_s is not None
    return (
        one_line(record.id), one_line(record.first_plan.strategy),
        one_line(record.first_plan.release.name), WORDS[record.status],
        timed(was.end_s), timed(found.end_s if found else None),
        in_hours(was.extra_hours), in_hours(found.extra_hours if found else None),
        at_least(was.exposed) if turned else NEVER, counted(bad.exposed if bad else None),
    )  # fmt: skip
