"""`deployer rolling`."""

import click

from deployer.cli import offering
from deployer.cli.app import app_of
from deployer.cli.ending import Ending
from deployer.cli.params import (
    Duration,
    Instances,
    InstancesOrNone,
    accept_alarms_option,
    accept_weights_option,
    detach_option,
    dry_run_option,
    irreversible_option,
    override_freeze_option,
    wait_option,
)
from deployer.cli.ship import ship
from deployer.operations.beginning import Waived


@click.command(short_help="Ship RELEASE into the live group, a batch of instances at a time.")
@click.argument("release", shell_complete=offering.releases)
@click.option(
    "--max-unavailable", type=Instances(), metavar="N|P%",
    help="Instances that may be missing meanwhile; a share rounds down.  "
    "[default: rolling.max_unavailable, 0]",
)  # fmt: skip
@click.option(
    "--surge", type=Instances(), metavar="N|P%",
    help="Instances that may be launched beside the group's own; a share rounds up.  "
    "[default: rolling.surge, 25%]",
)  # fmt: skip
@click.option(
    "--bake", type=Duration(),
    help="How long the group is judged after each batch: 90s, 10m.  [default: rolling.bake, 1m]",
)  # fmt: skip
@click.option(
    "--until", type=InstancesOrNone(), metavar="N|P%",
    help="Pause once so many are replaced; `deployer resume` goes on; `none` for no pause.  "
    "[default: rolling.until, none]",
)  # fmt: skip
@wait_option
@accept_weights_option
@accept_alarms_option
@irreversible_option
@override_freeze_option
@detach_option
@dry_run_option
@click.pass_context
def rolling(
    ctx: click.Context,
    *,
    release: str,
    max_unavailable: str | None,
    surge: str | None,
    bake: str | None,
    until: str | None,
    wait_for_lock: str,
    accept_weights: bool,
    accept_alarms: bool,
    irreversible: bool,
    override_freeze: str,
    detach: bool,
    dry_run: bool,
) -> Ending:
    """Ship RELEASE into the live group, a batch of instances at a time.

    With surge the group launches first and lets as many of the others go after that:
    its capacity never falls. With max-unavailable alone some go first, and are
    replaced. The oldest go first, spread over zones; each batch drains, and the next
    one begins when every new instance is healthy in the target group and the group
    serves no worse than before the deployment began.

    Both releases serve at once until the last batch, and nothing leads to the new
    instances alone: there is no probe before users reach them. A failed verdict, a
    batch that does not become healthy, a launch that fails, or `deployer abort`
    replace the new instances by the old release, the same way. AZRebalance of the group
    is suspended meanwhile, and resumed on every way out.

    \b
    Exit status: 0 shipped, 2 refused (nothing was changed), 3 rolled back,
                 4 halted (needs a person), 5 another deployment runs.
    Example:     deployer rolling v42 --surge 25% --until 25%
                 deployer rolling v42 --surge 0 --max-unavailable 1
    """  # noqa: D301  \b is for click
    flags = {
        "rolling.max_unavailable": max_unavailable,
        "rolling.surge": surge,
        "rolling.bake": bake,
        "rolling.until": until,
    }
    return ship(app_of(ctx, flags), release, "rolling", wait_for_lock,
        waived=Waived(accept_weights, accept_alarms, irreversible, override_freeze), detach=detach, dry_run=dry_run,
    )  # fmt: skip
