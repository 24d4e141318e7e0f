"""One POST over HTTP: bounded in time and size, TLS verified, and nothing but the host in what it says.

The path of a webhook is its key, so no message shows it. A redirect is not followed: a notice must not go
where nobody sent it. HTTPS_PROXY and NO_PROXY are honoured. Times are real seconds.
"""

import http.client
import re
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

from deployer.aws.probe import cause_of, hung_up_after
from deployer.aws.session import installed_version
from deployer.channels.channel import TIMEOUT_S, Undelivered
from deployer.channels.tunnel import LOCAL, connect, proxy_for

ADDRESS: Final = re.compile(r"https?://[^\s/?#@\\]+(?:[/?][!-~]*)?")
LARGEST: Final = 100_000  # bytes of an answer, of which nothing is used
BUSY: Final = 503  # it has taken nothing; of any other 5xx, a gateway's time-out say, nobody knows
PASSING: Final = (408, 425, 429)  # and 5xx: another attempt may be taken


def require_address(url: str, what: str) -> None:
    """`url` can be posted to, by https unless it is on this machine.

    what: its name, for people: the address itself is not shown.

    Raises:
        Undelivered: it cannot.
    """
    try:
        parts = urlsplit(url)
        good = bool(ADDRESS.fullmatch(url) and parts.hostname and parts.port != 0)
    except ValueError:  # brackets that do not match, a port that is none
        good = False
    if not good:
        raise Undelivered(f"{what} holds no address such as https://host/path", lasting=True)
    if parts.scheme != "https" and parts.hostname not in LOCAL:
        raise Undelivered(
            f"{what} is no https address: nobody on the way may read it", lasting=True
        )


def post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float = TIMEOUT_S) -> None:
    """The address has taken it: it answered 2xx, within `timeout_s`.

    Raises:
        Undelivered: it did not.
    """
    until = time.monotonic() + timeout_s
    where = urlsplit(url)
    host = f"{where.scheme}://{where.netloc.rpartition('@')[2]}"
    kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
    connection = kind(where.hostname or "", where.port, timeout=timeout_s)
    try:
        held = _connected(connection, host, proxy_for(where), timeout_s)
        with hung_up_after(max(0.001, until - time.monotonic()), held):
            status = _exchange(connection, url, body, headers)
    except (OSError, http.client.HTTPException) as error:
        raise Undelivered(f"{host}: {cause_of(error)}", reached=True) from error
    finally:
        connection.close()
    if not 200 <= status < 300:
        passing = status in PASSING or status >= 500
        raise Undelivered(
            f"{host} answered {status}",
            lasting=not passing,
            reached=status >= 500 and status != BUSY,
        )


def _connected(
    connection: http.client.HTTPConnection, host: str, proxy: SplitResult | None, timeout_s: float
) -> socket.socket:
    """The socket; what fails before there is one has not reached anybody."""
    try:
        if proxy is None:
            connection.connect()
        else:
            connect(connection, proxy, timeout_s)
    except ssl.SSLCertVerificationError as error:
        raise Undelivered(f"{host}: TLS: {error.verify_message}", lasting=True) from error
    except (OSError, http.client.HTTPException) as error:
        by = f" through the proxy {proxy.hostname}" if proxy else ""
        raise Undelivered(f"{host}{by}: {cause_of(error)}") from error
    found: socket.socket = connection.sock
    return found


def _exchange(
    connection: http.client.HTTPConnection, url: str, body: bytes, headers: Mapping[str, str]
) -> int:
    where = urlsplit(url)
    path = f"{where.path or '/'}{'?' + where.query if where.query else ''}"
    sent = {
        "Content-Type": "application/json",
        "Connection": "close",
        "User-Agent": f"deployer/{installed_version()}",
        **headers,
    }
    connection.request("POST", path, body, sent)
    with connection.getresponse() as response:
        response.read(LARGEST)
        return response.status
