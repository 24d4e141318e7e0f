"""What AWS's services do under a role they were given: a schedule's, a state machine's.

The role must trust the service at that moment, and its policies decide about every call, as they do
about anybody's (`guard`).
Source: IAM User Guide, "Using service roles"; "The confused deputy problem" (aws:SourceArn,
aws:SourceAccount).
"""

from typing import Any

from deployer.lab import inprocess
from deployer.lab.context import Context
from deployer.lab.iam import principals, roles
from deployer.lab.iam.asked import Ask
from deployer.lab.iam.sessions import Session


class Acting:
    """One service of AWS, acting under roles of the account. Under the lab's lock.

    service: `scheduler.amazonaws.com`.
    """

    def __init__(self, context: Context, service: str) -> None:
        self._context, self._service = context, service
        self._sessions: dict[str, Session] = {}
        self._clients: dict[tuple[str, str], Any] = {}

    def trusted(self, role_arn: str, source_arn: str) -> None:
        """Let the service become this role on behalf of its resource `source_arn`.

        Raises:
            Refused: the role does not trust it, or there is no such role.
        """
        guard = roles.on_guard(self._context)
        if guard is None:
            return
        source = {"aws:sourceaccount": (self._context.account,), "aws:sourcearn": (source_arn,)}
        ask = Ask("sts:AssumeRole", role_arn, source)
        guard.require_trust(principals.service(self._service), ask)

    def require(self, role_arn: str, source_arn: str, ask: Ask) -> None:
        """The role may do that, and the service may become it.

        Raises:
            Refused: not so.
        """
        self.trusted(role_arn, source_arn)
        guard = roles.on_guard(self._context)
        if guard is not None:
            guard.require(self._session(role_arn), ask)

    def client(self, role_arn: str, source_arn: str, service: str) -> Any:
        """A boto3 client that calls the lab under this role.

        Raises:
            Refused: the service may not become it.
        """
        self.trusted(role_arn, source_arn)
        if roles.on_guard(self._context) is None:
            return inprocess.client(self._context, service)
        session = self._session(role_arn)
        key = (session.key, service)
        if key not in self._clients:
            self._clients[key] = inprocess.client_of(
                self._context, service, session.key, session.secret, session.token
            )
        return self._clients[key]

    def _session(self, role_arn: str) -> Session:
        guard = roles.on_guard(self._context)
        if guard is None:
            raise RuntimeError("nobody's permissions are looked at in this lab")
        held = self._sessions.get(role_arn)
        if held is None or guard.sessions.ended(held):
            named = self._service.partition(".")[0]
            held = roles.session_of(guard, role_arn.rsplit("/", 1)[-1], named)
            self._sessions[role_arn] = held
        return held
