"""A function's own policy: who else may invoke it. Judged by `deployer.lab.iam`.

Source: Lambda Developer Guide, "Viewing resource-based IAM policies in Lambda".
"""

import json
from collections.abc import Mapping
from typing import Any

from deployer.lab.functions.model import Function, unsimulated

NOT_SIMULATED = ("EventSourceToken", "PrincipalOrgID", "FunctionUrlAuthType", "RevisionId")


def statement(function: Function, params: Mapping[str, Any]) -> dict[str, Any]:
    """As AddPermission writes it.

    Raises:
        Refused: a kind of permission that the lab does not judge.
    """
    if any(params.get(name) for name in NOT_SIMULATED):
        raise unsimulated("this kind of permission")
    who = params["Principal"]
    conditions: dict[str, Any] = {}
    if params.get("SourceArn"):
        conditions["ArnLike"] = {"AWS:SourceArn": params["SourceArn"]}
    if params.get("SourceAccount"):
        conditions["StringEquals"] = {"AWS:SourceAccount": params["SourceAccount"]}
    return {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": {"Service": who} if who.endswith(".amazonaws.com") else _account(who),
        "Action": params["Action"],
        "Resource": function.arn,
        **({"Condition": conditions} if conditions else {}),
    }


def _account(who: str) -> Any:
    if who == "*" or who.startswith("arn:"):
        return "*" if who == "*" else {"AWS": who}
    return {"AWS": f"arn:aws:iam::{who}:root"}


def text(one: Mapping[str, Any]) -> str:
    """A statement as the API tells it."""
    return json.dumps(one)


def document(function: Function) -> str:
    """The whole policy."""
    return json.dumps(
        {"Version": "2012-10-17", "Id": "default", "Statement": list(function.policy.values())}
    )
