"""Plain lines for logs and pipes: one for each thing that happens, none said twice. Pure."""

import re
from dataclasses import dataclass

from deployer.plan import Deployment, Event
from deployer.render.plan import goal, title, unlimited
from deployer.render.progress import PASSING
from deployer.render.words import cut, one_line, time_of_day

RARER = 8  # a line of other numbers waits for this part of the time that its step has taken
_NUMBER = re.compile(r"[\d.,]+")
LONG = 120  # columns of what passes: all of it is in the record, and in the step's end


def plain_line(deployment: Deployment, event: Event, *, again: bool = False) -> str:
    """`18:02:11  step 3/9  route blue 95 % / green 5 %`."""
    return f"{time_of_day(event.at)}  {content(deployment, event, again=again)}"


def content(deployment: Deployment, event: Event, *, again: bool = False) -> str:
    """The line without its time: two with the same content say the same.

    again: the line before spoke of the same step: its goal need not be said once more.
    """
    note = unlimited(event.note)
    if event.kind == "retreat":
        return f"going back: {note}"
    if event.kind in ("halted", "asked", "refused"):
        return f"{event.kind}: {note}{about(event)}"
    where = f"step {step_number(deployment, event)}/{len(deployment.plan.steps)}"
    if event.kind in PASSING and not deployment.status.final:
        return f"{where}  {'…' if again else f'{goal(deployment.step)}:'} {cut(note, LONG)}"
    if event.kind == "step_done":
        return f"{where}  {'✗' if hook_failed(event) else '✓'} {note}"
    if event.kind == "change":
        return f"{where}  → {note}"
    return note


def about(event: Event) -> str:
    """`: bake green for 10m under analysis`: the step that somebody ended; empty where none is told."""
    step = event.detail.get("step")
    return f": {one_line(step)}" if event.kind == "asked" and isinstance(step, str) else ""


@dataclass(frozen=True, slots=True)
class Said:
    """One plain line: what it says, of which step if only in passing, how far into that (seconds)."""

    words: str
    step: tuple[str, str, int] | None
    elapsed_s: float


def said_of(deployment: Deployment, event: Event) -> Said:
    """What the line of this event would be."""
    passing = event.kind in PASSING and not deployment.status.final
    step = (deployment.id, deployment.status.value, deployment.cursor) if passing else None
    return Said(content(deployment, event), step, event.at - deployment.entered_at)


def same_step(said: Said, before: Said | None) -> bool:
    """Both speak of one step in passing: its goal has been said."""
    return said.step is not None and before is not None and said.step == before.step


def is_news(said: Said, before: Said | None) -> bool:
    """Worth a line: other words; or only other numbers, and a while has passed.

    Who waits for a day need not read 1,440 lines: those that differ in numbers come less often the
    longer the step takes, every minute at first, every eight after an hour.
    """
    if before is None or said.words == before.words:
        return before is None
    if not same_step(said, before) or _shape(said) != _shape(before):
        return True
    return said.elapsed_s - before.elapsed_s >= before.elapsed_s / RARER


def _shape(said: Said) -> str:
    return _NUMBER.sub("0", said.words)


def step_number(deployment: Deployment, event: Event) -> int:
    """The step that `event` speaks of, from 1; the record is already past a finished one."""
    finished_earlier = event.kind == "step_done" and not deployment.over
    return deployment.cursor + (0 if finished_earlier else 1)


def hook_failed(event: Event) -> bool:
    """The end of a hook that failed, where that stops nothing."""
    return event.kind == "step_done" and event.detail.get("hook") == "failed"


def output_lines(event: Event) -> tuple[str, ...]:
    """What a hook said at its end, if the event is that."""
    said = event.detail.get("output")
    lines = said.splitlines() if isinstance(said, str) else ()
    return tuple(f"            | {one_line(line)}" for line in lines)


def way_back_lines(deployment: Deployment) -> tuple[str, ...]:
    """What the way back consists of, once it has been compiled."""
    steps = (f"  {n:>2}  {goal(step)}" for n, step in enumerate(deployment.plan.steps, 1))
    return (f"the way back of {title(deployment.first_plan)}:", *steps)
