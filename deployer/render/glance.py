"""All environments at a glance: one row each, with what it waits for from people below. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from deployer.model import Slot
from deployer.render.asking import hold_words
from deployer.render.plan import goal, title
from deployer.render.progress import STYLES, Standing, position, time_left, took_s
from deployer.render.status import next_command
from deployer.render.table import Row, table
from deployer.render.words import one_line, serving_of, span

HEAD = ("", "environment", "serves", "healthy", "deployment", "since")
SPARE = ("since", "healthy")
CHOSEN = "▸"


@dataclass(frozen=True, slots=True)
class Glance:
    """One environment: as it stands, or why nobody knows; neither: it has not been read yet."""

    environment: str
    standing: Standing | None = None
    problem: str = ""


def glance_text(rows: Sequence[Glance], width: int, chosen: str = "") -> Text:
    """The table; `chosen`: the environment that a mark stands before."""
    return table(
        HEAD, [_row(each, each.environment == chosen) for each in rows], width, words="now"
    )


def _row(one: Glance, chosen: bool) -> Row:
    mark, name = CHOSEN if chosen else " ", one_line(one.environment)
    if one.standing is None:
        said = one_line(one.problem) or "reading …"
        style = "red" if one.problem else "dim"
        return Row((mark, name, "?", "?", "?", ""), said, {"": style, "environment": "bold"})
    standing = one.standing
    deployment, since, style = _deployment(standing)
    seen = standing.seen
    healthy = sum(seen[slot].healthy() for slot in Slot)
    desired = sum(seen[slot].desired for slot in Slot)
    styles = {
        "environment": "bold", "deployment": style, "healthy": "red" if healthy < desired else "",
        "": "bold yellow" if next_command(standing) else "dim",
    }  # fmt: skip
    cells = (mark, name, serving_of(seen), f"{healthy}/{desired}", deployment, since)
    return Row(cells, _now(standing), styles)


def _deployment(standing: Standing) -> tuple[str, str, str]:
    """What runs, or how the last one ended; for how long, or how long ago; the style."""
    active, last, now = standing.active, standing.last, standing.now
    if active is not None:
        deployment = active.deployment
        words = f"{title(deployment.first_plan)} {position(deployment)}"
        return words, f"for {span(took_s(deployment, now))}", STYLES[deployment.status]
    if last is None:
        return "none yet", "", "dim"
    ended = last.finished_at if last.finished_at is not None else last.entered_at
    words = f"{title(last.first_plan)} {position(last)}"
    return words, f"{span(now - ended)} ago", STYLES[last.status]


def _now(standing: Standing) -> str:
    """What is asked of a person, or what it is at; of one that has ended well, nothing."""
    active, now = standing.active, standing.now
    command = next_command(standing)
    if active is None:
        return command
    deployment = active.deployment
    if command:
        held = hold_words(deployment, now)
        return f"{held}: {command}" if held else command
    left = time_left(deployment, now)
    thought = f": {one_line(standing.opinion)}" if standing.opinion else ""
    return f"{goal(deployment.step)}, {left}{thought}"


def glance_line(one: Glance) -> str:
    """The same in one line for a log."""
    if one.standing is None:
        return f"{one_line(one.environment)}: {one_line(one.problem)}"
    standing = one.standing
    deployment, _, _ = _deployment(standing)
    said = one_line(next_command(standing) or standing.opinion)
    tail = f"; {said}" if said else ""
    return f"{one_line(one.environment)}: serves {serving_of(standing.seen)}; {deployment}{tail}"
