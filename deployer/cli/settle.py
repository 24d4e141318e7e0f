"""`deployer settle`: what a deployment that has ended still owes."""

import click
from rich.text import Text

from deployer.cli.app import app_of
from deployer.cli.ending import Ending
from deployer.cli.stopping import stoppable
from deployer.engine.settling import settle as visit
from deployer.render.documents import settlement_document
from deployer.render.owed import settlement_words


@click.command(short_help="Give back what an ended deployment still owes, if it is time.")
@click.pass_context
def settle(ctx: click.Context) -> Ending:
    """Give back what an ended deployment still owes, if it is time.

    Where the production rule sticks (AWSALBTG), the change to 100 % switches that off,
    and it may come back only when no cookie from before is left. A deployment waits
    for that as long as `stickiness_wait` of its environment says (10m); what takes
    longer is told at its end, by `deployer status`, and here.

    One visit, made for a schedule: it gives back what is due, says what is not due yet,
    and changes nothing if it comes too early, twice, or while a deployment runs, which
    sees to that itself. Who has moved traffic, or switched stickiness on, is respected.

    \b
    Exit status: 0 given back, nothing owed, or not yet; 1 AWS did not answer; 2
                 there is no such environment; 4 AWS refuses it; 5 another
                 took over.
    Example:     deployer settle
    """  # noqa: D301  \b is for click
    app = app_of(ctx)
    services = app.services
    with stoppable():  # a signal is heard after the visit, which takes seconds
        done = visit(services.runner(services.clock, lambda *_: None), services.environment)
    now = services.clock.now()
    active = services.journal.active(services.environment)
    words = settlement_words(done, active, now)
    said = Text(f"{words[0].upper()}{words[1:]}.")
    app.output.page(lambda _: said, [settlement_document(done, words, now)])
    return Ending()
