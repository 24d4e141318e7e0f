"""What the guard must know of the lab: roles and their policies, names and tags of resources.

Roles are read from moto's own state, everything else through the API. Under the lab's lock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from moto.iam.models import iam_backends

from deployer.lab import inprocess
from deployer.lab.context import Context
from deployer.lab.iam import bucket_policies
from deployer.lab.iam.patterns import Unsupported
from deployer.lab.iam.policy import Policy, parse


@dataclass(frozen=True, slots=True)
class Role:
    """A role as it is at this moment.

    longest_s: of its sessions.
    """

    name: str
    arn: str
    trust: Policy
    identity: tuple[Policy, ...]
    boundary: Policy | None
    longest_s: int

    def mentions(self, key: str) -> bool:
        """Whether one of its policies speaks of such a condition key."""
        policies = (*self.identity, *((self.boundary,) if self.boundary else ()))
        return any(policy.mentions(key) for policy in policies)


class LabFacts:
    """Implements `mapping.Facts`."""

    def __init__(self, context: Context) -> None:
        self.account = context.account
        self.region = context.region
        self._context = context

    def role(self, name: str) -> Role | None:
        """The role of this name; None: there is none (any more).

        Raises:
            Unsupported: one of its policies says something that the lab cannot evaluate.
        """
        backend = iam_backends[self.account]["aws"]
        found = next((one for one in backend.roles.values() if one.name == name), None)
        if found is None:
            return None
        boundary = backend.managed_policies.get(found.permissions_boundary_arn or "")
        return Role(
            name=name,
            arn=found.arn,
            trust=parse(f"{name}'s trust policy", found.assume_role_policy_document),
            identity=tuple(
                parse(f"{name}/{title}", document)
                for title, document in (
                    *found.policies.items(),
                    *((one.name, _document(one)) for one in found.managed_policies.values()),
                )
            ),
            boundary=parse(boundary.name, _document(boundary)) if boundary else None,
            longest_s=int(found.max_session_duration or 3600),
        )

    def attached(self, arn: str) -> tuple[Policy, ...]:
        """The policy of a bucket (or of the bucket that an object is in), of a topic, or of a function.

        Raises:
            Unsupported: it says something that the lab cannot evaluate.
        """
        service, name = arn.split(":")[2:6:3] if arn.count(":") >= 5 else ("", "")
        text = None
        if service == "s3":
            text = bucket_policies.of(name.partition("/")[0])
        elif service == "sns":
            text = self._topic_policy(arn)
        elif service == "lambda":
            text = self._function_policy(arn)
        return (parse(f"the policy of {name.partition('/')[0]}", text),) if text else ()

    def _topic_policy(self, arn: str) -> str | None:
        """A topic has one always: a default, until another takes its place."""
        try:
            found = self._client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
        except ClientError:
            return None  # not there: the call itself will say so
        return str(found["Policy"])

    def _function_policy(self, arn: str) -> str | None:
        """A function has one if somebody was given a permission on it."""
        try:
            return str(self._client("lambda").get_policy(FunctionName=arn)["Policy"])
        except ClientError:
            return None

    def role_tags(self, name: str) -> Mapping[str, str]:
        """The tags of a role."""
        return _named(self._client("iam").list_role_tags(RoleName=name)["Tags"])

    def group_arn(self, name: str) -> str:
        found = self._groups().describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        for group in found["AutoScalingGroups"]:
            return str(group["AutoScalingGroupARN"])
        scope = f"{self.region}:{self.account}"
        return f"arn:aws:autoscaling:{scope}:autoScalingGroup:*:autoScalingGroupName/{name}"

    def group_of(self, instance: str) -> str:
        found = self._groups().describe_auto_scaling_instances(InstanceIds=[instance])
        names = [one["AutoScalingGroupName"] for one in found["AutoScalingInstances"]]
        return str(names[0]) if names else "*"

    def template_id(self, name: str) -> str:
        try:
            found = self._client("ec2").describe_launch_templates(LaunchTemplateNames=[name])
        except ClientError:
            return name
        return str(found["LaunchTemplates"][0]["LaunchTemplateId"])

    def tags(self, arn: str) -> Mapping[str, str]:
        service = arn.split(":")[2]
        if service == "elasticloadbalancing":
            return self._balancer_tags(arn)
        if service == "autoscaling":
            return self._group_tags(arn.rsplit("/", 1)[1])
        if service == "dynamodb":
            return self._table_tags(arn)
        if service == "cloudformation":
            return self._stack_tags(arn)
        if service == "ec2":
            return self._ec2_tags(arn.rsplit("/", 1)[1])
        raise Unsupported(f"tags of {arn}")

    def _balancer_tags(self, arn: str) -> Mapping[str, str]:
        try:
            found = self._client("elbv2").describe_tags(ResourceArns=[arn])
        except ClientError:
            return {}  # not there (yet): the call itself will say so
        return _named(found["TagDescriptions"][0]["Tags"])

    def _group_tags(self, group: str) -> Mapping[str, str]:
        wanted = [{"Name": "auto-scaling-group", "Values": [group]}]
        return _named(self._groups().describe_tags(Filters=wanted)["Tags"])

    def _table_tags(self, arn: str) -> Mapping[str, str]:
        try:
            found = self._client("dynamodb").list_tags_of_resource(ResourceArn=arn)
        except ClientError:
            return {}  # not there: the call itself will say so
        return _named(found["Tags"])

    def _stack_tags(self, arn: str) -> Mapping[str, str]:
        """By name, where its id is not known."""
        name = arn.split(":stack/")[1].partition("/")[0]
        try:
            found = self._client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        except ClientError:
            return {}
        return _named(found[0]["Tags"])

    def _ec2_tags(self, name: str) -> Mapping[str, str]:
        wanted = [{"Name": "resource-id", "Values": [name]}]
        return _named(self._client("ec2").describe_tags(Filters=wanted)["Tags"])

    def _groups(self) -> Any:
        return self._client("autoscaling")

    def _client(self, service: str) -> Any:
        return inprocess.client(self._context, service)


def _document(managed: Any) -> str:
    """A managed policy's text, as its default version has it."""
    versions = {version.version_id: version for version in managed.versions}
    return str(versions[managed.default_version_id].document)


def _named(tags: list[dict[str, Any]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}
