"""An environment's CloudFormation stacks: found, asked to go, and what keeps one from going.

Not a part of what deployments need (`permissions.NEEDS`): whoever deletes an environment needs this
besides (`permissions.DELETION`), on stacks that are tagged ephemeral where a role is held to that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployer.aws.failures import asking, changing, code_of
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.errors import DeployError, NotFound
from deployer.operations.rest.deletion import FAILED, GONE, ORDER, Stack
from deployer.topology import stack_name

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef, StackTypeDef

NEEDS = (
    Need("cloudformation:DescribeStacks", Resource.STACKS),
    Need("cloudformation:DescribeStackEvents", Resource.STACKS),
    Need("cloudformation:ListStackResources", Resource.STACKS),
    Need("cloudformation:DeleteStack", Resource.STACKS),
    Need("s3:ListBucketVersions", Resource.BUCKET),
)
BUCKET = "AWS::S3::Bucket"
ABSENT = "ValidationError"  # what DescribeStacks calls a name that there is not


@dataclass(frozen=True, slots=True)
class EnvironmentStacks:
    """The port `deletion.Stacks`."""

    aws: Aws
    service: str
    environment: str

    def look(self) -> Sequence[Stack]:
        """Those that exist, in the order in which they go. One call each.

        Raises:
            CloudUnavailable, AccessProblem: as `failures.asking`.
        """
        return [stack for part in ORDER if (stack := self.find(part)) is not None]

    def find(self, part: str) -> Stack | None:
        """One of them; None: there is none. One call."""
        stack = self._described(stack_name(self.service, self.environment, part))
        gone = stack is None or stack["StackStatus"] == GONE
        return None if stack is None or gone else _understood(part, stack)

    def status(self, stack: Stack) -> str:
        """As it is now, by its id; GONE when it is. One call."""
        found = self._described(stack.id)
        return GONE if found is None else str(found["StackStatus"])

    def delete(self, stack: Stack) -> None:
        """Ask for its deletion, by its id: one of the same name that is made meanwhile stays. One call.

        Raises:
            ChangeRefused: it has termination protection, or others use what it exports.
            CloudUnavailable, AccessProblem: as `failures.changing`.
        """
        with changing("cloudformation:DeleteStack", stack.name):
            self.aws.cloudformation.delete_stack(StackName=stack.id)

    def full(self, stack: Stack) -> Sequence[str]:
        """Its buckets that are not empty, versions and delete markers included."""
        return [name for name in self._physical(stack, (BUCKET,)) if self._holds(name)]

    def failures(self, stack: Stack) -> Sequence[str]:
        """What its last deletion could not delete, newest first. One call, a page."""
        with asking("cloudformation:DescribeStackEvents", stack.name):
            found = self.aws.cloudformation.describe_stack_events(StackName=stack.id)
        return tuple(failed(found["StackEvents"], stack.name))

    def _described(self, name: str) -> StackTypeDef | None:
        try:
            with asking("cloudformation:DescribeStacks", name):
                return self.aws.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except DeployError as error:
            if code_of(error) == ABSENT or isinstance(error, NotFound):
                return None
            raise

    def _physical(self, stack: Stack, kinds: Sequence[str]) -> Iterator[str]:
        with asking("cloudformation:ListStackResources", stack.name):
            pages = self.aws.cloudformation.get_paginator("list_stack_resources").paginate(
                StackName=stack.id
            )
            for page in pages:
                for each in page["StackResourceSummaries"]:
                    there = each["ResourceStatus"] != GONE
                    if there and each["ResourceType"] in kinds and each.get("PhysicalResourceId"):
                        yield each["PhysicalResourceId"]

    def _holds(self, bucket: str) -> bool:
        try:
            with asking("s3:ListBucketVersions", bucket):
                found = self.aws.s3.list_object_versions(Bucket=bucket, MaxKeys=1)
        except NotFound:
            return False
        return bool(found.get("Versions") or found.get("DeleteMarkers"))


def _understood(part: str, stack: StackTypeDef) -> Stack:
    return Stack(
        part, stack["StackName"], stack["StackId"], stack["StackStatus"],
        stack.get("EnableTerminationProtection", False),
        frozenset((tag["Key"], tag["Value"]) for tag in stack.get("Tags", ())),
    )  # fmt: skip


def failed(events: Sequence[StackEventTypeDef], name: str) -> Iterator[str]:
    """Of the newest operation: events come newest first, and its own beginning ends it.

    A deletion that cannot begin, since another stack imports from this one, has no resource that
    failed: the stack is what it was before, and its own newest event says why.
    """
    for at, event in enumerate(events):
        own = event.get("LogicalResourceId") == name
        status = event.get("ResourceStatus", "")
        if own and at == 0 and not status.startswith("DELETE_") and "ResourceStatusReason" in event:
            why = " ".join(event["ResourceStatusReason"].split())
            yield f"{why} (deploy that without it, or delete it, first)"
            return
        if own and status == "DELETE_IN_PROGRESS":
            return
        if not own and status == FAILED:
            why = " ".join(event.get("ResourceStatusReason", "no reason given").split())
            yield f"{event.get('LogicalResourceId')} ({event.get('ResourceType')}): {why}"
