"""Tiny applications that count what reaches them, and clients that count what comes back."""

import http.client
import json
import socket
import threading
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

PORT = 8080


class App:
    """An application on its own address; counts requests other than health checks by path."""

    def __init__(self, name: str, address: str) -> None:
        self.name, self.address = name, address
        self.health = 200
        self.checks: list[dict[str, str]] = []
        self.served: Counter[str] = Counter()
        self.gate = threading.Event()  # `/held` waits for it
        self.held = threading.Semaphore(0)  # released when a `/held` request has come
        self._open: set[socket.socket] = set()
        self._server: ThreadingHTTPServer | None = None
        self.start()

    def start(self) -> None:
        """Listen (again)."""
        app = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one segment for each answer

            def setup(self) -> None:
                super().setup()
                app._open.add(self.connection)

            def finish(self) -> None:
                super().finish()
                app._open.discard(self.connection)

            def do_GET(self) -> None:
                app.answer(self)

            def log_message(self, *args: object) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *args: object) -> None:
                """Connections that a test cuts are no news."""

        self._server = Server((self.address, PORT), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Die like a killed process: no listener, every connection cut."""
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self._open):
            connection.shutdown(socket.SHUT_RDWR)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.partition("?")[0]
        if path == "/health":
            self.checks.append({key.lower(): value for key, value in handler.headers.items()})
            self._send(handler, self.health, "checked")
            return
        self.served[path] += 1
        if path == "/held":
            self.held.release()
            self.gate.wait(20)
        if path == "/cut":
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        told = {"name": self.name, "path": handler.path, "headers": list(handler.headers.items())}
        self._send(handler, 500 if path == "/500" else 200, json.dumps(told))

    def _send(self, handler: BaseHTTPRequestHandler, status: int, text: str) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(text.encode())))
        handler.end_headers()
        handler.wfile.write(text.encode())


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: `told` is what the application said, empty if it was not one that answered."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str

    @property
    def told(self) -> dict[str, Any]:
        return dict(json.loads(self.body)) if self.body.startswith("{") else {}

    @property
    def name(self) -> str:
        return str(self.told.get("name", ""))

    def cookie(self, name: str) -> str:
        """`NAME=VALUE` of a Set-Cookie header, empty if there is none."""
        found = [v for k, v in self.headers if k == "set-cookie" and v.startswith(name + "=")]
        return found[0].partition(";")[0] if found else ""


class Client:
    """One keep-alive connection, closed at the end of its `with`."""

    def __init__(self, address: str, port: int) -> None:
        self._connection = http.client.HTTPConnection(address, port, timeout=20)

    def get(self, path: str = "/", method: str = "GET", **headers: str) -> Reply:
        self.send(path, method, **headers)
        return self.receive()

    def send(self, path: str = "/", method: str = "GET", **headers: str) -> None:
        """Without waiting for the answer."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        self._connection.request(method, path, headers=named)

    def receive(self) -> Reply:
        """The answer to what was sent."""
        response = self._connection.getresponse()
        told = tuple((key.lower(), value) for key, value in response.getheaders())
        return Reply(response.status, told, response.read().decode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self._connection.close()
