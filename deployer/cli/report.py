"""`deployer report`: what became of a deployment, in one line and in files to keep."""

import io
import json
from html import escape
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from deployer.cli import offering
from deployer.cli.app import app_of
from deployer.cli.ending import Ending
from deployer.cli.look import owed_by
from deployer.cli.minutes import looks_of
from deployer.errors import UsageError
from deployer.journal import last_begun
from deployer.plan import Deployment
from deployer.render.chart import evidence_chart
from deployer.render.documents import deployment_document
from deployer.render.evidence import evidence_document, evidence_text
from deployer.render.history import show_text
from deployer.render.progress import outcome
from deployer.render.words import one_line

WIDTH = 120


@click.command(short_help="Say in one line what became of a deployment, and write files to keep.")
@click.argument("deployment", metavar="[ID]", required=False, shell_complete=offering.deployments)
@click.option("--html", type=click.Path(path_type=Path), help="Write the whole story as a page.")
@click.option("--json", "plain", type=click.Path(path_type=Path), help="Write the whole record.")
@click.pass_context
def report(
    ctx: click.Context, *, deployment: str | None, html: Path | None, plain: Path | None
) -> Ending:
    """Say in one line what became of a deployment, and write files to keep.

    Of the deployment ID, else of the newest one that changed anything. The page holds
    what `deployer show` does: plan, events, evidence and its picture, reason; the JSON
    is the record.

    \b
    Exit status: 0, whatever became of it; 2 if there is no such deployment.
    Example:     deployer report --html report.html --json report.json
    """  # noqa: D301  \b is for click
    app = app_of(ctx)
    services = app.services
    record = (
        services.journal.load(services.environment, deployment)
        if deployment
        else last_begun(services.journal, services.environment)
    )
    place = f"{services.service}/{services.environment}"
    if record is None:
        return Ending("ok", 0, f"Nothing was ever deployed in {place}.")
    now = services.clock.now()
    looks = looks_of(app, record, now) if html or plain else ()
    document = {
        **deployment_document(record, now, whole=True), "evidence": evidence_document(looks),
    }  # fmt: skip
    if html is not None:
        owes, evidence = owed_by(services, record, now), evidence_text(looks, most=None)
        text = show_text(record, services.service, owes, evidence)
        written(html, page(text, f"{record.id} in {place}", evidence_chart(looks)))
    if plain is not None:
        written(plain, json.dumps(document, indent=2) + "\n")
    told = deployment_document(record, now, whole=False)
    app.output.page(lambda _: Text(in_one_line(record, place)), [told])
    return Ending()


def in_one_line(record: Deployment, place: str) -> str:
    """`shop/prod: v3 rolled back after 4m: …; v2 serves (canary 2026…)`."""
    return f"{place}: {outcome(record)} ({record.first_plan.strategy} {one_line(record.id)})"


def page(text: Text, title: str, picture: str = "") -> str:
    """A page of HTML that needs nothing beside it; `picture`: SVG."""
    console = Console(record=True, file=io.StringIO(), width=WIDTH, color_system="truecolor")
    console.print(Text(title, "bold"))
    console.print(text, soft_wrap=True)
    head = (
        f"<title>{escape(title)}</title>\n<style>pre {{ white-space: pre-wrap; }}</style>\n</head>"
    )
    whole = console.export_html(inline_styles=True).replace("</head>", head, 1)
    return whole.replace("<body>", f"<body>\n{picture}", 1)


def written(path: Path, text: str) -> None:
    """Write a file; its folder is made if it is not there.

    Raises:
        UsageError: that cannot be done.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
