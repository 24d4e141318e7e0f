"""The plan as text: roles, numbered steps with their deadlines, and how long it will take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from deployer.analysis.ramp import ENOUGH
from deployer.durations import spell
from deployer.intent import Intent
from deployer.model import WHOLE
from deployer.plan import Plan
from deployer.planning import stages
from deployer.planning.milestones import to_full
from deployer.render import terms
from deployer.render.cost import outlook_lines
from deployer.render.words import count, one_line
from deployer.render.words import limit as at_most
from deployer.steps.approve import Approve
from deployer.steps.bake import Bake
from deployer.steps.checkpoint import Checkpoint
from deployer.steps.kinds import Step
from deployer.steps.ramp import Ramp
from deployer.steps.route import Route
from deployer.steps.series import found
from deployer.steps.soak import Soak

if TYPE_CHECKING:
    from rich.text import Text

MINUTE_S = 60.0
UNBROKEN = 10_000  # columns: no terminal, so nothing has to be broken
NUMBER, LEAST_GOAL = 6, 20  # columns of a step's number, and of its goal at least
_LIMIT = re.compile(r" \((?:within|at most) [^)]*\)(?=: |$)")

NOT_ANALYSED = (
    "Not analysed: nothing serves now, so there is nobody to protect, nothing to compare with and "
    "nothing to go back to. The release is provisioned, probed and routed."
)


ONE_WAY = (
    "is marked rollback-safe: false: once users reach it, nothing goes back by itself. A failure "
    "after that halts, for a person to decide."
)


def goal(step: Step) -> str:
    """A step's goal without its time limit, which has a column of its own."""
    return unlimited(step.describe())


def unlimited(words: str) -> str:
    """One line without the limit that a step's description names: said once, it is enough."""
    return one_line(_LIMIT.sub("", words, count=1))


def way_back(plan: Plan) -> bool:
    """The plan does not lead to its release but away from it."""
    if plan.in_place or not plan.ships:
        return plan.strategy == "rollback"
    return not any(isinstance(s, Route) and s.weights[plan.candidate] == WHOLE for s in plan.steps)


def title(plan: Plan) -> str:
    """`canary v2`; a way back says what it leaves: `rollback from v2`."""
    if not plan.ships:
        return one_line(f"{plan.strategy} of {plan.release.name}")
    return one_line(f"{plan.strategy} {'from ' if way_back(plan) else ''}{plan.release.name}")


def roles(plan: Plan) -> str:
    """Which slot gets what, and how big."""
    previous = one_line(plan.previous or "") or "an unknown release"
    release = one_line(plan.release.name)
    if not plan.ships:
        return f"{plan.candidate} serves {release}, {count(plan.capacity, 'instance')}"
    if plan.in_place:
        new, old = (previous, release) if way_back(plan) else (release, previous)
        return f"{plan.candidate} gets {new} in place of {old}, {count(plan.capacity, 'instance')}"
    if way_back(plan):
        who = f"candidate {plan.candidate} gives up {release}"
    else:
        who = f"{'candidate ' if plan.stable else ''}{plan.candidate} gets {release}"
    if plan.stable:
        who += f", stable {plan.stable} {'keeps' if way_back(plan) else 'serves'} {previous}"
    return f"{who}; {count(plan.capacity, 'instance')} for all of the traffic"


def steps_to_full(plan: Plan) -> tuple[Step, ...]:
    """The steps up to the last that moves traffic; empty if none does. In place all of them do."""
    return plan.steps[: to_full(plan)]


def expected_s(plan: Plan) -> float:
    """Seconds of judging until one slot has everything: what can be known beforehand.

    A bake cannot pass before its first whole minute of metrics is complete: that begins up to a
    minute after it was entered.
    """
    return sum(map(baking_s, steps_to_full(plan))) + terms.ramping_s(plan)


def baking_s(step: Step) -> float:
    """Seconds that a step judges for at least; 0 if it does not."""
    if isinstance(step, Bake):
        return max(step.bake_s, step.delay_s + 2 * MINUTE_S)
    return max(step.soak_s, step.delay_s + 2 * MINUTE_S) if isinstance(step, Soak) else 0.0


def limit(step: Step, intent: Intent) -> str:
    """A step's time limit; a pause has none. That it may wait for a person, its plan says once."""
    if isinstance(step, Checkpoint):
        return "until resumed"
    return f"within {at_most(step.deadline_s - asking_s(step, intent))}"


