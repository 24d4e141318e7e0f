"""`deployer cost`: strategies side by side, for people and for programs. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from deployer.plan import Plan
from deployer.record.outlook import Outlook
from deployer.render.cost import (
    UNKNOWN,
    Row,
    boots,
    counted,
    in_hours,
    number,
    outlook_document,
    paid,
    rehearsed,
    table,
    timed,
    times,
)
from deployer.render.words import one_line


@dataclass(frozen=True, slots=True)
class Choice:
    """One strategy: its plan with an outlook, or why it makes none."""

    strategy: str
    plan: Plan | None
    why: str = ""

    @property
    def outlook(self) -> Outlook | None:
        return self.plan.outlook if self.plan is not None else None


def comparison_text(choices: Sequence[Choice], place: str) -> Text:
    """The whole page."""
    known = [one.outlook for one in choices if one.outlook is not None]
    lines = [Text(f"{place}: {_ground(known)}", "bold")] if known else [Text(place, "bold")]
    lines.append(table(("", *(one.strategy for one in choices)), comparison_rows(choices)))
    lines += [Text(line, "dim") for line in _footnotes(known)]
    lines += [
        Text(f"{one.strategy}: r{rehearsed(one.outlook.reduced)[1:]}", "dim")
        for one in choices
        if one.outlook is not None and one.outlook.reduced is not None
    ]
    for one in choices:
        said = (one.why,) if one.outlook is None else _unknown(one.outlook)
        lines += [Text(f"{one.strategy}: {one_line(words)}", "yellow") for words in said if words]
    return Text("\n").join(lines)


def comparison_rows(choices: Sequence[Choice]) -> tuple[Row, ...]:
    """A row a fact, a column a strategy."""
    those = [one.outlook for one in choices]
    bads = [one.bad if one else None for one in those]
    return (
        Row("all of the traffic after", tuple(timed(one.full_s if one else None) for one in those)),
        Row("everything done after", tuple(timed(one.end_s if one else None) for one in those)),
        Row("waits for a person", tuple(_people(one) for one in those)),
        Row(
            "extra instance hours",
            tuple(in_hours(one.extra_hours if one else None) for one in those),
        ),
        Row("money", tuple(paid(one.usd if one else None) for one in those)),
        Row(
            "a bad release is found after",
            tuple(timed(bad.found_s if bad else None) for bad in bads),
        ),
        Row(
            "  requests that reach it", tuple(counted(bad.exposed if bad else None) for bad in bads)
        ),
        Row("  of these fail", tuple(counted(bad.failed if bad else None) for bad in bads)),
        Row("  nobody reaches it after", tuple(timed(bad.back_s if bad else None) for bad in bads)),
        Row("going back after its end", tuple(timed(one.undo_s if one else None) for one in those)),
    )


def _people(found: Outlook | None) -> str:
    return UNKNOWN if found is None else (times(found.people) if found.people else "never")


def _ground(known: Sequence[Outlook]) -> str:
    """What all of them rest on."""
    loads = [one.assumed.requests_per_min for one in known]
    load = next((each for each in loads if each is not None), None)
    come = (
        "how many requests come is not known"
        if load is None
        else f"{number(load)} requests a minute{' where that is known' if None in loads else ''}"
    )
    return f"{come}; {boots(known[0])}"


def _footnotes(known: Sequence[Outlook]) -> Iterator[str]:
    for failing in dict.fromkeys(one.assumed.failing for one in known):
        yield f"A bad release here fails {failing:.0%} of its requests.".replace("%", " %")
    for price in dict.fromkeys(one.price for one in known if one.price):
        yield f"An hour of {price.type} is ${price.usd:g}: {price.source}."
    if known:
        yield "Simulated: people are taken to say yes at once, hooks to take no time, and nothing scales."


def _unknown(found: Outlook) -> Iterator[str]:
    yield from found.why
    if found.bad is None and found.unfound:
        yield f"a bad release is not found out: {found.unfound}"


def choice_document(one: Choice) -> dict[str, Any]:
    """One strategy, for programs."""
    return {
        "strategy": one.plan.strategy if one.plan else one.strategy,
        "release": one.plan.release.name if one.plan else None,
        "steps": len(one.plan.steps) if one.plan else None,
        "refused": one.why or None, "outlook": outlook_document(one.outlook),
    }  # fmt: skip
