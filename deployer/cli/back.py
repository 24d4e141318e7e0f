"""`deployer rollback`: every way back."""

from contextlib import suppress
from dataclasses import dataclass

import click

from deployer.cli import ending, offering
from deployer.cli.app import App, app_of
from deployer.cli.ending import Ending
from deployer.cli.handing_over import hand_over
from deployer.cli.lineage import has_served, one_way_since, release_before
from deployer.cli.params import detach_option, dry_run_option, force_option, wait_option
from deployer.cli.session import Session
from deployer.cli.steer import ask
from deployer.durations import seconds
from deployer.engine import control
from deployer.errors import NotFound, NotPossibleNow
from deployer.journal import Active, Ask, newest_begun
from deployer.model import Admitted, Slot, Snapshot
from deployer.plan import Deployment, Plan, Status
from deployer.planning import completing, footing, preflight, stickiness, strategies
from deployer.render.plan import title, way_back
from deployer.render.words import count
from deployer.wiring.intents import intent_of

INSIST = "or, if the release before can live with what it did, run `deployer rollback --force`"
REMEMBERED = 50  # records that are read to find the release before


@click.command(short_help="Go back to the release before, or to RELEASE.")
@click.argument("release", required=False, shell_complete=offering.releases)
@force_option
@wait_option
@detach_option
@dry_run_option
@click.pass_context
def rollback(
    ctx: click.Context,
    *,
    release: str | None,
    force: bool,
    wait_for_lock: str,
    detach: bool,
    dry_run: bool,
) -> Ending:
    """Go back to the release before, or to RELEASE.

    \b
    While a deployment runs:    it is asked to go back, as by `deployer abort`,
                                and watched until it has. In the window of a
                                blue/green deployment that is one change.
    After one that halted and   all traffic returns to the old slot: capacity
    left both slots serving,    first, then traffic (a user group before all
    or a user group apart:      others), then shrink.
    Otherwise:                  the release that served before the present one
                                (as the journal tells), or RELEASE, is started
                                in the other slot, probed, given all of the
                                traffic at once, and judged for two minutes.
                                Instances on standby are used as they are.

    From a release that users reach and that is marked rollback-safe: false it goes back
    with --force only: the release before must be able to live with what it did.

    A release that has never served here is not gone back to: --force gives it all of
    the traffic at once all the same.

    A running deployment is not waited for, but turned back. --wait-for-lock is for the
    one that leads back to another release than RELEASE, and for whoever is faster.
    With --detach nobody has to stay: a way back of its own is left to the state
    machine in the cloud, and a running deployment goes back wherever it runs.

    \b
    Exit status: 0 gone back, or begun or asked with --detach, 2 refused (nothing
                 was changed), 3 the release that was to come back failed and
                 the present one stays, 4 halted, 5 locked.
    Example:     deployer rollback
                 deployer rollback v41 --dry-run
    """  # noqa: D301  \b is for click
    app = app_of(ctx)
    session, wait_s = Session(app.services, app.output), seconds(wait_for_lock)
    if detach:
        app.services.machine.require()
    how = How(force=force, detach=detach, dry_run=dry_run)
    active = app.services.journal.active(app.services.environment)
    if active is not None and active.deployment.ending is not None:
        if dry_run:
            return start_back(app, session, release, how)
        see_off(session, active)
    elif active is not None and not (wait_s and leads_elsewhere(release, active.deployment)):
        return turn_back(session, active, release, how)
    return session.in_turn(wait_s, lambda: start_back(app, session, release, how))


@dataclass(frozen=True, slots=True)
class How:
    """A way back: whatever the release says of itself; left to the state machine; shown and no more."""

    force: bool = False
    detach: bool = False
    dry_run: bool = False


def see_off(session: Session, active: Active) -> None:
    """A deployment that has come to its end is not turned back but gone back from.

    It may keep the environment for long until the rule may stick again: whoever goes back does not
    wait for that. What it owes is left to the way back.
    """
    if stickiness.waits(active.deployment):
        session.output.note(f"{active.deployment.id} has ended and only waits: that ends now.")
        with suppress(NotPossibleNow):  # it ended in this moment
            ask(session, Ask.PROMOTE)
    session.follow(active.deployment.id)


