"""Rules beside the production rule, at priorities of their own: a user group's, the sleeping page's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deployer.aws.failures import changing, code_of
from deployer.aws.session import Aws
from deployer.errors import DeployError

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import RuleTypeDef


def at(rules: Sequence[RuleTypeDef], priority: int) -> RuleTypeDef | None:
    """The rule of this priority, whoever made it."""
    return next((rule for rule in rules if rule.get("Priority") == str(priority)), None)


def delete(aws: Aws, arn: str) -> None:
    """Delete a rule; one that is gone already is fine.

    Raises:
        ChangeRefused, CloudUnavailable, AccessProblem: as `failures.changing`.
    """
    try:
        with changing("elasticloadbalancing:DeleteRule", arn):
            aws.elbv2.delete_rule(RuleArn=arn)
    except DeployError as error:
        if code_of(error) != "RuleNotFound":
            raise
