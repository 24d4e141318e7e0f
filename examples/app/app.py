"""The shop: a small HTTP service to be deployed. Standard library only, of Python 3.9 or newer.

    HOST=127.0.0.1 PORT=8080 RELEASE=v1 python3 app.py

`/health`, `/`, `/products`, `/products/N`; each answer names its release in `X-Release`.
SIGTERM ends it without losing a request. README.md says what makes a service deployable;
`behaviour.json` beside this file makes a release misbehave on purpose. Python 3.9 is what Amazon
Linux 2023 calls python3.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

# After SIGTERM a connection without a request may still have one on its way: it gets this long.
LINGER_S = 0.5
# ... and requests being worked on get this long; a load balancer's deregistration delay is longer.
GRACE_S = 25.0
MAX_HEAD = 65_536

PRODUCTS = {1: "teapot", 2: "kettle", 3: "strainer"}
REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    500: "Internal Server Error",
    501: "Not Implemented",
}


@dataclass(frozen=True)
class Behaviour:
    """How this release misbehaves; all zero means that it does not. Never towards /health.

    error_rate:      share, 0..1, of requests answered 500.
    latency_ms:      milliseconds before each answer; with a latency_spread their median.
    latency_spread:  sigma of the log-normal law by which they differ; 0: all take the same.
    boot_s:          seconds from the start until it listens.
    crash_after_s:   seconds from listening until it exits with status 1; 0 means never.
    cold_s:          seconds from its first request for which it is cold: then
    cold_error_rate, cold_latency_ms come on top.
    incident_file:   while there is such a file, what every release suffers from: see Incident.
    """

    error_rate: float = 0.0
    latency_ms: float = 0.0
    latency_spread: float = 0.0
    boot_s: float = 0.0
    crash_after_s: float = 0.0
    cold_s: float = 0.0
    cold_error_rate: float = 0.0
    cold_latency_ms: float = 0.0
    incident_file: str = ""


@dataclass(frozen=True)
class Trouble:
    """What comes on top of a release's own misbehaviour, for a while."""

    error_rate: float = 0.0
    latency_ms: float = 0.0


class Incident:
    """What all releases depend on has trouble: a file of JSON with Trouble's keys; it comes and goes.

    Whoever writes it must replace it whole (write another one, rename it).
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path) if path else None
        self.seen: tuple[int, int] | None = None
        self.trouble = Trouble()

    def now(self) -> Trouble:
        """The trouble of this moment; none without a file."""
        if self.path is None:
            return self.trouble
        try:
            found = self.path.stat()
            seen = found.st_mtime_ns, found.st_ino
            if seen != self.seen:
                self.trouble = Trouble(**json.loads(self.path.read_text()))
                self.seen = seen
        except FileNotFoundError:
            self.trouble, self.seen = Trouble(), None
        return self.trouble


class Shop:
    """What is asked and what is answered, without a network."""

    def __init__(self, release: str, behaviour: Behaviour) -> None:
        self.release = release
        self.behaviour = behaviour
        self.incident = Incident(behaviour.incident_file)
        self.first_request_at: float | None = None

    def answer(self, method: str, path: str) -> tuple[int, object]:
        """Status and JSON body."""
        if path == "/health":
            return 200, {"status": "ok"}
        if self.fails():
            return 500, {"error": f"release {self.release} fails on purpose"}
        if method not in ("GET", "HEAD"):
            return 405, {"error": f"{method} is not for this shop"}
        body = page(path, self.release)
        return (200, body) if body else (404, {"error": f"nothing at {path}"})

    def fails(self) -> bool:
        """Whether this request does, for whatever reason."""
        rates = self.behaviour.error_rate, self.cold().error_rate, self.incident.now().error_rate
        return any(random.random() < rate for rate in rates)  # noqa: S311  # no secret in it

    def delay_s(self, path: str) -> float:
        """Seconds to wait before answering."""
        if path == "/health":
            return 0.0
        own_ms = self.behaviour.latency_ms * random.lognormvariate(0, self.behaviour.latency_spread)
        return (own_ms + self.cold().latency_ms + self.incident.now().latency_ms) / 1000

    def cold(self) -> Trouble:
        """What the first users meet: empty caches, connections still to be made."""
        how, now = self.behaviour, time.monotonic()
        if self.first_request_at is None:
            self.first_request_at = now
        if now - self.first_request_at >= how.cold_s:
            return Trouble()
        return Trouble(how.cold_error_rate, how.cold_latency_ms)


def page(path: str, release: str) -> object:
    """The JSON body at `path`; None if there is nothing."""
    if path == "/":
        return {"shop": "tea", "release": release}
    if path == "/products":
        return [{"id": key, "name": name} for key, name in PRODUCTS.items()]
    match = re.fullmatch(r"/products/([0-9]{1,9})", path)
    name = PRODUCTS.get(int(match[1])) if match else None
    return {"id": int(match[1]), "name": name} if match and name else None


def render(status: int, body: object, release: str, *, close: bool, head: bool) -> bytes:
    """A whole HTTP/1.1 response."""
    content = json.dumps(body).encode() + b"\n"
    lines = (
        f"HTTP/1.1 {status} {REASONS[status]}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        f"X-Release: {release}\r\nConnection: {'close' if close else 'keep-alive'}\r\n\r\n"
    )
    return lines.encode("latin-1") + (b"" if head else content)


@dataclass(frozen=True)
class Request:
    """The head of a request; `length` is its body's, `refused` a status for what we do not speak."""

    method: str
    path: str
    close: bool
    length: int
    refused: int = 0


