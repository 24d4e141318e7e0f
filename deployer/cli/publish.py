"""`deployer publish`: an artifact becomes a release, named by its revision or by hand."""

import os
from pathlib import Path

import click
from rich.text import Text

from deployer.aws import account, pacing, published, publishing
from deployer.aws.artifacts import ROLLBACK_SAFE
from deployer.aws.session import Aws
from deployer.cli.app import app_of
from deployer.cli.ending import Ending
from deployer.errors import UsageError
from deployer.operations.naming import release_of
from deployer.render.words import iso
from deployer.settings import artifacts
from deployer.wiring.endpoint import chosen_clock, require_endpoint

GZIP = b"\x1f\x8b"


@click.command(short_help="Put an artifact where releases lie; the name tells its revision.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", metavar="RELEASE", help="What it is called.")
@click.option(
    "--revision", metavar="REVISION",
    help="A git commit, or the version of an S3 object: the release is called after it.",
)  # fmt: skip
@click.option(
    "--one-way", is_flag=True,
    help="Mark it rollback-safe: false: once users reach it, nothing goes back by itself.",
)  # fmt: skip
@click.pass_context
def publish(
    ctx: click.Context, *, file: Path, name: str | None, revision: str | None, one_way: bool
) -> Ending:
    """Put an artifact where releases lie; the name tells its revision.

    FILE is a gzipped tar whose top level holds the application. Its SHA-256 goes into
    the object's metadata; every instance compares it before it boots. Prints the name
    of the release, and nothing else, to stdout.

    A release never changes: if there is one of that name, that one stays, whatever FILE
    holds, and this command says so. So a build may be repeated.

    \b
    Exit status: 0 there is such a release; 2 refused: no such file or bucket,
                 or no revision.
    Example:     deployer publish app.tar.gz --revision "$COMMIT"
    """  # noqa: D301  \b is for click
    if (name is None) is (revision is None):
        raise click.UsageError("say either --name or --revision")
    app, body = app_of(ctx), content(file)
    try:
        release = name if name is not None else release_of(revision or "")
    except ValueError as error:
        raise UsageError(f"--revision: {error}") from error
    require_endpoint(os.environ)
    settings, clock = app.settings, chosen_clock(os.environ)
    region = settings.environment.region
    aws = Aws(region, pacing.shared(region, clock))
    where = published.of_settings(settings) if settings.existing else None
    bucket = (
        where or account.find(aws, settings.service.name, settings.environment)
    ).artifact_bucket
    made = publishing.Publisher(
        aws, lambda each: artifacts.resolve(settings, each, bucket)
    ).publish(release, body, {ROLLBACK_SAFE: "false"} if one_way else {})
    app.output.note(told(made))
    document = {
        "at": iso(clock.now()), "deployment": None, "event": "published", "release": release,
        "uri": made.uri, "sha256": made.digest, "new": made.new,
    }  # fmt: skip
    app.output.page(lambda _: Text(release), [document])
    return Ending()


def told(made: publishing.Published) -> str:
    """What has become of it, for people."""
    if made.new:
        return f"Published: {made.uri} (SHA-256 {made.digest[:12]}…)"
    if made.same:
        return f"It was published already: {made.uri}"
    return (
        f"It was published already, with other bytes: {made.uri} stays as it is. (A build that is "
        "to make the same bytes from the same revision must leave out times.)"
    )


def content(file: Path) -> bytes:
    """What is in the file.

    Raises:
        UsageError: it cannot be read, or is no gzipped file.
    """
    try:
        body = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    if not body.startswith(GZIP):
        raise UsageError(
            f"{file} is no gzipped tar: make one with `tar -czf RELEASE.tar.gz -C FOLDER .`"
        )
    return body
