"""`deployer status` for people: what serves, what runs, how the last one ended, what to do next."""

from rich.text import Text

from deployer.journal import Active
from deployer.model import Snapshot
from deployer.plan import Deployment, Status
from deployer.render.plan import goal, title
from deployer.render.progress import STYLES, outcome, position, time_left, took_s
from deployer.render.slots import slot_lines
from deployer.render.words import one_line, serving_of, span, time_of_day


def status_text(
    place: str, url: str, seen: Snapshot, active: Active | None, last: Deployment | None,
    now: float, width: int,
) -> Text:  # fmt: skip
    """The whole page; `place` is SERVICE/ENVIRONMENT."""
    head = Text()
    head.append(place, "bold")
    head.append(f"  serves {serving_of(seen)}")
    head.append(f"  {url}", "dim")
    lines = [head, *slot_lines(seen, active.deployment.plan if active else None, width)]
    if active is not None:
        lines += _active(active, now)
    elif last is not None:
        lines += _last(last, now)
    else:
        lines.append(Text("No deployment yet."))
    command = next_command(seen, active, last, now)
    if command:
        lines.append(Text(f"Next: {command}", "bold"))
    return Text("\n").join(lines)


def _active(active: Active, now: float) -> tuple[Text, ...]:
    deployment, lease = active.deployment, active.lease
    head = Text()
    head.append(f"{title(deployment.first_plan)} ")
    head.append(position(deployment), f"bold {STYLES[deployment.status]}")
    left = "" if deployment.status.final else f", {time_left(deployment, now)}"
    head.append(f"  {goal(deployment.step)}{left}")
    since = f"{deployment.id}, for {span(took_s(deployment, now))}, by {one_line(deployment.by)}"
    alive_s = lease.expires_at - now
    hold = f"lease of {one_line(lease.owner)}"
    lines = [head, Text(f"  {since}", "dim")]
    if deployment.reason:
        lines.insert(1, Text(f"  {one_line(deployment.reason)}", STYLES[deployment.status]))
    if alive_s > 0:
        lines.append(Text(f"  {hold}, renewed until {time_of_day(lease.expires_at)}", "dim"))
    else:
        lines.append(Text(f"  {hold} ran out {span(-alive_s)} ago: its runner is gone", "red"))
    return tuple(lines)


def _last(last: Deployment, now: float) -> tuple[Text, ...]:
    text = Text("Last: ")
    text.append(outcome(last), STYLES[last.status])
    ended = last.finished_at if last.finished_at is not None else last.entered_at
    return (text, Text(f"  {last.id}, {span(now - ended)} ago, by {one_line(last.by)}", "dim"))


def next_command(
    seen: Snapshot, active: Active | None, last: Deployment | None, now: float
) -> str:
    """What a person has to run now; empty if nothing is asked of anybody."""
    if active is not None:
        if active.lease.expires_at > now:
            return ""
        return "`deployer resume` to go on, or `deployer abort` to go back"
    if last is None:
        return "`deployer canary RELEASE` ships the first release"
    if last.status is not Status.HALTED:
        return ""
    previous = one_line(last.plan.previous or "") or "the release before"
    if seen.weights is None or seen.weights.sole is last.plan.stable:
        return "`deployer canary RELEASE` ships again"
    if seen.weights.sole is None and last.plan.stable is not None:
        return f"`deployer rollback` goes back to {previous}"
    if last.plan.stable is None:
        return "`deployer canary RELEASE` ships a good release"
    return f"`deployer rollback` goes back to {previous}, `deployer canary RELEASE` ships on"
