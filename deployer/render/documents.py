"""JSON documents: what programs read. Every key is in docs/cli.md and keeps its meaning. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from deployer.engine.settling import Settlement
from deployer.journal import Active, Unreadable, name_of
from deployer.model import Slot, SlotState, Snapshot, Weights
from deployer.operations import detached
from deployer.plan import Deployment, Event, Plan
from deployer.planning.preflight import Objection
from deployer.record.held import Rest, Size
from deployer.render import terms
from deployer.render.asking import approval_until, paused_by, possible
from deployer.render.audit import audit_document
from deployer.render.came import came_document
from deployer.render.cost import outlook_document
from deployer.render.lines import step_number
from deployer.render.owed import owed_document
from deployer.render.plan import expected_s, goal, latest_s
from deployer.render.progress import Standing, finished, judged_until
from deployer.render.status import next_command, rest_known
from deployer.render.windows import freeze_document
from deployer.render.words import iso

Document = dict[str, Any]


def encode(document: Mapping[str, Any]) -> str:
    """One line of JSON."""
    return msgspec.json.encode(document).decode()


def plan_document(plan: Plan, at: float, deployment: str | None) -> Document:
    """The plan, before anything happens; `deployment` None: it is only shown."""
    return {
        "at": iso(at), "deployment": deployment, "event": "plan", **_plan(plan)
    }  # fmt: skip


def _plan(plan: Plan) -> Document:
    return {
        "strategy": plan.strategy, "release": plan.release.name, "candidate": plan.candidate,
        "stable": plan.stable, "previous": plan.previous, "capacity": plan.capacity,
        "analysed": plan.strategy != "first", "irreversible": plan.irreversible,
        "fingerprint": plan.fingerprint,
        "expected_s": expected_s(plan), "latest_s": latest_s(plan),
        "outlook": outlook_document(plan.outlook),
        "steps": [
            {
                "number": number, "kind": type(step).__name__.lower(), "goal": goal(step),
                "deadline_s": step.deadline_s,
            }
            for number, step in enumerate(plan.steps, 1)
        ],
        "group": str(plan.intent.cohort) if plan.intent.cohort else None,
        "judged": terms.document(plan), "ramp": plan.intent.auto, "notes": list(plan.notes),
    }  # fmt: skip


def objection_document(objection: Objection, at: float) -> Document:
    """One reason not to begin."""
    return {
        "at": iso(at), "deployment": None, "event": "objection", "code": objection.code,
        "note": objection.words,
    }  # fmt: skip


def event_document(deployment: Deployment, event: Event, seen: Snapshot | None) -> Document:
    """One thing that happened."""
    return {
        "at": iso(event.at), "deployment": deployment.id, "event": event.kind, "note": event.note,
        "status": deployment.status, "step": step_number(deployment, event),
        "steps": len(deployment.plan.steps), "release": deployment.first_plan.release.name,
        "weights": weights(seen.weights) if seen else None, "group": group(seen),
        "healthy": {s: seen[s].healthy() for s in Slot} if seen else None,
        "desired": {s: seen[s].desired for s in Slot} if seen else None,
        "detail": event.detail,
    }  # fmt: skip


def settlement_document(done: Settlement, words: str, at: float) -> Document:
    """What `deployer settle` came to."""
    return {
        "at": iso(at), "deployment": done.deployment or None, "event": "settle",
        "outcome": done.outcome, "owed": owed_document(done.unstuck, at), "note": words,
    }  # fmt: skip


def result_document(
    at: float, deployment: Deployment | None, status: str, reason: str | None, exit_code: int
) -> Document:
    """How the command ended; always the last line."""
    return {
        "at": iso(at), "deployment": deployment.id if deployment else None, "event": "result",
        "status": status, "release": deployment.first_plan.release.name if deployment else None,
        "reason": reason or None, "exit_code": exit_code,
        "owed": owed_document(deployment.unstuck, at) if deployment else None,
    }  # fmt: skip


def deployment_document(deployment: Deployment, at: float, *, whole: bool) -> Document:
    """One record of the journal; `whole`: with its plans and its log."""
    document: Document = {
        "at": iso(at), "deployment": deployment.id, "event": "deployment",
        "environment": deployment.environment, "strategy": deployment.first_plan.strategy,
        "release": deployment.first_plan.release.name,
        "previous": deployment.first_plan.previous, "status": deployment.status,
        "step": min(finished(deployment) + 1, len(deployment.plan.steps)),
        "steps": len(deployment.plan.steps), "started_at": iso(deployment.started_at),
        "finished_at": _when(deployment.finished_at), "by": deployment.by,
        "paused_at": _when(deployment.paused_at), "paused_by": paused_by(deployment) or None,
        "approval_until": _when(approval_until(deployment)),
        "reason": deployment.reason or None,
        "owed": owed_document(deployment.unstuck, at),
    }  # fmt: skip
    if whole:
        document |= {
            "cost": came_document(deployment),
            "plan": _plan(deployment.first_plan),
            "way_back": _plan(deployment.plan) if deployment.original else None,
            "log": [
                {"at": iso(e.at), "event": e.kind, "note": e.note, "detail": e.detail}
                for e in deployment.log
            ],
            "audit": audit_document(deployment),
        }
    return document


def record_document(record: Deployment | Unreadable, environment: str, at: float) -> Document:
    """One line of the history; of a record that cannot be read what lies beside its body."""
    if isinstance(record, Deployment):
        return deployment_document(record, at, whole=False) | {"cost": came_document(record)}
    return {
        "at": iso(at), "deployment": record.id, "event": "deployment", "environment": environment,
        "release": record.release or None, "status": "unreadable", "reason": record.why,
    }  # fmt: skip


def unseen_document(environment: str, why: str, at: float) -> Document:
    """An environment that did not answer, while others did."""
    return {
        "at": iso(at), "deployment": None, "event": "unseen", "environment": environment,
        "reason": why,
    }  # fmt: skip


def status_document(standing: Standing) -> Document:
    """What serves, what runs, how the last deployment ended, and what to do next."""
    seen, active, last, now = standing.seen, standing.active, standing.last, standing.now
    return {
        "at": iso(now),
        "deployment": active.deployment.id if active else None,
        "event": "status",
        "service": standing.service,
        "environment": standing.environment,
        "url": standing.url,
        "weights": weights(seen.weights),
        "group": group(seen),
        "asleep": asleep_document(rest_known(standing)) if seen.asleep else None,
        "slots": {slot: _slot(seen[slot]) for slot in Slot},
        "active": _active(active, now, standing.opinion) if active else None,
        "last": deployment_document(last, now, whole=False) if last else None,
        "owed": owed_document(standing.owed, now),
        "freeze": freeze_document(standing.freeze),
        "next_command": next_command(standing) or None,
    }


def asleep_document(rest: Rest | None) -> Document:
    """Since when it sleeps, and what waking puts back; None where no record tells."""
    return {
        "since": iso(rest.at) if rest else None,
        "slots": {slot: _size(rest[slot]) for slot in Slot} if rest else None,
    }


def _size(size: Size) -> Document:
    release = size.release.name if size.release else None
    return {"release": release, "desired": size.desired, "min": size.floor}


def _active(active: Active, now: float, opinion: str) -> Document:
    return {
        **deployment_document(active.deployment, now, whole=False),
        "lease_owner": active.lease.owner,
        "detached": name_of(active.lease.owner) == detached.NAME,
        "lease_expires_at": iso(active.lease.expires_at),
        "lease_alive": active.lease.expires_at > now,
        "judged_until": _when(judged_until(active.deployment)),
        "opinion": opinion or None,
        "possible": list(possible(active, now)),
    }


def _slot(state: SlotState) -> Document:
    return {
        "releases": list(state.releases), "boots": state.boots.name if state.boots else None, "healthy": state.healthy(),
        "desired": state.desired, "min": state.min_size, "max": state.max_size,
        "draining": state.draining,
        "instances": [
            {"id": i.id, "lifecycle": i.lifecycle, "health": i.health, "release": i.release,
             "zone": i.zone}
            for i in state.instances
        ],
    }  # fmt: skip


def weights(live: Weights | None) -> Document | None:
    """Percent per slot; None while nothing was ever released."""
    return {slot: live[slot] / 10 for slot in Slot} if live else None


def group(seen: Snapshot | None) -> Document | None:
    """The users that go their own way, and where to; None: there are none."""
    apart = seen.admitted if seen else None
    return {"users": str(apart.cohort), "slot": apart.slot} if apart else None


def _when(at: float | None) -> str | None:
    return iso(at) if at is not None else None
