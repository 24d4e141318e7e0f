"""`deployer rollback`, `deployer abort` and `deployer resume`: every way back, and the way on."""

import click

from deployer import identity, strategies
from deployer.cli import ending
from deployer.cli.app import App, app_of
from deployer.cli.ending import Ending
from deployer.cli.lineage import newest_begun, release_before
from deployer.cli.session import Session, alive
from deployer.cli.ship import dry_run_option
from deployer.errors import NotFound, NotPossibleNow
from deployer.journal import Active, Ask
from deployer.model import Snapshot
from deployer.plan import Deployment, Plan, Status
from deployer.render.plan import title, way_back
from deployer.wiring import intent_of

REMEMBERED = 50  # records that are read to find the release before


@click.command(short_help="Go back to the release before, or to RELEASE.")
@click.argument("release", required=False)
@dry_run_option
@click.pass_context
def rollback(ctx: click.Context, *, release: str | None, dry_run: bool) -> Ending:
    """Go back to the release before, or to RELEASE.

    \b
    While a deployment runs:    it is asked to go back, as by `deployer abort`,
                                and watched until it has.
    After one that halted and   all traffic returns to the old slot: capacity
    left both slots serving:    first, then traffic, then shrink.
    Otherwise:                  the release that served before the present one
                                (as the journal tells), or RELEASE, is started
                                in the other slot, probed, given all of the
                                traffic at once, and judged for two minutes.

    \b
    Exit status: 0 gone back, 2 refused (nothing was changed), 3 the release
                 that was to come back failed and the present one stays,
                 4 halted, 5 locked.
    Example:     deployer rollback
                 deployer rollback v41 --dry-run
    """  # noqa: D301  \b is for click
    app = app_of(ctx)
    session = Session(app.services, app.output)
    active = app.services.journal.active(app.services.environment)
    if active is not None:
        return turn_back(session, active, release, dry_run=dry_run)
    seen = app.services.cloud.observe()
    halted = halfway(app, seen)
    if halted is not None:
        refuse_other(release, halted)
        plan = strategies.rollback(seen, halted)
    else:
        plan = return_plan(app, seen, release)
    if dry_run:
        session.show(plan)
        return Ending("planned")
    return go(session, plan, seen, f"the way back of {halted.id}, which halted" if halted else "")


def turn_back(session: Session, active: Active, release: str | None, *, dry_run: bool) -> Ending:
    """Ask the running deployment to go back, and watch it.

    Raises:
        NotPossibleNow: RELEASE is not where that leads.
    """
    refuse_other(release, active.deployment)
    if active.deployment.first_plan.strategy == "rollback":
        return see_through(session, active, dry_run=dry_run)
    if dry_run:
        session.show(strategies.rollback(session.services.cloud.observe(), active.deployment))
        return Ending("planned")
    deployment = session.follow(ask(session))
    if deployment.status is Status.SHIPPED:
        raise NotPossibleNow(
            f"{deployment.plan.release.name} had shipped before it could turn back: "
            "run `deployer rollback` again to return to the release before"
        )
    return ending.of_deployment(deployment, wanted=Status.ROLLED_BACK)


def see_through(session: Session, active: Active, *, dry_run: bool) -> Ending:
    """Somebody goes back already: to ask for it once more must not undo it."""
    session.output.note(f"{title(active.deployment.first_plan)} runs already: watching it.")
    if dry_run:
        session.show(active.deployment.plan)
        return Ending("planned")
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
    goes_to = record.plan.previous
    if record.first_plan.strategy == "rollback" and not way_back(record.first_plan):
        goes_to = record.first_plan.release.name
    if release not in (None, goes_to):
        raise NotPossibleNow(
            f"{title(record.first_plan)} ({record.id}) is not finished and leads back to "
            f"{goes_to or 'nothing'}: run `deployer rollback` first, "
            f"then `deployer rollback {release}`"
        )


