"""The credentials that a function runs with: its role's, for as long as a session lasts."""

import time
from collections.abc import Mapping
from typing import Any

from deployer.lab import inprocess
from deployer.lab.context import Context
from deployer.lab.iam import roles
from deployer.lab.iam.sessions import Session

LAMBDA = "lambda.amazonaws.com"
ENDING_S = 300.0  # real: a process whose credentials end so soon is not used again


def begin(context: Context, role: str, name: str) -> Session | None:
    """A session of the role (an ARN) for the function `name`; None where nobody is on guard.

    Raises:
        Refused: there is no such role, or it does not trust Lambda.
    """
    guard = roles.on_guard(context)
    if guard is None:
        return None
    with context.lock:
        return roles.for_service(guard, LAMBDA, role.rsplit("/", 1)[-1], name)


def client(context: Context, role: str, name: str, service: str) -> Any:
    """A client that may what the role may; the administrator's where nobody is on guard."""
    session = begin(context, role, name)
    return inprocess.client(context, service) if session is None else of(context, session, service)


def of(context: Context, session: Session, service: str) -> Any:
    """The same, of a session that has begun."""
    return inprocess.client_of(context, service, session.key, session.secret, session.token)


def variables(session: Session | None) -> Mapping[str, str]:
    """The session in a process's environment."""
    if session is None:
        return {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "lab"}
    return {
        "AWS_ACCESS_KEY_ID": session.key,
        "AWS_SECRET_ACCESS_KEY": session.secret,
        "AWS_SESSION_TOKEN": session.token,
    }


def ending(session: Session | None) -> bool:
    """Whether its credentials are about to end."""
    return session is not None and session.ends_at - time.time() < ENDING_S
