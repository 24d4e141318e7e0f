"""What a command may say, whoever listens: a terminal, a log, or a program."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from rich.text import Text

from deployer.cli.ending import Ending
from deployer.engine.loop import Tell
from deployer.plan import Plan
from deployer.planning.preflight import Objection
from deployer.ports import Clock
from deployer.render.documents import Document
from deployer.render.progress import View


class Output(Protocol):
    """Progress goes to stderr and results to stdout; JSON goes to stdout, all of it."""

    def plan(
        self, plan: Plan, place: tuple[str, str], at: float, *, deployment: str | None
    ) -> None:
        """What will happen. `place`: service and environment; `deployment` None: only shown."""
        ...

    def watch(self, view: View, clock: Clock) -> AbstractContextManager[Tell]:
        """Tell what happens to a deployment, from `view` on, for as long as the context lasts."""
        ...

    def objections(self, found: Sequence[Objection], at: float) -> None:
        """What forbids to begin, for programs only."""
        ...

    def note(self, words: str) -> None:
        """Something by the way, for people only."""
        ...

    def page(self, page: Callable[[int], Text], documents: Sequence[Document]) -> None:
        """A result: the page for a width in characters, or the documents."""
        ...

    def clear(self) -> None:
        """Make room for the next page of a watched status."""
        ...

    def result(self, ending: Ending, at: float) -> None:
        """The last word."""
        ...
