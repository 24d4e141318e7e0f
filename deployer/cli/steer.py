"""`pause`, `resume`, `promote`, `approve` and `abort`: what people ask of a running deployment.

A wish is written into the journal, and the runner, wherever it is, grants it at its next look.
"""

import click

from deployer.cli import ending, fleets
from deployer.cli.app import app_of
from deployer.cli.ending import Ending
from deployer.cli.forward import complete
from deployer.cli.holder import alive
from deployer.cli.params import (
    dry_run_option,
    fleet_option,
    force_option,
    override_freeze_option,
)
from deployer.cli.session import Session
from deployer.engine import control
from deployer.errors import NotPossibleNow
from deployer.journal import Active, Ask, name_of
from deployer.operations import detached, freezing
from deployer.plan import Deployment, Status
from deployer.render.asking import commands, possible
from deployer.render.plan import title
from deployer.render.words import one_line, time_of_day

WHAT = {
    Ask.ABORT: "to go back",
    Ask.ABORT_FORCE: "to go back",
    Ask.PAUSE: "to pause",
    Ask.RESUME: "to go on",
    Ask.PROMOTE: "to end its bake",
    Ask.PROMOTE_FULL: "to go straight to all of the traffic",
    Ask.APPROVE: "to go on, as approved",
}


@click.command(short_help="Hold the running deployment where it is.")
@fleet_option
@click.pass_context
def pause(ctx: click.Context, *, fleet: bool) -> Ending:
    """Hold the running deployment where it is.

    Its runner sees the request at its next look. From then on nothing moves forward:
    traffic stays as it is, and timers stand still. The candidate stays under judgement,
    and a bad verdict still sends everything back. `deployer resume` lets it go on.
    This command returns at once.

    With --fleet no environment of it begins any more, and its bake stands still; what
    is under way goes on.

    \b
    Exit status: 0 asked; 2 not possible now: nothing runs, or it is paused
                 already, on its way back, or nobody carries it out.
    Example:     deployer pause
    """  # noqa: D301  \b is for click
    if fleet:
        return fleets.steer(ctx, Ask.PAUSE)
    return steer(session_of(ctx), Ask.PAUSE)


@click.command(short_help="Let a paused deployment go on, or carry on an abandoned one.")
@fleet_option
@click.pass_context
def resume(ctx: click.Context, *, fleet: bool) -> Ending:
    """Let a paused deployment go on, or carry on an abandoned one.

    A paused deployment whose runner is alive is asked to go on; this command returns
    at once, and what remained of its timers still remains.

    After Ctrl-C, a crash or a lost connection the deployment stands still, with its
    traffic where it was. This command takes it over and continues with the step in
    which it stood, paused or not, as soon as the lease of the former runner is out (at
    once after Ctrl-C, else within journal.lease of deployer.toml, 1m).

    With --fleet it goes on, and where its state machine is gone, another one begins.

    \b
    Exit status: 0 asked, or shipped; 2 not possible now: nothing runs, or it
                 goes on by itself; 3 rolled back, 4 halted, 5 another took it
                 over.
    Example:     deployer resume
    """  # noqa: D301  \b is for click
    if fleet:
        return fleets.steer(ctx, Ask.RESUME)
    session = session_of(ctx)
    active = in_progress(session, Ask.RESUME)
    if alive(active, session.services.clock.now()):
        return steer(session, Ask.RESUME)
    return ending.of_deployment(session.resume(moving=True))


