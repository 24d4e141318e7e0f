"""The example application keeps the promises of its README."""

import json
import signal
import socket

import pytest

from tests.example_app.conftest import Start

pytestmark = pytest.mark.alone


def read_all(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    received = b""
    while chunk := connection.recv(65_536):
        received += chunk
    return received


def test_it_answers_and_names_its_release(start: Start) -> None:
    shop = start("v7").ready()
    for path, status in (("/", 200), ("/products", 200), ("/products/2?x=1", 200), ("/cake", 404)):
        got, headers, body = shop.get(path)
        assert (got, headers["X-Release"]) == (status, "v7")
        assert int(headers["Content-Length"]) == len(body)
        json.loads(body)
    assert json.loads(shop.get("/health")[2]) == {"status": "ok"}


def test_what_it_does_not_speak_is_refused(start: Start) -> None:
    shop = start().ready()
    assert shop.get("/", method="POST", body=b"x" * 100_000)[0] == 405
    assert shop.get("/", method="HEAD")[2] == b""
    for head, status in (
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"501"),
        (b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n", b"400"),
    ):
        with shop.raw() as connection:
            connection.sendall(head)
            assert read_all(connection).split()[1] == status


def test_requests_on_one_connection_are_answered_in_order(start: Start) -> None:
    shop = start().ready()
    paths = ("/products/1", "/products/2", "/products/3", "/health")
    with shop.raw() as connection:
        requests = [f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in paths]
        requests[-1] = requests[-1].replace("Host: x", "Connection: close")
        connection.sendall("".join(requests).encode())
        bodies = [
            part.split(b"\r\n\r\n")[1] for part in read_all(connection).split(b"HTTP/1.1 200")[1:]
        ]
    assert [json.loads(body).get("name", "ok") for body in bodies] == [
        "teapot",
        "kettle",
        "strainer",
        "ok",
    ]


def test_errors_come_at_the_given_rate_but_never_on_the_health_path(start: Start) -> None:
    always = start(error_rate=1.0).ready()
    assert [always.get("/")[0] for _ in range(5)] == [500] * 5
    assert always.get("/")[1]["X-Release"] == "v1"
    assert [always.get("/health")[0] for _ in range(5)] == [200] * 5
    sometimes = start(error_rate=0.3).ready()
    failed = sum(sometimes.get("/")[0] == 500 for _ in range(200))
    assert 20 < failed < 110  # 60 expected; outside this once in a billion


def test_sigterm_ends_an_idle_application_with_status_zero(start: Start) -> None:
    shop = start().ready()
    with shop.raw() as idle:
        shop.child.send_signal(signal.SIGTERM)
        assert idle.recv(1) == b""
    assert shop.child.wait(10) == 0


def test_sigterm_while_booting_ends_it_with_status_zero(start: Start) -> None:
    shop = start(boot_s=60)
    # The interpreter needs a moment until it handles signals; until then SIGTERM just ends it.
    assert shop.child.poll() is None
    with pytest.raises(Exception, match="timed out"):
        shop.child.wait(0.7)
    shop.child.send_signal(signal.SIGTERM)
    assert shop.child.wait(10) == 0


def test_a_request_in_flight_is_answered_after_sigterm(start: Start) -> None:
    shop = start(latency_ms=700).ready()
    with shop.raw() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        # /health is not slowed: its answer proves that the application has read the other one.
        assert shop.get("/health")[0] == 200
        shop.child.send_signal(signal.SIGTERM)
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"Connection: close" in answer
    assert shop.child.wait(10) == 0


def test_a_request_on_its_way_to_an_idle_connection_is_answered_after_sigterm(start: Start) -> None:
    shop = start().ready()
    with shop.raw() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"keep-alive" in connection.recv(65_536)
        shop.child.send_signal(signal.SIGTERM)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert shop.child.wait(10) == 0


def test_it_crashes_when_told_to(start: Start) -> None:
    shop = start(crash_after_s=0.2).ready()
    assert shop.child.wait(10) == 1


def test_an_unknown_behaviour_stops_it_before_it_listens(start: Start) -> None:
    shop = start(error_rat=0.2)
    assert shop.child.wait(10) == 1
    assert shop.child.stderr is not None
    assert "error_rat" in shop.child.stderr.read()


def test_a_name_that_could_forge_a_header_is_refused(start: Start) -> None:
    shop = start("v1\r\nX-Evil: 1")
    assert shop.child.wait(10) == 1