def parse(head: bytes) -> Request:
    """Request line and headers, without the empty line that ends them."""
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return Request("", "", close=True, length=0, refused=400)
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
    }
    length = headers.get("content-length", "0")
    connection = headers.get("connection", "").lower()
    close = connection == "close" or (words[2] == "HTTP/1.0" and connection != "keep-alive")
    if "transfer-encoding" in headers:
        return Request(words[0], "", close=True, length=0, refused=501)
    if not re.fullmatch("[0-9]{1,9}", length):
        return Request(words[0], "", close=True, length=0, refused=400)
    return Request(words[0], words[1].partition("?")[0], close=close, length=int(length))


class Server:
    """Everything that is open now; ends when it was told to and all of it is closed."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.connections: set[Connection] = set()
        self.stopping = False
        self.ended = asyncio.Event()

    def stop(self) -> None:
        """SIGTERM: answer what was asked, then end."""
        self.stopping = True
        loop = asyncio.get_running_loop()
        loop.call_later(LINGER_S, self.close_idle)
        loop.call_later(GRACE_S, self.ended.set)

    def close_idle(self) -> None:
        for connection in tuple(self.connections):
            connection.close_if_idle()
        if not self.connections:
            self.ended.set()

    def closed(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if self.stopping and not self.connections:
            self.close_idle()


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests on it are answered one after the other."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.buffer = bytearray()
        self.skip = 0  # bytes of a request's body still to come
        self.busy = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # TCP gives a full Transport
        self.server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's name
        self.transport = None
        self.server.closed(self)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self.next_request()

    def next_request(self) -> None:
        if self.skip:
            dropped = min(self.skip, len(self.buffer))
            del self.buffer[:dropped]
            self.skip -= dropped
        if self.busy or self.skip:
            return
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self.buffer) > MAX_HEAD:
                self.reply(Request("", "", close=True, length=0, refused=400))
            return
        request = parse(bytes(self.buffer[:end]))
        del self.buffer[: end + 4]
        self.skip = request.length
        self.busy = True
        delay_s = self.server.shop.delay_s(request.path)
        if delay_s:
            asyncio.get_running_loop().call_later(delay_s, self.reply, request)
        else:
            self.reply(request)

    def reply(self, request: Request) -> None:
        if self.transport is None:
            return
        shop = self.server.shop
        status, body = (
            (request.refused, {"error": REASONS[request.refused]})
            if request.refused
            else shop.answer(request.method, request.path)
        )
        close = request.close or self.server.stopping
        head = request.method == "HEAD"
        self.transport.write(render(status, body, shop.release, close=close, head=head))
        self.busy = False
        if close:
            self.transport.close()
        else:
            self.next_request()

    def close_if_idle(self) -> None:
        if self.transport and not self.busy and not self.buffer:
            self.transport.close()


def read_behaviour(path: Path) -> Behaviour:
    """The release's misbehaviour; none if the file is not there. An unknown key is an error."""
    return Behaviour(**json.loads(path.read_text())) if path.exists() else Behaviour()


async def serve(host: str, port: int, shop: Shop) -> None:
    """Serve until SIGTERM or SIGINT, or until the behaviour says crash."""
    loop = asyncio.get_running_loop()
    server = Server(shop)
    terminated = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, terminated.set)
    told = asyncio.ensure_future(terminated.wait())
    await asyncio.wait({told}, timeout=shop.behaviour.boot_s)
    if told.done():
        return
    listener = socket.create_server((host, port), backlog=1024)
    accepting = await loop.create_server(lambda: Connection(server), sock=listener)
    print(f"shop {shop.release} listens on {host}:{listener.getsockname()[1]}", flush=True)
    if shop.behaviour.crash_after_s:
        loop.call_later(shop.behaviour.crash_after_s, os._exit, 1)
    await told
    server.stop()
    late = waiting(listener)
    accepting.close()
    for connection in late:
        await loop.connect_accepted_socket(lambda: Connection(server), connection)
    await server.ended.wait()


def waiting(listener: socket.socket) -> list[socket.socket]:
    """Connections that the kernel has made but nobody has accepted: closing would reset them."""
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found.append(listener.accept()[0])
    return found


def main() -> None:
    release = os.environ.get("RELEASE", "unnamed")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", release):
        sys.exit(f"RELEASE={release!r} is no name for a release: letters, digits, . _ -")
    shop = Shop(release, read_behaviour(Path(__file__).with_name("behaviour.json")))
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8080"))
    asyncio.run(serve(host, port, shop))


if __name__ == "__main__":
    main()
