"""The lab's AWS over HTTP on loopback, with a few paths of its own for tests and tools.

GET    /_lab/calls?service=elbv2&action=Modify*   the audit log, as a JSON list
GET    /_lab/faults                               rules in force (deployer.lab.chaos)
POST   /_lab/faults                               adds one
DELETE /_lab/faults                               clears them
GET    /_lab/NAME                                 a page that `serve` was given
POST   /_lab/NAME                                 a deed that it was given, with a JSON object
"""

import json
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from deployer.lab import actions, chaos, wire
from deployer.lab.context import Context
from deployer.lab.gate import Environ, Gate
from deployer.lab.wire import Answer

HOST = "127.0.0.1"
Pages = Mapping[str, Callable[[], Any]]  # name -> what to answer, as JSON
# name -> what to do with the JSON that is posted, and to answer; LookupError: it cannot be done
Deeds = Mapping[str, Callable[[Any], Any]]
_reserved: dict[int, socket.socket] = {}


class _Handler(MotoRequestHandler):  # type: ignore[misc]
    """Quiet: the audit log tells more."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one segment per answer: small writes wait for the peer's delayed ACK

    def log_request(self, *_args: object) -> None:
        """Say nothing."""

    def connection_dropped(self, *_args: object) -> None:
        """A lost reply: hang up, so that the caller notices at once."""
        self.close_connection = True


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `endpoint` is what AWS_ENDPOINT_URL should be."""

    endpoint: str
    wsgi: BaseWSGIServer
    thread: threading.Thread

    def close(self) -> None:
        """Stop answering; calls in progress end on their own."""
        self.wsgi.shutdown()
        self.wsgi.server_close()
        self.thread.join()


def reserve_port(wanted: int = 0) -> int:
    """Take a port on loopback now (0: any free one), so that the endpoint is known beforehand.

    Raises:
        OSError: the wanted port is taken.
    """
    held = socket.create_server((HOST, wanted))
    port = int(held.getsockname()[1])
    _reserved[port] = held
    return port


def release_ports() -> None:
    """Give back ports that were reserved and never served."""
    while _reserved:
        _reserved.popitem()[1].close()


def serve(context: Context, pages: Pages | None = None, deeds: Deeds | None = None) -> Server:
    """Answer at `context.endpoint` until closed; `context` must be installed.

    pages, deeds: called without the lock, in the thread of the request.

    Raises:
        OSError: the port is taken.
        RuntimeError: another context is installed.
    """
    gate = actions.gate(context)
    port = urlsplit(context.endpoint).port or 0
    held = _reserved.pop(port, None) or socket.create_server((HOST, port))
    wsgi = make_server(
        HOST,
        port,
        _application(gate, pages or {}, deeds or {}),
        threaded=True,
        request_handler=_Handler,
        fd=held.fileno(),
    )
    held.detach()  # the server owns the descriptor now
    thread = threading.Thread(target=wsgi.serve_forever, args=(0.05,), name="lab-api", daemon=True)
    thread.start()
    return Server(context.endpoint, wsgi, thread)


def reset() -> None:
    """Forget everything that moto knows: for tests that make one lab after another."""
    moto_api_backend.reset()


def _application(gate: Gate, pages: Pages, deeds: Deeds) -> Callable[..., Iterable[bytes]]:
    def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").startswith("/_lab/"):
            return gate(environ, start_response)
        answer = _own(gate, environ, pages, deeds)
        status = HTTPStatus(answer.status)
        start_response(f"{status.value} {status.phrase}", list(answer.headers))
        return [answer.body]

    return application


def _own(gate: Gate, environ: Environ, pages: Pages, deeds: Deeds) -> Answer:
    """The lab's own paths."""
    request = wire.replay(environ)
    name = request.path.removeprefix("/_lab/")
    if name == "faults":
        return _faults(gate, request)
    if request.method == "GET" and name == "calls":
        wanted = wire.query(environ.get("QUERY_STRING", ""))
        with gate.context.lock:
            found = gate.audit.calls(wanted.get("service", "*"), wanted.get("action", "*"))
        return _json([asdict(entry) for entry in found])
    if request.method == "GET" and name in pages:
        return _json(pages[name]())
    if request.method == "POST" and name in deeds:
        return _done(deeds[name], request)
    return _json({"error": f"no such thing: {request.path}"}, HTTPStatus.NOT_FOUND)


def _done(deed: Callable[[Any], Any], request: Any) -> Answer:
    try:
        return _json(deed(json.loads(request.get_data() or b"null")))
    except (ValueError, LookupError) as error:
        return _json({"error": str(error)}, HTTPStatus.BAD_REQUEST)


def _faults(gate: Gate, request: Any) -> Answer:
    """Rules in force: shown, added, cleared; the answer is what is in force afterwards."""
    if request.method == "DELETE":
        gate.faults.clear()
    elif request.method == "POST":
        try:
            gate.faults.add(chaos.decode(request.get_data()))
        except ValueError as error:
            return _json({"error": str(error)}, HTTPStatus.BAD_REQUEST)
    return _json([asdict(rule) for rule in gate.faults.rules()])


def _json(value: Any, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    body = json.dumps(value, default=str).encode()
    return Answer(status, (("Content-Type", "application/json"),), body)
