"""Who may read and who may act: rules over what a request says of itself. No server is needed.

against                                 is
another user, another program           the token in the link's fragment: it is in no request, no
of this machine                         log and no Referer; the page swaps it for what follows
a page on another site                  the cookie is SameSite=Strict and HttpOnly; acting needs a
(CSRF)                                  key beside it, in a header that no form can send; Origin
                                        and Sec-Fetch-Site must be ours
a name that is made to point here       Host must be a name that the dashboard was told of
(DNS rebinding)
another server on 127.0.0.1, which      the key: it lies in the page's own origin, port included,
gets the cookie too (ports share it)    and without it nothing can be asked
text from AWS that is markup            the policy below, and a page that writes text only
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, NamedTuple

import msgspec

READING: Final = ("GET", "HEAD")
LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
KEY_HEADER: Final = "x-deployer-key"
LARGEST: Final = 4096  # bytes of a request's body
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Told(msgspec.Struct, frozen=True):
    """What opens a session."""

    token: str


class Refusal(NamedTuple):
    """An HTTP status, and why, for people."""

    status: int
    why: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says of itself; empty: nothing."""

    method: str
    path: str
    host: str
    origin: str = ""
    site: str = ""
    cookie: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Guard:
    """One dashboard's secrets, new for every process.

    names:  hosts by which browsers may reach it, lower case, without a port.
    public: paths that hold nothing but the page itself.
    token:  in the link that the terminal shows.
    cookie: what the token is swapped for, to read; `key` in addition, to act.
    """

    names: frozenset[str]
    public: frozenset[str]
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    key: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def refusal(self, asked: Asked) -> Refusal | None:
        """Why a request gets no answer; None: it gets one."""
        return self._foreign(asked) or self._unknown(asked)

    def admits(self, body: bytes) -> bool:
        """Whether it is `{"token": …}` with the token."""
        try:
            told = msgspec.json.decode(body, type=Told)
        except msgspec.DecodeError:
            return False
        return same(told.token, self.token)

    def _foreign(self, asked: Asked) -> Refusal | None:
        if name_of(asked.host) not in self.names:
            known = ", ".join(sorted(self.names))
            return Refusal(421, f"this dashboard is reached as {known} only: see --reached-as")
        acts = asked.method not in READING
        ours = asked.origin in (f"http://{asked.host}", f"https://{asked.host}")
        if (acts or asked.origin) and not ours:
            return Refusal(403, "this request comes from another page than the dashboard's")
        opens = asked.path == "/" and not acts
        if not opens and asked.site not in ("", "same-origin", "none"):
            return Refusal(403, "this request comes from another site")
        return None

    def _unknown(self, asked: Asked) -> Refusal | None:
        if asked.path in self.public or asked.path == "/session":
            return None
        if not same(asked.cookie, self.cookie):
            return Refusal(401, "open the link that `deployer dashboard` has printed")
        if asked.method not in READING and not same(asked.key, self.key):
            return Refusal(403, "to act, open the link that `deployer dashboard` has printed")
        return None


def name_of(host: str) -> str:
    """`Host: NAME:PORT` without the port, lower case; a name that ends in a dot is another."""
    name, mark, port = host.rpartition(":")
    whole = not mark or not port.isdigit() or (host.startswith("[") and host.endswith("]"))
    return (host if whole else name).lower()


def same(one: str, other: str) -> bool:
    """In a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def is_address(text: str) -> bool:
    """IPv4 or IPv6, in brackets or without."""
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def is_loopback(address: str) -> bool:
    """Reached from this machine alone; a name is judged by itself, not by where it leads."""
    try:
        return ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address == "localhost"
