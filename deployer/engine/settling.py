"""Settle what a deployment that has ended still owes, at any later time, in one visit.

What it may owe is the production rule's stickiness (deployer.planning.stickiness): clients hold cookies of
the slot that it emptied for longer than it may keep its environment. And what it could not put back
when it ended, since AWS refused or did not answer: processes of a group that it had suspended, a minimum
that it had raised (deployer.engine.parting); that is tried again, at most every RETRY_S.

The debt lies in the record of the last deployment that did anything, since each one inherits it from the
one before; what a group was left with keeps the next one from beginning. That record is opened again, which takes the environment as any deployment does, and comes to the same end once
more: by the same transitions, under a lease, written down before the change. Kill the process
anywhere, and the next visit, or `deployer resume`, goes on.

The command line calls this, and so may a schedule: who comes too early, or twice, changes nothing.
"""

from dataclasses import dataclass
from enum import StrEnum

from deployer.durations import spell
from deployer.engine import parting
from deployer.engine.exits import REFUSED
from deployer.engine.loop import Runner
from deployer.errors import CloudUnavailable, DeployError, Halted, Locked
from deployer.journal import Active, Lease, last_begun
from deployer.model import Snapshot
from deployer.plan import Deployment
from deployer.planning import stickiness
from deployer.record.held import Unstuck
from deployer.steps.base import LATE_READING_S

RETRY_S = 900.0
VISIT_S = 60.0  # a look, a change, and a look that sees it


class Outcome(StrEnum):
    """What a visit came to; documented in docs/cli.md."""

    NOTHING = "nothing"
    GIVEN = "given"  # or it sticks already, or the rule is gone
    EARLY = "early"
    HINDERED = "hindered"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a visit came to.

    deployment: who owes, or owed; empty: nobody.
    unstuck:    what is still owed; None: nothing.
    why:        in words, where the outcome alone does not tell.
    """

    outcome: Outcome
    deployment: str = ""
    unstuck: Unstuck | None = None
    why: str = ""


def settle(runner: Runner, environment: str) -> Settlement:
    """Give back what is owed and due; what is not due, or not possible now, is told and left.

    Raises:
        Halted: AWS refuses it for good: a person must look. It stays owed.
        CloudUnavailable: no answer; come again.
        AccessProblem: credentials or a permission are missing.
        LeaseLost: somebody else has taken over in the middle; nothing was changed since.
    """
    now = runner.clock.now()
    active = runner.journal.active(environment)
    if active is not None:
        return _beside(runner, active, now)
    last = last_begun(runner.journal, environment)
    if last is None or not (last.unstuck or holds_still(last, now)):
        return Settlement(Outcome.NOTHING)
    hindered = standing(last, runner.cloud.observe(), now)
    if hindered is not None and not holds_still(last, now):
        return hindered
    try:
        opened = runner.journal.reopen(parting.reopened(last, now), _lease(runner))
    except Locked as taken:
        return Settlement(Outcome.BUSY, last.id, last.unstuck, str(taken))
    return _carry(runner, opened)


def holds_still(last: Deployment, now: float) -> bool:
    """Whether it has left a group as it should not be, and that was not tried just now. Pure."""
    tried_at = max((last.finished_at or 0.0, *(event.at for event in last.log[-1:])))
    return parting.restoration(last) is not None and now - tried_at >= RETRY_S


def standing(last: Deployment, seen: Snapshot, now: float) -> Settlement | None:
    """Why there is nothing to do now about what `last` owes; None: there is."""
    unstuck = last.unstuck
    if unstuck is None:
        return Settlement(Outcome.NOTHING)
    early = Settlement(Outcome.EARLY, last.id, unstuck)
    if seen.sticky_s is not None or seen.weights is None:
        return early if now < unstuck.at + LATE_READING_S else None  # the record is put straight
    if now < stickiness.due_at(unstuck):
        return early
    hindered = stickiness.hindrance(last, seen)
    return Settlement(Outcome.HINDERED, last.id, unstuck, hindered) if hindered else None


def _beside(runner: Runner, active: Active, now: float) -> Settlement:
    """The environment is taken: by a deployment, or by a visit like this one, which may have died."""
    record = active.deployment
    if record.reopened and active.lease.expires_at <= now:
        lease = _lease(runner)
        return _carry(runner, runner.journal.take_over(record.environment, lease, now))
    return Settlement(Outcome.BUSY, record.id, record.unstuck)


def _carry(runner: Runner, opened: Deployment) -> Settlement:
    """From here to the end once more, whatever happens on the way."""
    try:
        ended = runner.visit(Active(opened, _lease(runner)), VISIT_S)
    except DeployError:
        _close(runner, opened.environment)
        raise
    if not ended.status.final:
        _close(runner, opened.environment)
        raise CloudUnavailable(f"{_what(opened)} is still to be given back: AWS did not answer")
    why = ended.log[-1].note
    if parting.restoration(ended) is not None:
        raise Halted(
            f"{why}; {ended.id} has left it so, and it is tried again: see `deployer status`"
        )
    if parting.restoration(opened) is not None:
        return Settlement(Outcome.GIVEN, ended.id, ended.unstuck, why)
    if why.startswith(REFUSED):
        raise Halted(f"{why}; it stays owed ({ended.id}), and `deployer settle` tries again")
    outcome = Outcome.GIVEN if ended.unstuck is None else Outcome.HINDERED
    return Settlement(outcome, ended.id, ended.unstuck, why)


def _close(runner: Runner, environment: str) -> None:
    """The record is final again, as far as it is ours to say: nobody has to wait for our lease."""
    active = runner.journal.active(environment)
    if active is None or active.lease.owner != runner.owner or not active.deployment.reopened:
        return
    closed = parting.leave(active.deployment, runner.clock.now())
    runner.journal.save(closed, _lease(runner))


def _lease(runner: Runner) -> Lease:
    return Lease(runner.owner, runner.clock.now() + runner.lease_s)


def _what(deployment: Deployment) -> str:
    lasts = spell(deployment.unstuck.sticky_s) if deployment.unstuck else "nothing"
    change = parting.restoration(deployment)
    if change is not None:
        return f"what {deployment.id} held ({change})"
    return f"the production rule's stickiness of {lasts} ({deployment.id})"
