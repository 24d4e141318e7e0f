"""AWS's own managed policies, present in every account: made in moto when first attached.

moto can load all 1,500, six times over, which takes more than a second of every start.
"""

import json
from typing import Any

from moto.iam.models import AWSManagedPolicy, iam_backends

from deployer.lab import actions
from deployer.lab.actions import Call

_PREFIX = "arn:aws:iam::aws:policy/"


def install() -> None:
    """Answer the three actions that attach a policy from here on."""
    for holder in ("Role", "User", "Group"):
        actions.replace("iam", f"Attach{holder}Policy", _attach)


def _attach(call: Call, params: dict[str, Any]) -> dict[str, Any]:
    arn = params["PolicyArn"]
    policies = iam_backends[call.account]["aws"].managed_policies
    if arn.startswith(_PREFIX) and arn not in policies:
        name = arn.rsplit("/", 1)[1]
        data = find(name)
        if data is not None:
            made = AWSManagedPolicy.from_data(name, call.account, "aws", data)
            policies[made.arn] = made
    return call.moto()  # refuses an ARN that does not exist


def find(name: str) -> dict[str, Any] | None:
    """The policy's data in moto's copy; None if AWS has no such policy."""
    from moto.iam.aws_managed_policies import (  # noqa: PLC0415  five megabytes, rarely needed
        aws_managed_policies_data as text,
    )

    mark = f'\n "{name}":'
    start = text.find(mark)
    if start < 0:
        return None
    data: dict[str, Any] = json.JSONDecoder().raw_decode(text, start + len(mark))[0]
    return data
