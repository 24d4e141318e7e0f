"""A page that follows what happens, on a terminal's whole screen, and listens to keys.

Reading goes on in a thread of its own, so that keys are heard while AWS is slow to answer. Whatever
ends it, the terminal is left as it was found.
"""

import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from deployer.cli.output import Output
from deployer.cli.stopping import Stop
from deployer.cli.text import TextOutput

KEYS = {
    "\x1b[A": "up", "\x1b[B": "down", "k": "up", "j": "down", "\r": "in", "\n": "in",
    "\x1b[C": "in", "\x1b[D": "out", "\x1b": "out", "\x7f": "out", "q": "leave",
}  # fmt: skip
TICK_S = 0.2  # between two drawings: times run on


class Page(Protocol):
    """What is watched."""

    def read(self) -> None:
        """Look again; from another thread than the rest."""
        ...

    def drawn(self, width: int, height: int) -> Text:
        """The page as it is now."""
        ...

    def press(self, key: str) -> bool:
        """A key of KEYS; false: that was enough."""
        ...


def terminal_of(output: Output) -> Console | None:
    """The terminal that a page can be watched on; None: there is only a stream, or a log."""
    if not isinstance(output, TextOutput):
        return None
    console = output.results
    lively = console.is_terminal and not console.is_dumb_terminal and sys.stdin.isatty()
    return console if lively else None


def watch(page: Page, console: Console, stop: Stop, every_s: float) -> None:
    """Until a signal comes, or a key says so; `every_s`: wall seconds between two readings."""
    reading = _Reading(page, every_s)
    reading.start()
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live, _keys() as pressed:
            while stop.heard is None and reading.problem is None:
                live.update(page.drawn(console.width, console.height), refresh=True)
                key = pressed(TICK_S)
                if key and not page.press(key):
                    break
    finally:
        reading.enough.set()
    if reading.problem is not None:
        raise reading.problem


class _Reading(threading.Thread):
    """Reads the page again and again; what goes wrong is kept for the one who draws."""

    def __init__(self, page: Page, every_s: float) -> None:
        super().__init__(daemon=True, name="reading")
        self.page, self.every_s = page, every_s
        self.enough, self.problem = threading.Event(), None

    problem: Exception | None

    def run(self) -> None:
        try:
            while not self.enough.is_set():
                self.page.read()
                self.enough.wait(self.every_s)
        except Exception as error:  # noqa: BLE001  raised again where it is drawn
            self.problem = error


@contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """Keys as they are pressed, without Enter and without an echo; Ctrl-C is still a signal."""
    source = sys.stdin.fileno()
    before = termios.tcgetattr(source)
    tty.setcbreak(source)
    try:
        yield lambda wait_s: _pressed(source, wait_s)
    finally:
        termios.tcsetattr(source, termios.TCSADRAIN, before)


def _pressed(source: int, wait_s: float) -> str:
    """The key's name, or nothing: none was pressed, or one that means nothing here."""
    if not select.select([source], [], [], wait_s)[0]:
        return ""
    typed = os.read(source, 8).decode(errors="replace")
    return KEYS.get(typed, "leave" if not typed else "")