def start_back(app: App, session: Session, release: str | None, how: How) -> Ending:
    """Compile a way back from where the last deployment ended, show it, run it."""
    seen = app.services.cloud.observe()
    halted = halfway(app, seen)
    if halted is not None:
        refuse_other(release, halted)
        refuse_one_way(halted, force=how.force, seen=seen)
        plan = strategies.rollback(seen, halted)
    else:
        plan = return_plan(app, seen, release, force=how.force)
    if how.dry_run:
        session.show(app.services.foreseen(plan, seen))
        return Ending("planned")
    reason = f"the way back of {halted.id}, which halted" if halted else ""
    if how.detach:
        return hand_over(app, plan, seen, status=begins_as(plan), reason=reason)
    return go(session, plan, seen, reason)


def turn_back(session: Session, active: Active, release: str | None, how: How) -> Ending:
    """Ask the running deployment to go back, and watch it, unless nobody is to stay.

    Where its runner is gone and nobody stays, the supervisor next to the state machine takes it over.

    Raises:
        NotPossibleNow: RELEASE is not where that leads, or there is no way back without force.
    """
    refuse_other(release, active.deployment)
    refuse_one_way(active.deployment, force=how.force)
    if active.deployment.first_plan.strategy == "rollback":
        return see_through(session, active, how)
    if how.dry_run:
        session.show(strategies.rollback(session.services.cloud.observe(), active.deployment))
        return Ending("planned")
    wish = Ask.ABORT_FORCE if how.force else Ask.ABORT
    if how.detach:
        return left_alone(active, ask(session, wish))
    deployment = session.follow(ask(session, wish))
    if deployment.status is Status.SHIPPED:
        raise NotPossibleNow(
            f"{deployment.plan.release.name} had shipped before it could turn back: "
            "run `deployer rollback` again to return to the release before"
        )
    return ending.of_deployment(deployment, wanted=Status.ROLLED_BACK)


def left_alone(active: Active, asked: str) -> Ending:
    """It goes back, and nobody here watches."""
    words = (
        f"{title(active.deployment.first_plan)} ({asked}) is to go back, wherever it is carried out: "
        "`deployer status --watch` shows what it does"
    )
    return Ending("asked", 0, words, active.deployment)


def see_through(session: Session, active: Active, how: How) -> Ending:
    """Somebody goes back already: to ask for it once more must not undo it."""
    session.output.note(f"{title(active.deployment.first_plan)} runs already: watching it.")
    if how.dry_run:
        session.show(active.deployment.plan)
        return Ending("planned")
    if how.detach:
        return left_alone(active, active.deployment.id)
    deployment = session.follow(active.deployment.id)
    return ending.of_deployment(deployment, wanted=good_end(deployment.first_plan))


def good_end(plan: Plan) -> Status:
    """What a way back ends with: one that leads away from its release begins as a retreat."""
    return Status.ROLLED_BACK if way_back(plan) else Status.SHIPPED


def refuse_other(release: str | None, record: Deployment) -> None:
    """A deployment under way, or left half-way, leads back to one release only.

    Raises:
        NotPossibleNow: another one is wanted.
    """
    if leads_elsewhere(release, record):
        raise NotPossibleNow(
            f"{title(record.first_plan)} ({record.id}) is not finished and leads back to "
            f"{destination(record) or 'nothing'}: run `deployer rollback` first, "
            f"then `deployer rollback {release}`"
        )


def refuse_one_way(record: Deployment, *, force: bool, seen: Snapshot | None = None) -> None:
    """Users reach a release that says of itself that it cannot go back.

    seen: None: it runs.

    Raises:
        NotPossibleNow: they do, and nobody insists.
    """
    if control.stuck(record) and not force:
        halfway = seen is not None and completing.open_to(record, seen)
        how = " (`deployer promote --full`, then `deployer deploy RELEASE`)" if halfway else ""
        raise NotPossibleNow(f"{control.one_way(record)}: fix forward{how}, {INSIST}")


