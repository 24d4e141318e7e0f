"""Becoming a role: by sts:AssumeRole, or because AWS runs something under it (an instance)."""

import time
from typing import Any

from moto.sts.models import sts_backends

from deployer.lab import actions
from deployer.lab.actions import Call
from deployer.lab.context import Context
from deployer.lab.iam import principals
from deployer.lab.iam.asked import Ask
from deployer.lab.iam.guard import Guard
from deployer.lab.iam.sessions import Session
from deployer.lab.wire import Refused

INSTANCES = "ec2.amazonaws.com"


def install(context: Context) -> Guard:
    """Enforce the roles' policies from here on, in the lab that is installed."""
    gate = actions.gate(context)
    guard = Guard(context)
    gate.guard = guard

    def assume(call: Call, params: dict[str, Any]) -> dict[str, Any]:
        return assumed(guard, call, params)

    actions.replace("sts", "AssumeRole", assume)
    return guard


def assumed(guard: Guard, call: Call, params: dict[str, Any]) -> dict[str, Any]:
    """Answer sts:AssumeRole, which the guard has let through.

    Raises:
        Refused: a longer session than the role's longest, or a session policy.
    """
    if params.get("Policy") or params.get("PolicyArns"):
        raise Refused("NotImplemented", "the lab evaluates no session policies")
    name = params["RoleArn"].rsplit("/", 1)[-1]
    role = guard.facts.role(name)
    if role is None or params.get("DurationSeconds", 0) > role.longest_s:
        raise Refused(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    answer = call.moto()
    given = answer["Credentials"]
    session = Session(
        role=name,
        name=params["RoleSessionName"],
        account=call.account,
        key=given["AccessKeyId"],
        secret=given["SecretAccessKey"],
        token=given["SessionToken"],
        ends_at=given["Expiration"].timestamp(),
    )
    guard.sessions.add(session)
    return answer


def on_guard(context: Context) -> Guard | None:
    """The guard of the lab that is installed; None: nobody's permissions are looked at."""
    guard = actions.gate(context).guard
    return guard if isinstance(guard, Guard) else None


def on_instance(guard: Guard, role_name: str, instance: str) -> Session:
    """The credentials that an instance finds in its metadata. Under the lab's lock.

    Raises:
        Refused: there is no such role, or it does not trust EC2.
    """
    return for_service(guard, INSTANCES, role_name, instance)


def for_service(guard: Guard, service: str, role_name: str, session_name: str) -> Session:
    """A role's session as AWS's own service (`lambda.amazonaws.com`) gets it. Under the lab's lock.

    Raises:
        Refused: there is no such role, or it does not trust the service.
    """
    role = guard.require_trust(principals.service(service), Ask("sts:AssumeRole", role_name))
    return session_of(guard, role.name, session_name)


def session_of(guard: Guard, role_name: str, name: str) -> Session:
    """A new session of a role, as something of AWS's own gets it. Under the lab's lock.

    name: the session's, as it is in its ARN.

    Raises:
        Refused: there is no such role.
    """
    role = guard.facts.role(role_name)
    if role is None:
        raise Refused("NoSuchEntity", f"The role with name {role_name} cannot be found.", 404)
    account, region = guard.facts.account, guard.facts.region
    made = sts_backends[account]["aws"].assume_role(region, name, role.arn, "", role.longest_s, "")
    session = Session(
        role=role.name,
        name=name,
        account=account,
        key=made.access_key_id,
        secret=made.secret_access_key,
        token=made.session_token,
        ends_at=time.time() + role.longest_s,
    )
    guard.sessions.add(session)
    return session
