"""Who did what to a deployment, from where, to which weights: for people and programs. Pure."""

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from deployer.engine import audit
from deployer.model import Slot
from deployer.plan import Deployment
from deployer.record.acts import BEGAN, CARRIES, GROUP, OVERRODE, REFUSED, WEIGHTS, Act, Actor
from deployer.render.words import iso, one_line, time_of_day

SAID = {
    BEGAN: "began",
    CARRIES: "carries it out",
    GROUP: "changed the user group",
    OVERRODE: "overrode the freeze",
    REFUSED: "was refused",
}


def audit_document(deployment: Deployment) -> list[dict[str, Any]]:
    """Each act: docs/cli.md has the keys."""
    return [
        {
            "at": iso(act.at), "what": act.what, "by": who.name, "identity": who.identity or None,
            "origin": who.origin or None,
            "weights": {s: act.weights[s] / 10 for s in Slot} if act.weights else None,
            "note": act.note or None,
        }
        for act, who in audit.acts(deployment)
    ]  # fmt: skip


def audit_lines(deployment: Deployment) -> Iterator[Text]:
    """One line an act, and under the first act of each actor who that is."""
    known: list[Actor] = []
    for act, who in audit.acts(deployment):
        yield Text(f"  {time_of_day(act.at)}  ", "dim") + Text(f"{one_line(who.name)} {said(act)}")
        if who not in known and (who.identity or who.origin):
            known.append(who)
            parts = filter(None, (who.origin, who.identity))
            yield Text(f"            from {one_line(', as '.join(parts))}", "dim")


def said(act: Act) -> str:
    """`asked to pause (blue 95 % / green 5 %)`."""
    if act.what == WEIGHTS:
        return f"changed the weights to {act.weights}"
    words = SAID.get(act.what, f"asked to {act.what}")
    note = f": {one_line(act.note)}" if act.note else ""
    live = f" ({act.weights})" if act.weights and act.what not in (CARRIES, GROUP) else ""
    return f"{words}{note}{live}"
