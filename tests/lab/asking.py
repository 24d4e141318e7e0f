"""Requests over TLS while something happens; the lab's load client speaks plain HTTP."""

import ssl
import threading
from collections import Counter
from contextlib import closing
from typing import Self

from tests.lab_balancer.test_real_tls import ByName


class Asking(threading.Thread):
    """One new connection after the other until it is stopped; `answers`: how many, by release.

    trusted: certificates, each its own authority; any of them may be shown.
    """

    def __init__(self, address: str, port: int, *trusted: str) -> None:
        super().__init__(daemon=True)
        self._where = address, port
        # Of one context they would be two authorities of one name: OpenSSL looks at one only.
        self._contexts = [ssl.create_default_context(cadata=pem) for pem in trusted]
        self._ended = threading.Event()
        self.answers: Counter[str] = Counter()

    def run(self) -> None:
        while not self._ended.wait(0.02):
            self.answers[self.once()] += 1

    def once(self) -> str:
        """The release that answered, or what came instead."""
        said = ""
        for context in self._contexts:
            try:
                return self._answer(context)
            except ssl.SSLCertVerificationError as error:
                said = repr(error)
            except OSError as error:
                return repr(error)
        return said

    def _answer(self, context: ssl.SSLContext) -> str:
        with closing(ByName(*self._where, context)) as connection:
            connection.request("GET", "/")
            answer = connection.getresponse()
            answer.read()
            return answer.getheader("X-Release") or str(answer.status)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ended.set()
        self.join()
