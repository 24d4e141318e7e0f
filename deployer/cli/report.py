"""`deployer report`: what became of a deployment, in one line and in files to keep."""

import json
from pathlib import Path

import click
from rich.text import Text

from deployer.cli import offering
from deployer.cli.app import App, app_of
from deployer.cli.ending import Ending
from deployer.cli.look import link_to, owed_by
from deployer.cli.params import Duration
from deployer.durations import seconds
from deployer.errors import NotPossibleNow, UsageError
from deployer.journal import last_begun
from deployer.operations.pages import UNPUBLISHED
from deployer.operations.story import Story, gathered
from deployer.plan import Deployment
from deployer.render.documents import deployment_document
from deployer.render.evidence import evidence_document
from deployer.render.progress import outcome
from deployer.render.report.page import page
from deployer.render.words import one_line
from deployer.wiring.services import Services

LONGEST_S = 7 * 86_400  # for which S3 lets a link work (SigV4)


@click.command(short_help="Say in one line what became of a deployment, and write files to keep.")
@click.argument("deployment", metavar="[ID]", required=False, shell_complete=offering.deployments)
@click.option("--html", type=click.Path(path_type=Path), help="Write the whole story as a page.")
@click.option("--json", "plain", type=click.Path(path_type=Path), help="Write the whole record.")
@click.option(
    "--upload", is_flag=True, help="Upload the page beside the releases, in place of what is there."
)
@click.option(
    "--link", "lasts", type=Duration(), metavar="DURATION",
    help="Print a link to the uploaded page, with which anybody can read it for so long: 7d at most.",
)  # fmt: skip
@click.pass_context
def report(
    ctx: click.Context,
    *,
    deployment: str | None,
    html: Path | None,
    plain: Path | None,
    upload: bool,
    lasts: str | None,
) -> Ending:
    """Say in one line what became of a deployment, and write files to keep.

    Of the deployment ID, else of the newest one that changed anything. The page has
    charts of weights, requests, failures, latency, evidence and healthy instances, the
    verdict, every event, the plan and what it took; it needs nothing beside it. The JSON
    is the record. A page is uploaded by itself when a deployment ends
    (monitoring.upload_reports); minutes that CloudWatch published later are added by
    --upload.

    \b
    Exit status: 0, whatever became of it; 2 if there is no such deployment.
    Example:     deployer report --html report.html --json report.json
    """  # noqa: D301  \b is for click
    app = app_of(ctx)
    services = app.services
    lasts_s = None if lasts is None else seconds(lasts)
    if html is not None and plain is not None and html.resolve() == plain.resolve():
        raise UsageError(f"--html and --json both name {html}: the second would replace the first")
    require_possible(services, upload=upload, lasts_s=lasts_s)
    record = (
        services.journal.load(services.environment, deployment)
        if deployment
        else last_begun(services.journal, services.environment)
    )
    place = f"{services.service}/{services.environment}"
    if record is None:
        return Ending("ok", 0, f"Nothing was ever deployed in {place}.")
    now = services.clock.now()
    if html or plain or upload:
        story = gathered(services.archive, record, now, owed_by(services, record, now))
        _keep(app, story, html, plain, upload=upload)
    link = link_to(services, record)
    if lasts_s is not None:
        link = services.pages.signed(services.environment, record.id, lasts_s)
    told = {**deployment_document(record, now, whole=False), "link": link or None}
    app.output.page(lambda _: Text(in_one_line(record, place, link)), [told])
    return Ending()


def require_possible(services: Services, *, upload: bool, lasts_s: float | None) -> None:
    """There is somewhere to upload to, and a link may last so long.

    Raises:
        NotPossibleNow, UsageError: not so.
    """
    if (upload or lasts_s) and services.pages is UNPUBLISHED:
        raise NotPossibleNow(
            "reports are not uploaded here: deployer.toml says monitoring.upload_reports = false, or "
            "names no artifact_bucket; --html FILE writes one"
        )
    if lasts_s is not None and not 1 <= lasts_s <= LONGEST_S:
        raise UsageError("--link: a link lasts from 1s to 7d")


def _keep(app: App, story: Story, html: Path | None, plain: Path | None, *, upload: bool) -> None:
    """Write and upload what is asked for."""
    record, services = story.record, app.services
    if story.unknown:
        app.output.note(f"Without what both slots served: {story.unknown}")
    drawn = page(story) if html or upload else ""
    if html is not None:
        write(app, html, drawn)
    if plain is not None:
        document = {
            **deployment_document(record, story.now, whole=True),
            "evidence": evidence_document(story.looks),
            "link": link_to(services, record) or None,
        }  # fmt: skip
        write(app, plain, json.dumps(document, indent=2) + "\n")
    if upload:
        services.pages.put(services.environment, record.id, drawn)


def in_one_line(record: Deployment, place: str, link: str = "") -> str:
    """`shop/prod: v3 rolled back after 4m: …; v2 serves (canary 2026…)`, and where its page is."""
    said = f"{place}: {outcome(record)} ({record.first_plan.strategy} {one_line(record.id)})"
    return f"{said}\n{link}" if link else said


def write(app: App, path: Path, text: str) -> None:
    """Write a file, and say where: a folder that was not there may be a slip of the hand."""
    new = not path.parent.exists()
    written(path, text)
    app.output.note(f"{path} is written{', in a new folder' if new else ''}.")


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
