"""What a plan is expected to come to and cost: for people and for programs. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployer.plan import Plan
from deployer.record.outlook import Bad, Outlook, Reduced
from deployer.render.words import one_line, span

if TYPE_CHECKING:
    from rich.text import Text

UNKNOWN = "?"
PLENTY = (
    "How many requests come is not known: it is taken for granted that they are enough to judge by."
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: what it is about, and a cell for each column."""

    label: str
    cells: tuple[str, ...]


def outlook_lines(plan: Plan) -> Iterator[str]:
    """Beneath a plan: a sentence each; none where nobody has looked ahead."""
    found = plan.outlook
    if found is None:
        return
    if found.full_s is not None and found.end_s is not None:
        asked = f" and the time that people take, {times(found.people)}" if found.people else ""
        whole = "All replaced" if plan.in_place else "Full traffic"
        yield (
            f"Expected: {whole.lower()} after {span(found.full_s)}, everything done after "
            f"{span(found.end_s)}{asked}; {boots(found)}."
        )
    if found.extra_hours is not None:
        yield f"It takes {hours(found.extra_hours)} beyond what runs now{_paid(found)}."
    if found.assumed.requests_per_min is None and plan.strategy not in ("first", "rollback"):
        yield PLENTY
    if found.bad is not None:
        yield _bad(found, found.bad)
    elif found.unfound and plan.strategy not in ("first", "rollback"):
        yield f"A bad release is not found out by itself: {one_line(found.unfound)}."
    if found.undo_s is not None:
        yield f"Going back after its end: {span(found.undo_s)}."
    if found.reduced is not None:
        yield rehearsed(found.reduced)
    yield from map(one_line, found.why)


def rehearsed(reduced: Reduced) -> str:
    """On how much smaller a fleet, where the real one is too large for that; a sentence."""
    ratio = f"{reduced.one_to:.2g}" if reduced.one_to < 10 else number(reduced.one_to)
    told = f"Rehearsed as 1 to {ratio}"
    if reduced.batches is None or reduced.of_batches is None:
        return f"{told}: the fleet is too large to be simulated whole."
    return (
        f"{told}, with {reduced.batches} of {reduced.of_batches:,} batches: the others are reckoned "
        "from these."
    )


def times(number: int) -> str:
    """`once`, `3 times`."""
    return "once" if number == 1 else f"{number} times"


def boots(found: Outlook) -> str:
    known = "as it took here lately" if found.assumed.measured else "taken for granted"
    return f"an instance is ready after {span(found.assumed.boot_s)}, {known}"


def hours(number: float) -> str:
    """Of instances."""
    return f"{number:.2g} instance hours" if abs(number) < 10 else f"{number:,.0f} instance hours"


def _paid(found: Outlook) -> str:
    if found.usd is None or found.price is None:
        return ""
    each = f"${found.price.usd:g} an hour of {found.price.type}, {found.price.source}"
    return f", {money(found.usd)} ({each})"


def money(usd: float) -> str:
    """US dollars: cents where it is little."""
    if 0 < abs(usd) < 0.01:
        return "less than $0.01"
    return f"${usd:,.2f}"


def _bad(found: Outlook, bad: Bad) -> str:
    share = f"{found.assumed.failing:.0%}".replace("%", " %")
    told = f"A release that fails {share} of its requests is found out {span(bad.found_s)} after its first user"
    if bad.exposed is not None and bad.failed is not None:
        told += (
            f": {number(bad.exposed)} requests have reached it and {number(bad.failed)} have failed"
        )
    return f"{told}; nobody reaches it {span(bad.back_s)} later."


def number(value: float) -> str:
    """Two digits are all that a simulation can tell: `240`, `1,900`."""
    digits = len(str(round(abs(value)))) - 2
    return f"{round(value, -max(0, digits)):,.0f}"


def outlook_document(found: Outlook | None) -> dict[str, Any] | None:
    """The same for programs; None: nobody has looked ahead."""
    if found is None:
        return None
    bad, assumed = found.bad, found.assumed
    return {
        "full_s": found.full_s,
        "end_s": found.end_s,
        "extra_instance_hours": found.extra_hours,
        "usd": found.usd,
        "usd_per_hour": found.price.usd if found.price else None,
        "instance_type": found.price.type if found.price else None,
        "price_source": found.price.source if found.price else None,
        "people": found.people,
        "exposed": bad.exposed if bad else None,
        "failed": bad.failed if bad else None,
        "found_s": bad.found_s if bad else None,
        "back_s": bad.back_s if bad else None,
        "undo_s": found.undo_s,
        "unfound": found.unfound or None,
        "unknown": list(found.why),
        "reduced": _reduced_document(found.reduced),
        "assumed": {
            "boot_s": assumed.boot_s,
            "boot_measured": assumed.measured,
            "drain_s": assumed.drain_s,
            "requests_per_min": assumed.requests_per_min,
            "failing": assumed.failing,
        },
    }


def _reduced_document(reduced: Reduced | None) -> dict[str, Any] | None:
    if reduced is None:
        return None
    return {
        "one_to": reduced.one_to, "batches": reduced.batches, "of_batches": reduced.of_batches,
    }  # fmt: skip


def timed(duration_s: float | None) -> str:
    """A duration, or that it is unknown."""
    return UNKNOWN if duration_s is None else span(duration_s)


def in_hours(value: float | None) -> str:
    """Instance hours."""
    return UNKNOWN if value is None else f"{value:,.2f}"


def paid(value: float | None) -> str:
    """US dollars."""
    return UNKNOWN if value is None else money(value)


def counted(value: float | None) -> str:
    """Requests, to two digits."""
    return UNKNOWN if value is None else number(value)


def at_least(value: int | None) -> str:
    """Requests that a verdict rests on: more may have come."""
    return UNKNOWN if value is None else f"{value:,} judged"


def table(head: Sequence[str], rows: Sequence[Row]) -> "Text":
    """Columns under their names; the first is the labels'."""
    from rich.text import Text  # noqa: PLC0415  the functions in the cloud have no console

    cells = [tuple(head), *((row.label, *row.cells) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for nth, row in enumerate(cells):
        padded = [row[0].ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append(Text("  ".join(padded).rstrip(), "dim" if nth == 0 else ""))
    return Text("\n").join(lines)
