"""Before a deployment begins: everything that objects to it, told at once, nothing changed."""

from collections.abc import Sequence

from deployer.cli.session import Session
from deployer.errors import NotPossibleNow
from deployer.model import Release, Snapshot
from deployer.operations import beginning
from deployer.operations.beginning import Compiler, Meant, Waived
from deployer.plan import Plan
from deployer.planning.preflight import Objection


def cleared(
    session: Session,
    compiler: Compiler,
    seen: Snapshot,
    wanted: Meant,
    *,
    waived: Waived,
    dry_run: bool,
) -> Plan:
    """The plan, if nothing forbids to begin it; a dry run tells what would, and goes on.

    Raises:
        NotPossibleNow: something forbids it; all of it has been told.
        PlanInvalid, NotPossibleNow: the strategy's own refusal, if that is all there is.
    """
    weighed = beginning.weigh(session.services, compiler, seen, wanted, waived)
    for remark in weighed.remarks:
        session.output.note(remark)
    going_on = dry_run and weighed.plan is not None
    tell(session, weighed.found, dry_run=going_on)
    if weighed.plan is None or (weighed.found and not dry_run):
        only = weighed.refused if len(weighed.found) == 1 else None
        raise only or refusal(weighed.found)
    return weighed.plan


def facing(
    session: Session, seen: Snapshot, release: Release, waived: Waived
) -> Sequence[Objection]:
    """What objects to moving traffic now, whatever rings.

    Raises:
        CloudUnavailable, AccessProblem: not everything could be looked at, so nothing is begun.
    """
    found, remarks = beginning.facing(
        session.services, seen, release, {}, waived, moves_traffic=True
    )
    for remark in remarks:
        session.output.note(remark)
    return found


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
