"""The client against servers that answer, fail, stall and hang up in every way."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from deployer.lab.load.client import Client, drive
from deployer.lab.load.report import LoadReport
from deployer.lab.load.target import Schedule, target

pytestmark = pytest.mark.alone

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answer(status: int = 200, release: str | None = "v1", *, close: bool = False) -> bytes:
    lines = [f"HTTP/1.1 {status} x", "Content-Length: 2"]
    lines += [f"X-Release: {release}"] if release else []
    lines += ["Connection: close"] if close else []
    return "\r\n".join([*lines, "", "ok"]).encode()


def serving(reply: Callable[[int], bytes]) -> Handler:
    """A server that answers request number i (over all connections) with `reply(i)`."""
    seen = iter(range(1_000_000))

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await head(reader):
            content = reply(next(seen))
            writer.write(content)
            await writer.drain()
            if b"Connection: close" in content:
                break
        writer.close()

    return handle


async def head(reader: asyncio.StreamReader) -> bool:
    """Reads one request; whether there was one."""
    try:
        await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return False
    return True


def load(handler: Handler, rps: float, duration_s: float, **schedule: float) -> LoadReport:
    async def main() -> LoadReport:
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Client(
            target(f"http://127.0.0.1:{port}/"),
            Schedule(rps, duration_s, **schedule),  # type: ignore[arg-type]  # all are numbers
        )
        report = await drive(client, None, None)
        server.close()
        await server.wait_closed()
        return report

    return asyncio.run(main())


def test_every_request_of_the_schedule_is_sent_and_counted() -> None:
    report = load(serving(lambda _: answer()), rps=200, duration_s=0.5)
    assert (report.requests, report.ok, report.failed, report.skipped) == (100, 100, 0, 0)
    assert report.releases.keys() == {"v1"}
    assert report.connections < 50  # kept alive and used again


def test_answers_are_counted_for_the_release_that_gave_them() -> None:
    kinds = [answer(), answer(500, "v2"), answer(503, None), answer(404, "v1")]
    report = load(serving(lambda i: kinds[i % 4]), rps=400, duration_s=0.25)
    shown = {name: (t.requests, dict(t.failures)) for name, t in report.releases.items()}
    assert shown == {
        "v1": (50, {"http_404": 25}),
        "v2": (25, {"http_500": 25}),
        "none": (25, {"http_503": 25}),
    }


def test_requests_are_sent_on_schedule_although_no_answer_comes() -> None:
    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    report = load(stall, rps=100, duration_s=0.4, timeout_s=0.3)
    assert report.failures == {"timeout": 40}
    assert report.releases.keys() == {"unanswered"}
    assert report.connections == 40


def test_a_bound_on_requests_in_flight_skips_and_says_so() -> None:
    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    report = load(stall, rps=100, duration_s=0.3, timeout_s=0.6, max_in_flight=4)
    assert report.skipped == 26
    assert report.failures == {"timeout": 4}


def test_a_refused_connection_is_a_failure_of_its_own() -> None:
    async def main() -> LoadReport:
        server = await asyncio.start_server(serving(lambda _: b""), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        client = Client(target(f"http://127.0.0.1:{port}/"), Schedule(50, 0.2))
        return await drive(client, None, None)

    report = asyncio.run(main())
    assert report.failures == {"connect": 10}
    assert report.connections == 0


def test_a_connection_closed_after_the_request_is_a_reset_and_never_repeated() -> None:
    requests = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        there = await head(reader)  # not within the sum: others are counted meanwhile
        requests += there
        writer.close()

    report = load(hang_up, rps=50, duration_s=0.4)
    assert report.failures == {"reset": 20}
    assert requests == 20


def test_a_connection_lost_in_the_middle_of_an_answer_is_blamed_on_who_gave_it() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(answer(200, "v9")[:-1])
        await writer.drain()
        writer.close()

    report = load(half, rps=50, duration_s=0.2)
    assert {name: dict(t.failures) for name, t in report.releases.items()} == {"v9": {"reset": 10}}


def test_a_connection_closed_while_idle_fails_no_request() -> None:
    """The server answers keep-alive and closes at once: every next request finds a dead one."""

    async def fickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(answer())
        await writer.drain()
        writer.close()

    report = load(fickle, rps=50, duration_s=0.6)
    assert (report.ok, report.failed) == (30, 0)
    assert report.connections == 30
    assert report.stale_connections > 0


def test_a_connection_idle_for_long_is_not_used_again() -> None:
    """Its server may be closing it: this one does, without an answer, whenever it was idle for 80 ms."""

    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop, idle_since = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        while await head(reader) and loop.time() - idle_since < 0.08:
            writer.write(answer())
            await writer.drain()
            idle_since = loop.time()
        writer.close()

    used_again = load(hasty, rps=10, duration_s=0.5)
    assert used_again.failures.keys() == {"reset"}
    assert {each["idle_s"] is None for each in used_again.failure_samples} == {False}
    report = load(hasty, rps=10, duration_s=0.5, idle_s=0.04)
    assert (report.ok, report.connections, report.stale_connections) == (5, 5, 0)


def test_connection_close_is_obeyed() -> None:
    report = load(serving(lambda _: answer(close=True)), rps=100, duration_s=0.2)
    assert (report.ok, report.connections, report.stale_connections) == (20, 20, 0)


def test_what_is_not_http_is_a_protocol_failure() -> None:
    report = load(serving(lambda _: b"hello there\r\n\r\n"), rps=50, duration_s=0.2)
    assert report.failures == {"protocol": 10}


def test_the_clients_own_slowness_is_lag_not_latency() -> None:
    async def main() -> LoadReport:
        server = await asyncio.start_server(serving(lambda _: answer()), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Client(target(f"http://127.0.0.1:{port}/"), Schedule(100, 0.5))
        loop = asyncio.get_running_loop()
        # The loop is blocked for 200 ms: requests due meanwhile are sent late, all of them.
        loop.call_later(0.1, lambda: blocked(0.2))
        report = await drive(client, None, None)
        server.close()
        await server.wait_closed()
        return report

    def blocked(duration_s: float) -> None:
        deadline = asyncio.get_running_loop().time() + duration_s
        while asyncio.get_running_loop().time() < deadline:
            pass

    report = asyncio.run(main())
    assert (report.requests, report.ok) == (50, 50)
    assert report.lag.max_ms >= 150
    latency = report.latency.percentile(50)
    assert latency is not None
    assert latency < 100


def test_stopping_waits_for_the_answers_under_way() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await head(reader):
            await asyncio.sleep(0.2)
            writer.write(answer())
        writer.close()

    async def main() -> LoadReport:
        server = await asyncio.start_server(slow, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Client(target(f"http://127.0.0.1:{port}/"), Schedule(50, 3600))
        asyncio.get_running_loop().call_later(0.3, client.stop)
        seen: list[int] = []
        report = await drive(client, 0.1, lambda report: seen.append(report.requests))
        assert seen
        assert seen == sorted(seen)
        server.close()
        await server.wait_closed()
        return report

    report = asyncio.run(main())
    assert report.failed == 0
    assert 0 < report.ok == report.requests < 50 * 3600


@pytest.mark.parametrize("rps", [0.5, 3])
def test_slow_schedules_can_be_stopped_at_once(rps: float) -> None:
    async def main() -> LoadReport:
        server = await asyncio.start_server(serving(lambda _: answer()), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Client(target(f"http://127.0.0.1:{port}/"), Schedule(rps, 3600))
        asyncio.get_running_loop().call_later(0.05, client.stop)
        async with asyncio.timeout(5):
            report = await drive(client, None, None)
        server.close()
        await server.wait_closed()
        return report

    assert asyncio.run(main()).requests == 1
