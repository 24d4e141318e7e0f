"""`deployer status` of several environments: a table; with --watch one that can be looked into."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.text import Text

from deployer.cli.app import App, now
from deployer.cli.ending import Ending
from deployer.cli.everywhere import Everywhere
from deployer.cli.stopping import pause, stoppable
from deployer.cli.watching import terminal_of, watch
from deployer.errors import DeployError
from deployer.render.documents import Document, status_document, unseen_document
from deployer.render.folding import folded
from deployer.render.glance import Glance, glance_line, glance_text
from deployer.render.history import events_text
from deployer.render.progress import Standing
from deployer.render.status import status_text
from deployer.wiring.services import Services

LOOK_S = 15.0  # between two rounds: each is some ten calls for every environment
HINT = "↑↓ choose   Enter look closer   q leave"
HINT_WITHIN = "Esc all environments   q leave"
EVENTS = 8  # of the deployment that is looked into
_TIMES = re.compile(r"\d+")

Read = Callable[[Services], Standing]


def glance(app: App, everywhere: Everywhere, read: Read) -> Ending:
    """All environments, once.

    Raises:
        DeployError: none of them answers.
    """
    answers = list(everywhere.read(read))
    silent = [told for _, told in answers if isinstance(told, DeployError)]
    if len(silent) == len(answers):
        raise silent[0]
    rows = [_row(place.name, told) for place, told in answers]
    app.output.page(lambda width: glance_text(rows, width), [_document(row) for row in rows])
    return Ending()


def keep_glancing(app: App, everywhere: Everywhere, read: Read) -> Ending:
    """Until a signal comes, or `q`: on a terminal live, elsewhere a line for whatever changes.

    Raises:
        DeployError: none of them answers.
    """
    overview = Overview(everywhere, read)
    terminal, one = terminal_of(app.output), everywhere.any()
    told: dict[str, str] = {}
    with stoppable() as stop:
        if terminal is not None:
            watch(overview, terminal, stop, LOOK_S / one.scale)
            return Ending()
        while True:
            overview.read()
            _tell(app, overview.rows, told)
            if not pause(one.clock, stop, one.scale, LOOK_S):
                return Ending()


def _tell(app: App, rows: list[Glance], told: dict[str, str]) -> None:
    """A line, or a document, of each environment that is not as it was; `told` remembers."""
    for row in rows:
        line = glance_line(row)
        if told.get(row.environment) != (shape := _TIMES.sub("0", line)):
            told[row.environment] = shape
            app.output.page(lambda _, line=line: Text(line), [_document(row)])  # type: ignore[misc]


def _row(name: str, told: Standing | DeployError) -> Glance:
    if isinstance(told, DeployError):
        return Glance(name, problem=str(told))
    return Glance(name, told)


def _document(row: Glance) -> Document:
    if row.standing is None:
        return unseen_document(row.environment, row.problem, now())
    return status_document(row.standing)


@dataclass
class Overview:
    """The live table: what was read last, which row is chosen, whether it is looked into."""

    everywhere: Everywhere
    ask: Read
    rows: list[Glance] = field(default_factory=list)
    chosen: int = 0
    within: bool = False

    def __post_init__(self) -> None:
        self.rows = [Glance(place.name) for place in self.everywhere.places]

    def read(self) -> None:
        """All environments again."""
        self.rows = [_row(place.name, told) for place, told in self.everywhere.read(self.ask)]

    def press(self, key: str) -> bool:
        """Move the choice, look closer, come back; false to leave."""
        if key == "leave":
            return False
        if key in ("in", "out"):
            self.within = key == "in"
        elif not self.within:
            self.chosen = (self.chosen + (1 if key == "down" else -1)) % len(self.rows)
        return True

    def drawn(self, width: int, height: int) -> Text:
        """The table, or the page of the one that is looked into, and which keys there are."""
        row = self.rows[self.chosen]
        body = (
            self._closer(row, width)
            if self.within
            else glance_text(self.rows, width, row.environment)
        )
        lines = folded(body, width).split("\n", allow_blank=True)[: max(1, height - 2)]
        lines += [Text(), Text(HINT_WITHIN if self.within else HINT, "dim")]
        return Text("\n").join(lines[:height])

    def _closer(self, row: Glance, width: int) -> Text:
        standing = row.standing
        if standing is None:
            return Text(
                f"{row.environment}  {row.problem or 'reading …'}", "red" if row.problem else ""
            )
        page = status_text(standing, width)
        active = standing.active.deployment if standing.active else standing.last
        return (
            Text("\n").join([page, Text(), events_text(active.log[-EVENTS:])]) if active else page
        )
