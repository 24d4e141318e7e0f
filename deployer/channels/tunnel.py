"""The way to an https address through a proxy, where HTTPS_PROXY says so and NO_PROXY does not object.

The standard library's reading of both variables. The proxy gets CONNECT and passes bytes on: TLS is with the
address itself and verified as without a proxy, so a proxy learns the host's name and nothing else. An address
on this machine is never asked for through one: no notice in plain text leaves the machine.
"""

import base64
import http.client
import socket
import ssl
import time
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import (  # type: ignore[attr-defined]  # the latter is in no stub, in every Python
    getproxies_environment,
    proxy_bypass_environment,
)

from deployer.aws.probe import hung_up_after
from deployer.channels.channel import Undelivered

LOCAL = ("localhost", "127.0.0.1", "::1")
USUAL_PORT = 3128


def proxy_for(where: SplitResult) -> SplitResult | None:
    """The proxy to this address; None: there is none to be used.

    Raises:
        Undelivered: HTTPS_PROXY is no address of a proxy that can be used.
    """
    known = getproxies_environment()
    if where.scheme != "https" or not known.get("https"):
        return None
    here = where.hostname in LOCAL
    if here or proxy_bypass_environment(f"{where.hostname}:{where.port or 443}", known):
        return None
    found = known["https"]
    try:
        proxy = urlsplit(found if "://" in found else f"http://{found}")
        if proxy.scheme == "http" and proxy.hostname and proxy.port != 0:
            return proxy
    except ValueError:  # brackets that do not match, a port that is none
        pass
    raise Undelivered("HTTPS_PROXY is no address such as http://proxy:3128", lasting=True)


def connect(connection: http.client.HTTPConnection, proxy: SplitResult, timeout_s: float) -> None:
    """Make the connection's socket: TLS with its host, over one to the proxy; whoever closes it closes that.

    Raises:
        Undelivered: the proxy refuses; the address has not been reached.
        OSError, http.client.HTTPException: as the sockets, and TLS.
    """
    until = time.monotonic() + timeout_s
    at = (proxy.hostname or "", proxy.port or USUAL_PORT)
    plain = socket.create_connection(at, timeout_s)
    connection.sock = plain
    with hung_up_after(max(0.001, until - time.monotonic()), plain):
        _ask(proxy, plain, connection.host, connection.port)
    held = ssl.create_default_context().wrap_socket(
        plain, server_hostname=connection.host, do_handshake_on_connect=False
    )
    connection.sock = held
    with hung_up_after(max(0.001, until - time.monotonic()), held):
        held.do_handshake()


def _ask(proxy: SplitResult, plain: socket.socket, host: str, port: int) -> None:
    named = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    plain.sendall(f"CONNECT {named} HTTP/1.1\r\nHost: {named}\r\n{_key(proxy)}\r\n".encode())
    answer = http.client.HTTPResponse(plain, method="CONNECT")
    answer.begin()
    if answer.status != 200:
        lasting = answer.status < 500
        raise Undelivered(
            f"{host}: the proxy {proxy.hostname} answered {answer.status}", lasting=lasting
        )


def _key(proxy: SplitResult) -> str:
    """The header that says who asks, if the proxy wants to know."""
    if proxy.username is None:
        return ""
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n"
