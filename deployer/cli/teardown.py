"""`deployer teardown`: retire the idle slot, put to sleep, or delete one environment by hand."""

from collections.abc import Sequence
from dataclasses import replace

import click
from click.core import ParameterSource

from deployer.cli import ending, offering
from deployer.cli.app import App, app_of
from deployer.cli.deleting import Deleting, cleared, reach_of
from deployer.cli.ending import Ending
from deployer.cli.idle import idle
from deployer.cli.params import dry_run_option, wait_option
from deployer.cli.session import Session
from deployer.durations import seconds
from deployer.operations.rest import acts
from deployer.operations.rest.levels import Level
from deployer.wiring import tearing

COMMANDLINE = ParameterSource.COMMANDLINE


@click.command(short_help="Retire the idle slot, put to sleep, or delete an environment.")
@click.argument(
    "environment", metavar="[ENV]", required=False, shell_complete=offering.environments
)
@click.option(
    "--idle", "all_idle", is_flag=True,
    help="All environments of the settings in the Region: those that nobody needs.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="With --idle: do it without being asked.")
@click.option(
    "--level", type=click.Choice([level.value for level in Level]), default=Level.SLEEP.value,
    show_default=True,
    help="`retire`: the slot without traffic loses its instances; `sleep`: both do, and a page says "
    "how to wake it; `delete`: its stacks go.",
)  # fmt: skip
@click.option(
    "--confirm", metavar="NAME", default="",
    help="The environment's name once more, to delete it without being asked.",
)  # fmt: skip
@wait_option
@dry_run_option
@click.pass_context
def teardown(
    ctx: click.Context, *, environment: str | None, all_idle: bool, yes: bool, level: str,
    confirm: str, wait_for_lock: str, dry_run: bool,
) -> Ending:  # fmt: skip
    """Retire the idle slot, put to sleep, or delete an environment.

    With --idle it looks at all of them, says of each why nobody needs it, or who does,
    and then, like the scheduled runs: tells people first, and tears down what was told.

    Sleep: a page answers everybody first (503, it says how to wake the environment);
    once the slots are silent their instances leave. Sizes, release and weights are on
    record, and `deployer wake` puts them back. The load balancer stays, and costs.
    Delete: to sleep first, then stack by stack; what stops one is told with the way
    on, and nothing is forced. The name is typed to confirm it. How to have it all back
    is told, and recorded.

    Only an environment that its settings and its stacks call ephemeral is torn down,
    and never one that is protected, used, being deployed to, halted, or whose stacks
    are being worked on. What is not known counts as a no.

    Carried out like a deployment, under the environment's lease: `deployer resume`
    goes on with one that was killed, `deployer abort` goes back, `status` follows it.

    \b
    Exit status: 0 done, or nothing to do; 2 refused (nothing was changed), 3 went
                 back, 4 halted, something stops the deletion, or too many are
                 idle; 5 a deployment, or another sweep, runs.
    Example:     deployer teardown dev --dry-run
                 deployer teardown dev --level delete --confirm dev
                 deployer teardown --idle --dry-run
    """  # noqa: D301  \b is for click
    if all_idle:
        require_no_name(environment)
        require_unused(ctx, ("level", "confirm", "wait_for_lock"), "is not for --idle")
        return idle(app_of(ctx), dry_run=dry_run, yes=yes)
    app, wanted = replace_environment(app_of(ctx), environment), Level(level)
    require_unused(ctx, ("yes",), "is for --idle")
    if wanted is Level.DELETE:
        return Deleting(app, confirm, dry_run=dry_run).run(seconds(wait_for_lock))
    session = Session(app.services, app.output)
    return session.in_turn(
        seconds(wait_for_lock), lambda: rest(app, session, wanted, dry_run=dry_run)
    )


def require_no_name(environment: str | None) -> None:
    """--idle is about all of them.

    Raises:
        click.UsageError: one was named.
    """
    if environment is not None:
        raise click.UsageError(
            f"--idle looks at all environments: leave out {environment}, or --idle"
        )


def require_unused(ctx: click.Context, names: Sequence[str], why: str) -> None:
    """What would have no effect is a mistake, and may be a dangerous one.

    Raises:
        click.UsageError: one of these options was given.
    """
    for option in ctx.command.params:
        if option.name in names and ctx.get_parameter_source(option.name) is COMMANDLINE:
            raise click.UsageError(f"{option.opts[0]} {why}: leave it out")


def replace_environment(app: App, environment: str | None) -> App:
    """ENV is what --env is elsewhere; both may be given, if they agree.

    Raises:
        click.UsageError: they do not, or ENV is missing.
    """
    if environment is None:
        raise click.UsageError("name the environment, or say --idle for all that nobody needs")
    if app.environment not in (None, environment):
        raise click.UsageError(
            f"ENV is {environment}, but --env (or DEPLOYER_ENV) says {app.environment}: make them agree"
        )
    return replace(app, environment=environment)


def rest(app: App, session: Session, level: Level, *, dry_run: bool) -> Ending:
    """Look, refuse or show, and carry it out.

    Raises:
        NotPossibleNow: a rail forbids it; all that do have been told.
    """
    services = session.services
    facts = tearing.facts(reach_of(app), app.settings, services)
    assert facts.seen is not None  # noqa: S101 - it was read a moment ago
    if done := acts.done_already(level, facts.seen):
        return Ending(reason=f"{session.place}: {done}")
    cleared(session, level, facts, dry_run=dry_run)
    intent = tearing.hand(reach_of(app), app.settings, services).intent
    plan = acts.compiled(services, level, facts.seen, intent)
    if dry_run:
        session.show(plan)
        return Ending("planned")
    return ending.of_deployment(session.ship(plan, facts.seen))
