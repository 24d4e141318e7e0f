"""`deployer canary`, `deployer blue-green` and `deployer deploy`."""

from typing import Literal

import click

from deployer.cli import ending, offering
from deployer.cli.app import App, app_of
from deployer.cli.attaching import attach as attached
from deployer.cli.clearance import cleared
from deployer.cli.ending import Ending
from deployer.cli.handing_over import hand_over
from deployer.cli.params import (
    Approvals,
    Duration,
    Group,
    Share,
    accept_alarms_option,
    accept_weights_option,
    auto_option,
    detach_option,
    dry_run_option,
    irreversible_option,
    override_freeze_option,
    stops,
    wait_option,
    weights_option,
)
from deployer.cli.session import Session
from deployer.durations import seconds
from deployer.operations.beginning import Waived
from deployer.planning.strategies import STRATEGIES
from deployer.wiring.intents import meant

Strategy = Literal["canary", "blue-green", "rolling"]  # the keys of strategies.STRATEGIES


@click.command(short_help="Ship RELEASE a little at a time, judging it at each stop.")
@click.argument("release", shell_complete=offering.releases)
@weights_option
@auto_option
@click.option(
    "--bake", type=Duration(),
    help="How long each of these shares is judged, and 100 %: 90s, 10m, 1h30m.  "
    "[default: canary.bake and canary.final_bake, 10m]",
)  # fmt: skip
@click.option(
    "--group", type=Group(),
    help="Users who get the release before anybody else does, until it has everything: "
    "header:X-Beta=yes, cookie:beta=1, query:beta=1 or source:10.0.0.0/8; `none` for nobody.  "
    "[default: canary.group, none]",
)  # fmt: skip
@click.option(
    "--group-bake", type=Duration(),
    help="How long the release is judged by that group alone.  [default: canary.group_bake, 10m]",
)  # fmt: skip
@click.option(
    "--approve", type=Approvals(),
    help="Shares, among the weights or 100, after whose bake it waits for `deployer approve`; "
    "`group` after the group's, 95 with --hold-back 5%; `none` for no share.  [default: canary.approve, none]",
)  # fmt: skip
@click.option(
    "--linger", type=Duration(),
    help="How long the old slot stays after it lost its traffic, at most; it goes earlier if it "
    "is silent.  [default: canary.linger, 10m]",
)  # fmt: skip
@click.option(
    "--capacity", type=click.Choice(["full", "matched"]),
    help="What the release gets: as many instances as the live slot from the beginning, or what its "
    "next share needs and a fifth more (cheaper).  [default: canary.capacity, full]",
)  # fmt: skip
@click.option(
    "--hold-back", type=Share(), metavar="PERCENT",
    help="Share that stays with the old release, to be compared with the new one, before that gets "
    "everything; 0 for none.  [default: canary.hold_back: 5 after a ramp, else 0]",
)  # fmt: skip
@click.option(
    "--hold-back-for", type=Duration(),
    help="How long: 30m, 2h.  [default: canary.hold_back_for: 10m after a ramp, else 1h]",
)  # fmt: skip
@wait_option
@accept_weights_option
@accept_alarms_option
@irreversible_option
@override_freeze_option
@detach_option
@dry_run_option
@click.pass_context
def canary(
    ctx: click.Context,
    *,
    release: str,
    weights: tuple[str, ...] | None,
    auto: bool,
    bake: str | None,
    group: str | None,
    group_bake: str | None,
    approve: tuple[str, ...] | None,
    linger: str | None,
    capacity: str | None,
    hold_back: str | None,
    hold_back_for: str | None,
    wait_for_lock: str,
    accept_weights: bool,
    accept_alarms: bool,
    irreversible: bool,
    override_freeze: str,
    detach: bool,
    dry_run: bool,
) -> Ending:
    """Ship RELEASE a little at a time, judging it at each stop.

    The release starts in the slot that does not serve, as large as the live one (or,
    with --capacity matched, as its first share needs), and answers smoke requests
    through the test listener before any user sees it. Then it gets its first share of
    the traffic, is judged there beside the old release, gets the next, and so on up to
    100 %, perhaps with a last stop at which a little is held back for comparison. The
    old slot stays warm until it is silent, and is retired.

    With --auto the shares are found on the way: as much as costs analysis.harm_budget
    bad requests at most if the release is as bad as it may be by what was seen so far.
    It needs 15 minutes of traffic to be planned by, and else goes by fixed steps. With
    --weights you choose the shares, and each lasts as long as --bake says.
    With --group, exactly those users get it before any share does, and keep it.

    A failed verdict, a failed probe, unhealthy instances, an expired deadline or
    `deployer abort` send all traffic back to the old slot: capacity first, then
    traffic, then shrink. The plan is shown before anything happens. The first release
    of an empty environment has nothing to be compared with: it is not analysed.

    From any terminal: `deployer status`, `pause`, `resume`, `promote`, `approve`,
    `abort`. Ctrl-C finishes the change in hand and stops, and `deployer resume` goes
    on; with journal.on_interrupt = "rollback" it goes back first. With --detach nobody
    has to stay: a state machine in the cloud carries it out.

    \b
    Exit status: 0 shipped, or begun with --detach, 2 refused (nothing was
                 changed), 3 rolled back, 4 halted (needs a person), 5 another
                 deployment runs.
    Example:     deployer canary v42 --auto
                 deployer canary v42 --weights 5,25,50 --bake 10m --approve 5
    """  # noqa: D301  \b is for click
    flags = {
        "canary.weights": stops(weights, auto=auto),
        "canary.bake": bake,
        "canary.final_bake": bake,
        "canary.group": group,
        "canary.group_bake": group_bake,
        "canary.approve": list(approve) if approve is not None else None,
        "canary.linger": linger,
        "canary.capacity": capacity,
        "canary.hold_back": hold_back,
        "canary.hold_back_for": hold_back_for,
    }
    app = app_of(ctx, flags)
    if hold_back_for is not None and not app.settings.canary.held:
        raise click.UsageError("--hold-back-for says for how long: say how much with --hold-back")
    if group_bake is not None and not app.settings.canary.group:
        raise click.UsageError("--group-bake says for how long: say who with --group")
    return ship(app, release, "canary", wait_for_lock,
        waived=Waived(accept_weights, accept_alarms, irreversible, override_freeze), detach=detach, dry_run=dry_run,
    )  # fmt: skip


