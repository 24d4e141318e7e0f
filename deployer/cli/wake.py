"""`deployer wake`: what an environment was before it went to sleep; `deployer extend`: not yet."""

from contextlib import suppress

import click

from deployer.cli import ending
from deployer.cli.app import App, app_of
from deployer.cli.clearance import facing, refusal, tell
from deployer.cli.deleting import reach_of
from deployer.cli.ending import Ending
from deployer.cli.params import Duration, dry_run_option, wait_option
from deployer.cli.session import Session
from deployer.durations import seconds, spell
from deployer.errors import NotPossibleNow
from deployer.journal import REMEMBERED, Active, Ask
from deployer.operations.beginning import Waived
from deployer.plan import DELETE, SLEEP, WAKE, Status
from deployer.planning import resting, strategies
from deployer.render.words import date_and_time
from deployer.wiring import tearing

LONGEST_S = 30 * 86_400.0  # an environment that somebody needs for longer is not ephemeral
GOING = {
    SLEEP: "; but it is just going to sleep: `deployer wake` turns that back",
    DELETE: "; but its stacks are just being deleted: `deployer teardown --level delete` says how far",
}


@click.command(short_help="Let a sleeping environment serve again, as it was.")
@wait_option
@dry_run_option
@click.pass_context
def wake(ctx: click.Context, *, wait_for_lock: str, dry_run: bool) -> Ending:
    """Let a sleeping environment serve again, as it was.

    Its slots get the release and the sizes that they had; once all instances are
    healthy, and have answered smoke requests, the page goes and users are served. An
    environment that is just going to sleep turns back. One that is awake stays as it
    is. If it cannot be woken, the page stays and nothing runs.

    \b
    Exit status: 0 awake; 2 refused (nothing was changed), 3 still asleep,
                 4 halted, 5 a deployment runs.
    Example:     deployer wake --dry-run
    """  # noqa: D301  \b is for click
    app = app_of(ctx)
    session = Session(app.services, app.output)
    active = app.services.journal.active(app.services.environment)
    if active is not None and active.deployment.first_plan.strategy in (SLEEP, WAKE):
        if not dry_run:
            keep(app)
        done = turned(session, active, dry_run=dry_run)
        if done is not None:
            return done
    return session.in_turn(seconds(wait_for_lock), lambda: woken(app, session, dry_run=dry_run))


def turned(session: Session, active: Active, *, dry_run: bool) -> Ending | None:
    """One that goes to sleep turns back, one that wakes is followed; None: it slept before it heard."""
    deployment = active.deployment
    wakes = deployment.first_plan.strategy == WAKE
    if dry_run:
        plan = deployment.plan
        turning = not wakes and deployment.status is Status.RUNNING
        seen = session.services.cloud.observe()
        session.show(strategies.rollback(seen, deployment) if turning else plan)
        return Ending("planned")
    if wakes:
        return ending.of_deployment(session.follow(deployment.id))
    request = session.services.request(Ask.ABORT)
    with suppress(NotPossibleNow):  # it turns back already, or has ended
        session.services.journal.ask(session.services.environment, request)
    ended = session.follow(deployment.id)
    if ended.status is Status.SHIPPED:
        return None
    return ending.of_deployment(ended, wanted=Status.ROLLED_BACK)


def woken(app: App, session: Session, *, dry_run: bool) -> Ending:
    """Compile from what the journal remembers, show, run.

    Raises:
        NotPossibleNow: something forbids it; all of it has been told.
    """
    services = session.services
    seen = services.cloud.observe()
    if not resting.needs_waking(seen):
        return Ending(reason=f"{session.place} is awake")
    records = services.journal.history(services.environment, REMEMBERED)
    intent = tearing.hand(reach_of(app), app.settings, services).intent
    plan = resting.awake(seen, intent, records)
    found = facing(session, seen, plan.release, Waived(alarms=True, irreversible=True))
    tell(session, found, dry_run=dry_run)
    if found and not dry_run:
        raise refusal(found)
    if dry_run:
        session.show(plan)
        return Ending("planned")
    keep(app)
    return ending.of_deployment(session.ship(plan, seen))


def keep(app: App) -> None:
    """Whoever wakes it needs it: no sweep puts it back at once."""
    if app.settings.teardown.ephemeral:
        until = app.services.clock.now() + float(app.settings.teardown.grace_s)
        reach_of(app).notices.extend(app.services.environment, until)


@click.command(short_help="Keep an environment from being torn down by a schedule for a while.")
@click.argument("duration", type=Duration())
@click.pass_context
def extend(ctx: click.Context, *, duration: str) -> Ending:
    """Keep an environment from being torn down by a schedule for a while.

    Whether it is idle, or its time is over: nothing happens to it until DURATION from
    now has passed, and a notice that was given is withdrawn. A later end that somebody
    asked for before stays. What is asleep stays asleep: `deployer wake`.

    \b
    Exit status: 0 extended; 2 no schedule ever tears it down, or more than 30d.
    Example:     deployer extend 8h
    """  # noqa: D301  \b is for click
    if not seconds(duration):
        raise click.BadParameter("0s extends nothing: write 8h", param_hint="'DURATION'")
    if seconds(duration) > LONGEST_S:
        raise click.BadParameter(
            f"{duration} is longer than {spell(LONGEST_S)}, and an extension cannot be taken back: "
            f"write {spell(LONGEST_S)} at most, and extend it again then",
            param_hint="'DURATION'",
        )
    app = app_of(ctx)
    services, reach = app.services, reach_of(app)
    place = f"{services.service}/{services.environment}"
    if not (app.settings.teardown.ephemeral and reach.tagged()):
        raise NotPossibleNow(
            f"{place} is not ephemeral: no schedule tears it down, so there is nothing to extend"
        )
    until = services.clock.now() + seconds(duration)
    kept = reach.notices.extend(services.environment, until).extended_until
    active = services.journal.active(services.environment)
    going = GOING.get(active.deployment.first_plan.strategy, "") if active else ""
    return Ending(reason=f"{place}: no schedule touches it before {date_and_time(kept)}{going}")
