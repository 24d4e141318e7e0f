"""The load client never leaves this machine and is bounded."""

import ssl
from pathlib import Path

import pytest

from deployer.errors import UsageError
from deployer.lab import home
from deployer.lab.authority import issue
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
        "https://10.0.0.1/",
        "https://shop.example.com/",
        "ftp://127.0.0.1/",
        "http://127.0.0.1:99999/",
        "127.0.0.1:80",
        "",
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="on this machine"):
        target(url)


def test_https_asks_for_the_name_of_the_url_and_for_trust(tmp_path: Path) -> None:
    issue(tmp_path, "localhost")
    aim = target("https://localhost/", authority=home.authority(tmp_path))
    assert (aim.host, aim.port, aim.name) == ("127.0.0.1", 443, "localhost")
    assert aim.tls is not None
    assert aim.tls.verify_mode is ssl.CERT_REQUIRED
    assert aim.tls.check_hostname
    assert target("http://localhost/").tls is None


def test_an_authority_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing")
    for file in (broken, tmp_path / "nowhere.pem"):
        with pytest.raises(UsageError, match=file.name):
            target("https://localhost/", authority=file)


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
