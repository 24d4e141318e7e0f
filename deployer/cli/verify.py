"""`deployer verify`: is the environment fit for deployments? It looks and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployer.cli.app import app_of
from deployer.cli.ending import Ending

if TYPE_CHECKING:
    from deployer.findings import Finding

UNFIT = 6  # exit status


@click.command(short_help="Check the environment, and what its owner's templates would do to it.")
@click.option(
    "--terraform", metavar="FILE", type=click.Path(path_type=Path),
    help="What `terraform show -json` writes, of a state or of a plan.",
)  # fmt: skip
@click.pass_context
def verify(ctx: click.Context, *, terraform: Path | None) -> Ending:
    """Check the environment, and what its owner's templates would do to it.

    For stacks of the deployer's and for resources of others (Terraform, console, other
    CDK). Read-only: listener, rules, target groups, groups, launch templates, journal,
    permissions. Each row says what, where, why it matters and what to do; of a
    template also which of its updates would bite.

    \b
    Exit status: 0 fit, with or without warnings; 6 a problem was found.
    Example:     deployer verify --terraform state.json
    """  # noqa: D301  \b is for click
    from deployer.cli.verifying import found  # noqa: PLC0415  it loads what talks to AWS
    from deployer.render.findings import finding_document, findings_text  # noqa: PLC0415

    app = app_of(ctx)
    findings, now = found(app.settings, terraform)
    app.output.page(
        lambda width: findings_text(findings, width),
        [finding_document(each, now) for each in findings],
    )
    return ending_of(findings)


def ending_of(findings: Sequence[Finding]) -> Ending:
    """A problem is told by the exit status; warnings, and what is unknown, are not."""
    from deployer.findings import Level, worst  # noqa: PLC0415  --help stays instant
    from deployer.render.findings import summary  # noqa: PLC0415

    if worst(findings) is Level.PROBLEM:
        return Ending("unfit", UNFIT, f"{summary(findings)}: see above")
    return Ending(reason=summary(findings))
