"""`deployer replay`: a past deployment's minutes through other systems' rules."""

import random
from functools import partial
from pathlib import Path

import click

from deployer.analysis.replay.policies import RECIPES
from deployer.analysis.replay.recording import Recording
from deployer.cli import offering
from deployer.cli.app import App, app_of, now, output_of
from deployer.cli.ending import Ending
from deployer.cli.report import written
from deployer.errors import DeployError, UsageError
from deployer.operations import recording as recordings
from deployer.operations.replaying import replayed
from deployer.render.replay import replay_document, replay_text

DRAWS = 20
SUFFIX = ".jsonl"


@click.command(short_help="Play a past deployment's minutes through other systems' rules.")
@click.argument("what", metavar="ID|FILE.jsonl", shell_complete=offering.recordings)
@click.option(
    "--policy", "policies", multiple=True, metavar="NAME[:KEY=VALUE,...]",
    help=f"Only this one; may be given several times: {', '.join(RECIPES)}.",
)  # fmt: skip
@click.option("--export", type=click.Path(path_type=Path), help="Write the recording to a file.")
@click.pass_context
def replay(
    ctx: click.Context, *, what: str, policies: tuple[str, ...], export: Path | None
) -> Ending:
    """Play a past deployment's minutes through other systems' rules.

    Side by side: what each would have done with the same requests, when, and how many
    bad requests more or less that would have been; and what of it is assumed. Of the
    deployment ID (`deployer history`), or of a file that --export wrote: that needs
    neither settings nor credentials.

    \b
    Exit status: 0, whatever comes out; 2 for an unknown deployment or policy.
    Example:     deployer replay 20260102-150405-1f2e --policy flagger:threshold=1
    """  # noqa: D301  \b is for click
    recording = from_file(Path(what)) if what.endswith(SUFFIX) else of_deployment(app_of(ctx), what)
    draws = [partial(random.Random, n) for n in range(DRAWS)]
    found = replayed(recording, policies or tuple(RECIPES), draws)
    if export is not None:
        written(export, "\n".join(recordings.lines(recording)) + "\n")
    document = replay_document(found, now())
    output_of(ctx).page(lambda _: replay_text(found), [document])
    return Ending()


def from_file(path: Path) -> Recording:
    """A recording out of a file.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text: {error.reason}") from error
    return recordings.read(text.splitlines(), str(path))


def of_deployment(app: App, deployment_id: str) -> Recording:
    """The minutes of one in the journal; what was not kept as far as it goes is kept now.

    Raises:
        NotFound: no such deployment, or nobody has its minutes.
    """
    services = app.services
    record = services.journal.load(services.environment, deployment_id)
    found = services.archive.recording(record, services.clock.now())
    if record.status.final:
        try:
            services.archive.kept.keep(found)
        except DeployError as error:
            app.output.note(f"The minutes could not be kept: {error}")
    return found
