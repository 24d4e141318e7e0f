"""The last of an output, however long it was, without our own credentials. Pure."""

import os
from collections.abc import Mapping

KEPT = 4096  # bytes
SECRETS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
)
SHORTEST = 8  # characters: less is no secret, and hiding it everywhere would eat the output


def secrets_of(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The values that no record may show, longest first: one may hold another."""
    values = {environ.get(name, "") for name in SECRETS}
    return tuple(sorted((v for v in values if len(v) >= SHORTEST), key=len, reverse=True))


class Tail:
    """Keeps the last `KEPT` bytes of what it is fed, in bounded memory.

    secrets: replaced by `***`, wherever they are whole or cut by our own bound.
    """

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        self._secrets = [secret.encode() for secret in secrets]
        self._margin = max(map(len, self._secrets), default=0)
        self._held = b""
        self._dropped = False

    def feed(self, piece: bytes) -> None:
        """More of the output."""
        held = self._held + piece
        kept = KEPT + self._margin
        self._dropped = self._dropped or len(held) > kept
        self._held = held[-kept:]

    def text(self) -> str:
        """What is left of it; begins with `...` if there was more."""
        clean = self._held
        for secret in self._secrets:
            clean = clean.replace(secret, b"***")
        if self._dropped:
            clean = clean[self._margin :]  # it may begin within a secret
        cut = self._dropped or len(clean) > KEPT
        words = clean[-KEPT:].decode(errors="replace").strip()
        return f"...{words}" if cut else words
