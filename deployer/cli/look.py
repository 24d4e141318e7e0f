"""`deployer status` and `deployer show`: they look and change nothing."""

from collections.abc import Callable
from functools import partial

import click
from rich.text import Text

from deployer.cli import fleets, offering
from deployer.cli.app import App, app_of
from deployer.cli.ending import Ending
from deployer.cli.everywhere import asked_for
from deployer.cli.glance import glance, keep_glancing
from deployer.cli.minutes import looks_of
from deployer.cli.params import fleet_option
from deployer.cli.stopping import pause, stoppable
from deployer.errors import CloudUnavailable
from deployer.journal import Active, Unreadable, last_begun, newest_begun
from deployer.operations.opinion import opinion
from deployer.operations.pages import linked
from deployer.plan import Deployment
from deployer.render.documents import deployment_document, status_document
from deployer.render.evidence import evidence_document, evidence_text
from deployer.render.history import show_text
from deployer.render.owed import outstanding, owed_line
from deployer.render.progress import Standing
from deployer.render.status import status_text
from deployer.wiring.services import Services


@click.command(short_help="Show what serves, what runs and how the last deployment ended.")
@click.option("--watch", is_flag=True, help="Show it again and again until Ctrl-C.")
@click.option(
    "--all", "every", is_flag=True,
    help="All environments at a glance; the same without --env where there are several.",
)  # fmt: skip
@fleet_option
@click.pass_context
def status(ctx: click.Context, *, watch: bool, every: bool, fleet: bool) -> Ending:
    """Show what serves, what runs and how the last deployment ended.

    For each slot: its weight, release, healthy and wanted instances, and the states of
    those that are not healthy. For a deployment in progress: its step, the time left,
    who runs it and until when its lease lasts. After one that halted: the reason and the
    command to run next.

    Where the settings have several environments and none is named, all of them at a
    glance; with --watch on a terminal a live table: choose one with the arrow keys, look
    closer with Enter, come back with Esc, leave with q.

    With --fleet: its waves, where each environment stands, and what is possible now;
    with --watch, everything that happens until it has ended, whose exit status it has.

    \b
    Exit status: 0, whatever is shown; 1 if nobody answers; 2 if there is no such
      environment.
    Example:     deployer --env prod status --watch
    """  # noqa: D301  \b is for click
    if fleet:
        return fleets.status(ctx, watch=watch)
    app = app_of(ctx)
    everywhere = asked_for(app, every=every)
    if everywhere is not None:
        read = partial(standing_of, note=app.output.note)
        return (keep_glancing if watch else glance)(app, everywhere, read)
    if watch:
        return keep_showing(app)
    show_standing(app, standing(app))
    return Ending()


def keep_showing(app: App) -> Ending:
    """Until a signal comes, which is how it is meant to end."""
    services = app.services
    with stoppable() as stop:
        show_standing(app, standing(app))
        while pause(services.clock, stop, services.scale, services.poll_s):
            show_again(app)
    return Ending()


def show_again(app: App) -> None:
    """The next page; where there is none now, the last one stays."""
    try:
        now = standing(app)
    except CloudUnavailable as error:
        app.output.note(f"Trying again: {error}")
        return
    app.output.clear()
    show_standing(app, now)


def show_standing(app: App, now: Standing) -> None:
    """One page, or one document."""
    app.output.page(lambda width: status_text(now, width), [status_document(now)])


def standing(app: App) -> Standing:
    """Read everything that there is to tell."""
    return standing_of(app.services, app.output.note)


def standing_of(services: Services, note: Callable[[str], None]) -> Standing:
    """The same, of one environment; `note`: told of a record that cannot be read."""
    active = services.journal.active(services.environment)
    newest = next(iter(services.journal.records(services.environment, 1)), None)
    seen = services.cloud.observe()
    if isinstance(newest, Unreadable):
        note(f"{newest.id}: {newest.why}")
    last = newest if isinstance(newest, Deployment) else None
    now = services.clock.now()
    thought = ""
    if active is not None:
        thought = opinion(active.deployment, seen, services.metrics, services.prober, now)
    return Standing(
        service=services.service,
        environment=services.environment,
        url=services.url,
        seen=seen,
        active=active,
        last=last if active is None else None,
        now=now,
        opinion=thought,
        freeze=services.freezes.now(now),
        owed=outstanding(owing(services, active, last), seen),
    )


def owing(services: Services, active: Active | None, last: Deployment | None) -> Deployment | None:
    """Whose record tells what is owed: the deployment in progress, or the last that did anything."""
    if active is not None:
        return active.deployment
    if last is None or newest_begun([last]) is last:
        return last
    return last_begun(services.journal, services.environment)


@click.command(short_help="Show one deployment: plan, events, evidence, reason.")
@click.argument("deployment", metavar="ID", shell_complete=offering.deployments)
@fleet_option
@click.pass_context
def show(ctx: click.Context, *, deployment: str, fleet: bool) -> Ending:
    """Show one deployment: plan, events, evidence, reason.

    ID is the first column of `deployer history`. The record keeps the newest 200
    events. Where the release was held to evidence beside the old one, its growth is
    shown minute by minute.

    \b
    Exit status: 0; 2 if there is no such deployment.
    Example:     deployer show 20260102-150405-1f2e
    """  # noqa: D301  \b is for click
    if fleet:
        return fleets.show(ctx, deployment)
    app = app_of(ctx)
    services = app.services
    record = services.journal.load(services.environment, deployment)
    now = services.clock.now()
    looks = looks_of(app, record, now)
    document = {
        **deployment_document(record, now, whole=True), "evidence": evidence_document(looks),
        "link": link_to(services, record) or None,
    }  # fmt: skip
    owes, link = owed_by(services, record, now), document["link"]
    where = Text(f"\nReport: {link}" if link else "", "dim")
    app.output.page(
        lambda width: (
            show_text(record, services.service, owes, evidence_text(looks, width=width), width)
            + where
        ),
        [document],
    )
    return Ending()


def link_to(services: Services, record: Deployment) -> str:
    """Where its report was uploaded to; empty: nowhere, or it has not ended."""
    return linked(services.pages, record)


def owed_by(services: Services, record: Deployment, now: float) -> str:
    """What an ended deployment still owes, or which later one has taken that over; empty: nothing."""
    if record.unstuck is None or not record.status.final:
        return ""
    newest = last_begun(services.journal, services.environment)
    if newest is None or newest.id == record.id:
        return owed_line(record.unstuck, now)
    return f"It owed the production rule's stickiness: later deployments have taken that over ({newest.id})."
