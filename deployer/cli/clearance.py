"""Before a deployment begins: everything that objects to it, told at once, nothing changed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from deployer import strategies
from deployer.cli.session import Session
from deployer.errors import NotPossibleNow, UsageError
from deployer.hooks import HookAction
from deployer.journal import REMEMBERED, newest_begun
from deployer.model import Release, Snapshot
from deployer.plan import Intent, Plan
from deployer.preflight import Facts, Objection, objections, of_error, of_plan, remarks

Compiler = Callable[[Snapshot, Intent], Plan]


@dataclass(frozen=True, slots=True)
class Waived:
    """What a person has said is fine: objections to it are none."""

    weights: bool = False
    alarms: bool = False
    irreversible: bool = False


def cleared(
    session: Session,
    compiler: Compiler,
    seen: Snapshot,
    intent: Intent,
    *,
    waived: Waived,
    dry_run: bool,
) -> Plan:
    """The plan, if nothing forbids to begin it; a dry run tells what would, and goes on.

    Alarms that are accepted do not judge the plan, which says so: the record keeps it.

    Raises:
        NotPossibleNow: something forbids it; all of it has been told.
        PlanInvalid, NotPossibleNow: the strategy's own refusal, if that is all there is.
    """
    rings = session.services.alarms.ringing(intent.alarms) if intent.alarms else {}
    accepted = rings if waived.alarms else {}
    intent = replace(intent, alarms=tuple(each for each in intent.alarms if each not in accepted))
    found = facing(
        session, seen, intent.release, {} if waived.alarms else rings,
        waived=waived, moves_traffic=compiler is not strategies.rolling,
    )  # fmt: skip
    try:
        plan = compiler(seen, intent)
    except UsageError as error:
        tell(session, (*found, of_error(error)), dry_run=False)
        if found:
            raise refusal((*found, of_error(error))) from error
        raise
    found = (*found, *of_plan(plan, seen))
    tell(session, found, dry_run=dry_run)
    if found and not dry_run:
        raise refusal(found)
    unfit = unfit_hooks(intent, session.services.lacking)
    return replace(plan, notes=(*plan.notes, *accepting(accepted), *unfit))


def unfit_hooks(intent: Intent, lacking: Callable[[HookAction], str]) -> Iterator[str]:
    """Hooks that would fail if they ran here now; an earlier one may mend that, so none is refused."""
    for point, action in intent.hooks.items():
        if why := lacking(action):
            yield f"CAREFUL: the hook {point} would fail: {why}."


def accepting(alarms: Mapping[str, str]) -> Iterator[str]:
    """The one line that says what is accepted."""
    if alarms:
        said = ", ".join(f"{name} {why}" for name, why in alarms.items())
        yield f"Accepted (--accept-alarms), and not judged by in this deployment: {said}."


def facing(
    session: Session,
    seen: Snapshot,
    release: Release,
    ringing: Mapping[str, str],
    *,
    waived: Waived,
    moves_traffic: bool,
) -> tuple[Objection, ...]:
    """What objects to a deployment that begins now.

    Raises:
        CloudUnavailable, AccessProblem: not everything could be looked at, so nothing is begun.
    """
    services = session.services
    around = services.look_around()
    for remark in remarks(around):
        session.output.note(remark)
    last = newest_begun(services.journal.history(services.environment, REMEMBERED))
    one_way = "" if release.rollback_safe or waived.irreversible else release.name
    return objections(Facts(seen, around, ringing, last, waived.weights, one_way, moves_traffic))


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
