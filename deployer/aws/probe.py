"""Smoke requests to one slot through the test listener, one after the other.

Each is bounded by `timeout_s` of real time for connecting, and as much for the answer from its
first byte to its last, even if it drips; all of them by `total_s` of the deployer's clock. A
redirect is not followed: it is an answer other than 2xx, hence a failure.
"""

import http.client
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from deployer.aws.session import installed_version
from deployer.model import Slot
from deployer.ports import Clock, ProbeReport
from deployer.topology import RELEASE_HEADER, SLOT_HEADER

TOTAL_S = 60.0
LARGEST = 1_000_000  # bytes of an answer that are read


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """The port `Prober`.

    url:       of the test listener: http://host:port
    path:      what to ask for, beginning with /.
    timeout_s: of one request, in real seconds.
    clock:     tells when `total_s` are over.
    """

    url: str
    path: str
    timeout_s: float
    clock: Clock
    total_s: float = TOTAL_S

    def probe(self, slot: Slot, release: str, requests: int) -> ProbeReport:
        """Send `requests` requests; those that there is no time for are failures as well.

        Causes: `http_503`, `timeout`, `refused`, `connection lost`, `not HTTP`, `unreachable`,
        `answered by v1`, `not sent in 20s`.
        """
        failures: Counter[str] = Counter()
        until = self.clock.now() + self.total_s
        for done in range(requests):
            if self.clock.now() >= until:
                failures[f"not sent in {self.total_s:g}s"] += requests - done
                break
            cause = self._ask(slot, release)
            if cause is not None:
                failures[cause] += 1
        return ProbeReport(requests, dict(failures))

    def _ask(self, slot: Slot, release: str) -> str | None:
        """One request; None if it was answered well, else the cause."""
        where = urlsplit(self.url)
        secure = where.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(where.hostname or "", where.port, timeout=self.timeout_s)
        try:
            connection.connect()
            with hung_up_after(self.timeout_s, connection.sock):
                status, by = self._answer(connection, slot)
        except (OSError, http.client.HTTPException) as error:
            return cause_of(error)
        finally:
            connection.close()
        return judged(status, by, release)

    def _answer(self, connection: http.client.HTTPConnection, slot: Slot) -> tuple[int, str | None]:
        headers = {
            SLOT_HEADER: slot.value,
            "User-Agent": f"deployer/{installed_version()}",
            "Connection": "close",
        }
        connection.request("GET", self.path, headers=headers)
        response = connection.getresponse()
        body = response.read(LARGEST)
        if response.length and len(body) < LARGEST:
            raise http.client.IncompleteRead(body, response.length)
        return response.status, response.getheader(RELEASE_HEADER)


def judged(status: int, by: str | None, release: str) -> str | None:
    """What is wrong with an answer; `by`: the release that it names, if it does."""
    if by is not None and by != release:
        return f"answered by {by[:64]}"
    return None if 200 <= status < 300 else f"http_{status}"


def cause_of(error: OSError | http.client.HTTPException) -> str:
    """One of a few words for everything that can go wrong below HTTP."""
    match error:
        case TimeoutError():
            return "timeout"
        case ConnectionRefusedError():
            return "refused"
        case ConnectionError() | http.client.IncompleteRead():
            return "connection lost"
        case OSError():  # no such host, no route, a certificate that does not fit
            return "unreachable"
        case _:
            return "not HTTP"


@contextmanager
def hung_up_after(limit_s: float, held: socket.socket) -> Iterator[None]:
    """Whatever waits for `held` ends after `limit_s`: each byte of a drip resets its own timeout.

    Raises:
        TimeoutError: time was up, even if what came so far looks like a whole answer.
        HTTPException: what http.client says otherwise by a ValueError: a chunk of less than nothing.
    """
    late = threading.Event()
    guard = threading.Timer(limit_s, _hang_up, (held, late))
    guard.daemon = True
    guard.start()
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError) as error:
        if late.is_set():
            raise TimeoutError from error
        if isinstance(error, ValueError) and not isinstance(error, OSError):  # as TLS's are both
            raise http.client.HTTPException(str(error)) from error
        raise
    finally:
        guard.cancel()
    if late.is_set():
        raise TimeoutError


def _hang_up(held: socket.socket, late: threading.Event) -> None:
    late.set()
    try:
        held.shutdown(socket.SHUT_RDWR)
    except OSError:
        held.close()  # the other side was faster: nothing is left to end
