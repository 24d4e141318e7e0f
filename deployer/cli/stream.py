"""Output for programs: one JSON document per line on stdout, a `result` at the end."""

# ruff: noqa: ARG002  what a protocol or click hands over need not all be used

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from rich.text import Text

from deployer.cli.ending import Ending
from deployer.engine.loop import Tell
from deployer.model import Snapshot
from deployer.plan import Deployment, Event, Plan
from deployer.planning.preflight import Objection
from deployer.ports import Clock
from deployer.render.documents import (
    Document,
    encode,
    event_document,
    objection_document,
    plan_document,
    result_document,
)
from deployer.render.progress import View


@dataclass
class StreamOutput:
    """Keys are documented in docs/cli.md."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    last: Document = field(default_factory=dict)
    gone: bool = False
    unwritten: list[OSError] = field(
        default_factory=list
    )  # why documents are not where they belong

    def plan(
        self, plan: Plan, place: tuple[str, str], at: float, *, deployment: str | None
    ) -> None:
        self.write(plan_document(plan, at, deployment))

    @contextmanager
    def watch(self, view: View, clock: Clock) -> Iterator[Tell]:
        yield self.tell

    def tell(self, deployment: Deployment, event: Event, seen: Snapshot | None) -> None:
        """The engine's `Tell`; a document that differs in its time only is left out."""
        document = event_document(deployment, event, seen)
        if {**document, "at": ""} != {**self.last, "at": ""}:
            self.last = document
            self.write(document)

    def objections(self, found: Sequence[Objection], at: float) -> None:
        for objection in found:
            self.write(objection_document(objection, at))

    def note(self, words: str) -> None:
        """Programs get everything in documents."""

    def page(self, page: Callable[[int], Text], documents: Sequence[Document]) -> None:
        for document in documents:
            self.write(document)

    def clear(self) -> None:
        """A stream only grows."""

    def result(self, ending: Ending, at: float) -> None:
        self.write(
            result_document(at, ending.deployment, ending.status, ending.reason, ending.exit_code)
        )

    def write(self, document: Document) -> None:
        """A reader that has gone away must not end a deployment."""
        if self.gone:
            return
        try:
            self.out.write(encode(document) + "\n")
            self.out.flush()
        except OSError as error:
            self.gone = True
            if not isinstance(error, BrokenPipeError):  # who reads no further has what he wanted
                self.unwritten.append(error)
