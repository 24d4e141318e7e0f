"""Plain lines for logs and pipes: one for each thing that happens, none said twice. Pure."""

from deployer.plan import Deployment, Event
from deployer.render.plan import goal, title, unlimited
from deployer.render.progress import PASSING
from deployer.render.words import one_line, time_of_day


def plain_line(deployment: Deployment, event: Event) -> str:
    """`18:02:11  step 3/9  route blue 95 % / green 5 %`."""
    return f"{time_of_day(event.at)}  {content(deployment, event)}"


def content(deployment: Deployment, event: Event) -> str:
    """The line without its time: two with the same content say the same."""
    note = unlimited(event.note)
    if event.kind == "retreat":
        return f"going back: {note}"
    if event.kind in ("halted", "asked", "refused"):
        return f"{event.kind}: {note}"
    where = f"step {step_number(deployment, event)}/{len(deployment.plan.steps)}"
    if event.kind in PASSING and not deployment.status.final:
        return f"{where}  {goal(deployment.step)}: {note}"
    if event.kind == "step_done":
        return f"{where}  {'✗' if hook_failed(event) else '✓'} {note}"
    if event.kind == "change":
        return f"{where}  → {note}"
    return note


def step_number(deployment: Deployment, event: Event) -> int:
    """The step that `event` speaks of, from 1; the record is already past a finished one."""
    finished_earlier = event.kind == "step_done" and not deployment.over
    return deployment.cursor + (0 if finished_earlier else 1)


def hook_failed(event: Event) -> bool:
    """The end of a hook that failed, where that stops nothing."""
    return event.kind == "step_done" and event.detail.get("hook") == "failed"


def output_lines(event: Event) -> tuple[str, ...]:
    """What a hook said at its end, if the event is that."""
    said = event.detail.get("output")
    lines = said.splitlines() if isinstance(said, str) else ()
    return tuple(f"            | {one_line(line)}" for line in lines)


def way_back_lines(deployment: Deployment) -> tuple[str, ...]:
    """What the way back consists of, once it has been compiled."""
    steps = (f"  {n:>2}  {goal(step)}" for n, step in enumerate(deployment.plan.steps, 1))
    return (f"the way back of {title(deployment.first_plan)}:", *steps)
