"""What tests of IAM in the lab share: documents in short, and facts about nothing in particular."""

import json
from collections.abc import Mapping
from typing import Any

from deployer.lab.iam.asked import Ask, Context
from deployer.lab.iam.decide import Decision, Policies, Principal, decide
from deployer.lab.iam.policy import Policy, parse

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/runner"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/runner/me"
WHO = Principal(
    SESSION,
    ROLE,
    frozenset(("AWS", each) for each in (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ROLE, SESSION)),
)


def policy(*statements: Mapping[str, Any], version: str = "2012-10-17") -> Policy:
    return parse("p", json.dumps({"Version": version, "Statement": list(statements)}))


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def judged(
    ask: Ask,
    *statements: Mapping[str, Any],
    keys: Mapping[str, tuple[str, ...]] | None = None,
    boundary: Policy | None = None,
    resource: tuple[Policy, ...] = (),
) -> Decision:
    """What is decided about `ask` for a role with one policy of these statements."""
    policies = Policies((policy(*statements),), boundary, resource)
    return decide(ask, Context(keys or ask.keys), WHO, policies)


class Nowhere:
    """Facts of an empty account."""

    account = ACCOUNT
    region = "us-east-1"

    def group_arn(self, name: str) -> str:
        scope = f"{self.region}:{self.account}"
        return f"arn:aws:autoscaling:{scope}:autoScalingGroup:*:autoScalingGroupName/{name}"

    def group_of(self, instance: str) -> str:
        return f"group-of-{instance}"

    def template_id(self, name: str) -> str:
        return f"lt-{name}"

    def tags(self, arn: str) -> Mapping[str, str]:
        return {"of": arn}
