"""Where a deployment stands, worked out from its record: step times, time left, outcome. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from deployer.freezes import Freeze
from deployer.journal import Active, Ask
from deployer.model import WHOLE, Snapshot
from deployer.plan import DELETE, RETIRE, SLEEP, WAKE, Deployment, Event, Status
from deployer.record.course import shared_since
from deployer.record.held import Unstuck
from deployer.render.plan import MINUTE_S, asking_s, goal
from deployer.render.words import date_and_time, one_line, span, time_of_day
from deployer.steps.bake import Bake
from deployer.steps.checkpoint import Checkpoint
from deployer.steps.linger import Linger
from deployer.steps.ramp import Ramp
from deployer.steps.route import Route
from deployer.steps.soak import Soak

WORDS = {
    Status.RUNNING: "running",
    Status.RETREATING: "going back",
    Status.SHIPPED: "shipped",
    Status.ROLLED_BACK: "rolled back",
    Status.HALTED: "halted",
}
STYLES = {
    Status.RUNNING: "cyan",
    Status.RETREATING: "yellow",
    Status.SHIPPED: "green",
    Status.ROLLED_BACK: "yellow",
    Status.HALTED: "red",
}
PASSING = ("waiting", "unavailable", "unshown")  # kinds of events that speak of the moment only


@dataclass(frozen=True, slots=True)
class View:
    """What a live view shows: the record, the newest reading, and what was told last.

    note:  the newest word on the step in execution.
    scale: how many times faster than the wall's the clock runs.
    """

    service: str
    environment: str
    deployment: Deployment
    seen: Snapshot | None = None
    note: str = ""
    evidence: Mapping[str, Any] | None = None
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What `status` tells: the environment now, its deployment in progress, its newest record.

    owed: what an ended deployment has still to give back.
    now: epoch seconds.
    opinion: what is thought of the candidate at this moment; empty: nothing compares it.
    freeze: the one that is on; None: something may begin.
    """

    service: str
    environment: str
    url: str
    seen: Snapshot
    active: Active | None
    last: Deployment | None
    now: float
    owed: Unstuck | None = None
    opinion: str = ""
    freeze: Freeze | None = None


def see(view: View, deployment: Deployment, event: Event, seen: Snapshot | None) -> View:
    """The view after one more thing was told."""
    return replace(
        view,
        deployment=deployment,
        seen=seen or view.seen,
        note=event.note if event.kind in PASSING else "",
        evidence=event.detail if "verdict" in event.detail else view.evidence,
    )


def finished(deployment: Deployment) -> int:
    """Steps of the plan in execution that are done."""
    steps = len(deployment.plan.steps)
    complete = (deployment.ending or deployment.status) in (Status.SHIPPED, Status.ROLLED_BACK)
    return steps if complete else min(deployment.cursor, steps)


LEFT_OUT = -1.0  # in place of the seconds that a step took: `promote --full` went past it


def step_times(deployment: Deployment) -> tuple[float | None, ...]:
    """Seconds that each finished step took; None where the record no longer tells, or LEFT_OUT."""
    began: float | None = None
    times: list[float | None] = []
    whole = False  # the log still has the beginning of the plan in execution
    for event in deployment.log:
        if event.kind in ("started", "retreat"):
            times, whole = [], True
        elif event.kind == "step_done" or ended_by_asking(event):
            times.append(event.at - began if began is not None else None)
        else:
            continue
        if event.note.startswith(f"{Ask.PROMOTE_FULL} "):
            times += [LEFT_OUT if whole else None] * (whole_route(deployment) - len(times))
        began = event.at
    done = finished(deployment)
    known = times[max(0, len(times) - done) :]
    return (*[None] * (done - len(known)), *known)


def ended_by_asking(event: Event) -> bool:
    """A person ended a step: `promote by alice@laptop`."""
    asks = (Ask.PROMOTE, Ask.PROMOTE_FULL, Ask.APPROVE)
    return event.kind == "asked" and event.note.startswith(tuple(f"{ask} by " for ask in asks))


def whole_route(deployment: Deployment) -> int:
    """Index of the step of the plan in execution that gives the candidate everything; 0 if none."""
    plan = deployment.plan
    for number, step in enumerate(plan.steps):
        if isinstance(step, Route) and step.weights[plan.candidate] == WHOLE:
            return number
    return 0


def time_left(deployment: Deployment, now: float) -> str:
    """What remains of the step in execution, in words; while it is paused that stays."""
    moment = now if deployment.paused_at is None else deployment.paused_at
    step, elapsed_s = deployment.step, moment - deployment.entered_at
    if isinstance(step, Checkpoint):
        return "however long that takes"
    if isinstance(step, Linger) and elapsed_s < step.least_s:
        return f"{span(step.least_s - elapsed_s)} left of the window"
    if isinstance(step, Ramp) or (isinstance(step, Bake) and elapsed_s >= step.bake_s):
        return gathering(deployment, moment)
    if isinstance(step, Bake):
        return f"{span(step.bake_s - elapsed_s)} left"
    if isinstance(step, Soak):
        known = elapsed_s >= step.soak_s
        left = f"{span((step.patience_s if known else step.soak_s) - elapsed_s)} left"
        return f"{left} to gather evidence" if known else left
    left_s = step.linger_s - elapsed_s if isinstance(step, Linger) else deployment.due_at - moment
    return f"at most {span(left_s)} left"


