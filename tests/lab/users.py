"""Users of the lab's service: requests at a constant rate, and what they saw so far."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from .conftest import ROOT, Shell

LONGEST_S = 1200


class Users:
    """The newest report of a load that goes on."""

    def __init__(self, told: IO[str]) -> None:
        self._told = told
        self._report: Any = None
        self._first = threading.Event()
        self._thread = threading.Thread(target=self._read, name="users", daemon=True)
        self._thread.start()
        assert self._first.wait(30), "the load has told nothing"

    def _read(self) -> None:
        for line in self._told:
            self._report = json.loads(line)
            self._first.set()

    def failures(self, release: str) -> dict[str, int]:
        """How often users saw this release fail, by cause; up to a second ago."""
        return dict(self._report["releases"].get(release, {"failures": {}})["failures"])

    def requests(self, release: str) -> int:
        """What this release has answered; up to a second ago."""
        return int(self._report["releases"].get(release, {"requests": 0})["requests"])

    def reach(self, release: str, requests: int, within_s: float = 60.0) -> None:
        """Wait until it has answered so many."""
        until = time.monotonic() + within_s
        while self.requests(release) < requests:
            assert time.monotonic() < until, f"{release} has answered {self.requests(release)}"
            time.sleep(0.1)

    def last(self) -> Any:
        """The whole report, once the load has ended."""
        self._thread.join(30)
        assert self._report["event"] == "report"
        return self._report


@contextmanager
def users(shell: Shell, url: str, rps: int) -> Iterator[Users]:
    """They come for as long as this lasts."""
    command = [sys.executable, "-m", "deployer.lab.load", url, "--rps", f"{rps}"]
    command += ["--duration", f"{LONGEST_S}", "--every", "0.5"]
    with subprocess.Popen(
        command, env=dict(shell.variables), cwd=ROOT, text=True, bufsize=1,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as client:  # fmt: skip
        assert client.stdin is not None
        assert client.stdout is not None
        seen = Users(client.stdout)
        try:
            yield seen
        finally:
            client.stdin.close()
            client.wait(30)
