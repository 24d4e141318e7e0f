"""`deployer history` and `deployer show` for people."""

from collections.abc import Sequence

from rich.text import Text

from deployer.journal import Unreadable
from deployer.plan import Deployment
from deployer.render.audit import audit_lines
from deployer.render.lines import output_lines
from deployer.render.live import event_line
from deployer.render.plan import goal, plan_text
from deployer.render.progress import STYLES, WORDS, evidence_lines, outcome, took_s
from deployer.render.words import date_and_time, one_line, span

HEAD = ("deployment", "started", "strategy", "release", "result", "took", "by", "reason")
REASON = 100  # letters: a verdict's numbers would make the table several screens wide


def history_text(deployments: Sequence[Deployment | Unreadable], now: float) -> Text:
    """A table, newest first; the reason comes last, and `show` has all of it."""
    if not deployments:
        return Text("The journal holds no deployment.", "dim")
    rows = [_cells(deployment, now) for deployment in deployments]
    widths = [max(map(len, column)) for column in zip(HEAD, *rows, strict=True)]
    lines = [Text(_padded(HEAD, widths), "dim")]
    for deployment, row in zip(deployments, rows, strict=True):
        line = Text()
        for number, (cell, width) in enumerate(zip(row, widths, strict=True)):
            style = style_of(deployment) if number == HEAD.index("result") else ""
            line.append(cell.ljust(width), style)
            line.append("  ")
        line.rstrip()
        lines.append(line)
    return Text("\n").join(lines)


def style_of(record: Deployment | Unreadable) -> str:
    """How its result is shown."""
    return STYLES[record.status] if isinstance(record, Deployment) else "dim"


def _cells(deployment: Deployment | Unreadable, now: float) -> tuple[str, ...]:
    if isinstance(deployment, Unreadable):
        known = (deployment.id, "", "", deployment.release, "unreadable", "", "", deployment.why)
        return tuple(map(one_line, known))
    plan = deployment.first_plan
    cells = (
        deployment.id, date_and_time(deployment.started_at), plan.strategy, plan.release.name,
        WORDS[deployment.status], span(took_s(deployment, now)), deployment.by,
        in_short(deployment.reason),
    )  # fmt: skip
    return tuple(one_line(cell) for cell in cells)


def in_short(reason: str) -> str:
    """What of a reason fits beside others, up to the end of one of its parts if it has any."""
    if len(reason) <= REASON:
        return reason
    kept = reason[:REASON]
    part = max(kept.rfind("; "), kept.rfind(": "))
    return f"{kept[: part if part > 0 else REASON]} …"


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip()


def show_text(
    deployment: Deployment, service: str, owes: str = "", evidence: Text | None = None
) -> Text:
    """One deployment: its plan, the way back if it took one, events with their evidence, the end.

    owes:     what it still owes, in one line.
    evidence: what was known minute by minute, if it was judged by that.
    """
    lines = [
        Text(f"{one_line(deployment.id)}  started {date_and_time(deployment.started_at)}", "dim")
        + Text(f" by {one_line(deployment.by)}", "dim"),
        plan_text(deployment.first_plan, service, one_line(deployment.environment)),
    ]
    if deployment.original is not None:
        lines.append(Text("The way back:", "yellow"))
        steps = enumerate(deployment.plan.steps, 1)
        lines += [Text(f"  {number:>2}  {goal(step)}") for number, step in steps]
    lines.append(Text("Events:", "bold"))
    for event in deployment.log:
        lines.append(event_line(event))
        lines += [Text(f"            {line}", "dim") for line in evidence_lines(event.detail)]
        lines += [Text(line, "dim") for line in output_lines(event)]
    if deployment.audit:
        lines.append(Text("Who did what:", "bold"))
        lines += audit_lines(deployment)
    if evidence is not None:
        lines.append(evidence)
    lines.append(Text(outcome(deployment), f"bold {STYLES[deployment.status]}"))
    if owes:
        lines.append(Text(owes, "yellow"))
    return Text("\n").join(lines)
