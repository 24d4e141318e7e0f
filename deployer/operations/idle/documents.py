"""A sweep's report as data: for programs, and for the function's log. Pure."""

from typing import Any

from deployer.operations.idle.sweep import Report, Row


def row_document(row: Row) -> dict[str, Any]:
    """One environment; moments are epoch seconds."""
    item = row.item
    notice = item.notice
    return {
        "environment": item.environment,
        "why": item.judgement.why.name.lower(),
        "because": item.judgement.words,
        "idle": item.judgement.level is not None,
        "move": item.move.name.lower(),
        "level": item.level,
        "due_at": notice.due_at if notice else None,
        "done": row.done or None,
        "ending": row.ending.name.lower() if row.ending else None,
        "problem": str(row.problem) if row.problem else None,
    }


def report_document(report: Report) -> dict[str, Any]:
    """The whole sweep."""
    return {
        "dry": report.dry,
        "excess": report.excess or None,
        "strangers": list(report.strangers),
        "environments": [row_document(row) for row in report.rows],
    }