@click.command(short_help="End the bake or window; with --full, go straight to all of the traffic.")
@click.option(
    "--full", is_flag=True,
    help="Leave out every share on the way: all of the traffic next. Possible once the candidate "
    "stands and has answered its probes, and after a halt of a release that cannot go back.",
)  # fmt: skip
@override_freeze_option
@dry_run_option
@fleet_option
@click.pass_context
def promote(
    ctx: click.Context, *, full: bool, override_freeze: str, dry_run: bool, fleet: bool
) -> Ending:
    """End the bake or window; with --full, go straight to all of the traffic.

    The bake in execution counts as done, whatever its verdict would have been, and the
    next step begins. The last bake, at 100 %, still judges. In the window of a
    blue/green deployment, that is over: the old slot is retired as soon as it is
    silent. A deployment that has ended, and waits until a rule that stuck may stick
    again, waits no longer: `deployer settle` does that later. A paused deployment goes
    on. The record tells who asked. This command returns at once.

    When nothing runs, and the last deployment halted on the way of a release that is
    marked rollback-safe: false, with both slots serving, --full is a deployment of its
    own: it shows its plan, gives the release the capacity for all of the traffic, then
    the traffic, judges it there, and retires the old slot. Nothing goes back by itself:
    a bad verdict halts. --dry-run shows that plan and stops.

    In a freeze ([windows]) promoting takes a reason, with --override-freeze.
    With --fleet the bake of its wave is over, and the next wave begins.

    \b
    Exit status: 0 asked, or shipped; 2 not possible now: nothing runs or halted
                 so, it neither bakes nor keeps the old slot warm, or (with
                 --full) the candidate does not stand yet or has everything
                 already; 4 halted, 5 another deployment runs.
    Example:     deployer promote --full
    """  # noqa: D301  \b is for click
    if fleet and (full or dry_run or override_freeze):
        raise click.UsageError("--fleet goes alone: it ends the bake of the fleet's wave")
    if fleet:
        return fleets.steer(ctx, Ask.PROMOTE)
    session = session_of(ctx)
    active = session.services.journal.active(session.services.environment)
    if full and active is None:
        return session.in_turn(0.0, lambda: complete(session, override_freeze, dry_run=dry_run))
    if dry_run:
        raise click.UsageError(
            "--dry-run shows the plan of `promote --full` after a halt, while nothing runs"
        )
    return steer(session, Ask.PROMOTE_FULL if full else Ask.PROMOTE, override_freeze)


@click.command(short_help="Say that the deployment that waits for approval may go on.")
@override_freeze_option
@click.pass_context
def approve(ctx: click.Context, *, override_freeze: str) -> Ending:
    """Say that the deployment that waits for approval may go on.

    A deployment waits where `canary --approve 5,25`, `blue-green --approve` or the
    settings say so, until canary.approve_within (24h) has passed; then it goes back.
    Meanwhile the candidate serves its share, under judgement. The record tells who
    approved. In a freeze ([windows]) it takes a reason. This command returns at once.

    \b
    Exit status: 0 asked; 2 not possible now: nothing waits for approval, or a
                 freeze is on.
    Example:     deployer approve
    """  # noqa: D301  \b is for click
    return steer(session_of(ctx), Ask.APPROVE, override_freeze)


@click.command(short_help="Ask the running deployment to go back.")
@force_option
@fleet_option
@click.pass_context
def abort(ctx: click.Context, *, force: bool, fleet: bool) -> Ending:
    """Ask the running deployment to go back.

    Its runner, wherever it is, sees the request at its next look, sends all traffic
    back to the old slot and retires the new one. This command returns at once; watch
    with `deployer status --watch` (or use `deployer rollback`, which waits). If the
    runner is gone, its lease being out, this command takes over and carries the way
    back out itself. A wish to go back cannot be taken back. From a release that users
    reach and that is marked rollback-safe: false it goes back with --force only.

    With --fleet nothing more begins, what is under way goes back, and what has shipped
    too if the fleet was begun with --rollback-on-failure.

    \b
    Exit status: 0 asked, or gone back; 2 not possible now: nothing runs, or it
                 is on its way back; 4 halted, 5 lost the lease to another.
    Example:     deployer abort
    """  # noqa: D301  \b is for click
    if fleet and force:
        raise click.UsageError("--fleet goes alone: what cannot go back is left to run to its end")
    if fleet:
        return fleets.steer(ctx, Ask.ABORT)
    session, wish = session_of(ctx), Ask.ABORT_FORCE if force else Ask.ABORT
    active = in_progress(session, wish)
    if alive(active, session.services.clock.now()):
        return steer(session, wish)
    if active.deployment.status is Status.RUNNING:
        control.require_possible(active.deployment, wish)
        ask(session, wish)
    session.output.note("Its runner is gone: taking over.")
    return ending.of_deployment(session.resume(), wanted=Status.ROLLED_BACK)


