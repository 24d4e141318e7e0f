"""`deployer canary` and `deployer deploy`."""

from collections.abc import Callable

import click

from deployer import strategies
from deployer.cli import ending
from deployer.cli.app import App, app_of
from deployer.cli.clearance import cleared
from deployer.cli.ending import Ending
from deployer.cli.params import Duration, Weights
from deployer.cli.session import Session
from deployer.model import Snapshot
from deployer.plan import Intent, Plan
from deployer.wiring import intent_of

Strategy = Callable[[Snapshot, Intent], Plan]
STRATEGIES: dict[str, Strategy] = {"canary": strategies.canary}

dry_run_option = click.option("--dry-run", is_flag=True, help="Show the plan and stop there.")
accept_weights_option = click.option(
    "--accept-weights", is_flag=True,
    help="Begin although somebody has moved traffic since the last deployment.",
)  # fmt: skip


@click.command(short_help="Ship RELEASE a little at a time, judging it at each stop.")
@click.argument("release")
@click.option(
    "--weights", type=Weights(),
    help="The release's shares of the traffic on the way to 100 %, in percent, rising, 0.1 at the "
    "finest.  [default: canary.weights of deployer.toml, 5,25,50]",
)  # fmt: skip
@click.option(
    "--bake", type=Duration(),
    help="How long each share is judged, 100 % included: 90s, 10m, 1h30m.  "
    "[default: canary.bake and canary.final_bake, 10m]",
)  # fmt: skip
@click.option(
    "--linger", type=Duration(),
    help="How long the old slot stays after it lost its traffic, at most; it goes earlier if it "
    "is silent.  [default: canary.linger, 10m]",
)  # fmt: skip
@accept_weights_option
@dry_run_option
@click.pass_context
def canary(
    ctx: click.Context,
    *,
    release: str,
    weights: tuple[str, ...] | None,
    bake: str | None,
    linger: str | None,
    accept_weights: bool,
    dry_run: bool,
) -> Ending:
    """Ship RELEASE a little at a time, judging it at each stop.

    The release starts in the slot that does not serve, as large as the live one, and
    answers smoke requests through the test listener before any user sees it. Then it
    gets its first share of the traffic, bakes there under analysis, gets the next, and
    so on up to 100 %. The old slot stays warm until it is silent, and is retired.

    A failed verdict, a failed probe, unhealthy instances, an expired deadline or
    `deployer abort` send all traffic back to the old slot: capacity first, then
    traffic, then shrink. The plan is shown before anything happens. The first release
    of an empty environment has nothing to be compared with: it is not analysed.

    Ctrl-C finishes the change in hand and stops; `deployer resume` goes on.

    \b
    Exit status: 0 shipped, 2 refused (nothing was changed), 3 rolled back,
                 4 halted (needs a person), 5 another deployment runs.
    Example:     deployer canary v42 --weights 5,25,50 --bake 10m
    """  # noqa: D301  \b is for click
    flags = {
        "canary.weights": list(weights) if weights else None,
        "canary.bake": bake,
        "canary.final_bake": bake,
        "canary.linger": linger,
    }
    return ship(
        app_of(ctx, flags), release, "canary", accept_weights=accept_weights, dry_run=dry_run
    )


@click.command(short_help="Ship RELEASE the way that the environment's settings name.")
@click.argument("release")
@accept_weights_option
@dry_run_option
@click.pass_context
def deploy(ctx: click.Context, *, release: str, accept_weights: bool, dry_run: bool) -> Ending:
    """Ship RELEASE the way that the environment's settings name.

    `strategy` in [environments.NAME] of deployer.toml says which: "canary" is what
    `deployer canary RELEASE` does, with the weights and times of the settings.

    \b
    Exit status: 0 shipped, 2 refused (nothing was changed), 3 rolled back,
                 4 halted (needs a person), 5 another deployment runs.
    Example:     deployer --env prod deploy v42
    """  # noqa: D301  \b is for click
    app = app_of(ctx)
    strategy = app.settings.environment.strategy
    return ship(app, release, strategy, accept_weights=accept_weights, dry_run=dry_run)


def ship(
    app: App, release: str, strategy: str, *, accept_weights: bool = False, dry_run: bool
) -> Ending:
    """Compile, show, run."""
    session = Session(app.services, app.output)
    session.require_free()
    intent = intent_of(app.settings, app.services.find_release(release))
    seen = app.services.cloud.observe()
    plan = cleared(
        session, STRATEGIES[strategy], seen, intent, accept_weights=accept_weights, dry_run=dry_run
    )
    if dry_run:
        session.show(plan)
        return Ending("planned")
    return ending.of_deployment(session.ship(plan, seen))
