"""An instance's own credentials, from its instance profile: it may fetch what its role may."""

from typing import Any

from deployer.lab import inprocess
from deployer.lab.context import Context
from deployer.lab.iam import roles
from deployer.lab.instances.facts import Unbootable
from deployer.lab.instances.view import Booted
from deployer.lab.wire import Refused


def s3(context: Context, booted: Booted) -> Any:
    """A client of S3 as the instance has it; the administrator's where nobody is on guard.

    Raises:
        Unbootable: the instance has no profile, or its role does not trust EC2.
    """
    guard = roles.on_guard(context)
    if guard is None:
        return inprocess.client(context, "s3")
    if not booted.role:
        raise Unbootable(
            "no credentials to fetch the artifact with: the launch template names no instance profile"
        )
    try:
        with context.lock:
            session = roles.on_instance(guard, booted.role, booted.id)
    except Refused as error:
        raise Unbootable(f"no credentials to fetch the artifact with: {error.message}") from error
    return inprocess.client_of(context, "s3", session.key, session.secret, session.token)
