"""What may be loaded, how hard and how long: loopback only, and bounded."""

import ssl
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from deployer.errors import UsageError

MAX_RPS: Final = 5_000.0
MAX_DURATION_S: Final = 3_600.0
MAX_IN_FLIGHT: Final = 4_096
USUAL_PORTS: Final = {"http": 80, "https": 443}
_FORBIDDEN = frozenset("\r\n\0")


@dataclass(frozen=True, slots=True)
class Target:
    """An address and the bytes of the request that is sent to it.

    tls:  None for plain HTTP.
    name: what the certificate must be for.
    """

    url: str
    host: str
    port: int
    request: bytes
    tls: ssl.SSLContext | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How hard and how long; seconds are real ones.

    rps:           requests a second, sent at even distances whatever the answers do.
    duration_s:    how long requests are sent.
    timeout_s:     an answer must be complete this long after its request was sent.
    max_in_flight: requests that may wait for their answer at once; one more is skipped.
    idle_s:        a connection that was idle for so long is not used again: well below the 60 s after
                   which an Application Load Balancer closes it (aws-facts 1.3).

    Raises:
        UsageError: a number that is not positive or above the bounds of this module.
    """

    rps: float
    duration_s: float
    timeout_s: float = 10.0
    max_in_flight: int = 512
    idle_s: float = 15.0

    def __post_init__(self) -> None:
        for name, value, most in (
            ("rps", self.rps, MAX_RPS),
            ("duration", self.duration_s, MAX_DURATION_S),
            ("timeout", self.timeout_s, 300.0),
            ("max in flight", self.max_in_flight, MAX_IN_FLIGHT),
        ):
            if not 0 < value <= most:
                raise UsageError(
                    f"load: {name} must be above 0 and at most {most:g}, not {value:g}"
                )


def target(
    url: str, headers: dict[str, str] | None = None, authority: Path | None = None
) -> Target:
    """Parse `url`; `headers` are added to each request.

    authority: PEM file of who signs the certificates of https:// URLs; None: whom this machine
               trusts (and SSL_CERT_FILE, if that is set).

    Raises:
        UsageError: not a URL of 127.0.0.0/8 or localhost, a header that would forge another, or an
            authority that cannot be read. The load client never leaves this machine.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        port = parts.port or USUAL_PORTS.get(parts.scheme, 0)
        loopback = host == "localhost" or IPv4Address(host).is_loopback
    except ValueError:
        loopback, port = False, 0
    if parts.scheme not in USUAL_PORTS or not loopback:
        raise UsageError(
            f"load: {url!r} is not http:// or https:// on this machine (127.0.0.0/8 or localhost)"
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = {"Host": parts.netloc, "User-Agent": "deployer-load", **(headers or {})}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    if any(_FORBIDDEN & set(line) for line in lines) or not path.isascii() or " " in path:
        raise UsageError("load: path and headers must be of printable ASCII, without line ends")
    request = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
    tls = _trusting(authority) if parts.scheme == "https" else None
    return Target(url, "127.0.0.1" if host == "localhost" else host, port, request, tls, host)


def _trusting(authority: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(f"load: {authority} is no file of certificates: {error}") from error
