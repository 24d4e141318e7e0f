"""`deployer cost`: what shipping comes to, each way beside the others, before anything happens."""

from collections.abc import Sequence

import click

from deployer.cli.app import App, app_of
from deployer.cli.ending import Ending
from deployer.cli.holder import taken
from deployer.cli.ship import Strategy
from deployer.errors import Locked, UsageError
from deployer.model import Release, Snapshot
from deployer.operations.prospects import one_load
from deployer.plan import Plan
from deployer.planning.strategies import STRATEGIES
from deployer.render.comparison import Choice, choice_document, comparison_text
from deployer.render.words import iso
from deployer.wiring.intents import meant
from deployer.wiring.services import Services

NEXT = "the-next-release"
WAYS: tuple[Strategy, ...] = ("canary", "blue-green", "rolling")


@click.command(short_help="Compare what shipping RELEASE takes and costs, each way.")
@click.argument("release", required=False)
@click.option(
    "--strategy", "chosen", type=click.Choice(WAYS), multiple=True,
    help="Only this one; may be said again.  [default: all three]",
)  # fmt: skip
@click.pass_context
def cost(ctx: click.Context, *, release: str | None, chosen: tuple[Strategy, ...]) -> Ending:
    """Compare what shipping RELEASE takes and costs, each way.

    Each strategy's plan, with the shares and times of the settings, is carried out by
    the engine itself in a simulated environment that is as large as the real one: how
    long it takes, how many instance hours more than now, what these cost, how many
    requests reach a bad release until it is found out, and how long going back takes.
    How long instances take to boot is what earlier deployments here took; how many
    requests come is read from the metrics. What is not known is shown as ?.

    Without RELEASE it is about whatever comes next. Prices are those of [cost] hourly,
    else AWS's price list if `pricing:GetProducts` is allowed, else a dated table.
    Nothing is changed.

    \b
    Exit status: 0; 2 if there is no such release or environment; 5 while another
    deployment runs.
    Example:     deployer cost v42
                 deployer --output json cost --strategy canary
    """  # noqa: D301  \b is for click
    app = app_of(ctx)
    services = app.services
    found = services.find_release(release) if release else Release(NEXT)
    place = f"{services.service}/{services.environment}"
    running = services.journal.active(services.environment)
    if running is not None:
        raise Locked(taken(running, place, services.clock.now()))
    seen = services.cloud.observe()
    plans = [(way, planned(app, seen, found, way)) for way in chosen or WAYS]
    choices = compared(services, seen, plans)
    at = iso(services.clock.now())
    documents = [
        {"at": at, "deployment": None, "event": "cost", **choice_document(one)} for one in choices
    ]
    app.output.page(lambda _: comparison_text(choices, place), documents)
    return Ending()


def planned(app: App, seen: Snapshot, release: Release, way: Strategy) -> Plan | str:
    """One strategy's plan, or what forbids it."""
    try:
        wanted = meant(app.services, app.settings, seen, release, way)
        return STRATEGIES[way](seen, wanted.intent)
    except UsageError as error:
        return str(error)


def compared(
    services: Services, seen: Snapshot, plans: Sequence[tuple[Strategy, Plan | str]]
) -> list[Choice]:
    """Each with its outlook, all under the same load."""
    per_min = one_load(services, (plan for _, plan in plans if not isinstance(plan, str)))
    return [
        Choice(way, None, plan)
        if isinstance(plan, str)
        else Choice(way, services.foreseen(plan, seen, thorough=True, per_min=per_min))
        for way, plan in plans
    ]
