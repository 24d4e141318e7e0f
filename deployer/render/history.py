"""`deployer history` and `deployer show` for people."""

from collections.abc import Sequence
from dataclasses import replace

from rich.text import Text

from deployer.journal import Unreadable
from deployer.plan import Deployment, Event
from deployer.render.audit import audit_lines
from deployer.render.came import came_text
from deployer.render.lines import output_lines
from deployer.render.live import event_line
from deployer.render.plan import UNBROKEN, plan_text, step_lines, step_table
from deployer.render.progress import STYLES, WORDS, evidence_lines, outcome, took_s
from deployer.render.table import Row, table
from deployer.render.words import cut, date_and_time, one_line, span

HEAD = ("deployment", "started", "strategy", "release", "result", "took", "by")
SPARE = ("started", "by", "took")  # an id tells when
REASON = 102  # letters: a verdict's numbers would make the table several screens wide

Record = Deployment | Unreadable


def history_text(
    deployments: Sequence[Record],
    now: float,
    width: int = UNBROKEN,
    places: Sequence[str] | None = None,
) -> Text:
    """A table, newest first; the reason comes last, and `show` has all of it.

    places: each one's environment, where they are of several.
    """
    if not deployments:
        return Text("No deployment.", "dim")
    rows = [_row(deployment, now) for deployment in deployments]
    if places is None:
        return table(HEAD, rows, width, words="reason", spare=SPARE)
    rows = [
        replace(row, cells=(one_line(place), *row.cells))
        for place, row in zip(places, rows, strict=True)
    ]
    return table(("environment", *HEAD), rows, width, words="reason", spare=SPARE)


def style_of(record: Record) -> str:
    """How its result is shown."""
    return STYLES[record.status] if isinstance(record, Deployment) else "dim"


def _row(record: Record, now: float) -> Row:
    *cells, reason = _cells(record, now)
    said = cut(reason, REASON) if isinstance(record, Deployment) else reason
    return Row(cells, said, {"result": style_of(record)})


def _cells(deployment: Record, now: float) -> tuple[str, ...]:
    if isinstance(deployment, Unreadable):
        known = (deployment.id, "", "", deployment.release, "unreadable", "", "", deployment.why)
        return tuple(map(one_line, known))
    plan = deployment.first_plan
    cells = (
        deployment.id, date_and_time(deployment.started_at), plan.strategy, plan.release.name,
        WORDS[deployment.status], span(took_s(deployment, now)), deployment.by,
        deployment.reason,
    )  # fmt: skip
    return tuple(one_line(cell) for cell in cells)


def events_text(events: Sequence[Event]) -> Text:
    """Each with what is known by it."""
    lines: list[Text] = []
    for event in events:
        lines.append(event_line(event))
        lines += [Text(f"            {line}", "dim") for line in evidence_lines(event.detail)]
        lines += [Text(line, "dim") for line in output_lines(event)]
    return Text("\n").join(lines)


def show_text(
    deployment: Deployment,
    service: str,
    owes: str = "",
    evidence: Text | None = None,
    width: int = UNBROKEN,
) -> Text:
    """One deployment: its plan, the way back if it took one, events with their evidence, the end.

    owes:     what it still owes, in one line.
    evidence: what was known minute by minute, if it was judged by that.
    """
    lines = [
        Text(f"{one_line(deployment.id)}  started {date_and_time(deployment.started_at)}", "dim")
        + Text(f" by {one_line(deployment.by)}", "dim"),
        plan_text(deployment.first_plan, service, one_line(deployment.environment), width),
    ]
    if deployment.original is not None:
        lines.append(Text("The way back:", "yellow"))
        plan = deployment.plan
        lines += step_table(tuple(step_lines(plan.steps, plan.intent)), width)
    lines += [Text("Events:", "bold"), events_text(deployment.log)]
    if deployment.audit:
        lines.append(Text("Who did what:", "bold"))
        lines += audit_lines(deployment)
    if evidence is not None:
        lines.append(evidence)
    if (cost := came_text(deployment)) is not None:
        lines.append(cost)
    lines.append(Text(outcome(deployment), f"bold {STYLES[deployment.status]}"))
    if owes:
        lines.append(Text(owes, "yellow"))
    return Text("\n").join(lines)
