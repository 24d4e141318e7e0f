"""`deployer init`: writes deployer.toml; reads AWS, and changes nothing there."""

import os
from itertools import count
from pathlib import Path
from typing import Any

import click

from deployer.cli.app import app_of
from deployer.cli.ending import Ending
from deployer.errors import NotPossibleNow, UsageError


@click.command(short_help="Write deployer.toml, from what is running or for new stacks.")
@click.option(
    "--from-alb", metavar="NAME|ARN", default="",
    help="A load balancer that serves already, made by others.",
)  # fmt: skip
@click.option("--service", metavar="NAME", default="", help="Of the service. [default: of the ALB]")
@click.option("--region", metavar="REGION", help="[default: as the AWS CLI has it]")
@click.option("--listener", metavar="PORT|ARN", default="", help="Where users arrive.")
@click.option("--rule", metavar="ARN|default", default="", help="What leads them to the service.")
@click.option("--blue", metavar="GROUP", default="", help="The Auto Scaling group that serves.")
@click.option("--green", metavar="GROUP", default="", help="Its twin.")
@click.option(
    "--image", metavar="AMI", default="", help="Without --from-alb: what the stacks boot."
)
@click.option(
    "--force", is_flag=True, help="Replace the file; old ones stay: FILE.before, .before1 ..."
)
@click.pass_context
def init(ctx: click.Context, /, **flags: Any) -> Ending:
    """Write deployer.toml, from what is running or for new stacks.

    With --from-alb it reads listeners, rules, target groups, groups and sizes of a load
    balancer that others made, and says what it could not know; where several answers
    fit, it names them and the flag that chooses. Then run `deployer verify`.

    \b
    Exit status: 0; 2 nothing was written: the file is there, a value is
                 wrong, several answers fit, or none does.
    Example:     deployer init --from-alb shop --env prod
    """  # noqa: D301  \b is for click
    from deployer.cli import adoption  # noqa: PLC0415  it loads what talks to AWS
    from deployer.settings.reading import vet  # noqa: PLC0415  --help stays instant

    app = app_of(ctx)
    path, environment = app.config, app.environment or "prod"
    if path.exists() and not flags["force"]:
        raise NotPossibleNow(f"{path} is there: --force replaces it, or name another with --config")
    if not flags["from_alb"]:
        for name in ("service", "region", "image"):
            if not flags[name]:
                raise UsageError(
                    f"for new stacks --{name} is needed (deployer.example.toml tells how to find an "
                    "image); for what is running: --from-alb NAME"
                )
        made = adoption.fresh(environment, flags["service"], flags["region"], flags["image"])
    else:
        made = adoption.adopted(environment, flags)
    vet(made.text, environment, f"{path} is not written:")
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(made.text, encoding="utf-8")
    keep(path)
    fresh.replace(path)
    app.output.page(lambda _: made.page(path), [made.document(path)])
    return Ending()


def keep(path: Path) -> None:
    """The file that is replaced stays beside it, and so do those that were replaced earlier."""
    if path.exists():
        names = (f"{path.name}.before{number or ''}" for number in count())
        spare = next(other for name in names if not (other := path.with_name(name)).exists())
        os.link(path, spare)
