"""`deployer teardown --idle`: a sweep by hand, over all environments of the settings in a Region."""

import sys
from pathlib import Path

import click

from deployer.cli.app import App
from deployer.cli.ending import Ending
from deployer.errors import NotFound, NotPossibleNow
from deployer.operations.idle.agenda import Move
from deployer.operations.idle.documents import report_document
from deployer.operations.idle.sweep import Report, Sweep
from deployer.render.sweep import sweep_text
from deployer.render.words import iso
from deployer.settings.reading import environments, load
from deployer.wiring.sweeping import clients, look_of, settings_of, sweep_of

TOO_MANY = 4  # exit status: a person must look


def idle(app: App, *, dry_run: bool, yes: bool) -> Ending:
    """Show every environment, and why it goes or stays; then do what is due, if it is wanted.

    Raises:
        NotFound: no environment, or nobody sweeps here yet.
        NotPossibleNow: nobody is there to be asked.
        Locked: another sweep runs.
    """
    path = Path(app.config)
    known = settings_of(path, region_of(path, app.environment))
    aws = clients(next(iter(known.values()), None))
    sweep = look_of(known, aws) if dry_run else sweep_of(known, aws)
    report = sweep.look()
    show(app, sweep, report)
    if report.excess:  # not to be done a moment later, when one of them has gone from the list
        return Ending("planned" if dry_run else "error", TOO_MANY, report.excess)
    if dry_run or not any(row.item.move is not Move.LEAVE for row in report.rows):
        return Ending("planned" if dry_run else "ok")
    if not yes:
        ask()
    done = sweep.run()
    show(app, sweep, done)
    return ending_of(done)


def region_of(path: Path, environment: str | None) -> str:
    """The Region of the environment that was named, or the only one that there is.

    Raises:
        NotPossibleNow: there are several.
    """
    names = environments(path) if environment is None else (environment,)
    regions = {name: load(path, name).environment.region for name in names}
    if len(set(regions.values())) > 1:
        told = ", ".join(sorted(set(regions.values())))
        raise NotPossibleNow(
            f"{path.name}: environments are in several Regions ({told}): name one of them with --env, "
            "and all in its Region are looked at"
        )
    if not regions:
        raise NotFound(f"{path.name} has no environment")
    return next(iter(regions.values()))


def show(app: App, sweep: Sweep, report: Report) -> None:
    """The table, or one document."""

    def when(name: str, moment: float) -> str:
        return sweep.calendar.spell(moment, sweep.rules[name].zone)

    at = iso(sweep.clock.now())
    document = {"at": at, "deployment": None, "event": "sweep", **report_document(report)}
    app.output.page(lambda _width: sweep_text(report, when), [document])


def ask() -> None:
    """A person says yes.

    Raises:
        NotPossibleNow: nobody is there, or they said no.
    """
    if not sys.stdin.isatty():
        raise NotPossibleNow("nothing was done: add --yes, since nobody is there to be asked")
    if not click.confirm("Do this?", err=True):
        raise NotPossibleNow("nothing was done")


def ending_of(report: Report) -> Ending:
    """The first problem is the command's; too many are a person's affair."""
    if report.excess:
        return Ending("error", TOO_MANY, report.excess)
    for row in report.rows:
        if row.problem is not None:
            reason = f"{row.environment}: {row.problem}"
            return Ending("error", row.problem.exit_code, reason)
    return Ending()
