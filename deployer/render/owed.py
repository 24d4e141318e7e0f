"""What a deployment still owes after its end, for people and for programs. Pure."""

from typing import Any

from deployer.durations import spell
from deployer.engine.settling import Outcome, Settlement
from deployer.journal import Active
from deployer.model import Snapshot
from deployer.plan import Deployment
from deployer.planning import stickiness
from deployer.record.held import Unstuck
from deployer.render.words import iso, span, time_of_day


def outstanding(last: Deployment | None, seen: Snapshot) -> Unstuck | None:
    """What is owed by the last deployment that did anything; nothing to a rule that sticks."""
    return stickiness.inherited(last, seen)


def owed_words(unstuck: Unstuck, now: float) -> str:
    """`the production rule's stickiness of 1h, off since 12:03:11: due at 13:04:11 (in 52m)`."""
    due = stickiness.due_at(unstuck)
    when = f"due at {time_of_day(due)} (in {span(due - now)})" if now < due else "due now"
    return f"{_what(unstuck)}, off since {time_of_day(unstuck.at)}: {when}"


def owed_line(unstuck: Unstuck, now: float) -> str:
    """The same, with who gives it back."""
    whose = "gives it back then" if now < stickiness.due_at(unstuck) else "gives it back"
    return f"Owed: {owed_words(unstuck, now)}; `deployer settle` {whose}, or the next deployment"


def owed_document(unstuck: Unstuck | None, now: float) -> dict[str, Any] | None:
    """None: nothing."""
    if unstuck is None:
        return None
    due = stickiness.due_at(unstuck)
    return {
        "what": "stickiness", "sticky_s": unstuck.sticky_s, "off_since": iso(unstuck.at),
        "due_at": iso(due), "due": now >= due,
    }  # fmt: skip


def leaving(deployment: Deployment, now: float) -> str:
    """What one that has come to its end still does before its record says so; empty: it has not."""
    if deployment.ending is None:
        return ""
    unstuck = deployment.unstuck
    if unstuck is None or not (stickiness.waits(deployment) or deployment.reopened):
        return "puts back what it held"
    return f"gives back {owed_words(unstuck, now)}"


def settlement_words(done: Settlement, active: Active | None, now: float) -> str:
    """What `deployer settle` came to, in one sentence; `active`: what holds the environment."""
    still = f"{owed_words(done.unstuck, now)}" if done.unstuck else ""
    if done.outcome is Outcome.GIVEN:
        return f"{done.why}: nothing is owed any more"
    if done.outcome is Outcome.EARLY:
        return (
            f"not yet: {still}; until then clients may hold cookies of a slot that is empty by now"
        )
    if done.outcome is Outcome.HINDERED:
        return (
            f"{still}, but {done.why}; put the traffic back, or let the next deployment begin from "
            "there (--accept-weights): it gives that back"
        )
    if done.outcome is Outcome.BUSY:
        who = active.deployment.id if active is not None else done.deployment
        owes = f"{still}; " if still else ""
        return f"{owes}{who} holds the environment, and sees to what is owed before it ends"
    return "nothing is owed"


def _what(unstuck: Unstuck) -> str:
    return f"the production rule's stickiness of {spell(unstuck.sticky_s)}"
