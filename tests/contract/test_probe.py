"""Smoke requests against servers that misbehave, on loopback."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from deployer.aws.probe import HttpProbe, judged
from deployer.model import Slot
from deployer.ports import ProbeReport
from tests.contract.conftest import ManualClock

pytestmark = pytest.mark.alone

Answer = Callable[[socket.socket, bytes], None]


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """A server that reads one request per connection and lets `answer` do the rest."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                request = b""
                while b"\r\n\r\n" not in request:
                    request += connection.recv(65_536)
                try:
                    answer(connection, request)
                except OSError:
                    continue  # the probe has hung up on us: what some of the tests are about

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)
        assert not thread.is_alive()


def saying(text: str) -> Answer:
    def answer(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(text.replace("\n", "\r\n").encode())

    return answer


def plain(status: int, release: str = "v2", more: str = "") -> str:
    return f"HTTP/1.1 {status} Words\nX-Release: {release}\nContent-Length: 2\n{more}\nok"


def probe(
    url: str, requests: int = 3, timeout_s: float = 5, clock: ManualClock | None = None
) -> ProbeReport:
    made = HttpProbe(url, "/health", timeout_s, clock or ManualClock())
    return made.probe(Slot.GREEN, "v2", requests)


def test_good_answers_are_counted_and_name_the_slot() -> None:
    seen: list[bytes] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        seen.append(request)
        saying(plain(200))(connection, request)

    with serving(answer) as url:
        assert probe(url) == ProbeReport(3, {})
    assert len(seen) == 3
    assert seen[0].startswith(b"GET /health HTTP/1.1\r\n")
    assert b"\r\nX-Deployer-Slot: green\r\n" in seen[0]
    assert b"\r\nUser-Agent: deployer/" in seen[0]


def test_an_application_that_names_no_release_is_believed() -> None:
    with serving(saying("HTTP/1.1 204 No Content\n\n")) as url:
        assert probe(url).failed == 0


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (plain(500), "http_500"),
        (plain(503), "http_503"),
        (plain(404), "http_404"),
        (plain(302, more="Location: /elsewhere\n"), "http_302"),
        (plain(200, release="v1"), "answered by v1"),
        (plain(500, release="v1"), "answered by v1"),
        ("SSH-2.0-OpenSSH_9.6\n", "not HTTP"),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n-5\nabc", "not HTTP"),
        ("", "connection lost"),
        ("HTTP/1.1 200 OK\nContent-Length: 100\n\nshort", "connection lost"),
    ],
)
def test_each_cause_is_named(text: str, cause: str) -> None:
    with serving(saying(text)) as url:
        assert probe(url) == ProbeReport(3, {cause: 3})


def test_causes_are_counted_apart() -> None:
    answers = iter([plain(200), plain(500), plain(200, release="v1"), plain(500)])

    def answer(connection: socket.socket, request: bytes) -> None:
        saying(next(answers))(connection, request)

    with serving(answer) as url:
        report = probe(url, 4)
    assert report == ProbeReport(4, {"http_500": 2, "answered by v1": 1})
    assert report.failed == 3


def test_a_closed_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    assert probe(f"http://127.0.0.1:{port}") == ProbeReport(3, {"refused": 3})


def test_a_host_that_is_not_there_is_unreachable() -> None:
    assert probe("http://shop.invalid:80", 1) == ProbeReport(1, {"unreachable": 1})


def test_silence_is_a_timeout() -> None:
    hold = threading.Event()

    def wait(_connection: socket.socket, _request: bytes) -> None:
        hold.wait(5)

    with serving(wait) as url:
        report = probe(url, 1, timeout_s=0.2)
        hold.set()
    assert report == ProbeReport(1, {"timeout": 1})


@pytest.mark.parametrize("start", ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r\n"])
def test_a_drip_is_a_timeout(start: str) -> None:
    """Every byte comes in time, the answer never does: in the headers, in the body."""
    over = threading.Event()

    def drip(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(start.encode())
        while not over.wait(0.02):
            connection.sendall(b"x")

    with serving(drip) as url:
        report = probe(url, 1, timeout_s=0.3)
        over.set()
    assert report == ProbeReport(1, {"timeout": 1})


def test_a_large_answer_is_not_swallowed_whole() -> None:
    body = "x" * 3_000_000
    with serving(saying(f"HTTP/1.1 200 OK\nX-Release: v2\n\n{body}")) as url:
        assert probe(url, 1) == ProbeReport(1, {})


def test_requests_that_there_is_no_time_for_have_failed() -> None:
    clock = ManualClock()

    def answer(connection: socket.socket, request: bytes) -> None:
        clock.sleep(25)
        saying(plain(200))(connection, request)

    with serving(answer) as url:
        report = probe(url, 10, clock=clock)
    assert report == ProbeReport(10, {"not sent in 60s": 7})


@pytest.mark.parametrize(
    ("status", "by", "cause"),
    [
        (200, "v2", None),
        (299, None, None),
        (300, None, "http_300"),
        (199, None, "http_199"),
        (200, "x" * 500, "answered by " + "x" * 64),
    ],
)
def test_judgement(status: int, by: str | None, cause: str | None) -> None:
    assert judged(status, by, "v2") == cause
