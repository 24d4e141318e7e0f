"""The lab's process, from its parent's side: start it, wait until it is ready, stay with it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console, RenderableType

from deployer.errors import DeployError, NotPossibleNow
from deployer.lab import home
from deployer.settings.reading import load as load_settings

UNBOUNDED = 1000  # columns: wider than any table


@dataclass(frozen=True, slots=True)
class LabOptions:
    """The global options, as the lab's commands read them.

    directory: the lab's folder.
    """

    config: Path
    environment: str
    output: str
    directory: Path

    def say(self, value: dict[str, Any], text: RenderableType) -> None:
        """The result: JSON when that was asked for, else the text or table."""
        if self.output == "json":
            click.echo(json.dumps(value))
        elif isinstance(text, str):
            click.echo(text)
        else:
            shown(text)


def shown(text: RenderableType) -> None:
    """Print a table; only a terminal has a width, into which it must fit."""
    console = Console()
    (console if console.is_terminal else Console(width=UNBOUNDED)).print(text)


def start(
    options: LabOptions, *, scale: float, no_stacks: bool, detach: bool
) -> "subprocess.Popen[bytes]":
    """The lab's process; without `detach` it dies with this one.

    Raises:
        NotPossibleNow: a lab runs already, or its folder cannot be written.
        NotFound, SettingsInvalid: as `reading.load`.
    """
    from deployer.lab import leash  # noqa: PLC0415
    from deployer.lab.secured import secured  # noqa: PLC0415

    if home.running(options.directory):
        home.take(options.directory)  # raises, and says what to do
    secured(load_settings(options.config, options.environment).balancer)  # raises if it is wrong
    command = [
        sys.executable, "-m", "deployer.lab.process",
        "--directory", str(options.directory), "--config", str(options.config),
        "--environment", options.environment, "--scale", str(scale),
        *(["--no-stacks"] if no_stacks else []),
    ]  # fmt: skip
    log = new_log(options.directory)
    if detach:
        with log.open("wb") as file:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )
    return leash.start(command, env=os.environ, cwd=Path.cwd(), log=log)


def new_log(directory: Path) -> Path:
    """An empty lab.log in the lab's folder, which is made if it is not there.

    Raises:
        NotPossibleNow: that cannot be done.
    """
    log = directory / "lab.log"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        log.touch()
    except OSError as error:
        raise NotPossibleNow(
            f"the lab cannot write into its folder {directory}: {error.strerror}; "
            "name another with DEPLOYER_LAB"
        ) from error
    return log


@contextmanager
def holding_back() -> Iterator[list[int]]:
    """Ctrl-C waits meanwhile: what is heard is in the list. A lab that nobody holds is never left."""
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, before)


def heed(heard: Sequence[int]) -> None:
    """What was held back counts now."""
    if heard:
        raise KeyboardInterrupt


def await_ready(
    options: LabOptions,
    process: "subprocess.Popen[bytes]",
    patience_s: float = 120.0,
    *,
    heard: Sequence[int] = (),
) -> home.State:
    """Wait for the lab to say that it is ready; a lab that does not get that far is ended.

    heard: signals that came while it was started: Ctrl-C is heeded now.

    Raises:
        DeployError: it ended, or took too long; carries its last words.
    """
    try:
        heed(heard)
        state = told_by(process, options.directory, patience_s)
    except KeyboardInterrupt:
        process.terminate()  # nobody has been told of it yet
        raise
    if state is not None:
        return state
    process.terminate()
    log = (options.directory / "lab.log").read_text(errors="replace").strip().splitlines()
    said = log[-1] if log else "it said nothing"
    raise DeployError(f"the lab did not start: {said} (all of it: {options.directory}/lab.log)")


def told_by(
    process: "subprocess.Popen[bytes]", directory: Path, patience_s: float
) -> home.State | None:
    """What this lab tells once it is ready; None if it ends before, or patience does."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        state = home.published(directory)
        if state is not None and state.pid == process.pid:  # no leftover of one that was killed
            return state
        if process.poll() is not None:
            return None
        time.sleep(0.02)
    return None


def foreground(process: "subprocess.Popen[bytes]") -> None:
    """Stay until the lab ends or Ctrl-C."""
    try:
        status = process.wait()
    except KeyboardInterrupt:
        process.terminate()
        status = process.wait()
    if status:
        raise DeployError("the lab broke: see lab.log in its folder")
