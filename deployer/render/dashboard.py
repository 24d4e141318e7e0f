"""What the dashboard shows, as JSON: everything is in words already, so that the page only lays it out. Pure.

An environment, and a fleet, are each one document (docs/dashboard.md); a browser gets a new one
whenever it was read again. Times are epoch seconds: the browser tells them in its own zone.
"""

from collections.abc import Iterator
from typing import Literal

from deployer.engine import audit
from deployer.journal import Active, Ask
from deployer.model import Slot, Snapshot
from deployer.operations.expected import expected_end
from deployer.operations.fleet import Fleet, FleetStatus, Member, Phase
from deployer.operations.fleet_course import possible as fleet_possible
from deployer.operations.fleet_course import standing as fleet_standing
from deployer.operations.fleet_round import ActiveFleet, abandoned
from deployer.plan import Deployment, Event, Status
from deployer.render.asking import hold_words, possible, wanted
from deployer.render.audit import said
from deployer.render.documents import Document
from deployer.render.lines import hook_failed
from deployer.render.owed import leaving, owed_line
from deployer.render.plan import goal, title, unlimited
from deployer.render.progress import (
    LEFT_OUT,
    WORDS,
    Standing,
    finished,
    newest_evidence,
    outcome,
    position,
    step_times,
    time_left,
)
from deployer.render.slots import health, role
from deployer.render.status import asleep_line, frozen_line, held_by, next_command, rest_known
from deployer.render.words import one_line, release_of, serving_of, span

Tone = Literal["good", "bad", "wait", "busy", "calm"]
TONES: dict[Status, Tone] = {
    Status.RUNNING: "busy", Status.RETREATING: "wait", Status.SHIPPED: "good",
    Status.ROLLED_BACK: "wait", Status.HALTED: "bad",
}  # fmt: skip
FLEET_TONES: dict[FleetStatus, Tone] = {
    FleetStatus.RUNNING: "busy", FleetStatus.RETREATING: "wait", FleetStatus.SHIPPED: "good",
    FleetStatus.STOPPED: "bad", FleetStatus.ROLLED_BACK: "wait", FleetStatus.HALTED: "bad",
}  # fmt: skip
MARKS: dict[Phase, str] = {
    Phase.SHIPPED: "done", Phase.PRESENT: "done", Phase.KEPT: "done", Phase.WAITING: "ahead",
    Phase.NOT_BEGUN: "ahead", Phase.BEGINNING: "now", Phase.UNDER_WAY: "now", Phase.TURNING: "now",
    Phase.RETURNING: "now", Phase.RETURNED: "left",
}  # fmt: skip
MOST_STEPS, MOST_EVENTS = 40, 100  # a rolling plan may have thousands


def environment_document(standing: Standing) -> Document:
    """One environment now, and its deployment in progress or the last one in depth."""
    seen, active, now = standing.seen, standing.active, standing.now
    record = active.deployment if active else standing.last
    tone, state = _state(standing)
    return {
        "at": seen.at if seen.at > 0 else now, "service": standing.service,
        "environment": standing.environment, "url": standing.url,
        "serves": serving_of(seen), "state": state, "tone": tone, "notes": list(_notes(standing)),
        "next": next_command(standing) or None,
        "frozen": standing.freeze.words if standing.freeze else None, "slots": slots(seen, record if active else None),
        "asks": [ask.value for ask in askable(active, now)] if active else [],
        "record": record_document(record, active, standing) if record else None,
    }  # fmt: skip


def askable(active: Active, now: float) -> tuple[Ask, ...]:
    """What the page offers. Without a runner `deployer resume` carries on, in a terminal: not a page."""
    gone = active.lease.expires_at <= now
    return tuple(a for a in possible(active, now) if not (gone and a is Ask.RESUME))


def _state(standing: Standing) -> tuple[Tone, str]:
    active, last, now = standing.active, standing.last, standing.now
    if active is not None:
        return _going(active, now)
    if standing.seen.asleep:
        return "calm", "asleep"
    if last is None:
        return "calm", "nothing is deployed"
    return TONES[last.status], f"{title(last.first_plan)}: {WORDS[last.status]}"


def _going(active: Active, now: float) -> tuple[Tone, str]:
    deployment = active.deployment
    what = f"{title(deployment.first_plan)}: {position(deployment)}"
    if active.lease.expires_at <= now:
        return "bad", f"{what}, its runner is gone"
    if deployment.paused_at is not None:
        return "wait", f"{what}, paused"
    if deployment.status is Status.RETREATING:
        return "wait", f"{what}, going back"
    if wanted(deployment):
        return "wait", f"{what}, waits for approval"
    return TONES[deployment.ending or deployment.status], what


def _notes(standing: Standing) -> Iterator[str]:
    """What a person should know besides, a sentence each."""
    active, now = standing.active, standing.now
    if standing.freeze is not None:
        yield frozen_line(standing.freeze, runs=active is not None)
    if standing.seen.asleep:
        yield asleep_line(rest_known(standing), now)
    if active is not None:
        deployment = active.deployment
        if held := hold_words(deployment, now):
            yield held
        if standing.opinion:
            yield f"at present: {one_line(standing.opinion)}"
        if known := newest_evidence(deployment):
            yield known
        gone_s = now - active.lease.expires_at
        yield held_by(active.lease) + (f" ran out {span(gone_s)} ago" if gone_s >= 0 else "")
    elif standing.owed is not None:
        yield owed_line(standing.owed, now)


