"""Who calls: the lab's administrator, or a role's session. Sessions end by the wall's clock.

Programs compare a session's `Expiration` with their own clock, so virtual time would mislead them.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deployer.lab.wire import Refused, credential

TEMPORARY = "ASIA"  # how the access keys of sessions begin, here as on AWS
ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Session:
    """A role in use.

    key, secret, token: its credentials.
    ends_at:            wall epoch seconds.
    """

    role: str
    name: str
    account: str
    key: str
    secret: str
    token: str
    ends_at: float

    @property
    def arn(self) -> str:
        """As AWS names the session in its refusals."""
        return f"arn:aws:sts::{self.account}:assumed-role/{self.role}/{self.name}"


class Sessions:
    """Those that the lab has issued."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._by_key: dict[str, Session] = {}

    def add(self, session: Session) -> None:
        """From now on its credentials are known."""
        self._by_key[session.key] = session

    def ended(self, session: Session) -> bool:
        """Whether its credentials have run out."""
        return session.ends_at <= self._wall()

    def of(self, request: Any) -> Session | None:
        """The session that signed a request; None: the administrator did.

        An access key that is not a session's is the administrator's, whatever it is: the lab
        checks no signature, and knows no users' policies.

        Raises:
            Refused: a session's key that the lab did not issue, another's token, or too late.
        """
        key, token = credential(request)
        if not key.startswith(TEMPORARY):
            return None
        session = self._by_key.get(key)
        if session is None or session.token != token:
            message = "The security token included in the request is invalid"
            raise Refused("InvalidClientTokenId", message, 403)
        if self.ended(session):
            message = "The security token included in the request is expired"
            raise Refused("ExpiredToken", message, 403)
        return session

    def name(self, request: Any) -> str:
        """For the log: `admin`, a role's name, or `?`."""
        key, _ = credential(request)
        if not key.startswith(TEMPORARY):
            return ADMIN
        session = self._by_key.get(key)
        return session.role if session else "?"