def gathering(deployment: Deployment, moment: float) -> str:
    """What remains to gather evidence, and then for a person, if it is left to one."""
    step = deployment.step
    until = judged_until(deployment)
    if isinstance(step, Bake) and (until is None or not step.decides):
        until = deployment.entered_at + step.patience_s
    if until is not None and moment < until:
        return f"{span(until - moment)} left to judge it"
    left = span(deployment.due_at - moment)
    if asking_s(step, deployment.plan.intent):
        return f"{left} left for a person to decide"
    return f"at most {left} left"


def decision(deployment: Deployment, now: float) -> str:
    """What a person is to decide, since the time for evidence is up; empty: nothing."""
    step, until = deployment.step, judged_until(deployment)
    judged = isinstance(step, Ramp) or (isinstance(step, Bake) and step.decides)
    asks = judged and asking_s(step, deployment.plan.intent) > 0
    if deployment.status is not Status.RUNNING or not asks or until is None or now < until:
        return ""
    return (
        "`deployer promote` lets it go on, `deployer abort` goes back; without either it goes back at "
        f"{date_and_time(deployment.due_at)}"
    )


def judged_until(deployment: Deployment) -> float | None:
    """When the time to gather evidence beside the stable slot is up, epoch seconds; None: it is not so judged.

    It counts from the candidate's first share, whatever the step; not while a person held it in this
    one, and in a ramp only since somebody is there to act.
    """
    terms, first = deployment.plan.intent.terms, shared_since(deployment.shares)
    if terms is None or first is None or deployment.plan.strategy != "canary":
        return None
    climbs = isinstance(deployment.step, Ramp)
    since = max(first, deployment.attended_at) if climbs else first + deployment.held_s
    return since + MINUTE_S * terms.limits.max_minutes


def position(deployment: Deployment) -> str:
    """`step 3/9`, or how it ended."""
    if deployment.status.final or deployment.ending is not None:
        return WORDS[deployment.ending or deployment.status]
    return f"step {deployment.cursor + 1}/{len(deployment.plan.steps)}"


def took_s(deployment: Deployment, now: float) -> float:
    """Seconds from the start to the end, or to `now`."""
    return (now if deployment.finished_at is None else deployment.finished_at) - (
        deployment.started_at
    )


def outcome(deployment: Deployment) -> str:
    """How it ended, or stands, as one sentence."""
    release = one_line(deployment.first_plan.release.name)
    took = span(took_s(deployment, deployment.entered_at))
    because = f": {one_line(deployment.reason)}" if deployment.reason else ""
    if not deployment.first_plan.ships and deployment.status.final:
        state, rest = rested(deployment)
        return f"{state} after {took}{rest}{because}"
    if deployment.status is Status.SHIPPED:
        return f"{release} shipped in {took}"
    if deployment.status is Status.ROLLED_BACK:
        stable = one_line(deployment.plan.previous or "") if deployment.plan.stable else ""
        return f"{release} rolled back after {took}{because}{f'; {stable} serves' * bool(stable)}"
    if deployment.status is Status.HALTED:
        return f"{release} halted after {took}{because}"
    state = WORDS[deployment.status] if deployment.paused_at is None else "paused"
    return f"{release} {state}, {position(deployment)}: {goal(deployment.step)}"


def rested(deployment: Deployment) -> tuple[str, str]:
    """What has become of an environment that was put to sleep, woken, retired or deleted; what else."""
    plan, status = deployment.first_plan, deployment.status
    release = one_line(plan.release.name)
    if status is Status.HALTED:
        return f"{plan.strategy} of {release} halted", ""
    there = status is Status.SHIPPED
    return {
        SLEEP: ("asleep", f", with {release} to wake to")
        if there
        else ("not asleep", f", {release} serves"),
        WAKE: ("awake", f", {release} serves") if there else ("still asleep", ""),
        RETIRE: (f"{plan.candidate.twin} is empty", f", {release} serves")
        if there
        else ("not retired", ""),
        DELETE: ("the service stack is being deleted" if there else "not deleted", ""),
    }[plan.strategy]


def newest_evidence(deployment: Deployment) -> str:
    """`known at 18:02:11: candidate …`, of what the record keeps of a canary under way; empty: nothing."""
    kept = (event for event in reversed(deployment.log) if "verdict" in event.detail)
    event = next(kept, None)
    if event is None or deployment.status is not Status.RUNNING:
        return ""
    counted = ", ".join(" ".join(line.split()) for line in evidence_lines(event.detail))
    against, threshold = event.detail.get("against"), event.detail.get("threshold")
    known = isinstance(against, int | float) and isinstance(threshold, int | float)
    weight = f"; evidence against it {against:.3g}, goes back at {threshold:.3g}" if known else ""
    return f"known at {time_of_day(event.at)}: {counted}{weight}" if counted else ""


def evidence_lines(evidence: Mapping[str, Any]) -> tuple[str, ...]:
    """`candidate  312 requests, 0 failed (0.00%)`, one line for each side that was counted."""
    lines = []
    for side in ("candidate", "stable"):
        requests, failures = (evidence.get(f"{side}_{what}") for what in ("requests", "failures"))
        if isinstance(requests, int) and isinstance(failures, int):
            share = f" ({failures / requests:.2%})" if requests > 0 else ""
            lines.append(f"{side:<9}  {requests:,} requests, {failures:,} failed{share}")
    return tuple(lines)
