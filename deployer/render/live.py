"""The live view of a running deployment: one frame, made anew for every refresh. Pure."""

from collections.abc import Callable, Sequence
from textwrap import wrap

from rich.text import Text

from deployer.engine.control import possible
from deployer.plan import Deployment, Event, Status
from deployer.render.asking import commands, hold_words, wanted
from deployer.render.folding import folded
from deployer.render.lines import about, hook_failed
from deployer.render.owed import leaving
from deployer.render.plan import goal, title, unlimited
from deployer.render.progress import (
    LEFT_OUT,
    STYLES,
    WORDS,
    View,
    evidence_lines,
    finished,
    step_times,
    time_left,
    took_s,
)
from deployer.render.slots import slot_lines
from deployer.render.words import one_line, span, time_of_day

VERDICT_STYLES = {"pass": "green", "fail": "red", "inconclusive": "yellow"}
EVENT_STYLES = {
    "retreat": "yellow", "halted": "red", "unavailable": "yellow", "asked": "cyan",
    "refused": "yellow",
}  # fmt: skip
PLAN_ROWS, EVENT_ROWS = 40, 6  # at most
NOTE_ROWS = 3  # at most: why the step in execution waits, and what a person is to do
INDENT = " " * 7


def frame(
    view: View, now: float, width: int, height: int, typed: Callable[[Text], Text] = Text.copy
) -> Text:
    """The whole view in at most `width` x `height` characters; the plan's window shrinks first.

    typed: makes of the commands in it what has to be typed here.
    """
    head, *asking = _header(view, now, width)
    above = [head, *_within(asking, width, typed), Text("─" * width, "dim")]
    below = _within([*_slots(view, width), *_evidence(view)], width, typed)
    room = height - len(above) - len(below)
    steps = _steps(view, now, max(3, min(room - NOTE_ROWS, PLAN_ROWS)), width)
    events = view.deployment.log[-max(1, min(EVENT_ROWS, room - len(steps) - 1)) :]
    lines = [*above, *steps, *below, *_events(events)][: max(1, height)]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return Text("\n").join(lines)


def _within(lines: Sequence[Text], width: int, typed: Callable[[Text], Text]) -> list[Text]:
    """What is too long for one row, in several."""
    return [
        part for line in lines for part in folded(typed(line), width).split("\n", allow_blank=True)
    ]


def _header(view: View, now: float, width: int) -> tuple[Text, ...]:
    deployment = view.deployment
    left = Text()
    left.append(one_line(f"{view.service}/{view.environment}") + "  ", "bold")
    left.append(f"{title(deployment.first_plan)}  ")
    left.append(WORDS[deployment.status], f"bold {STYLES[deployment.status]}")
    scale = f"  clock ×{view.scale:g}" if view.scale != 1 else ""
    right = f"{span(took_s(deployment, now))}{scale}"
    left.append(" " * max(2, width - left.cell_len - len(right)))
    left.append(right, "dim")
    if deployment.ending is not None and not deployment.status.final:
        said = f"{WORDS[deployment.ending]}; {leaving(deployment, now)}"
        return (left, Text(said, STYLES[deployment.ending]), *_asking(deployment, now))
    if deployment.reason:
        return (left, Text(one_line(deployment.reason), STYLES[deployment.status]))
    return (left, *_asking(deployment, now))


def _asking(deployment: Deployment, now: float) -> tuple[Text, ...]:
    """What it waits for from people, or else what they may ask."""
    asks = possible(deployment)
    if not asks:
        return ()
    hold, need = hold_words(deployment, now), wanted(deployment)
    if need:
        what = hold or "waits for approval"
        return (Text(f"{what}: {need}", "bold yellow"),)
    return (Text(f"possible now: {commands(asks)}", "dim"),)


def _steps(view: View, now: float, rows: int, columns: int) -> tuple[Text, ...]:
    """The plan with ticks, or as much of it around the current step as there is room for."""
    steps, done = view.deployment.plan.steps, finished(view.deployment)
    rows = min(rows, len(steps))
    start = max(0, min(done - rows // 2, len(steps) - rows))
    times = step_times(view.deployment)
    shown = range(start, min(start + rows, len(steps)))
    width = max((len(goal(steps[number])) for number in shown), default=0)
    log = view.deployment.log
    unfulfilled = {e.note.split(": failed, ")[0] for e in log if hook_failed(e)}
    lines: list[Text] = []
    for number in shown:
        words = goal(steps[number]).ljust(width)
        if number < done:
            failed = steps[number].describe() in unfulfilled
            lines.append(_behind(number, words, times[number], failed=failed))
        elif number == done:
            lines += _current(view, now, number, words, columns)
        else:
            lines.append(_step("·", "dim", number, words, ""))
    return tuple(lines)


def _behind(number: int, words: str, took: float | None, *, failed: bool) -> Text:
    if failed:
        return _step("✗", "yellow", number, words, "failed, and that stops nothing")
    if took == LEFT_OUT:  # a gate that nobody opened has no tick
        return _step("–", "dim", number, words, "left out")
    return _step("✓", "green", number, words, "" if took is None else span(took))


def _current(view: View, now: float, number: int, words: str, columns: int) -> tuple[Text, ...]:
    if view.deployment.status is Status.HALTED:
        return (_step("✗", "red", number, words, "stopped here"),)
    line = _step("▶", "bold cyan", number, words, time_left(view.deployment, now))
    noted = wrap(
        one_line(view.note), max(20, columns - len(INDENT)), max_lines=NOTE_ROWS, placeholder=" …"
    )
    return (line, *(Text(f"{INDENT}{words}", "dim") for words in noted or [""]))


def _step(mark: str, style: str, number: int, words: str, right: str) -> Text:
    text = Text()
    text.append(f" {mark} {number + 1:>2}  ", style)
    text.append(words, "dim" if style == "dim" else "")
    text.append(f"  {right}" if right else "", "dim")
    return text


def _slots(view: View, width: int) -> tuple[Text, ...]:
    if view.seen is None:
        return ()
    return (Text(), *slot_lines(view.seen, view.deployment.plan, width))


def _evidence(view: View) -> tuple[Text, ...]:
    if view.evidence is None:
        return ()
    verdict = one_line(str(view.evidence.get("verdict")))
    lines = [Text(f"         {line}") for line in evidence_lines(view.evidence)]
    if lines:
        lines[0].append("  ")
        lines[0].append(verdict, f"bold {VERDICT_STYLES.get(verdict, '')}".strip())
    return (Text(), *lines)


def _events(events: tuple[Event, ...]) -> tuple[Text, ...]:
    return (Text(), *(event_line(event) for event in events)) if events else ()


def event_line(event: Event) -> Text:
    """`18:02:11  send blue 95 % / green 5 %`."""
    text = Text()
    text.append(f"  {time_of_day(event.at)}  ", "dim")
    said = f"{event.kind}: " if event.kind in ("asked", "refused") else ""
    text.append(f"{said}{unlimited(event.note)}{about(event)}", EVENT_STYLES.get(event.kind, ""))
    return text
