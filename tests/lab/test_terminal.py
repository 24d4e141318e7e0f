"""Every command on a real terminal of 80 columns: its exit status, and nothing wider than that or cut."""

import os
import re
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pyte
import pytest

from docs.generate.screens import Scene, Terminal

from .conftest import ROOT, Shell, service_in, shell_for
from .typed import SETTINGS, TYPED, Typed

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.timeout(900)]

COLUMNS, ROWS = 80, 40
# There is one line for each of the last events, and for why one went back: `show` has all of it.
PASSING = re.compile(r" +\d\d:\d\d:\d\d  |  \(SHA-256 |    [a-z]")  # the last: why, in a history
# All that is written, on a paper as wide and long as it takes: what a terminal of 80 columns would break
# in the middle of a word stands there as a line of more than 80.
WIDE, LONG = 600, 600


def paper(said: bytes) -> list[str]:
    screen = pyte.Screen(WIDE, LONG)
    pyte.ByteStream(screen).feed(said)
    return [line.rstrip() for line in screen.display]


def complaints(typed: Typed, said: bytes, status: int) -> Iterator[str]:
    """What is wrong with what a command showed, a sentence each."""
    lines = paper(said)
    shown = "\n".join(lines)
    if status != typed.status:
        yield f"status {status}, not {typed.status}"
    if "Traceback" in shown:
        yield "a traceback"
    if typed.shows not in shown:
        yield f"does not show {typed.shows!r}"
    yield from (f"cut: {line}" for line in lines if "…" in line and not PASSING.match(line))
    if not typed.wide:
        yield from (f"{len(line)} columns: {line}" for line in lines if too_wide(line))


def too_wide(line: str) -> bool:
    """Whether a terminal would break it where a space could have been: a long address cannot be helped."""
    indent = len(line) - len(line.lstrip())
    return len(line) > COLUMNS and any(
        len(word) + indent <= COLUMNS for word in line.split() if len(line.split()) > 1
    )


@contextmanager
def read(terminal: Terminal) -> Iterator[None]:
    """Somebody looks at it all the while: a terminal that nobody reads stops its program."""
    over = Event()

    def look() -> None:
        while not over.is_set() and terminal.read():
            pass

    reader = Thread(target=look, daemon=True)
    reader.start()
    try:
        yield
    finally:
        over.set()
        reader.join(10)


class Story:
    """Types commands, each on a terminal of its own; `wrong`: what is, a sentence each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wrong: list[str] = []

    def type(self, typed: Typed, shell: Shell) -> None:
        """One of them. Everything is on stdout, for whoever looks why."""
        if "ID" in typed.words:
            newest = shell.events("history")[0]["deployment"]
            typed = replace(typed, words=typed.words.replace("ID", newest))
        said, status = self._show(typed, shell)
        shown = "\n".join(paper(said)).rstrip()
        sys.stdout.write(f"\n$ deployer {typed.words}    [{status}]\n{shown}\n")
        self.wrong += [f"{typed.words}: {each}" for each in complaints(typed, said, status)]

    def _show(self, typed: Typed, shell: Shell) -> tuple[bytes, int]:
        """Everything that it wrote, and its exit status."""
        words = tuple(shlex.split(typed.words))
        scene = Scene(typed.words, words, (), COLUMNS, ROWS)
        variables = {**shell.variables, "PYTHONPATH": str(ROOT)}
        terminal = Terminal(scene, variables, self.folder)
        try:
            for asked, answer in typed.answers:
                terminal.until((asked,), ended=False)
                os.write(terminal.ours, f"{answer}\r".encode())
            if typed.until:
                terminal.until((typed.until,), ended=False)
            if typed.meanwhile:
                with read(terminal):
                    for other in typed.meanwhile:
                        self.type(other, shell)
            if typed.meanwhile or not typed.until:
                terminal.until((), ended=True)
        except TimeoutError:
            terminal.said += b"\r\nit did not end, or ask, in time"
        finally:
            terminal.end(b"")
        return bytes(terminal.said), terminal.process.returncode


def users(shell: Shell) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        shell.command("lab", "load", "--rps", "20", "--duration", "15m"),
        env=dict(shell.variables), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def test_every_command_on_a_terminal(tmp_path: Path) -> None:
    service = tmp_path / "service"
    service.mkdir()
    outside = shell_for(tmp_path / "lab", service_in(service, SETTINGS))
    with tarfile.open(service / "app.tar.gz", "w:gz") as artifact:
        artifact.add(ROOT / "examples" / "app", ".")
    up, *others, down = TYPED
    story = Story(service)
    try:
        story.type(up, outside)
        shell = Shell({**outside.variables, **outside.json("lab", "env", "--role", "admin")})
        with users(shell) as load:
            for typed in others:
                story.type(typed, shell)
            load.terminate()
        story.type(down, outside)
    finally:
        outside.run("lab", "down")
    assert not story.wrong, "\n".join(story.wrong)
