"""The table that `deployer verify` prints: what is wrong first said in one line, then why, then what to do."""

from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from deployer.findings import Finding, Level
from deployer.render.documents import Document
from deployer.render.folding import hanging
from deployer.render.words import count, iso, one_line

STYLES = {
    Level.OK: "green",
    Level.WARNING: "yellow",
    Level.UNKNOWN: "dim",
    Level.PROBLEM: "bold red",
}


BEFORE = 9  # columns of the level, and a blank


def findings_text(findings: Sequence[Finding], width: int) -> Text:
    """A row for each; below those that are not well, what comes of it and what to do."""
    wide = max((len(each.check) for each in findings), default=0)
    lines: list[Text] = []
    for each in findings:
        line = Text()
        line.append(f"{each.level:<8} ", STYLES[each.level])
        line.append(f"{each.check:<{wide}}  ")
        if each.level is not Level.OK:
            line.append(f"{one_line(each.where)}: ", "bold")
        line.append(one_line(each.what))
        lines.append(hanging(line, BEFORE + wide + 2, width))
        lines += [
            hanging(Text(f"{'':{BEFORE}}{words}", style), BEFORE + len("why: "), width)
            for words, style in _below(each)
        ]
    return Text("\n").join(lines)


def _below(each: Finding) -> list[tuple[str, str]]:
    bites = f"bites at: {', '.join(each.bites)}"
    return [
        *([(f"why: {one_line(each.why)}", "dim")] if each.why else []),
        *([(bites, "yellow")] if each.bites else []),
        *((f"do:  {line}" if not number else f"     {line}", "") for number, line in
          enumerate(each.todo)),
    ]  # fmt: skip


def finding_document(each: Finding, at: float) -> Document:
    """The same for programs."""
    return {
        "event": "finding",
        "at": iso(at),
        "check": each.check,
        "level": each.level.value,
        "where": each.where,
        "what": each.what,
        "why": each.why,
        "todo": list(each.todo),
        "bites": [bite.value for bite in each.bites],
    }


def summary(findings: Sequence[Finding]) -> str:
    """`2 problems, 1 warning`; or that all is well."""
    counted = Counter(each.level for each in findings)
    said = [
        count(counted[level], level.value)
        for level in (Level.PROBLEM, Level.WARNING)
        if counted[level]
    ]
    said += [f"{counted[Level.UNKNOWN]} unknown"] if counted[Level.UNKNOWN] else []
    return ", ".join(said) or "All is well: the environment is fit for deployments."
