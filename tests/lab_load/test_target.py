"""The load client never leaves this machine and is bounded."""

import pytest

from deployer.errors import UsageError
from deployer.lab.load.target import Schedule, target


@pytest.mark.parametrize(
    ("url", "host", "port", "line"),
    [
        ("http://127.77.255.1:8080/products?x=1", "127.77.255.1", 8080, b"GET /products?x=1 HTTP"),
        ("http://localhost:81", "127.0.0.1", 81, b"GET / HTTP"),
        ("http://127.0.0.1", "127.0.0.1", 80, b"GET / HTTP"),
    ],
)
def test_loopback_is_accepted(url: str, host: str, port: int, line: bytes) -> None:
    aim = target(url, {"X-Deployer-Slot": "green"})
    assert (aim.host, aim.port) == (host, port)
    assert aim.request.startswith(line)
    assert b"X-Deployer-Slot: green\r\n\r\n" in aim.request


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://example.com/",
        "http://localhost.example.com/",
        "http://[::1]/",
        "https://127.0.0.1/",
        "http://127.0.0.1:99999/",
        "127.0.0.1:80",
        "",
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="on this machine"):
        target(url)


def test_headers_cannot_be_forged() -> None:
    with pytest.raises(UsageError):
        target("http://127.0.0.1/", {"X-A": "1\r\nX-B: 2"})
    with pytest.raises(UsageError):
        target("http://127.0.0.1/a b")


@pytest.mark.parametrize(
    ("rps", "duration_s", "timeout_s", "in_flight"),
    [
        (0, 1, 1, 1),
        (5001, 1, 1, 1),
        (1, 0, 1, 1),
        (1, 3601, 1, 1),
        (1, 1, 301, 1),
        (1, 1, 1, 0),
        (1, 1, 1, 5000),
        (float("nan"), 1, 1, 1),
    ],
)
def test_a_schedule_is_bounded(
    rps: float, duration_s: float, timeout_s: float, in_flight: int
) -> None:
    with pytest.raises(UsageError, match="must be above 0"):
        Schedule(rps, duration_s, timeout_s, in_flight)
