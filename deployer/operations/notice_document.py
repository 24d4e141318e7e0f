"""A notice for programs: the document that event buses and HTTP endpoints get. Pure."""

from typing import Any

from deployer.model import WHOLE
from deployer.operations.fleet import Fleet
from deployer.operations.notices import Notice
from deployer.plan import Deployment


def document(notice: Notice) -> dict[str, Any]:
    """For programs: what EventBridge and HTTP endpoints get (docs/notifications.md); times in epoch seconds."""
    record, place = notice.record, notice.place
    return {
        "format": "deployer-notice-1",
        "id": notice.id,
        "kinds": list(notice.kinds),
        "urgent": notice.urgent,
        "at": notice.at,
        "service": place.service,
        "environment": place.environment or None,
        "title": notice.title,
        "words": notice.words,
        "deployment": None if record is None else _deployment(record),
        "fleet": None if notice.fleet is None else _fleet(notice.fleet),
        "detail": dict(notice.detail),
        "commands": [{"does": one.does, "line": one.line} for one in notice.commands],
        "report": notice.report or None,
    }


def _fleet(fleet: Fleet) -> dict[str, Any]:
    return {
        "id": fleet.id,
        "release": fleet.release,
        "status": fleet.status.value,
        "reason": fleet.reason or None,
        "by": fleet.by,
        "wave": fleet.cursor + 1,
        "waves": len(fleet.waves),
        "environments": {one.environment: one.phase.value for one in fleet.members},
        "started_at": fleet.started_at,
        "finished_at": fleet.finished_at,
    }


def _deployment(record: Deployment) -> dict[str, Any]:
    plan, live = record.first_plan, record.written
    return {
        "id": record.id,
        "strategy": plan.strategy,
        "release": plan.release.name,
        "previous": plan.previous,
        "status": record.status.value,
        "reason": record.reason or None,
        "by": record.by,
        "step": min(record.cursor + 1, len(record.plan.steps)),
        "steps": len(record.plan.steps),
        "goal": record.step.describe(),
        "weights": {
            slot.value: live[slot] * 100 / WHOLE for slot in (plan.candidate, plan.candidate.twin)
        }
        if live
        else None,
        "started_at": record.started_at,
        "finished_at": record.finished_at,
    }
