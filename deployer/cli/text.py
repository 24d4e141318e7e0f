"""Output for people: a live view on a terminal, plain lines anywhere else."""

# ruff: noqa: ARG002  what a protocol or click hands over need not all be used

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.text import Text

from deployer.cli.ending import Ending
from deployer.engine.loop import Tell
from deployer.model import Snapshot
from deployer.plan import Deployment, Event, Plan
from deployer.planning.preflight import Objection
from deployer.ports import Clock
from deployer.render.documents import Document
from deployer.render.folding import folded
from deployer.render.lines import (
    Said,
    is_news,
    output_lines,
    plain_line,
    said_of,
    same_step,
    way_back_lines,
)
from deployer.render.live import frame
from deployer.render.owed import owed_line
from deployer.render.plan import UNBROKEN, plan_text
from deployer.render.progress import STYLES, View, outcome, see
from deployer.render.words import one_line

_COMMAND = re.compile(r"`deployer (?!lab\b|--)")
_ENDLESS = re.compile(r"(\S{80})\S{220,}")  # a file pasted as a name: no address is as long


class Screen(Console):
    """A reader that has gone away must not end a deployment: rich would exit."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


@dataclass
class TextOutput:
    """`flags`: the global options as typed, so that the commands we suggest can be pasted."""

    flags: str = ""
    progress: Console = field(default_factory=lambda: Screen(stderr=True, highlight=False))
    results: Console = field(default_factory=lambda: Screen(highlight=False))
    said: Said | None = None  # the last plain line of progress
    unwritten: list[OSError] = field(default_factory=list)  # why results are not where they belong

    def plan(
        self, plan: Plan, place: tuple[str, str], at: float, *, deployment: str | None
    ) -> None:
        """To stdout if it is all that was asked for."""
        console = self.results if deployment is None else self.progress
        self._print(console, plan_text(plan, *place, room_of(console)))

    @contextmanager
    def watch(self, view: View, clock: Clock) -> Iterator[Tell]:
        """A live view where there is a terminal to draw on."""
        if not self.progress.is_terminal or self.progress.is_dumb_terminal:
            yield Lines(self).tell
            return
        board = Board(view, clock, self)
        with Live(
            get_renderable=board.frame, console=self.progress, refresh_per_second=8,
            redirect_stdout=False, redirect_stderr=False, vertical_overflow="crop",
        ):  # fmt: skip
            yield board.tell

    def objections(self, found: Sequence[Objection], at: float) -> None:
        """People are told in notes, and by the last word."""

    def note(self, words: str) -> None:
        self._print(self.progress, Text(self._pasteable(words)))

    def page(self, page: Callable[[int], Text], documents: Sequence[Document]) -> None:
        self._print(self.results, self.typeable(page(room_of(self.results))))

    def clear(self) -> None:
        """Only a terminal has something to clear."""
        if self.results.is_terminal:
            self.results.clear()

    def result(self, ending: Ending, at: float) -> None:
        deployment = ending.deployment
        if deployment is not None and deployment.status.final:
            words = Text(self._pasteable(outcome(deployment)), f"bold {STYLES[deployment.status]}")
            self._print(self.results, words)
            if deployment.unstuck is not None:
                owes = self._pasteable(owed_line(deployment.unstuck, deployment.finished_at or at))
                self._print(self.results, Text(owes, "yellow"))
        elif ending.exit_code:
            stopped = ending.status == "interrupted"
            words = Text("" if stopped else "Error: ", "bold red")
            reason = _ENDLESS.sub(r"\1…", self._pasteable(one_line(ending.reason)))
            words.append(reason, "yellow" if stopped else "red")
            self._print(self.progress, words)
        elif ending.reason:
            self._print(self.results, Text(self._pasteable(ending.reason)))

    def line(self, words: str) -> None:
        """A plain line of progress."""
        self._print(self.progress, Text(self._pasteable(words)))

    def _print(self, console: Console, text: Text) -> None:
        """Only a terminal has a width: in a log or a pipe a line stays one line."""
        shown = folded(text, console.width, whole=True) if console.is_terminal else text
        try:
            console.print(shown, soft_wrap=True)
        except OSError as error:  # a full disk, a terminal that is gone
            console.quiet = True
            if console is self.results:
                self.unwritten.append(error)

    def typeable(self, text: Text) -> Text:
        """The page, with the commands in it as they must be typed here."""
        ends = [found.end() for found in _COMMAND.finditer(text.plain)] if self.flags else []
        return Text(self.flags).join(text.divide(ends)) if ends else text

    def _pasteable(self, words: str) -> str:
        return _COMMAND.sub(f"`deployer {self.flags}", words)


def room_of(console: Console) -> int:
    """Columns of the terminal; without one, lines are as long as they are."""
    return console.width if console.is_terminal else UNBROKEN


@dataclass
class Lines:
    """Plain lines; none is said twice, by two visits of a supervisor neither."""

    output: TextOutput

    def tell(self, deployment: Deployment, event: Event, seen: Snapshot | None) -> None:
        """The engine's `Tell`."""
        said = said_of(deployment, event)
        if is_news(said, self.output.said):
            again = same_step(said, self.output.said)
            self.output.said = said
            for line in (plain_line(deployment, event, again=again), *output_lines(event)):
                self.output.line(line)
        if event.kind == "retreat":
            for line in way_back_lines(deployment):
                self.output.line(line)


@dataclass
class Board:
    """The newest view, and the frame that shows it."""

    view: View
    clock: Clock
    output: TextOutput

    def tell(self, deployment: Deployment, event: Event, seen: Snapshot | None) -> None:
        """The engine's `Tell`; the view is replaced as a whole, since another thread draws it."""
        self.view = see(self.view, deployment, event, seen)

    def frame(self) -> Text:
        """Drawn again several times a second, so that times run on."""
        console = self.output.progress
        room = console.width, console.height - 1
        return frame(self.view, self.clock.now(), *room, self.output.typeable)
