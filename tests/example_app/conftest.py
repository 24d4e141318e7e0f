"""Starts the example application as an instance would: a process in a folder of its own."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "examples" / "app" / "app.py"


class Process:
    """One running application."""

    def __init__(
        self, directory: Path, behaviour: dict[str, float | str], release: str, python: str
    ) -> None:
        shutil.copy(SOURCE, directory)
        if behaviour:
            (directory / "behaviour.json").write_text(json.dumps(behaviour))
        environment = {"HOST": "127.0.0.1", "PORT": "0", "RELEASE": release, "PATH": os.defpath}
        self.child = subprocess.Popen(
            [python, "-I", "app.py"],
            cwd=directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.port = 0

    def ready(self) -> "Process":
        """Waits until it listens."""
        assert self.child.stdout is not None
        self.port = int(self.child.stdout.readline().rpartition(":")[2])
        return self

    def get(
        self, path: str, method: str = "GET", body: bytes | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body=body)
        answer = connection.getresponse()
        result = answer.status, dict(answer.getheaders()), answer.read()
        connection.close()
        return result

    def raw(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def end(self) -> None:
        self.child.kill()
        self.child.communicate()


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start(release="v1", error_rate=0.2, ...)` -> a running application."""
    running: list[Process] = []

    def begin(
        release: str = "v1", python: str = sys.executable, **behaviour: float | str
    ) -> Process:
        directory = tmp_path / str(len(running))
        directory.mkdir()
        running.append(Process(directory, behaviour, release, python))
        return running[-1]

    yield begin
    for process in running:
        process.end()
