"""The open-loop client: requests are sent when they are due, whatever the answers do.

A request is sent on an idle connection if there is one, else on a new one. It is sent once.
A pooled connection that the server has closed while it was idle fails no request: before a byte
is written, the socket is asked (recv with MSG_PEEK) whether the end of the stream is already
there, or a record of TLS that nobody asked for, which may be its announcement; if so, the
connection is discarded, counted as stale, and the next one is taken. One that has been idle for
long is not used again: its server may be closing it in this very moment, and then nobody could
know what became of a request on it; browsers and SDKs do likewise. Once a
byte was written, the end of the connection is a failure of cause `reset`: nobody can know whether
the request was served.
"""

import asyncio
import os
import socket
import ssl
from collections import deque
from collections.abc import Callable

from deployer.lab.load.report import NONE, UNANSWERED, LoadReport
from deployer.lab.load.response import NotHttp, Reader
from deployer.lab.load.target import Schedule, Target

SWEEP_S = 0.05
SHORTEST_SLEEP_S = 0.001


class Connection(asyncio.Protocol):
    """One connection; carries at most one request at a time."""

    __slots__ = (
        "_client",
        "closed",
        "idle_since",
        "reader",
        "sent_at",
        "socket",
        "transport",
        "used",
    )

    def __init__(self, client: "Client", raw: socket.socket) -> None:
        self._client = client
        self.socket = raw
        self.transport: asyncio.Transport | None = None
        self.reader: Reader | None = None
        self.sent_at = 0.0
        self.idle_since = 0.0
        self.used = False
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # TCP gives a full Transport

    def gone(self) -> bool:
        """Whether the server has ended the idle connection (or sent what nobody asked for)."""
        if self.closed or self.transport is None or self.transport.is_closing():
            return True
        try:
            self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def send(self, request: bytes, sent_at: float) -> None:
        assert self.transport is not None  # noqa: S101  # for the type checker: it is connected
        self.reader = Reader()
        self.sent_at = sent_at
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self.reader is None:
            self.drop()  # an answer to nothing: the connection cannot be trusted any more
            return
        try:
            self.reader.feed(data)
        except NotHttp:
            self._client.lost(self, "protocol")
            return
        if self.reader.done:
            self._client.answered(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's name
        self.closed = True
        if self.reader is None:
            return
        self.reader.end()
        if self.reader.done:
            self._client.answered(self)
        else:
            self._client.lost(self, "reset")

    def drop(self) -> None:
        """Close at once."""
        self.reader = None
        if self.transport is not None:
            self.transport.abort()


class Client:
    """Sends the schedule; `run` once, `stop` any time from the same loop."""

    def __init__(self, aim: Target, schedule: Schedule) -> None:
        self._target = aim
        self._schedule = schedule
        self.report = LoadReport(aim.url, schedule.rps, schedule.duration_s)
        self._idle: list[Connection] = []
        self._busy: dict[Connection, None] = {}  # in order of sending
        self._opening: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()
        self._began = 0.0
        self._cpu_began = 0.0

    def stop(self) -> None:
        """Send no more; `run` returns when the answers under way have come."""
        self._stopped.set()

    async def run(self) -> LoadReport:
        """Send everything, wait for all answers, close all connections."""
        loop = asyncio.get_running_loop()
        self._began, self._cpu_began = loop.time(), _cpu_s()
        sweeper = asyncio.create_task(self._sweep())
        await self._send_all()
        while self._busy or self._opening:  # noqa: ASYNC110  # once, at the end
            await asyncio.sleep(SHORTEST_SLEEP_S * 2)
        self.snapshot()
        sweeper.cancel()
        for connection in self._idle:
            connection.drop()
        await asyncio.sleep(0)
        return self.report

    def snapshot(self) -> LoadReport:
        """The report so far, its times brought up to date."""
        self.report.elapsed_s = self._now_s()
        self.report.cpu_s = _cpu_s() - self._cpu_began
        return self.report

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    async def _send_all(self) -> None:
        loop, rps = asyncio.get_running_loop(), self._schedule.rps
        total = max(1, round(rps * self._schedule.duration_s))
        sent = 0
        while sent < total and not self._stopped.is_set():
            now = loop.time()
            while sent < total and (due := self._began + sent / rps) <= now:
                self._send(due, now)
                sent += 1
            pause_s = max(self._began + sent / rps - loop.time(), SHORTEST_SLEEP_S)
            if pause_s < 0.1:
                await asyncio.sleep(pause_s)
            else:
                await _wait(self._stopped, pause_s)

    def _send(self, due: float, now: float) -> None:
        if len(self._busy) + len(self._opening) >= self._schedule.max_in_flight:
            self.report.skipped += 1
            return
        self.report.lag.add((now - due) * 1000)
        while self._idle:
            connection, at = self._idle.pop(), asyncio.get_running_loop().time()
            if connection.gone():
                self.report.stale_connections += 1
            elif at - connection.idle_since < self._schedule.idle_s:
                self._use(connection, at)
                return
            connection.drop()
        task = asyncio.create_task(self._open())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def _use(self, connection: Connection, sent_at: float) -> None:
        self._busy[connection] = None
        connection.send(self._target.request, sent_at)

    async def _open(self) -> None:
        """Connect, then send: the connecting time is part of the request's latency."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        raw = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        raw.setblocking(False)
        try:
            async with asyncio.timeout(self._schedule.timeout_s):
                await loop.sock_connect(raw, (self._target.host, self._target.port))
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _, connection = await loop.create_connection(
                    lambda: Connection(self, raw),
                    sock=raw,
                    ssl=self._target.tls,
                    server_hostname=self._target.name if self._target.tls else None,
                )
        except OSError as error:  # TimeoutError is one
            raw.close()
            cause = "tls" if isinstance(error, ssl.SSLError) else "connect"
            self.report.lost(UNANSWERED, cause, began - self._began)
            return
        self.report.connections += 1
        if connection.closed:
            self.report.lost(UNANSWERED, "connect", began - self._began)
        else:
            self._use(connection, began)

    def answered(self, connection: Connection) -> None:
        """The answer is complete."""
        reader, connection.reader = connection.reader, None
        self._busy.pop(connection, None)
        if reader is None or reader.head is None:
            raise AssertionError("answered without an answer")
        connection.idle_since, connection.used = asyncio.get_running_loop().time(), True
        latency_ms = (connection.idle_since - connection.sent_at) * 1000
        at_s = connection.sent_at - self._began
        self.report.answered(reader.head.release or NONE, reader.head.status, latency_ms, at_s)
        if reader.head.close or connection.closed:
            connection.drop()
        else:
            self._idle.append(connection)

    def lost(self, connection: Connection, cause: str) -> None:
        """No complete answer came; who had begun to answer is blamed."""
        head = connection.reader.head if connection.reader else None
        release = (head.release or NONE) if head else UNANSWERED
        self._busy.pop(connection, None)
        connection.drop()
        idle_s = connection.sent_at - connection.idle_since if connection.used else None
        self.report.lost(release, cause, connection.sent_at - self._began, idle_s)

    async def _sweep(self) -> None:
        """Gives up requests whose time is over: oldest first, until one still has time."""
        while True:
            await asyncio.sleep(SWEEP_S)
            latest = asyncio.get_running_loop().time() - self._schedule.timeout_s
            overdue = deque[Connection]()
            for connection in self._busy:
                if connection.sent_at > latest:
                    break
                overdue.append(connection)
            for connection in overdue:
                self.lost(connection, "timeout")


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), timeout_s)
    except TimeoutError:
        return


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system


Progress = Callable[[LoadReport], None]


async def drive(client: Client, every_s: float | None, progress: Progress | None) -> LoadReport:
    """Run `client`; tell `progress` every `every_s` seconds."""
    running = asyncio.ensure_future(client.run())
    while progress is not None and every_s:
        done, _ = await asyncio.wait({running}, timeout=every_s)
        if done:
            break
        progress(client.snapshot())
    return await running