@click.command("blue-green", short_help="Ship RELEASE in one change, and keep the old one warm.")
@click.argument("release", shell_complete=offering.releases)
@click.option(
    "--bake", type=Duration(),
    help="How long the release is judged while it serves everything: 90s, 10m, 1h30m.  "
    "[default: blue_green.bake, 10m]",
)  # fmt: skip
@click.option(
    "--approve/--no-approve", default=None,
    help="Whether it waits for `deployer approve` after that.  [default: blue_green.approve, no]",
)  # fmt: skip
@click.option(
    "--window", type=Duration(),
    help="How long the old slot stays warm and whole: `deployer rollback` is one change.  "
    "[default: blue_green.window, 1h]",
)  # fmt: skip
@click.option(
    "--standby", type=click.IntRange(min=0), metavar="N",
    help="Instances that the old slot keeps even after that.  [default: blue_green.standby, 0]",
)  # fmt: skip
@wait_option
@accept_weights_option
@accept_alarms_option
@irreversible_option
@override_freeze_option
@detach_option
@dry_run_option
@click.pass_context
def blue_green(
    ctx: click.Context,
    *,
    release: str,
    bake: str | None,
    approve: bool | None,
    window: str | None,
    standby: int | None,
    wait_for_lock: str,
    accept_weights: bool,
    accept_alarms: bool,
    irreversible: bool,
    override_freeze: str,
    detach: bool,
    dry_run: bool,
) -> Ending:
    """Ship RELEASE in one change, and keep the old one warm.

    The release starts in the slot that does not serve, as large as the live one, and
    answers smoke requests through the test listener: look at it there yourself, with
    the header X-Deployer-Slot. Then all of the traffic moves to it in one change, and
    it bakes under analysis. The old slot stays warm and whole for the window: as long
    as it does, `deployer rollback` is one change and takes less than one poll. After
    that the old slot is retired, all of it or all but the standby instances.

    The environment stays taken until the window has passed. A failed verdict, a failed
    probe, unhealthy instances, an expired deadline or `deployer abort` send all traffic
    back. The first release of an empty environment is not analysed.

    \b
    Exit status: 0 shipped, 2 refused (nothing was changed), 3 rolled back,
                 4 halted (needs a person), 5 another deployment runs.
    Example:     deployer blue-green v42 --window 2h --standby 1
    """  # noqa: D301  \b is for click
    flags = {
        "blue_green.bake": bake,
        "blue_green.approve": approve,
        "blue_green.window": window,
        "blue_green.standby": standby,
    }
    return ship(app_of(ctx, flags), release, "blue-green", wait_for_lock,
        waived=Waived(accept_weights, accept_alarms, irreversible, override_freeze), detach=detach, dry_run=dry_run,
    )  # fmt: skip


