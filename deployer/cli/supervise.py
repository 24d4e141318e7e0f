"""`deployer supervise`: carry on what runners have left, from any machine that stays on."""

from contextlib import ExitStack, suppress

import click

from deployer.channels.metrics import Newest, listening
from deployer.cli.app import App, app_of
from deployer.cli.ending import EXIT, Ending
from deployer.cli.leaving import close
from deployer.cli.params import Duration, ListeningAt
from deployer.cli.stopping import StoppableClock, pause, stoppable
from deployer.durations import seconds
from deployer.engine.loop import Tell
from deployer.errors import DeployError
from deployer.journal import last_begun
from deployer.model import Snapshot
from deployer.operations import reporting
from deployer.operations.supervisor import State, Visit
from deployer.plan import Deployment, Event
from deployer.ports import Clock
from deployer.render.progress import View
from deployer.render.visit import visit_document, visit_text
from deployer.wiring.intents import expiring
from deployer.wiring.services import Services


@click.command(short_help="Carry on deployments whose runner is gone.")
@click.option(
    "--every", type=Duration(), default="1m", show_default=True,
    help="From the end of one visit to the next.",
)  # fmt: skip
@click.option(
    "--metrics", type=ListeningAt(), metavar="HOST:PORT",
    help="Where Prometheus may ask for the environment's gauges meanwhile, such as 127.0.0.1:9464 "
    "(the extra `prometheus`).",
)  # fmt: skip
@click.option("--once", is_flag=True, help="One visit, for a schedule that calls again.")
@click.pass_context
def supervise(
    ctx: click.Context, *, every: str, metrics: tuple[str, int] | None, once: bool
) -> Ending:
    """Carry on deployments whose runner is gone.

    A runner that was killed leaves traffic where it was. This command looks every
    minute, and when a runner's lease has run out, it takes the deployment over and
    carries it on, or back, as journal.takeover of deployer.toml says. A living runner
    is left alone; of two supervisors one acts. What a person holds paused, by `deployer
    pause` or by Ctrl-C, stays paused, and judged. An idle slot is emptied once nobody
    can want it any more ([runner] expire_idle). A deployment that needs a person is
    told to the environment's topic, once.

    With --once it makes one visit. --every must then be how often the schedule calls:
    the lease outlasts the pause until then.

    A visit waits for nothing but a hook. A signal ends the wait, and the hook: whoever
    carries the deployment on begins it again.

    \b
    Exit status: 0; of the last visit: 4 the deployment halted, or what kept the
                 visit from carrying it on (1, 2, 5; 130, 143 a signal).
    Example:     deployer supervise --every 30s
    """  # noqa: D301  \b is for click
    app, every_s = app_of(ctx), seconds(every)
    services = app.services
    with stoppable() as stop, listening(services.place, metrics) as newest:
        clock = StoppableClock(services.clock, stop, services.scale)
        visit = tell_visit(app, visited(app, every_s, clock), None)
        show(services, newest, visit)
        while not once and pause(
            services.clock, stop, services.scale, min(every_s, visit.again_s or every_s)
        ):
            visit = tell_visit(app, visited(app, every_s, clock), visit)
            show(services, newest, visit)
    return ending_of(visit)


def visited(app: App, every_s: float, clock: Clock) -> Visit:
    """One visit, while people watch what it does."""
    services = app.services
    with ExitStack() as watching:
        watching.callback(services.board.close)
        tells: list[Tell] = []

        def tell(deployment: Deployment, event: Event, seen: Snapshot | None) -> None:
            """Not before there is something to tell is there a view of it."""
            if not tells:
                view = View(
                    services.service, services.environment, deployment, scale=services.scale
                )
                tells.append(watching.enter_context(app.output.watch(view, services.clock)))
            tells[0](deployment, event, seen)

        intent = expiring(app.settings)
        return services.supervisor(every_s, clock, tell, expiring=intent).visit()


def tell_visit(app: App, visit: Visit, before: Visit | None) -> Visit:
    """What it came to, unless that is what the one before came to; the topic, of what needs people."""
    services = app.services
    report(app, visit)
    if before is None or _place(before) != _place(visit):
        document = visit_document(visit, services.clock.now())
        place = f"{services.service}/{services.environment}"
        app.output.page(lambda _: visit_text(visit, place), [document])
    return visit


def show(services: Services, newest: Newest | None, visit: Visit) -> None:
    """What is scraped from now on; a journal that does not answer leaves what was there."""
    if newest is None:
        return
    with suppress(DeployError):
        newest.record = visit.deployment or last_begun(services.journal, services.environment)


def report(app: App, visit: Visit) -> None:
    """Tell who is to be told, as the supervisor in the cloud does; a visit is none the worse for it."""
    services = app.services
    now = services.clock.now()
    try:
        reporting.tell(services.outbox, services.journal, services.place, visit, now)
    except DeployError as error:
        app.output.note(f"nobody could be told of what this visit found: {error}")
    for told in close(services, app.output):
        app.output.note(f"Told {told}")


def _place(visit: Visit) -> tuple[object, ...]:
    deployment = visit.deployment
    where = (deployment.id, deployment.status, deployment.cursor) if deployment else ()
    return visit.state, str(visit.problem), *where


def ending_of(visit: Visit) -> Ending:
    """The last visit's problem is the command's; a deployment that went back is none."""
    if visit.problem is not None:
        return Ending("error", visit.problem.exit_code, str(visit.problem), visit.deployment)
    deployment = visit.deployment
    if visit.state is State.ENDED and deployment is not None and EXIT[deployment.status] == 4:
        return Ending(deployment.status.value, 4, deployment.reason, deployment)
    return Ending()
