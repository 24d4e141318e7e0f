"""`deployer promote --full` after a halt: the release that cannot go back gets everything."""

from msgspec.structs import replace

from deployer.cli import ending
from deployer.cli.clearance import facing, refusal, tell
from deployer.cli.ending import Ending
from deployer.cli.session import Session
from deployer.engine import control
from deployer.errors import NotPossibleNow
from deployer.journal import REMEMBERED, Ask, newest_begun
from deployer.model import Snapshot
from deployer.operations import freezing
from deployer.operations.beginning import Waived
from deployer.plan import Deployment, Status
from deployer.planning import completing, strategies

ASKED = f"`deployer {Ask.PROMOTE_FULL}` is not possible now"
# That it cannot go back was confirmed when it was shipped; the traffic is looked at in `halfway`.
WAIVED = Waived(weights=True, alarms=True, irreversible=True)


def complete(session: Session, override_freeze: str, *, dry_run: bool) -> Ending:
    """Compile the plan from where the last deployment halted, show it, run it.

    An alarm that rings refuses nothing here: it may be what halted the release, and without this
    there would be no command that leads on. It is told, and this plan is not judged by it.

    Raises:
        NotPossibleNow: the last deployment did not halt so, or something forbids to begin.
        PlanInvalid: the group is too small.
    """
    services = session.services
    seen = services.cloud.observe()
    halted = halfway(session, seen)
    why = override_freeze
    if not dry_run:
        why = freezing.require_open(services.freezes, Ask.PROMOTE_FULL, services.clock.now(), why)
    alarms = halted.plan.intent.alarms
    plan = completing.onward(seen, halted, services.alarms.ringing(alarms) if alarms else {})
    found = facing(session, seen, plan.release, WAIVED)
    tell(session, found, dry_run=dry_run)
    if found and not dry_run:
        raise refusal(found)
    if dry_run:
        session.show(services.foreseen(plan, seen))
        return Ending("planned")
    return ending.of_deployment(session.ship(replace(plan, override=why), seen))


def halfway(session: Session, seen: Snapshot) -> Deployment:
    """The deployment that halted with a release that cannot go back, on its way to everything.

    Raises:
        NotPossibleNow: the newest one is no such; says what is possible instead.
    """
    services = session.services
    newest = newest_begun(services.journal.history(services.environment, REMEMBERED))
    if newest is None or newest.status is not Status.HALTED:
        raise NotPossibleNow(
            f"{ASKED}: nothing is being deployed in {session.place}; see `deployer history`"
        )
    if not strategies.irreversible(seen, newest):
        raise NotPossibleNow(
            f"{ASKED}: {newest.id} has halted, and its release can go back; possible now: "
            "`deployer rollback`"
        )
    why = control.one_way(newest)
    if not completing.open_to(newest, seen):
        raise NotPossibleNow(
            f"{ASKED}: {newest.id} has halted where one slot serves everything already; {why}; "
            "possible now: `deployer deploy RELEASE`, `deployer rollback --force`"
        )
    if not completing.untouched(seen, newest):
        raise NotPossibleNow(
            f"{ASKED}: users get {_now(seen)}, and {newest.id}, which has halted, left "
            f"{newest.written}: somebody moved traffic since; find out who, put it back, then run "
            "the command again"
        )
    return newest


def _now(seen: Snapshot) -> str:
    """What the rules send where."""
    apart = f" with the users {seen.admitted}" if seen.admitted else ""
    return f"{seen.weights}{apart}"
