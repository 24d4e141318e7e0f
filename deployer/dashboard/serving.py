"""The server, in a thread of its own: the main thread keeps the signals, and ends it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from deployer.errors import NotPossibleNow

GRACE_S = 5  # for what was asked and is on its way; streams end at once
MOST_CONNECTIONS = 100


def listening(host: str, port: int) -> socket.socket:
    """A socket that accepts connections at `host`; `port` 0: any free one.

    Raises:
        NotPossibleNow: it cannot be had; says why.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(MOST_CONNECTIONS)
    except OSError as error:
        found.close()
        raise NotPossibleNow(
            f"{host}:{port} cannot be listened at ({error.strerror}): --port 0 takes any free port"
        ) from error
    return found


@contextmanager
def serving(application: ASGIApp, where: socket.socket) -> Iterator[Callable[[], bool]]:
    """As long as the context lasts; gives whether it lives. No request is logged: a log is no place for what is asked."""
    config = uvicorn.Config(
        application, access_log=False, log_level="error", lifespan="off", ws="none", http="h11",
        loop="asyncio", server_header=False, proxy_headers=False, limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_S,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [where]}, name="dashboard", daemon=True
    )
    thread.start()
    try:
        yield thread.is_alive
    finally:
        server.should_exit = True
        thread.join(GRACE_S + 2)