@click.command(short_help="Ship RELEASE the way that the environment's settings name.")
@click.argument("release", shell_complete=offering.releases)
@click.option(
    "--attach", is_flag=True,
    help="Have RELEASE serve, whatever became of an earlier try: for pipelines, whose builds are "
    "stopped and retried.",
)  # fmt: skip
@weights_option
@auto_option
@wait_option
@accept_weights_option
@accept_alarms_option
@irreversible_option
@override_freeze_option
@detach_option
@dry_run_option
@click.pass_context
def deploy(
    ctx: click.Context,
    *,
    release: str,
    attach: bool,
    weights: tuple[str, ...] | None,
    auto: bool,
    wait_for_lock: str,
    accept_weights: bool,
    accept_alarms: bool,
    irreversible: bool,
    override_freeze: str,
    detach: bool,
    dry_run: bool,
) -> Ending:
    """Ship RELEASE the way that the environment's settings name.

    `strategy` in [environments.NAME] of deployer.toml says which: "canary" is what
    `deployer canary RELEASE` does, "blue-green" what `deployer blue-green RELEASE`
    does, "rolling" what `deployer rolling RELEASE` does, with the shares and times of
    the settings.

    With --attach it may be said again and again: a deployment of RELEASE that runs
    already is followed to its end, and taken over if its runner is gone; a RELEASE that
    serves is left alone; one that served before is gone back to, as by `deployer
    rollback RELEASE`; anything else is deployed. The exit status is that of what
    happened to RELEASE, whoever did it.

    \b
    Exit status: 0 shipped, 2 refused (nothing was changed), 3 rolled back,
                 4 halted (needs a person), 5 another deployment runs.
    Example:     deployer --env prod deploy v42 --wait-for-lock 10m
    """  # noqa: D301  \b is for click
    app = app_of(ctx, {"canary.weights": stops(weights, auto=auto)})
    strategy = app.settings.environment.strategy
    if (weights or auto) and strategy != "canary":
        raise click.UsageError(
            f"{'--auto' if auto else '--weights'} is a canary's, and {app.settings.environment.name} "
            f"deploys by {strategy}"
        )
    waived = Waived(accept_weights, accept_alarms, irreversible, override_freeze)
    if attach and detach:
        raise click.UsageError("--attach waits for the end, and --detach does not: choose one")
    if attach and not dry_run:
        wait_s = seconds(wait_for_lock)
        return attached(app, release, wait_s, lambda: once(app, release, strategy, waived=waived))
    return ship(
        app, release, strategy, wait_for_lock, waived=waived, detach=detach, dry_run=dry_run
    )


def ship(
    app: App,
    release: str,
    strategy: Strategy,
    wait_for_lock: str,
    *,
    waived: Waived,
    detach: bool,
    dry_run: bool,
) -> Ending:
    """Compile, show, run; from a fresh reading whenever the environment had to be waited for."""
    session = Session(app.services, app.output)
    return session.in_turn(
        seconds(wait_for_lock),
        lambda: once(app, release, strategy, waived=waived, detach=detach, dry_run=dry_run),
    )


def once(
    app: App,
    release: str,
    strategy: Strategy,
    *,
    waived: Waived,
    detach: bool = False,
    dry_run: bool = False,
) -> Ending:
    """One attempt at an environment that is free.

    Raises:
        Locked: it was not.
    """
    session = Session(app.services, app.output)
    found = app.services.find_release(release)
    seen = app.services.cloud.observe()
    wanted = meant(app.services, app.settings, seen, found, strategy)
    plan = cleared(
        session, STRATEGIES[strategy], seen, wanted, waived=waived, dry_run=dry_run,
    )  # fmt: skip
    if dry_run:
        session.show(app.services.foreseen(plan, seen))
        return Ending("planned")
    if detach:
        return hand_over(app, plan, seen)
    return ending.of_deployment(session.ship(plan, seen))
