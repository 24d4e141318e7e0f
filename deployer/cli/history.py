"""`deployer history`: past deployments, of one environment or of all, as many as fit what is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import click

from deployer.cli import fleets, offering
from deployer.cli.app import App, app_of
from deployer.cli.ending import Ending
from deployer.cli.everywhere import Place, asked_for
from deployer.cli.params import Moment, Since, fleet_option
from deployer.errors import DeployError, UsageError
from deployer.operations.past import UNREADABLE, Record, Wanted, newest
from deployer.plan import DELETE, RETIRE, SLEEP, WAKE, Status
from deployer.planning.strategies import STRATEGIES
from deployer.render.came import spent_text
from deployer.render.documents import record_document, unseen_document
from deployer.render.history import history_text
from deployer.wiring.services import Services

KINDS = (*STRATEGIES, "first", "rollback", SLEEP, WAKE, RETIRE, DELETE)


@dataclass(frozen=True, slots=True)
class Found:
    """What one journal has of it, and when it was read (epoch seconds)."""

    records: Sequence[Record]
    now: float


@click.command(short_help="List the deployments, newest first.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True,
    help="How many, at most.",
)  # fmt: skip
@click.option(
    "--status", "statuses", multiple=True,
    type=click.Choice([*(each.value for each in Status), UNREADABLE]),
    help="Only those that ended so, or are so; may be repeated.",
)  # fmt: skip
@click.option(
    "--strategy", "strategies", multiple=True, type=click.Choice(KINDS),
    help="Only those of this kind; may be repeated.",
)  # fmt: skip
@click.option(
    "--release", default="", metavar="NAME|PATTERN", help="Only those of this release: v42, 'v4*'.",
    shell_complete=offering.releases,
)  # fmt: skip
@click.option("--since", type=Moment(), help="Only those begun since: 7d, 2027-01-15.")
@click.option(
    "--by", default="", metavar="TEXT", help="Only those begun by somebody whose name has this in it."
)  # fmt: skip
@click.option(
    "--all", "every", is_flag=True,
    help="Those of all environments of the settings; the same without --env where there are several.",
)  # fmt: skip
@click.option(
    "--cost", "costs", is_flag=True,
    help="What each took and cost, beside what was expected of it.",
)  # fmt: skip
@fleet_option
@click.pass_context
def history(
    ctx: click.Context,
    *,
    limit: int,
    statuses: tuple[str, ...],
    strategies: tuple[str, ...],
    release: str,
    since: Since | None,
    by: str,
    every: bool,
    costs: bool,
    fleet: bool,
) -> Ending:
    """List the deployments, newest first.

    Id, start, strategy, release, result, duration, who, and why it ended so. Where several
    filters are given, all of them must hold. With --cost: time, instance hours and requests
    exposed, each beside what was expected before it began.

    \b
    Exit status: 0; 1 if nobody answers; 2 if there is no such environment.
    Example:     deployer history --status rolled_back --since 30d
    """  # noqa: D301  \b is for click
    if fleet:
        if any((statuses, strategies, release, since, by, every, costs)):
            raise UsageError("--fleet lists the service's fleets: only --limit goes with it")
        return fleets.history(ctx, limit)
    app = app_of(ctx)

    def read(services: Services) -> Found:
        now = services.clock.now()
        begun = since.moment(now) if since else None
        wanted = Wanted(statuses, strategies, release, begun, by)
        records = partial(services.journal.records, services.environment)
        return Found(newest(records, wanted, limit), now)

    everywhere = asked_for(app, every=every)
    if everywhere is not None:
        return _of_all(app, dict(everywhere.read(read)), limit, costs=costs)
    found = read(app.services)
    documents = [
        record_document(each, app.services.environment, found.now) for each in found.records
    ]
    app.output.page(
        lambda width: (
            spent_text(found.records, width)
            if costs
            else history_text(found.records, found.now, width)
        ),
        documents,
    )
    return Ending()


def _of_all(
    app: App, answers: Mapping[Place, Found | DeployError], limit: int, *, costs: bool
) -> Ending:
    """One table of several environments' records; one that does not answer is told beside it.

    Raises:
        DeployError: none of them answers.
    """
    found = {place.name: each for place, each in answers.items() if isinstance(each, Found)}
    silent = {place.name: each for place, each in answers.items() if isinstance(each, DeployError)}
    if not found:
        raise next(iter(silent.values()))
    now = max(each.now for each in found.values())
    known = [(name, record) for name, each in found.items() for record in each.records]
    known = sorted(known, key=lambda pair: pair[1].id, reverse=True)[:limit]
    documents = [record_document(record, name, now) for name, record in known]
    documents += [unseen_document(name, str(problem), now) for name, problem in silent.items()]
    places = [name for name, _ in known]
    records = [record for _, record in known]
    app.output.page(
        lambda width: (
            spent_text(records, width, places)
            if costs
            else history_text(records, now, width, places)
        ),
        documents,
    )
    for name, problem in silent.items():
        app.output.note(f"{name}: {problem}")
    return Ending()
