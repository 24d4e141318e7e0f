"""`python -m docs.generate.screens`: docs/screens, what people see in a terminal, of real commands in a lab.

Nothing in them is drawn by hand: each is what a terminal showed (pyte understands what is written to it,
rich makes a picture of that), as .svg for pages and as .txt for those who do not see pictures. It takes two
minutes, and every run differs in times and counts: run it where what is shown has changed.
"""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import ioctl
from io import StringIO
from pathlib import Path

import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "screens"
DEPLOYER = (sys.executable, "-m", "deployer.cli.main")
LONGEST_S = 150.0
_FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Scene:
    """One command on a terminal of `columns` x `rows`.

    shows: what must be on the screen; of a live one what is waited for, before its picture is taken.
    live:  the picture is taken while it goes on; then `keys` are pressed, which end it.
    """

    name: str
    command: tuple[str, ...]
    shows: tuple[str, ...]
    columns: int = 100
    rows: int = 32
    live: bool = False
    keys: bytes = b""


SCENES = (
    Scene("plan", ("canary", "v2", "--dry-run"), ("canary v2 in shop/lab", "at the latest")),
    Scene("canary", ("canary", "v2"), ("▶  6  bake", "stable  ", "requests, 0 failed", "possible now"), rows=60, live=True),
    Scene("status", ("status",), ("shop/lab  serves", "canary v2", "possible now")),
    Scene("glance", ("status", "--all", "--watch"), ("environment", "25 %", "prod", "q leave"), rows=12, live=True, keys=b"q"),
    Scene("rolled-back", ("canary", "v3"), ("rolled back after",), rows=60),
    Scene("history", ("history",), ("deployment", "rolled back", "shipped"), rows=12),
    Scene("history-80", ("history",), ("deployment", "rolled back"), columns=80, rows=14),
)  # fmt: skip


class Terminal:
    """A command on a terminal of its own; `said`: all that it wrote there."""

    def __init__(self, scene: Scene, variables: Mapping[str, str], folder: Path = ROOT) -> None:
        self.said = bytearray()
        self.screen = pyte.Screen(scene.columns, scene.rows)
        self.stream = pyte.ByteStream(self.screen)
        self.ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", scene.rows, scene.columns, 0, 0))
        self.process = subprocess.Popen(
            [*DEPLOYER, *scene.command], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder,
            env={**variables, "TERM": "xterm-256color", "TZ": "UTC"}, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def until(self, words: Sequence[str], *, ended: bool) -> None:
        """Read until all of the words are there, or it has ended.

        Raises:
            TimeoutError: they never were.
        """
        limit = time.monotonic() + LONGEST_S
        while time.monotonic() < limit:
            done = not self.read()
            if done or (not ended and all(word in self.text for word in words)):
                return
        raise TimeoutError(f"{words} was not shown:\n{self.text}")

    def read(self) -> bool:
        """Take what it has written, if that comes within half a second; False: it has ended."""
        if not select.select([self.ours], [], [], 0.5)[0]:
            return True
        try:
            said = os.read(self.ours, 65536)
        except OSError:  # Linux says so when the other end is closed
            return False
        self.said += said
        self.stream.feed(said)
        return bool(said)

    def end(self, keys: bytes) -> None:
        """Press the keys, or else Ctrl-C; wait until it has gone."""
        if self.process.poll() is None:
            if keys:
                os.write(self.ours, keys)
            else:
                os.killpg(self.process.pid, signal.SIGTERM)
        while self.read():
            pass
        self.process.wait(30)
        os.close(self.ours)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def picture(self) -> Text:
        """The screen with its colours."""
        lines = [self._line(number) for number in range(self.screen.lines)]
        while lines and not lines[-1].plain.strip():
            lines.pop()
        return Text("\n").join(lines)

    def _line(self, number: int) -> Text:
        line = Text()
        for column in range(self.screen.columns):
            cell = self.screen.buffer[number][column]
            line.append(cell.data, Style(color=_colour(cell.fg), bold=cell.bold))
        line.rstrip()
        return line


def _colour(name: str) -> str | None:
    """Pyte's name of a colour as rich has it."""
    if name == "default":
        return None
    if re.fullmatch(r"[0-9a-f]{6}", name):
        return f"#{name}"
    return name.replace("brown", "yellow").replace("bright", "bright_")


def taken(scene: Scene, variables: Mapping[str, str]) -> tuple[str, str]:
    """The scene's picture as SVG, and as text.

    Raises:
        LookupError: it does not show what it should.
    """
    terminal = Terminal(scene, variables)
    try:
        terminal.until(scene.shows, ended=not scene.live)
        picture, text = terminal.picture(), terminal.text
    finally:
        terminal.end(scene.keys)
    missing = [words for words in scene.shows if words not in text]
    if missing:
        raise LookupError(f"{scene.name} does not show {missing}:\n{text}")
    console = Console(record=True, file=StringIO(), width=scene.columns, force_terminal=True)
    console.print(picture, soft_wrap=True)
    title = f"deployer {' '.join(scene.command)}"
    svg = console.export_svg(title=title, unique_id=scene.name)
    return _FONTS.sub("", svg).replace("Fira Code, ", ""), f"$ {title}\n{text}\n"


def run(*command: str, variables: Mapping[str, str]) -> str:
    """A command that is not shown."""
    done = subprocess.run(
        [*DEPLOYER, *command], cwd=ROOT, env=dict(variables), text=True, capture_output=True,
        check=False, timeout=LONGEST_S,
    )  # fmt: skip
    if done.returncode not in (0, 3):
        raise RuntimeError(f"deployer {' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


@contextmanager
def lab(home: Path) -> Iterator[dict[str, str]]:
    """A lab with three releases, the first of which serves; variables for commands."""
    outside = {
        **os.environ, "DEPLOYER_LAB": str(home), "PYTHONPATH": str(ROOT), "USER": "alice", "LOGNAME": "alice",
    }  # fmt: skip
    run("lab", "up", "--detach", variables=outside)
    try:
        told = run("lab", "env", variables=outside)
        pairs = re.findall(r"^export (\w+)='?([^'\n]*)'?$", told, re.MULTILINE)
        inside = {**outside, **dict(pairs)}
        for release in (("v1",), ("v2",), ("v3", "--error-rate", "0.3")):
            run("lab", "release", *release, variables=inside)
        run("canary", "v1", variables=inside)
        yield inside
    finally:
        run("lab", "down", variables=outside)


def pictures(home: Path, folder: Path) -> None:
    """Take all of them, one after the other, while users come."""
    folder.mkdir(parents=True, exist_ok=True)
    with lab(home) as variables:
        load = subprocess.Popen(
            [*DEPLOYER, "lab", "load", "--rps", "60", "--duration", "10m"], cwd=ROOT, env=variables,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            time.sleep(3 * 60 / 20 + 2)  # three minutes of the lab's clock: there is a past
            for scene in SCENES:
                if scene.name == "rolled-back":
                    run("resume", variables=variables)
                svg, text = taken(scene, variables)
                (folder / f"{scene.name}.svg").write_text(svg, encoding="utf-8")
                (folder / f"{scene.name}.txt").write_text(text, encoding="utf-8")
        finally:
            load.terminate()
            load.wait(30)


def main() -> int:
    """Write docs/screens."""
    with tempfile.TemporaryDirectory() as home:
        pictures(Path(home) / "lab", FOLDER)
    return 0


if __name__ == "__main__":
    sys.exit(main())
