"""Webhooks through a proxy: it passes bytes on, and what protects them is between us and the address."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deployer.channels.channel import Undelivered
from deployer.channels.posting import post
from deployer.channels.tunnel import proxy_for
from deployer.lab import authority, home
from tests.sources.serving import Served, saying, serving

VARIABLES = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "HTTP_PROXY", "http_proxy")
ADDRESS = "https://hooks.example/T0B/hunter2"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


class Proxy:
    """Passes on to `behind` whatever host it is asked for; `heard`: what it was asked, in plain text."""

    def __init__(self, listener: socket.socket, behind: str, answer: bytes) -> None:
        self.heard: list[bytes] = []
        self.passed = b""
        self._listener, self._behind, self._answer = listener, behind, answer

    def serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                request = b""
                while b"\r\n\r\n" not in request and (more := client.recv(4096)):
                    request += more
                self.heard.append(request)
                client.sendall(self._answer)
                if b" 200 " in self._answer:
                    self._pass(client)

    def _pass(self, client: socket.socket) -> None:
        where = urlsplit(self._behind)
        with socket.create_connection((where.hostname or "", where.port or 0)) as there:

            def back() -> None:
                while data := there.recv(65_536):
                    client.sendall(data)

            other = threading.Thread(target=back, daemon=True)
            other.start()
            try:
                while data := client.recv(65_536):
                    self.passed += data
                    there.sendall(data)
            except OSError:
                return
            other.join(5)


@contextmanager
def proxying(
    behind: str, answer: bytes = b"HTTP/1.1 200 OK\r\n\r\n"
) -> Iterator[tuple[str, Proxy]]:
    """`host:port` of a proxy, and what it saw."""
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = Proxy(listener, behind, answer)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}", proxy
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


@pytest.fixture
def secured(tmp_path: Path) -> Callable[[str], ssl.SSLContext]:
    """A server's side of TLS, by an authority that nobody trusts yet."""

    def made(name: str) -> ssl.SSLContext:
        pem, key = authority.issue(tmp_path, name)
        (tmp_path / "chain.pem").write_bytes(pem + key)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(tmp_path / "chain.pem")
        return tls

    return made


@pytest.mark.alone
def test_a_notice_goes_through_the_proxy_and_only_the_address_can_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secured: Callable[[str], ssl.SSLContext]
) -> None:
    with (
        serving(saying("ok"), secured("hooks.example")) as served,
        proxying(served.url) as (at, seen),
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://alice:p%40ss@{at}")
        with pytest.raises(Undelivered, match=r"hooks\.example: TLS: unable to get local issuer"):
            post(ADDRESS, b"{}", {})
        monkeypatch.setenv("SSL_CERT_FILE", str(home.authority(tmp_path)))
        post(ADDRESS, b'{"a": 1}', {"webhook-id": "d1"})
        assert delivered(served) == [b'{"a": 1}']
        with pytest.raises(Undelivered, match=r"other\.example: TLS: Hostname mismatch") as refused:
            post("https://other.example/T0B/hunter2", b"{}", {})
    assert refused.value.lasting
    assert seen.heard[0].startswith(b"CONNECT hooks.example:443 HTTP/1.1\r\n")
    assert b"\r\nProxy-Authorization: Basic YWxpY2U6cEBzcw==\r\n" in seen.heard[0]
    assert b"hunter2" not in seen.passed + b"".join(seen.heard)
    assert b"webhook-id" not in seen.passed


def delivered(served: Served) -> list[bytes]:
    assert all(each.startswith(b"POST /T0B/hunter2 ") for each in served.requests)
    return [each.partition(b"\r\n\r\n")[2] for each in served.requests]


@pytest.mark.alone
@pytest.mark.parametrize(
    ("answer", "lasting"),
    [("407 Proxy Authentication Required", True), ("502 Bad Gateway", False)],
)
def test_a_proxy_that_refuses_is_said_without_its_password(
    answer: str, lasting: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode()
    with proxying("", said) as (at, _):
        monkeypatch.setenv("HTTPS_PROXY", f"http://alice:hunter2@{at}")
        with pytest.raises(
            Undelivered, match=f"the proxy 127.0.0.1 answered {answer[:3]}"
        ) as error:
            post(ADDRESS, b"{}", {})
    assert (error.value.lasting, error.value.reached) == (lasting, False)
    with pytest.raises(Undelivered, match=r"through the proxy 127\.0\.0\.1: refused") as error:
        post(ADDRESS, b"{}", {})
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "variables", "by"),
    [
        (ADDRESS, {}, None),
        (ADDRESS, {"HTTPS_PROXY": "http://proxy:3128"}, "proxy"),
        (ADDRESS, {"https_proxy": "proxy:3128"}, "proxy"),
        (ADDRESS, {"HTTPS_PROXY": "http://proxy", "NO_PROXY": ".example,10.0.0.1"}, None),
        (ADDRESS, {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "*"}, None),
        (ADDRESS, {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "other.example"}, "proxy"),
        (ADDRESS, {"HTTP_PROXY": "http://proxy"}, None),
        ("https://localhost/x", {"HTTPS_PROXY": "http://proxy"}, None),
        ("https://[::1]:8443/x", {"HTTPS_PROXY": "http://proxy"}, None),
        ("http://localhost:8080/x", {"HTTPS_PROXY": "http://p", "HTTP_PROXY": "http://p"}, None),
    ],
)
def test_which_proxy_the_variables_mean(
    url: str, variables: dict[str, str], by: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(urlsplit(url))
    assert (found.hostname if found else None) == by


@pytest.mark.parametrize(
    "wrong", ["https://proxy:3128", "socks5://proxy", "http://", "http://p:99999", "http://[::1"]
)
def test_what_is_no_proxy_that_can_be_used_is_said(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", wrong)
    with pytest.raises(Undelivered, match="HTTPS_PROXY is no address such as"):
        proxy_for(urlsplit(ADDRESS))
