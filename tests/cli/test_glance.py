"""`deployer status` of several environments: the table, the lines, the live table."""

import io
import os
import pty
import signal
import termios
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from deployer.cli.app import App
from deployer.cli.everywhere import Everywhere, Place
from deployer.cli.glance import Overview
from deployer.cli.look import standing_of
from deployer.cli.stopping import Stop
from deployer.cli.text import TextOutput
from deployer.cli.watching import watch
from deployer.errors import CloudUnavailable
from deployer.render.glance import Glance, glance_line, glance_text
from tests.cli import anything
from tests.cli.several import DEAD, Several


def test_without_env_all_environments_are_shown_at_a_glance(tmp_path: Path) -> None:
    three = Several(tmp_path)
    assert three.run("--env", "sim", "canary", "v2").exit_code == 0
    done = three.run("status")
    assert done.exit_code == 0
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == "environment serves healthy deployment since now"
    assert lines[1].startswith("sim v2 100 % 2/2 canary v2 shipped 0s ago")
    assert lines[2] == "other v1 100 % 2/2 none yet"
    assert lines[3].endswith(f"dead ? ? ? {DEAD}")
    assert three.run("--env", "sim", "status").stdout.startswith("shop/sim  serves v2")
    assert three.run("--env", "sim", "status", "--all").stdout == done.stdout


def test_the_glance_as_json_has_a_document_for_each(tmp_path: Path) -> None:
    documents, status = Several(tmp_path).json("status")
    assert [(each["event"], each.get("environment")) for each in documents] == [
        ("status", "sim"), ("status", "other"), ("unseen", "dead"), ("result", None),
    ]  # fmt: skip
    assert (documents[2]["reason"], status) == (DEAD, 0)


def test_where_nobody_answers_the_glance_fails(tmp_path: Path) -> None:
    three = Several(tmp_path)
    three.silent = {"sim", "other", "dead"}
    done = three.run("status")
    assert (done.exit_code, DEAD in done.stderr) == (1, True)


def test_what_waits_for_a_person_is_said_below(tmp_path: Path) -> None:
    three = Several(tmp_path)
    said: list[str] = []
    sim = three.sim
    sim.at(150, lambda: three.run("--env", "sim", "pause"))
    sim.at(200, lambda: said.append(three.run("status").stdout))
    sim.at(220, lambda: three.run("--env", "sim", "resume"))
    assert three.run("--env", "sim", "canary", "v2").exit_code == 0
    assert "canary v2 step 4/10" in said[0]
    assert "paused since" in said[0]
    assert "`deployer resume` lets it go on, `deployer abort` goes back" in said[0]


def test_in_a_log_watching_is_a_line_for_what_changed(tmp_path: Path) -> None:
    three = Several(tmp_path)
    three.sim.at(100, lambda: os.kill(os.getpid(), signal.SIGINT))
    done = three.run("status", "--watch")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "sim: serves v1 100 %; none yet", "other: serves v1 100 %; none yet", f"dead: {DEAD}",
    ]  # fmt: skip


def overview(three: Several) -> Overview:
    app = App(three.config, None, TextOutput(), connect=three.connect)
    places = [
        Place(name, App(three.config, name, app.output, connect=three.connect))
        for name in ("sim", "other", "dead")
    ]
    return Overview(Everywhere(places), partial(standing_of, note=lambda _: None))


def test_keys_move_the_choice_look_closer_and_leave(tmp_path: Path) -> None:
    seen = overview(Several(tmp_path))
    assert "reading …" in seen.drawn(100, 30).plain
    seen.read()
    assert "▸  sim" in seen.drawn(100, 30).plain
    assert seen.press("down")
    assert "▸  other" in seen.drawn(100, 30).plain
    assert seen.press("in")
    assert seen.drawn(100, 30).plain.startswith("shop/other  serves v1 100 %")
    assert seen.press("out")
    assert seen.press("up")
    assert seen.press("up")
    assert "▸  dead" in seen.drawn(100, 30).plain
    assert seen.press("in")
    assert seen.drawn(100, 30).plain.startswith(f"dead  {DEAD}")
    assert not seen.press("leave")


class Two:
    """A page that says how often it was read, and fails when it is told to."""

    def __init__(self, fails: bool = False) -> None:
        self.fails, self.reads, self.pressed = fails, threading.Event(), list[str]()

    def read(self) -> None:
        if self.fails:
            raise CloudUnavailable("gone")
        self.reads.set()

    def drawn(self, width: int, height: int) -> Text:
        assert self.reads.wait(30) or self.fails
        return Text("the page")

    def press(self, key: str) -> bool:
        self.pressed.append(key)
        return key != "leave"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A terminal as this process's stdin; the end where a person types."""
    person, ours = pty.openpty()
    with os.fdopen(ours, "r") as source:
        monkeypatch.setattr("sys.stdin", source)
        yield person
    os.close(person)


def screen() -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, force_terminal=True, width=60, height=10, _environ={}), file


def test_keys_reach_the_page_and_the_terminal_is_left_as_it_was(terminal: int) -> None:
    page, (console, file) = Two(), screen()
    before = termios.tcgetattr(terminal)
    keys = (b"\x1b[B", b"x", b"\r", b"q")
    typing = threading.Thread(target=type_slowly, args=(terminal, keys))
    typing.start()
    watch(page, console, Stop(), 60)
    typing.join()
    assert page.pressed == ["down", "in", "leave"]
    assert termios.tcgetattr(terminal) == before
    assert "the page" in file.getvalue()
    assert file.getvalue().endswith("\x1b[?25h\x1b[?1049l")


def type_slowly(terminal: int, keys: Sequence[bytes]) -> None:
    """One at a time: what arrives together is read together."""
    for key in keys:
        threading.Event().wait(0.4)
        os.write(terminal, key)


def test_what_goes_wrong_while_reading_ends_the_page(terminal: int) -> None:
    with pytest.raises(CloudUnavailable, match="gone"):
        watch(Two(fails=True), screen()[0], Stop(), 60)


glances = st.builds(Glance, anything.names, st.none() | anything.standings, anything.words)


@given(st.lists(glances, min_size=1, max_size=4), st.integers(60, 200))
def test_any_environments_make_a_table(rows: list[Glance], width: int) -> None:
    made = glance_text(rows, width, rows[0].environment).split("\n")
    assert len(made) >= len(rows) + 1
    assert all("\n" not in glance_line(row) for row in rows)
