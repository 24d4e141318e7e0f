"""`deployer windows`: what is allowed now, and when that changes. It asks nobody but the settings."""

from itertools import islice
from typing import Any

import click

from deployer.cli.app import App, app_of, now
from deployer.cli.ending import Ending
from deployer.process.zones import epoch
from deployer.render.windows import Outlook, windows_document, windows_text
from deployer.settings import freezing, reading


class Moment(click.ParamType[float]):
    """`2026-12-24T18:00Z`: a moment with its distance from UTC."""

    name = "moment"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Epoch seconds."""
        try:
            return epoch(str(value))
        except ValueError:
            self.fail(
                f"{value!r}: write a moment such as 2026-12-24T18:00Z or 2026-12-24T19:00+01:00",
                param,
                ctx,
            )


@click.command(short_help="Show when something may begin, and when a freeze is on.")
@click.option(
    "--at", type=Moment(), help="As of this moment: 2026-12-24T18:00Z.  [default: now]"
)  # fmt: skip
@click.option(
    "--next", "number", type=click.IntRange(0, 100), default=5, show_default=True,
    help="How many of the next changes to show.",
)  # fmt: skip
@click.pass_context
def windows(ctx: click.Context, *, at: float | None, number: int) -> Ending:
    """Show when something may begin, and when a freeze is on.

    In a freeze ([windows] of deployer.toml) no deployment begins, and nothing is
    approved or promoted, unless --override-freeze says why; what runs already goes on.
    `deployer rollback`, `abort` and `pause` are possible at any time.

    Of all environments of the settings, or of the one that --env names. Only the
    settings are read: no AWS, no credentials.

    \b
    Exit status: 0, whatever is shown; 2 if there is no such environment.
    Example:     deployer windows --at 2026-12-24T18:00Z
    """  # noqa: D301  \b is for click
    app, moment = app_of(ctx), now() if at is None else at
    found = [outlook(app, name, moment, number) for name in names(app)]
    app.output.page(
        lambda _: windows_text(found), [windows_document(each, moment) for each in found]
    )
    return Ending()


def names(app: App) -> tuple[str, ...]:
    """The environment that was named, or all."""
    return (app.environment,) if app.environment else reading.environments(app.config)


def outlook(app: App, name: str, at: float, number: int) -> Outlook:
    """What the settings of one environment say of that moment, and of those after it."""
    settings = reading.load(app.config, name)
    calendar = freezing.calendar(settings.windows)
    return Outlook(
        place=f"{settings.service.name}/{name}",
        environment=name,
        zone=settings.windows.time_zone,
        freeze=calendar.now(at),
        changes=tuple(islice(calendar.changes(at), number)),
        spell=calendar.spell,
    )
