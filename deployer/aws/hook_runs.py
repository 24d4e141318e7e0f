"""The three things that a hook can be; each runs in a thread of its own and can be cut short.

`run` returns nothing when it went well, and otherwise why not, in words. Times are in real seconds.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from deployer.aws import failures, hook_guard
from deployer.aws.needs import Need, Resource
from deployer.aws.probe import cause_of, hung_up_after
from deployer.aws.session import installed_version
from deployer.aws.tail import Tail
from deployer.errors import CloudUnavailable
from deployer.hooks import HookAction

NEEDS = (Need("lambda:InvokeFunction", Resource.FUNCTION),)
GRACE_S = 5.0  # between asking a command to stop and killing it
PIECE = 65_536
PIPE = 1_048_576  # bytes that a pipe holds at most (Linux, fs.pipe-max-size)
LARGEST = 10_000_000  # bytes of an answer that are read
THROTTLED_S = 1.0  # before the second attempt to invoke a function; doubled each time, up to 30
LATE = "killed at its deadline"
ENDED = "ended before it had finished"


class Run(Protocol):
    """One run of a hook."""

    def run(self, tail: Tail) -> str | None:
        """Carry it out; None if it went well. `tail` gets the output."""
        ...

    def stop(self) -> None:
        """Make `run` return soon."""
        ...


def lacking(action: HookAction, environ: Mapping[str, str]) -> str:
    """Why the command could not be begun from here now; empty: nothing is known against it."""
    program = action.command[0] if action.command else ""
    if not program or shutil.which(program, path=environ.get("PATH")):
        return ""
    where = f"in {Path.cwd()}" if "/" in program else "on the PATH"
    return f"there is no program {program} {where} that may be run"


class CommandRun:
    """A command under its guard (hook_guard): success is exit status 0."""

    def __init__(
        self, command: tuple[str, ...], environ: Mapping[str, str], limit_s: float
    ) -> None:
        self._words, told = os.pipe()
        guard = [sys.executable, "-I", "-S", str(Path(hook_guard.__file__))]
        try:
            self._guard = subprocess.Popen(
                [*guard, str(told), str(limit_s), str(GRACE_S), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=dict(environ),
                pass_fds=(told,),
                start_new_session=True,
            )
        except BaseException:
            os.close(self._words)
            raise
        finally:
            os.close(told)

    def run(self, tail: Tail) -> str | None:
        out = self._guard.stdout
        with open(self._words, "rb") as words:  # noqa: PTH123  a descriptor, not a path
            if out is not None:
                with out:
                    feed_until(words.fileno(), out.fileno(), tail)
            word = words.read().decode(errors="replace")
        self._guard.wait()
        self.stop()
        return judged(word)

    def stop(self) -> None:
        if self._guard.stdin is not None:
            self._guard.stdin.close()


def feed_until(words: int, out: int, tail: Tail) -> None:
    """Feed the output until the guard says its word or is gone; then what the pipe still holds.

    Not until the output ends: a daemon that the command has started may hold it open for ever.
    """
    os.set_blocking(out, False)
    with selectors.DefaultSelector() as either:
        either.register(words, selectors.EVENT_READ)
        either.register(out, selectors.EVENT_READ)
        ready: set[int] = set()
        while words not in ready:
            ready = {key.fd for key, _ in either.select()}
            if out in ready and not fed(out, tail):
                either.unregister(out)
    for _ in range(PIPE // PIECE):
        if not fed(out, tail):
            return


def fed(out: int, tail: Tail) -> bool:
    """Whether there was a piece of output to feed."""
    try:
        piece = os.read(out, PIECE)
    except BlockingIOError:
        return False
    tail.feed(piece)
    return bool(piece)


def judged(word: str) -> str | None:
    """What a guard's word means; None: it went well."""
    kind, _, detail = word.partition(" ")
    match kind:
        case "exit":
            return None if detail == "0" else f"exit status {detail}"
        case "signal":
            return f"killed by {signal.Signals(int(detail)).name}"
        case "deadline":
            return LATE
        case "ended":
            return ENDED
        case "missing":
            return f"cannot be run: {detail}"
        case _:
            return "its guard was killed"


