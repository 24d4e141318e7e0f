"""When something may begin in an environment: for people and programs. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from deployer.freezes import Freeze
from deployer.render.words import iso, one_line

ANY_TIME = "something may begin at any time: [windows] says of no freeze"


@dataclass(frozen=True, slots=True)
class Outlook:
    """One environment's.

    freeze:  the one that is on; None: something may begin.
    changes: the next moments (epoch seconds) at which that changes, and why nothing may begin after;
             empty: something may.
    spell:   a moment as people there have it.
    """

    place: str
    environment: str
    zone: str
    freeze: Freeze | None
    changes: Sequence[tuple[float, str]]
    spell: Callable[[float], str]


def windows_text(found: Sequence[Outlook]) -> Text:
    """Each environment: now, and what comes."""
    return Text("\n").join(line for each in found for line in _lines(each))


def _lines(outlook: Outlook) -> Iterator[Text]:
    yield Text(one_line(outlook.place), "bold") + Text(f"  {outlook.zone}", "dim")
    if outlook.freeze is not None:
        yield Text(f"  frozen: {one_line(outlook.freeze.words)}", "yellow")
    elif outlook.changes:
        until = outlook.spell(outlook.changes[0][0])
        yield Text(f"  open until {until}", "green")
    else:
        yield Text(f"  {ANY_TIME}", "green")
    for at, why in outlook.changes:
        what = Text(f"freeze: {one_line(why)}", "yellow") if why else Text("opens", "green")
        yield Text(f"    {outlook.spell(at)}  ", "dim") + what


def windows_document(outlook: Outlook, at: float) -> dict[str, Any]:
    """The same for programs: docs/cli.md has the keys."""
    freeze = outlook.freeze
    return {
        "at": iso(at), "deployment": None, "event": "windows", "environment": outlook.environment,
        "time_zone": outlook.zone, "freeze": freeze_document(freeze),
        "changes": [
            {"at": iso(moment), "frozen": bool(why), "why": why or None}
            for moment, why in outlook.changes
        ],
    }  # fmt: skip


def freeze_document(freeze: Freeze | None) -> dict[str, Any] | None:
    """The freeze that is on, and until when; None: there is none."""
    if freeze is None:
        return None
    return {"why": freeze.why, "until": iso(freeze.ends) if freeze.ends is not None else None}
