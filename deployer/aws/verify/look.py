"""Reads one thing at a time; what nobody may look at, or does not exist, ends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from deployer.aws import targets
from deployer.aws.failures import asking
from deployer.aws.published import PublishedSlot
from deployer.aws.session import Aws
from deployer.aws.verify.facts import SlotFacts
from deployer.errors import AccessProblem, CloudUnavailable, DeployError, NoCredentials, NotFound
from deployer.topology import VERSION_MARK

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import AutoScalingGroupTypeDef
    from mypy_boto3_ec2.type_defs import LaunchTemplateVersionTypeDef
    from mypy_boto3_elbv2.type_defs import RuleTypeDef

T = TypeVar("T")


@dataclass
class Look:
    """Asks, and remembers what nobody would answer."""

    aws: Aws
    unread: dict[str, str] = field(default_factory=dict)

    def ask(self, action: str, subject: str, call: Callable[[], T], otherwise: Any) -> T | Any:
        """The answer; `otherwise` where there is no such thing, or no permission to look.

        Raises:
            CloudUnavailable: no answer. NoCredentials: nobody asks.
        """
        try:
            with asking(action, subject):
                return call()
        except (CloudUnavailable, NoCredentials):
            raise
        except AccessProblem as error:
            self.unread[action] = str(error)
        except NotFound:
            pass
        except DeployError as error:
            if not is_missing(error):
                self.unread[action] = str(error)
        return otherwise

    def balancer(self, arn: str) -> Any:
        """The load balancer, None if it is gone."""
        return self.ask(
            "elasticloadbalancing:DescribeLoadBalancers",
            arn,
            lambda: self.aws.elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][
                0
            ],
            None,
        )

    def listeners(self, balancer: str) -> dict[str, Any]:
        """All of a load balancer's listeners, by ARN."""
        pages = self.aws.elbv2.get_paginator("describe_listeners")
        return self.ask(
            "elasticloadbalancing:DescribeListeners",
            balancer,
            lambda: {
                each["ListenerArn"]: each
                for page in pages.paginate(LoadBalancerArn=balancer)
                for each in page["Listeners"]
            },
            {},
        )

    def rules(self, listener: str) -> tuple[RuleTypeDef, ...]:
        """All of a listener's rules."""
        pages = self.aws.elbv2.get_paginator("describe_rules")
        return self.ask(
            "elasticloadbalancing:DescribeRules",
            listener,
            lambda: tuple(
                rule for page in pages.paginate(ListenerArn=listener) for rule in page["Rules"]
            ),
            (),
        )

    def group(self, name: str) -> AutoScalingGroupTypeDef | None:
        """An Auto Scaling group, None if it is gone."""
        if not name:
            return None
        found = self.ask(
            "autoscaling:DescribeAutoScalingGroups",
            name,
            lambda: self.aws.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name]),
            None,
        )
        return next(iter(found["AutoScalingGroups"]), None) if found else None

    def groups(self) -> list[AutoScalingGroupTypeDef]:
        """All groups of the account, in this Region."""
        pages = self.aws.autoscaling.get_paginator("describe_auto_scaling_groups")
        found: Any = self.ask(
            "autoscaling:DescribeAutoScalingGroups",
            "the groups",
            lambda: [each for page in pages.paginate() for each in page["AutoScalingGroups"]],
            [],
        )
        return list(found)

    def slot_of(self, target_group: str) -> Any:
        """A target group as it is described; empty if it is gone."""
        found: Any = self.ask(
            "elasticloadbalancing:DescribeTargetGroups",
            target_group,
            lambda: self.aws.elbv2.describe_target_groups(TargetGroupArns=[target_group])[
                "TargetGroups"
            ],
            [],
        )
        return found[0] if found else {}

    def source(self, template: str) -> LaunchTemplateVersionTypeDef | None:
        """The newest version of its owner's: what the next release inherits from."""
        if not template:
            return None
        pages = self.aws.ec2.get_paginator("describe_launch_template_versions")
        found: Any = self.ask(
            "ec2:DescribeLaunchTemplateVersions",
            template,
            lambda: [
                each
                for page in pages.paginate(LaunchTemplateId=template)
                for each in page["LaunchTemplateVersions"]
                if not each.get("VersionDescription", "").startswith(VERSION_MARK)
            ],
            [],
        )
        return max(found, key=lambda each: each["VersionNumber"], default=None)

    def slot(self, names: PublishedSlot) -> SlotFacts:
        """Everything about one slot."""
        arn, elbv2, scaling = names.target_group, self.aws.elbv2, self.aws.autoscaling
        found: Any = self.slot_of(arn) if arn else {}
        attributes: Any = found and self.ask(
            "elasticloadbalancing:DescribeTargetGroupAttributes",
            arn,
            lambda: elbv2.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"],
            [],
        )
        group = self.group(names.group)
        hooks: Any = group and self.ask(
            "autoscaling:DescribeLifecycleHooks",
            names.group,
            lambda: scaling.describe_lifecycle_hooks(AutoScalingGroupName=names.group)[
                "LifecycleHooks"
            ],
            [],
        )
        return SlotFacts(
            names=names,
            target_group=found or None,
            attributes={each["Key"]: each["Value"] for each in attributes or ()},
            targets=self._health(arn) if found else None,
            group=group,
            hooks=tuple(hooks or ()),
            source=self.source(names.launch_template),
        )

    def _health(self, arn: str) -> targets.Targets | None:
        return self.ask(
            "elasticloadbalancing:DescribeTargetHealth",
            arn,
            lambda: targets.understood(targets.read(self.aws, arn)),
            None,
        )

    def table(self, name: str) -> tuple[Any, bool | None]:
        """A table, and whether it can be brought back to a point in time."""
        if not name:
            return None, None
        table = self.ask(
            "dynamodb:DescribeTable",
            name,
            lambda: self.aws.dynamodb.describe_table(TableName=name)["Table"],
            None,
        )
        backups: Any = table and self.ask(
            "dynamodb:DescribeContinuousBackups",
            name,
            lambda: self.aws.dynamodb.describe_continuous_backups(TableName=name),
            None,
        )
        if not backups:
            return table, None
        told = backups["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
        return table, told.get("PointInTimeRecoveryStatus") == "ENABLED"

    def tags(self, arns: Iterable[str]) -> dict[str, dict[str, str]]:
        """The tags of listeners, rules and target groups, by ARN; twenty in a call."""
        wanted = [arn for arn in arns if arn]
        told: dict[str, dict[str, str]] = {}
        for first in range(0, len(wanted), 20):
            some = wanted[first : first + 20]
            found: Any = self.ask(
                "elasticloadbalancing:DescribeTags",
                some[0],
                partial(self._tagged, some),
                [],
            )
            for each in found:
                tags = {tag["Key"]: tag.get("Value", "") for tag in each.get("Tags", ())}
                told[each["ResourceArn"]] = tags
        return told

    def _tagged(self, arns: list[str]) -> Any:
        return self.aws.elbv2.describe_tags(ResourceArns=arns)["TagDescriptions"]

    def template(self, stack: str) -> dict[str, Any] | None:
        """A stack's template; None if nobody may look, or it is YAML, which boto3 leaves as text."""
        body = self.ask(
            "cloudformation:GetTemplate",
            stack,
            lambda: self.aws.cloudformation.get_template(StackName=stack)["TemplateBody"],
            None,
        )
        return dict(body) if isinstance(body, dict) else None


def is_missing(error: DeployError) -> bool:
    """AWS's many ways of saying that there is no such thing."""
    return "does not exist" in str(error) or "not found" in str(error)