class UrlRun:
    """A POST: success is an answer 2xx; a redirect is not followed."""

    def __init__(self, url: str, body: Mapping[str, Any], limit_s: float) -> None:
        where = urlsplit(url)
        secure = where.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = kind(where.hostname or "", where.port, timeout=limit_s)
        self._path = f"{where.path or '/'}{'?' + where.query if where.query else ''}"
        self._body = json.dumps(body).encode()
        self._key = str(body["key"])
        self._until = time.monotonic() + limit_s
        self._held: socket.socket | None = None  # the connection forgets it once it has an answer
        self._stopped = threading.Event()

    def run(self, tail: Tail) -> str | None:
        try:
            self._connection.connect()
            self._held = self._connection.sock
            if self._stopped.is_set():
                return ENDED
            with hung_up_after(max(0.001, self._until - time.monotonic()), self._held):
                status = self._ask(tail)
        except (OSError, http.client.HTTPException) as error:
            if self._stopped.is_set():
                return ENDED
            return LATE if isinstance(error, TimeoutError) else cause_of(error)
        finally:
            self._connection.close()
        if self._stopped.is_set():
            return ENDED
        return None if 200 <= status < 300 else f"answered {status}"

    def _ask(self, tail: Tail) -> int:
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": self._key,
            "User-Agent": f"deployer/{installed_version()}",
            "Connection": "close",
        }
        self._connection.request("POST", self._path, self._body, headers)
        response = self._connection.getresponse()
        read = 0
        while read < LARGEST and (piece := response.read(PIECE)):
            tail.feed(piece)
            read += len(piece)
        if response.length and read < LARGEST:
            raise http.client.IncompleteRead(b"", response.length)
        return response.status

    def stop(self) -> None:
        self._stopped.set()
        if self._held is not None:
            with contextlib.suppress(OSError):  # it was closed in this moment
                self._held.shutdown(socket.SHUT_RDWR)


class FunctionRun:
    """A Lambda function, invoked synchronously: success is an answer without FunctionError.

    A refusal that passes (throttling, 5xx) is tried again until the deadline: nothing runs any
    more, and hooks run at least once. A lost answer is a failure: the function may still run.

    client: of Lambda, without retries of its own; its read timeout is the deadline.
    """

    def __init__(self, client: Any, function: str, body: Mapping[str, Any], limit_s: float) -> None:
        self._client = client
        self._function = function
        self._body = json.dumps(body).encode()
        self._until = time.monotonic() + limit_s
        self._stopped = threading.Event()

    def run(self, tail: Tail) -> str | None:
        pause_s = THROTTLED_S
        while True:
            try:
                return self._invoke(tail)
            except ClientError as error:
                why = self._translated(error)
                if not isinstance(why, CloudUnavailable):
                    return str(why)
                if time.monotonic() + pause_s >= self._until:
                    return f"{LATE}: {why}"
            except BotoCoreError as error:
                late = time.monotonic() >= self._until
                return LATE if late else str(self._translated(error))
            if self._stopped.wait(pause_s):
                return ENDED
            pause_s = min(30.0, pause_s * 2)

    def _translated(self, error: BotoCoreError | ClientError) -> Exception:
        return failures.of(error, "lambda:InvokeFunction", self._function, changes=True)

    def _invoke(self, tail: Tail) -> str | None:
        answer = self._client.invoke(
            FunctionName=self._function,
            InvocationType="RequestResponse",
            LogType="Tail",
            Payload=self._body,
        )
        tail.feed(base64.b64decode(answer.get("LogResult", "")))
        tail.feed(answer["Payload"].read(LARGEST))
        error = answer.get("FunctionError")
        return f"the function failed ({error})" if error else None

    def stop(self) -> None:
        self._stopped.set()