def slots(seen: Snapshot, record: Deployment | None) -> list[Document]:
    """Both slots; `weight` in percent, None while nothing was ever released."""
    return [
        {
            "name": slot.value, "role": role(record.plan, slot) if record else "",
            "release": release_of(seen[slot]), "health": health(seen[slot]),
            "short": seen[slot].healthy() < seen[slot].desired,
            "weight": None if seen.weights is None else 0.0 if seen.asleep else seen.weights[slot] / 10,
        }
        for slot in Slot
    ]  # fmt: skip


def record_document(record: Deployment, active: Active | None, standing: Standing) -> Document:
    """One deployment in depth."""
    now = standing.now
    return {
        "id": record.id, "title": title(record.first_plan), "tone": TONES[record.ending or record.status],
        "outcome": outcome(record), "reason": one_line(record.reason) or None,
        "by": one_line(record.by), "started_at": record.started_at,
        "finished_at": record.finished_at, "position": position(record), "step": record.cursor,
        "left": (leaving(record, now) or time_left(record, now)) if active else None,
        "expected_end": expected_end(record.first_plan, record.started_at)
        if active and record.original is None
        else None,
        "goal": goal(record.step) if active and not record.over else None,
        "steps": step_documents(record), "hidden": max(0, len(record.plan.steps) - MOST_STEPS),
        "way_back": record.original is not None,
        "events": [event_document(each) for each in reversed(record.log[-MOST_EVENTS:])],
        "acts": [
            {"at": at.at, "who": one_line(who.name), "words": said(at), "from": one_line(", as ".join(filter(None, (who.origin, who.identity))))}
            for at, who in audit.acts(record)
        ],
    }  # fmt: skip


def step_documents(record: Deployment) -> list[Document]:
    """The plan in execution; of a long one as much as there is room for around the current step."""
    steps, done, times = record.plan.steps, finished(record), step_times(record)
    failed = {e.note.split(": failed, ")[0] for e in record.log if hook_failed(e)}
    first = max(0, min(done - MOST_STEPS // 2, len(steps) - MOST_STEPS))
    made = []
    for number in range(first, min(first + MOST_STEPS, len(steps))):
        mark, note = "ahead", ""
        if number < done:
            took = times[number]
            mark = "left" if took == LEFT_OUT else "done"
            note = "left out" if took == LEFT_OUT else "" if took is None else span(took)
            if steps[number].describe() in failed:
                mark, note = "failed", "failed, and that stops nothing"
        elif number == done:
            mark = "failed" if record.status is Status.HALTED else "now"
            note = "stopped here" if record.status is Status.HALTED else ""
        made.append({"number": number + 1, "goal": goal(steps[number]), "mark": mark, "note": note})
    return made


def event_document(event: Event) -> Document:
    """One thing that happened."""
    before = {"retreat": "going back: ", "halted": "halted: ", "asked": "asked: ", "refused": "refused: "}  # fmt: skip
    done = ("✗ " if hook_failed(event) else "✓ ") if event.kind == "step_done" else ""
    words = f"{before.get(event.kind, done)}{unlimited(event.note)}"
    return {"at": event.at, "kind": event.kind, "words": words}


def fleet_document(fleet: Fleet, active: ActiveFleet | None, service: str, now: float) -> Document:
    """The fleet under way, or the last one."""
    lost = active is not None and abandoned(active, now)
    asks = fleet_possible(fleet) if active else ()
    return {
        "at": now, "service": service, "id": fleet.id, "release": one_line(fleet.release),
        "title": f"fleet of {one_line(fleet.release)}",
        "state": f"fleet of {one_line(fleet.release)}: {fleet_standing(fleet)}",
        "tone": "bad" if lost else FLEET_TONES[fleet.status], "by": one_line(fleet.by),
        "started_at": fleet.started_at, "finished_at": fleet.finished_at, "step": fleet.cursor,
        "reason": one_line(fleet.reason) or None,
        "next": "`deployer resume --fleet` has it visited again" if lost else None,
        "asks": [ask.value for ask in asks],
        "waves": [
            {"number": number, "members": [_member(each) for each in fleet.of(wave)]}
            for number, wave in enumerate(fleet.waves, 1)
        ],
    }  # fmt: skip


def _member(member: Member) -> Document:
    return {
        "environment": member.environment, "words": member.phase.words,
        "mark": MARKS.get(member.phase, "failed"), "reason": one_line(member.reason) or None,
    }  # fmt: skip


def no_fleet_document(service: str, now: float) -> Document:
    """Where there was none yet."""
    return {
        "at": now, "service": service, "id": None, "release": None, "title": "fleet",
        "state": "there was no fleet yet", "tone": "calm", "by": None, "started_at": None,
        "finished_at": None, "step": 0, "reason": None, "next": None, "asks": [], "waves": [],
    }  # fmt: skip
