"""`deployer status` for people: what serves, what runs, how the last one ended, what to do next."""

from rich.text import Text

from deployer.engine import control
from deployer.freezes import Freeze
from deployer.journal import Active, Lease, name_of
from deployer.model import Snapshot
from deployer.operations import detached
from deployer.plan import Deployment, Status
from deployer.planning import completing, stickiness
from deployer.record.held import Rest
from deployer.render.asking import backing, commands, hold_words, possible, wanted
from deployer.render.owed import leaving, owed_line
from deployer.render.plan import goal, title
from deployer.render.progress import (
    STYLES,
    Standing,
    decision,
    newest_evidence,
    outcome,
    position,
    time_left,
    took_s,
)
from deployer.render.slots import slot_lines
from deployer.render.words import date_and_time, one_line, serving_of, span, time_of_day


def status_text(standing: Standing, width: int) -> Text:
    """The whole page."""
    seen, active, last, now = standing.seen, standing.active, standing.last, standing.now
    head = Text()
    head.append(f"{standing.service}/{standing.environment}", "bold")
    head.append(f"  serves {serving_of(seen)}")
    head.append(f"  {one_line(standing.url)}", "dim")
    lines = [head, *slot_lines(seen, active.deployment.plan if active else None, width)]
    if seen.asleep:
        lines.append(Text(asleep_line(rest_known(standing), now), "yellow"))
    if standing.freeze is not None:
        lines.append(Text(frozen_line(standing.freeze, runs=active is not None), "yellow"))
    if active is not None:
        lines += _active(active, now, standing.opinion)
    elif last is not None:
        lines += _last(last, now)
    else:
        lines.append(Text("The journal holds no deployment.", "dim"))
    if standing.owed is not None and active is None:
        lines.append(Text(owed_line(standing.owed, now), "yellow"))
    command = next_command(standing)
    if command:
        lines.append(Text(f"Next: {command}", "bold"))
    return Text("\n").join(lines)


def frozen_line(freeze: Freeze, *, runs: bool) -> str:
    """What a freeze means here."""
    goes_on = "what runs goes on" if runs else "`deployer rollback` is possible"
    return one_line(f"Frozen: {freeze.words}: nothing begins, {goes_on}")


def rest_known(standing: Standing) -> Rest | None:
    """What the newest record tells of the environment before it went to sleep."""
    newest = standing.active.deployment if standing.active else standing.last
    return newest.first_plan.rest if newest else None


def asleep_line(rest: Rest | None, now: float) -> str:
    """Since when it sleeps, and what waking puts back."""
    if rest is None:
        return "Asleep; no record tells since when, or how large it was."
    since = f"{date_and_time(rest.at)} ({span(now - rest.at)})"
    return one_line(f"Asleep since {since}; waking puts back {rest}")


def _active(active: Active, now: float, opinion: str) -> tuple[Text, ...]:
    deployment, lease = active.deployment, active.lease
    head = Text()
    head.append(f"{title(deployment.first_plan)} ")
    head.append(position(deployment), f"bold {STYLES[deployment.ending or deployment.status]}")
    left = "" if deployment.status.final else f", {time_left(deployment, now)}"
    head.append(f"  {leaving(deployment, now) or goal(deployment.step) + left}")
    since = f"{one_line(deployment.id)}, for {span(took_s(deployment, now))}, by {one_line(deployment.by)}"
    alive_s = lease.expires_at - now
    hold = held_by(lease)
    lines = [head, Text(f"  {since}", "dim")]
    if deployment.paused_at is not None:
        lines.insert(1, Text(f"  {hold_words(deployment, now)}", "bold yellow"))
    if deployment.reason:
        lines.insert(1, Text(f"  {one_line(deployment.reason)}", STYLES[deployment.status]))
    if opinion:
        lines.append(Text(f"  at present: {one_line(opinion)}"))
    if known := newest_evidence(deployment):
        lines.append(Text(f"  {known}", "dim"))
    if alive_s > 0:
        lines.append(Text(f"  {hold}, renewed until {time_of_day(lease.expires_at)}", "dim"))
    else:
        lines.append(Text(f"  {hold} ran out {span(-alive_s)} ago: its runner is gone", "red"))
    asks = possible(active, now)
    lines.append(Text(f"  possible now: {commands(asks) or 'nothing, but to watch'}", "dim"))
    return tuple(lines)


def held_by(lease: Lease) -> str:
    """Who carries the deployment out."""
    if name_of(lease.owner) == detached.NAME:
        return "carried out by the state machine in the cloud; lease of AWS Step Functions"
    return f"lease of {one_line(lease.owner)}"


def _last(last: Deployment, now: float) -> tuple[Text, ...]:
    text = Text("Last: ")
    text.append(outcome(last), STYLES[last.status])
    ended = last.finished_at if last.finished_at is not None else last.entered_at
    return (
        text,
        Text(f"  {one_line(last.id)}, {span(now - ended)} ago, by {one_line(last.by)}", "dim"),
    )


def next_command(standing: Standing) -> str:
    """What a person has to run now; empty if nothing is asked of anybody."""
    active, last = standing.active, standing.last
    if active is not None:
        return asked_in_progress(active, standing.now)
    if standing.seen.weights is None and last is None:
        return "`deployer canary RELEASE` ships the first release"
    if standing.seen.asleep or (last is not None and last.status is Status.HALTED):
        return after_halt(standing.seen, last)
    weights, apart = standing.seen.weights, standing.seen.admitted
    if apart is not None and weights is not None and weights.sole is not None:
        return (
            f"the users {one_line(str(apart))} go their own way: find out why; `deployer rollback`, "
            "or the next release with --accept-weights, ends that"
        )
    if weights is not None and weights.sole is None:
        return "`deployer rollback` gives one slot all of the traffic"
    return settling(standing)


def asked_in_progress(active: Active, now: float) -> str:
    """What a deployment in progress waits for from a person."""
    if active.lease.expires_at > now:
        return wanted(active.deployment) or decision(active.deployment, now)
    back = backing(active.deployment)
    return f"`deployer resume` to go on{f', or {back} to go back' if back else ''}"


def settling(standing: Standing) -> str:
    """The command that gives back what is owed, once it is time."""
    due = standing.owed is not None and standing.now >= stickiness.due_at(standing.owed)
    return "`deployer settle` gives back what is owed" if due else ""


def after_halt(seen: Snapshot, halted: Deployment | None) -> str:
    """The way on from where a halted deployment left the traffic, or where a page answers."""
    if seen.asleep or halted is None:
        return "`deployer wake` lets it serve again"
    stable, weights = halted.plan.stable, seen.weights
    previous = one_line(halted.plan.previous or "") or "the release before"
    if control.stuck(halted):
        open_to = completing.open_to(halted, seen)
        first = "`deployer promote --full` gives it all of the traffic, then " if open_to else ""
        return (
            f"{first}`deployer deploy RELEASE` ships what mends it; `deployer rollback --force` goes "
            f"back to {previous} all the same"
        )
    if halted.plan.in_place and len(seen[halted.plan.candidate].releases) > 1:
        return f"`deployer rollback` replaces the rest back by {previous}"
    apart = seen.admitted is not None and seen.admitted.slot is halted.plan.candidate
    if stable is None or weights is None or (weights.sole is stable and not apart):
        return "`deployer canary RELEASE` ships again"
    back = f"`deployer rollback` goes back to {previous}"
    halfway = weights.sole is None or weights.sole is stable
    return back if halfway else f"{back}, `deployer canary RELEASE` ships on"