def session_of(ctx: click.Context) -> Session:
    """The environment's services, and somebody to tell."""
    app = app_of(ctx)
    return Session(app.services, app.output)


def in_progress(session: Session, wish: Ask) -> Active:
    """The environment's deployment in progress.

    Raises:
        NotPossibleNow: there is none.
    """
    services = session.services
    active = services.journal.active(services.environment)
    if active is None:
        raise NotPossibleNow(
            f"`deployer {wish}` is not possible now: nothing is being deployed in "
            f"{session.place}; see `deployer history`"
        )
    return active


def steer(session: Session, wish: Ask, why: str = "") -> Ending:
    """Ask, if it makes sense now; say what was asked and how to see what becomes of it.

    why: in spite of a freeze.

    Raises:
        NotPossibleNow: it makes no sense, or a freeze is on; says what does.
    """
    active = in_progress(session, wish)
    require_sensible(session, active, wish)
    deployment = active.deployment
    reason = open_or_why(session, deployment, wish, why)
    asked = ask(session, wish, reason)
    follow = "`deployer status --watch` shows what it does"
    if name_of(active.lease.owner) == detached.NAME:
        follow = f"the state machine hears it within a minute; {follow}"
    if not alive(active, session.services.clock.now()):
        follow = "its runner is gone, so nothing happens until `deployer resume`"
    what = WHAT[wish]
    if wish is Ask.PROMOTE and deployment.ending is not None:
        what = "to wait no longer for cookies: `deployer settle` gives back what it owes"
    elif wish is Ask.PROMOTE and control.in_window(deployment):
        what = "to end its window"
    words = f"asked {title(deployment.first_plan)} ({asked}) {what}: {follow}"
    return Ending("asked", 0, words, deployment)


def open_or_why(session: Session, deployment: Deployment, wish: Ask, why: str) -> str:
    """The reason to write down; a deployment that has ended brings nobody anything by waiting less.

    Raises:
        NotPossibleNow: a freeze is on, and the wish needs a reason.
    """
    if deployment.ending is not None:
        return ""
    services = session.services
    return freezing.require_open(services.freezes, wish, services.clock.now(), why)


def require_sensible(session: Session, active: Active, wish: Ask) -> None:
    """Refuse what makes no sense now, or what nobody is there to do.

    Raises:
        NotPossibleNow: says what would make sense, and what was asked and is not granted yet.
    """
    deployment, now = active.deployment, session.services.clock.now()
    if not alive(active, now) and wish not in possible(active, now):
        raise NotPossibleNow(
            f"`deployer {wish}` is not possible now: {deployment.id} stands still, its runner is "
            f"gone; possible now: {commands(possible(active, now))}"
        )
    try:
        control.require_possible(deployment, wish)
    except NotPossibleNow as refused:
        more = unheard(session, deployment) + (runner(active) if wish is Ask.RESUME else "")
        raise NotPossibleNow(f"{refused}{more}") from None


def unheard(session: Session, deployment: Deployment) -> str:
    """What was asked and not granted yet."""
    request = session.services.journal.requested(deployment)
    if request is None or request.id == deployment.heeded:
        return ""
    return f"; `deployer {request.ask}` was asked by {one_line(request.by)} a moment ago"


def runner(active: Active) -> str:
    """Who carries it out, and until when that one counts as alive."""
    lease = active.lease
    who = (
        "the state machine in the cloud"
        if name_of(lease.owner) == detached.NAME
        else one_line(lease.owner)
    )
    return (
        f"; carried out by {who}, whose lease lasts until {time_of_day(lease.expires_at)} if it is "
        "not renewed"
    )


def ask(session: Session, wish: Ask, why: str = "") -> str:
    """Ask the deployment in progress, with a reason where one is needed; its id.

    Raises:
        NotPossibleNow: it has ended, or was asked to go back already.
    """
    services = session.services
    return services.journal.ask(services.environment, services.request(wish, why))
