"""`deployer dashboard`: all environments live in the browser, and what may be asked of them."""

import os
import re
import secrets
import time
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import NamedTuple

import click
from rich.text import Text

from deployer.cli.app import App, app_of, now
from deployer.cli.ending import Ending
from deployer.cli.stopping import SLICE_S, Stranded, stoppable
from deployer.cli.watched import Watched, watched
from deployer.dashboard.feed import Feed
from deployer.dashboard.guard import LOOPBACK, Guard, is_address, is_loopback
from deployer.dashboard.reader import Reader
from deployer.dashboard.serving import listening, serving
from deployer.dashboard.site import PUBLIC, Site, Wish
from deployer.render.words import count, iso, one_line
from deployer.wiring.endpoint import chosen_clock

NUMBERS = re.compile(r"[\d.]+|.*:.*")  # meant as an address, not as a name
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")


class Open(NamedTuple):
    """A dashboard that answers: its link, whether its server lives, and what browsers are sent.

    troubles: why what cannot be read is not, by name.
    """

    link: str
    alive: Callable[[], bool]
    feed: Feed
    troubles: Callable[[], Mapping[str, str]]


@click.command(short_help="Show all environments live in the browser, and act on them there.")
@click.option(
    "--listen", metavar="ADDRESS", default="127.0.0.1", show_default=True,
    help="Where it answers. Another address than this machine's own needs --reached-as.",
)  # fmt: skip
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default="any free one",
    help="Its port.",
)  # fmt: skip
@click.option(
    "--reached-as", metavar="NAME",
    help="The name by which browsers reach it from other machines. The connection is not encrypted.",
)  # fmt: skip
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
@click.pass_context
def dashboard(
    ctx: click.Context, *, listen: str, port: int, reached_as: str | None, opens: bool
) -> Ending:
    """Show all environments live in the browser, and act on them there.

    Every environment of the settings, and the service's fleets; with --env that one
    alone. For each: what serves, what runs and where it stands, its plan and all that
    happened; with buttons to promote, pause, resume, approve and abort. What is asked
    there is asked as these commands ask it, with your name and `dashboard` in the record.

    Open the link that it prints: whoever has it may read and act, until the command
    ends. It answers to this machine only. From another machine, forward the port
    (`ssh -L 8080:127.0.0.1:PORT HOST`) and open the link with that port.

    AWS is asked once at the start, and then only while a page is open; what cannot be
    read is said here too. Ctrl-C ends it; deployments go on.

    \b
    Exit status: 0 ended by a signal; 2 no such environment, the port is taken,
                 or the address needs --reached-as.
    Example:     deployer dashboard --open
    """  # noqa: D301  \b is for click
    require_told(listen, reached_as)
    app = app_of(ctx)
    shown = watched(app)
    with stoppable() as stop, opened(shown, listen, port, reached_as) as dash:
        show_link(app, dash.link, len(shown.places), opens)
        known: Mapping[str, str] = {}
        while stop.heard is None and dash.alive():
            time.sleep(SLICE_S)
            known, before = dash.troubles(), known
            for line in news(before, known):
                app.output.note(line)
        if stop.heard is None:
            raise Stranded("the dashboard's server has ended by itself; deployments go on")
    return Ending()


@contextmanager
def opened(shown: Watched, listen: str, port: int, reached_as: str | None) -> Iterator[Open]:
    """The dashboard, as long as the context lasts.

    Raises:
        NotPossibleNow: the address cannot be had.
        SettingsInvalid: as `chosen_clock`.
    """
    feed, clock = Feed(secrets.token_hex(4)), chosen_clock(os.environ)
    reader = Reader(shown.sources(), feed, clock)
    with closing(listening(listen.strip("[]"), port)) as where:
        host, number = reached_as or address_of(listen), where.getsockname()[1]
        names = (*LOOPBACK, address_of(listen), host)
        guard = Guard(frozenset(map(str.lower, names)), PUBLIC)
        site = Site(feed, guard, asking(shown, reader), shown.draw, f"deployer-{number}")
        with serving(site.application(), where) as alive, running(reader):
            link = f"http://{host}:{number}/#token={guard.token}"
            yield Open(link, alive, feed, lambda: dict(reader.troubles))


def news(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """What is to be said on the terminal of what cannot be read any more, and of what can again."""
    for why in dict.fromkeys(now.values()):
        names = [place(name) for name in now if now[name] == why]
        if any(before.get(name) != why for name in now if now[name] == why):
            yield f"{', '.join(names)} cannot be read: {one_line(why)}"
    again = [place(name) for name in before if name not in now]
    if again:
        yield f"{', '.join(again)} can be read again."


def place(name: str) -> str:
    """As people call it, of its name in the feed."""
    return name.removeprefix("environment/")


def require_told(listen: str, reached_as: str | None) -> None:
    """Other machines get at it only if somebody says so, by a name that a browser can have.

    Raises:
        UsageError: says what that means.
    """
    if NUMBERS.fullmatch(listen) and not is_address(listen):
        raise click.UsageError(
            f"--listen {listen}: it is no address: 127.0.0.1, ::1 or localhost is this machine alone"
        )
    if reached_as is not None and not NAME.fullmatch(reached_as):
        raise click.UsageError(
            f"--reached-as {reached_as}: it is a name or an address alone, without http:// and without "
            "a port: --reached-as ops-box.example --port 8080"
        )
    if is_loopback(listen) or reached_as:
        return
    raise click.UsageError(
        f"{listen} can be reached from other machines. There whoever gets hold of the link may "
        "promote and abort, and the link and everything else goes over the network in the clear. "
        "Better: keep to this machine, and forward the port (ssh -L). If you mean it all the same, "
        "add --reached-as NAME, the name by which browsers reach it"
    )


def address_of(listen: str) -> str:
    """As a link has it."""
    if listen in ("0.0.0.0", "::"):  # noqa: S104  a link cannot lead to all addresses
        return "127.0.0.1" if listen == "0.0.0.0" else "[::1]"  # noqa: S104
    return f"[{listen}]" if ":" in listen and not listen.startswith("[") else listen


def asking(shown: Watched, reader: Reader) -> Callable[[Wish], str]:
    """What a click does; what becomes of it is read at once."""

    def ask(wish: Wish) -> str:
        try:
            return shown.ask(wish)
        finally:
            reader.hurry(wish.of)

    return ask


@contextmanager
def running(reader: Reader) -> Iterator[None]:
    """It reads as long as the context lasts; then whoever listens is let go."""
    reader.start()
    try:
        yield
    finally:
        reader.stop()
        reader.feed.close()


def show_link(app: App, link: str, places: int, opens: bool) -> None:
    """The link is a result, and on no other line: whoever has it may act."""
    app.output.note(
        f"{count(places, 'place')} to see; Ctrl-C ends it. Whoever has this link may act:"
    )
    app.output.page(lambda _: Text(link), [{"at": iso(now()), "event": "dashboard", "url": link}])
    if opens and not webbrowser.open(link):
        app.output.note("No browser could be opened: open the link yourself.")