def leads_elsewhere(release: str | None, record: Deployment) -> bool:
    """RELEASE is wanted, and the way back of `record` does not lead there."""
    return release not in (None, destination(record))


def destination(record: Deployment) -> str | None:
    """The release that serves when `record` has gone back."""
    if record.first_plan.strategy == "rollback" and not way_back(record.first_plan):
        return record.first_plan.release.name
    return record.plan.previous


def halfway(app: App, seen: Snapshot) -> Deployment | None:
    """The halted deployment that left two releases serving, if that is where we are.

    Raises:
        NotPossibleNow: both serve, and no record says why.
    """
    if seen.weights is None:
        return None
    sole, apart = seen.weights.sole, seen.admitted
    if sole is not None and apart is None and len(seen[sole].releases) < 2:
        return None
    newest = newest_begun(app.services.journal.history(app.services.environment, REMEMBERED))
    if sole is not None and apart is not None:
        return newest if newest and left_group(newest, sole, apart) else None
    if sole is not None:
        return newest if newest and left_mixed(newest, sole) else None
    if newest is None or newest.status is not Status.HALTED:
        raise NotPossibleNow(
            f"both slots serve ({seen.weights}) and no deployment of the journal left them so: "
            "give one of them all of the traffic (production rule of the listener), then run "
            "the command again"
        )
    return newest


def left_mixed(newest: Deployment, slot: Slot) -> bool:
    """It replaced some of the slot's instances, halted there, and knows what to put back."""
    plan = newest.plan
    known = plan.in_place and plan.candidate is slot and plan.before is not None
    return known and newest.status is Status.HALTED


def left_group(newest: Deployment, slot: Slot, apart: Admitted) -> bool:
    """It halted while a user group was on its candidate and all others on `slot`, where they were."""
    plan = newest.plan
    there = apart.slot is plan.candidate and slot is plan.stable
    return there and newest.status is Status.HALTED


def return_plan(app: App, seen: Snapshot, release: str | None, *, force: bool) -> Plan:
    """The plan that puts an earlier release back.

    Raises:
        NotFound: the journal does not tell which was before, or there is no such release.
        NotPossibleNow: nothing was ever released, it serves already, it never did before, a release
                        since then says of itself that it cannot go back, or a warm pool has others.
    """
    if seen.weights is None:
        raise NotPossibleNow("nothing was ever released here: `deployer canary RELEASE` ships")
    slot = footing.serving(seen)
    running = seen[slot].releases if slot else ()
    records = app.services.journal.history(app.services.environment, REMEMBERED)
    release = release or release_before(records, running)
    if release is None:
        raise NotFound(
            f"the journal knows no release before {', '.join(running) or 'the present one'}: "
            "name one: `deployer rollback RELEASE`"
        )
    one_way = one_way_since(records, running, release)
    if one_way is not None and not force:
        raise NotPossibleNow(
            f"{one_way} is marked rollback-safe: false and came after {release}: fix forward, {INSIST}"
        )
    found = app.services.find_release(release)
    if not has_served(records, release) and not force:
        raise NotPossibleNow(
            f"{release} has not served here in the last {count(len(records), 'deployment')}: "
            f"`deployer canary {release}` ships it a little at a time; to give it all of the traffic "
            f"at once all the same: `deployer rollback {release} --force`"
        )
    plan = strategies.return_to(seen, intent_of(app.settings, found, "rollback"))
    for objection in preflight.of_return(plan, seen):
        raise NotPossibleNow(str(objection))
    return plan


def go(session: Session, plan: Plan, seen: Snapshot, reason: str) -> Ending:
    """Carry a way back out.

    A plan that leads away from its release begins as a retreat: a failure on it is left to a
    person, and its good end is `rolled_back`.
    """
    record = session.ship(plan, seen, status=begins_as(plan), reason=reason)
    return ending.of_deployment(record, wanted=good_end(plan))


def begins_as(plan: Plan) -> Status:
    """A plan that leads away from its release is a retreat from the beginning."""
    return Status.RETREATING if way_back(plan) else Status.RUNNING
