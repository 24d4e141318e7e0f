"""One process that runs one function's code, an invocation at a time, until it is no longer wanted.

Time: the function's time-out is in the lab's time, but no shorter than LEAST_S of the wall's, because
this machine's processor does not run faster than it does.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

from deployer.lab import leash

LEAST_S = 20.0  # real
INIT_S = 30.0  # real: to start and import
LOOK_S = 0.25
LONGEST_TAIL = 4096  # bytes of log in a synchronous answer
_WORKER = Path(__file__).with_name("worker.py")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one invocation came to.

    error: "" or `Unhandled`; then `payload` is Lambda's description of it.
    log:   everything that it wrote.
    """

    payload: bytes
    error: str = ""
    log: bytes = b""


class Lost(Exception):
    """The process is gone, or was killed: it cannot be used again."""


class Sandbox:
    """Used by one thread at a time; `close` by any.

    request_facts: what the worker's context object tells of the function.
    """

    def __init__(
        self, folder: Path, handler: str, paths: tuple[Path, ...], environ: Mapping[str, str]
    ) -> None:
        """Begin to start it.

        Args:
            folder:  where it runs, and its log is.
            handler: `module.function`.
            paths:   where its modules are found.
            environ: its whole environment.
        """
        self.used_at = time.monotonic()
        self.log = folder.parent / f"{folder.name}-{token_hex(4)}.log"
        self._buffer = b""
        name = f"deployer-lab-{os.getpid()}-{token_hex(8)}"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind("\0" + name)
        self._listener.listen(1)
        argv = [sys.executable, "-I", "-S", "-u", str(_WORKER), name, handler, *map(str, paths)]
        self.process = leash.start(argv, env=environ, cwd=folder, log=self.log)
        self._connection: socket.socket | None = None

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def begin(self) -> dict[str, Any] | None:
        """Wait until the handler is loaded; what went wrong, as Lambda tells it, or None."""
        until = time.monotonic() + INIT_S
        try:
            self._connection = self._accept(until)
            word = self._hear(until)
        except Lost as error:
            return self._end(error, "Runtime.ExitError", "Runtime exited before it was ready")
        except TimeoutError as error:
            return self._end(error, "Sandbox.Timedout", f"Init took more than {INIT_S:g} s")
        return word.get("error")

    def run(self, request: Mapping[str, Any], limit_s: float, told_s: float) -> dict[str, Any]:
        """One invocation: `{"payload": TEXT}` or `{"error": {...}}`.

        Args:
            request: as the worker wants it.
            limit_s: real seconds; then it is killed.
            told_s:  the function's own time-out, for the message.
        """
        try:
            self._say(request)
            return self._hear(time.monotonic() + limit_s)
        except TimeoutError as error:
            what = f"Error: Task timed out after {told_s:.2f} seconds"
            return {"error": self._end(error, "Sandbox.Timedout", what, request["request_id"])}
        except Lost as error:
            code = self.process.wait()
            how = f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
            what = f"Error: Runtime exited with error: {how}"
            return {"error": self._end(error, "Runtime.ExitError", what, request["request_id"])}

    def written(self, since: int) -> bytes:
        """The log from this offset on."""
        with self.log.open("rb") as file:
            file.seek(since)
            return file.read()

    def size(self) -> int:
        """Of the log, now."""
        return self.log.stat().st_size if self.log.exists() else 0

    def close(self) -> None:
        """End the process and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(LEAST_S)
        self._listener.close()
        if self._connection is not None:
            self._connection.close()

    def _end(self, _why: Exception, kind: str, what: str, request_id: str = "") -> dict[str, Any]:
        self.close()
        prefix = f"RequestId: {request_id} " if request_id else ""
        return {"errorType": kind, "errorMessage": f"{prefix}{what}"}

    def _accept(self, until: float) -> socket.socket:
        self._listener.settimeout(LOOK_S)
        while time.monotonic() < until:
            try:
                return self._listener.accept()[0]
            except TimeoutError:
                if not self.alive:
                    raise Lost from None
        raise TimeoutError

    def _say(self, request: Mapping[str, Any]) -> None:
        if self._connection is None:
            raise Lost
        try:
            self._connection.settimeout(LEAST_S)
            self._connection.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise Lost from error

    def _hear(self, until: float) -> dict[str, Any]:
        """One line of JSON.

        Raises:
            Lost: the connection ended.
            TimeoutError: it did not come in time.
        """
        if self._connection is None:
            raise Lost
        while b"\n" not in self._buffer:
            left_s = until - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            self._connection.settimeout(left_s)
            try:
                piece = self._connection.recv(1 << 20)
            except TimeoutError:
                raise
            except OSError as error:
                raise Lost from error
            if not piece:
                raise Lost
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        word: dict[str, Any] = json.loads(line)
        return word