def asking_s(step: Step, intent: Intent) -> float:
    """Seconds of its deadline in which a person is waited for, if the evidence leaves it to one."""
    if isinstance(step, Bake):
        return stages.asking_s(intent, step.share)
    if isinstance(step, Ramp):
        return stages.asking_s(intent, ENOUGH)
    return stages.asking_s(intent, WHOLE) if isinstance(step, Soak) else 0.0


def latest_s(plan: Plan) -> float:
    """Seconds until one slot has everything, or it has turned back; a checkpoint's pause apart."""
    return sum(step.deadline_s for step in steps_to_full(plan))


def estimate(plan: Plan) -> str:
    """The time to full traffic, in words; empty if no traffic moves."""
    if not steps_to_full(plan):
        return ""
    pausing = any(isinstance(step, Checkpoint) for step in steps_to_full(plan))
    held_s = sum(asking_s(step, plan.intent) for step in steps_to_full(plan))
    return (
        f"{'All replaced' if plan.in_place else 'Full traffic'} {_about(plan)}"
        f"{at_most(latest_s(plan) - held_s)} at the latest{', without the pause' if pausing else ''}"
        f"{_held(plan.intent.approve_s) if held_s else ''}."
    )


def _about(plan: Plan) -> str:
    """How long it usually takes: where that was simulated, the outlook has said it."""
    if plan.outlook is not None and plan.outlook.full_s is not None:
        return "after "
    baking = expected_s(plan)
    about = f"about {spell(baking)} and " if baking else ""
    asking = any(isinstance(step, Approve) for step in steps_to_full(plan))
    return f"in {about}the time that instances take to start{' and people to approve' if asking else ''}; "


def _held(approve_s: float) -> str:
    return f", unless the evidence leaves it to a person, who has {spell(approve_s)}"


def step_lines(steps: Sequence[Step], intent: Intent) -> Iterator[tuple[str, str, str]]:
    """Number, goal and limit of each step; of a long series of batches the first, and how many more."""
    hidden = {each.at + 2: each for each in found(steps)}
    at = 0
    while at < len(steps):
        if (series := hidden.get(at)) is None:
            yield str(at + 1), goal(steps[at]), limit(steps[at], intent)
            at += 1
            continue
        more, stride = series.number - 1, count(series.stride, "instance")
        yield (
            "…",
            f"and so on: {more} more batches of {stride}, each judged",
            f"steps {at + 1} to {series.end}",
        )
        at = series.end


def step_table(lines: Sequence[tuple[str, str, str]], width: int) -> Iterator[Text]:
    """A line for each step, its limit in a column of its own; a goal too long for its own goes on below."""
    from rich.text import Text  # noqa: PLC0415  the functions in the cloud have no console

    longest = max((len(words) for _, words, _ in lines), default=0)
    column = max((len(until) for _, _, until in lines), default=0)
    room = max(1, min(longest, max(LEAST_GOAL, width - NUMBER - 2 - column)))
    for number, words, until in lines:
        first, *rest = wrap(words, room) or [""]
        line = Text().append(f"  {number:>2}  ", "dim").append(first.ljust(room))
        yield line.append(f"  {until}", "dim")
        yield from (Text(f"{' ' * NUMBER}{part}") for part in rest)


def plan_text(plan: Plan, service: str, environment: str, width: int = UNBROKEN) -> Text:
    """Everything a person should know before it begins; the table of steps in `width` columns."""
    from rich.text import Text  # noqa: PLC0415  the functions in the cloud have no console

    text = Text()
    text.append(title(plan), "bold")
    text.append(f" in {service}/{environment}\n{roles(plan)}\n")
    for line in step_table(tuple(step_lines(plan.steps, plan.intent)), width):
        text.append_text(line).append("\n")
    if plan.strategy == "first":
        text.append(f"{NOT_ANALYSED}\n", "yellow")
    if plan.irreversible:
        text.append(f"{one_line(plan.release.name)} {ONE_WAY}\n", "yellow")
    for note in (*terms.lines(plan), *plan.notes, *outlook_lines(plan)):
        text.append(f"{one_line(note)}\n")
    text.append(estimate(plan))
    text.rstrip()
    return text
