"""A server on loopback that answers as it is told, and notes what it was asked."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Answer = Callable[[bytes], bytes]


@dataclass
class Served:
    """`url`: without a path; `requests`: as they came."""

    url: str
    requests: list[bytes] = field(default_factory=list)


@contextmanager
def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """One connection after the other, one request each; the connection is closed after the answer."""
    listener = socket.create_server(("127.0.0.1", 0))
    served = Served(f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}")
    thread = threading.Thread(target=_serve, args=(listener, served, answer, tls), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)
        assert not thread.is_alive()


def _serve(
    listener: socket.socket, served: Served, answer: Answer, tls: ssl.SSLContext | None
) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        try:
            with plain:
                plain.settimeout(5)
                _converse(plain, served, answer, tls)
        except OSError:
            continue  # whoever asked has hung up on us: what some of the tests are about


def _converse(
    plain: socket.socket, served: Served, answer: Answer, tls: ssl.SSLContext | None
) -> None:
    with tls.wrap_socket(plain, server_side=True) if tls else plain as connection:
        request = _whole(connection)
        served.requests.append(request)
        connection.sendall(answer(request))


def _whole(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(65_536)
    head, _, body = request.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.lower().splitlines() if line.startswith(b"content-length")),
        0,
    )  # fmt: skip
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def saying(body: str, status: int = 200, more: str = "") -> Answer:
    """The same to everybody; `more`: header lines."""
    text = f"HTTP/1.1 {status} Words\r\nContent-Length: {len(body.encode())}\r\n{more}\r\n{body}"
    return lambda _: text.encode()