def halfway(app: App, seen: Snapshot) -> Deployment | None:
    """The halted deployment that left both slots serving, if that is where we are.

    Raises:
        NotPossibleNow: both serve, and no record says why.
    """
    if seen.weights is None or seen.weights.sole is not None:
        return None
    newest = newest_begun(app.services.journal.history(app.services.environment, REMEMBERED))
    if newest is None or newest.status is not Status.HALTED:
        raise NotPossibleNow(
            f"both slots serve ({seen.weights}) and no deployment of the journal left them so: "
            "give one of them all of the traffic (production rule of the listener), then run "
            "the command again"
        )
    return newest


def return_plan(app: App, seen: Snapshot, release: str | None) -> Plan:
    """The plan that puts an earlier release back.

    Raises:
        NotFound: the journal does not tell which was before, or there is no such release.
        NotPossibleNow: nothing was ever released, or it serves already.
    """
    if seen.weights is None:
        raise NotPossibleNow("nothing was ever released here: `deployer canary RELEASE` ships")
    slot = strategies.serving(seen)
    running = seen[slot].releases if slot else ()
    if release is None:
        records = app.services.journal.history(app.services.environment, REMEMBERED)
        release = release_before(records, running)
    if release is None:
        raise NotFound(
            f"the journal knows no release before {', '.join(running) or 'the present one'}: "
            "name one: `deployer rollback RELEASE`"
        )
    return strategies.return_to(seen, intent_of(app.settings, app.services.find_release(release)))


def go(session: Session, plan: Plan, seen: Snapshot, reason: str) -> Ending:
    """Carry a way back out.

    A plan that leads away from its release begins as a retreat: a failure on it is left to a
    person, and its good end is `rolled_back`.
    """
    status = Status.RETREATING if way_back(plan) else Status.RUNNING
    record = session.ship(plan, seen, status=status, reason=reason)
    return ending.of_deployment(record, wanted=good_end(plan))


def ask(session: Session) -> str:
    """Ask the running deployment to go back; its id."""
    services = session.services
    return services.journal.ask(services.environment, identity.request(Ask.ABORT, services.caller))


@click.command(short_help="Ask the running deployment to go back.")
@click.pass_context
def abort(ctx: click.Context) -> Ending:
    """Ask the running deployment to go back.

    Its runner, wherever it is, sees the request at its next look, sends all traffic
    back to the old slot and retires the new one. This command returns at once; watch
    with `deployer status --watch` (or use `deployer rollback`, which waits). If the
    runner is gone, its lease being out, this command takes over and carries the way
    back out itself.

    \b
    Exit status: 0 asked, or gone back; 2 nothing runs, 4 halted,
                 5 lost the lease to another.
    Example:     deployer abort
    """  # noqa: D301  \b is for click
    app = app_of(ctx)
    session = Session(app.services, app.output)
    asked = ask(session)
    active = app.services.journal.active(app.services.environment)
    if active is not None and not alive(active, app.services.clock.now()):
        session.output.note("Its runner is gone: taking over.")
        return ending.of_deployment(session.resume(), wanted=Status.ROLLED_BACK)
    record = app.services.journal.load(app.services.environment, asked)
    words = f"asked {title(record.first_plan)} ({asked}) to go back: `deployer status --watch`"
    return Ending("asked", 0, words, record)


@click.command(short_help="Carry on a deployment whose runner is gone.")
@click.pass_context
def resume(ctx: click.Context) -> Ending:
    """Carry on a deployment whose runner is gone.

    After Ctrl-C, a crash or a lost connection the deployment stands still, with its
    traffic where it was. This command continues with the step in which it stood, as
    soon as the lease of the former runner is out (at once after Ctrl-C, else within
    journal.lease of deployer.toml, 1m).

    \b
    Exit status: 0 shipped, 2 nothing to resume, 3 rolled back, 4 halted,
                 5 its runner is alive.
    Example:     deployer resume
    """  # noqa: D301  \b is for click
    app = app_of(ctx)
    session = Session(app.services, app.output)
    return ending.of_deployment(session.resume())
