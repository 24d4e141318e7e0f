"""Before a deployment begins: everything that objects to it, told at once, nothing changed."""

from collections.abc import Callable, Sequence

from deployer.cli.lineage import newest_begun
from deployer.cli.session import REMEMBERED, Session
from deployer.errors import NotPossibleNow, UsageError
from deployer.model import Snapshot
from deployer.plan import Intent, Plan
from deployer.preflight import Facts, Objection, objections, of_error, remarks

Compiler = Callable[[Snapshot, Intent], Plan]


def cleared(
    session: Session,
    compiler: Compiler,
    seen: Snapshot,
    intent: Intent,
    *,
    accept_weights: bool,
    irreversible: bool,
    dry_run: bool,
) -> Plan:
    """The plan, if nothing forbids to begin it; a dry run tells what would, and goes on.

    Raises:
        NotPossibleNow: something forbids it; all of it has been told.
        PlanInvalid, NotPossibleNow: the strategy's own refusal, if that is all there is.
    """
    found = facing(session, seen, intent, accept_weights=accept_weights, irreversible=irreversible)
    try:
        plan = compiler(seen, intent)
    except UsageError as error:
        tell(session, (*found, of_error(error)), dry_run=False)
        if found:
            raise refusal((*found, of_error(error))) from error
        raise
    tell(session, found, dry_run=dry_run)
    if found and not dry_run:
        raise refusal(found)
    return plan


def facing(
    session: Session, seen: Snapshot, intent: Intent, *, accept_weights: bool, irreversible: bool
) -> tuple[Objection, ...]:
    """What objects to a deployment that begins now.

    Raises:
        CloudUnavailable, AccessProblem: not everything could be looked at, so nothing is begun.
    """
    services = session.services
    around = services.look_around()
    for remark in remarks(around):
        session.output.note(remark)
    ringing = services.alarms.ringing(intent.alarms) if intent.alarms else {}
    last = newest_begun(services.journal.history(services.environment, REMEMBERED))
    release = intent.release
    one_way = "" if release.rollback_safe or irreversible else release.name
    return objections(Facts(seen, around, ringing, last, accept_weights, one_way))


def tell(session: Session, found: Sequence[Objection], *, dry_run: bool) -> None:
    """People hear of one that stands alone from the last word of the command."""
    session.output.objections(found, session.services.clock.now())
    if dry_run or len(found) > 1:
        for objection in found:
            session.output.note(f"{'Warning' if dry_run else 'Objection'}: {objection}")


def refusal(found: Sequence[Objection]) -> NotPossibleNow:
    """The last word."""
    if len(found) == 1:
        return NotPossibleNow(str(found[0]))
    codes = ", ".join(objection.code for objection in found)
    return NotPossibleNow(f"not begun, nothing was changed; told above: {codes}")
