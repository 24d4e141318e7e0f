"""The adapter of an environment's stacks, against the lab's CloudFormation: what goes, what is told."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployer.aws import permissions, stacks
from deployer.aws.session import Aws
from deployer.aws.stacks import EnvironmentStacks
from deployer.errors import ChangeRefused
from deployer.operations.rest import deletion
from deployer.operations.rest.deletion import FAILED, GONE
from deployer.topology import CLASS_TAG, EPHEMERAL
from tests.lab_core.stacks import Cloud, template, topic

BUCKET = {"Type": "AWS::S3::Bucket", "Properties": {}}
Environment = tuple[EnvironmentStacks, set[str]]
ACTIONS = {"list_object_versions": "ListBucketVersions"}  # where IAM's name is another one


@dataclass(frozen=True)
class Noting:
    """A client of the adapter's own, which notes the IAM actions that its calls take."""

    service: str
    client: Any
    called: set[str]

    def __getattr__(self, operation: str) -> Any:
        if operation == "get_paginator":
            return self._paginator
        self.called.add(self._action(operation))
        return getattr(self.client, operation)

    def _paginator(self, operation: str) -> Any:
        self.called.add(self._action(operation))
        return self.client.get_paginator(operation)

    def _action(self, operation: str) -> str:
        name = ACTIONS.get(operation) or "".join(word.title() for word in operation.split("_"))
        return f"{self.service}:{name}"


@pytest.fixture
def environment(cloud: Cloud) -> Iterator[Environment]:
    """`shop-dev`: a network that its service uses, and a control stack with two buckets."""
    called: set[str] = set()
    exported = {"Value": "vpc-1", "Export": {"Name": "shop-dev-vpc"}}
    imported = topic()
    imported["Properties"] = {"DisplayName": {"Fn::ImportValue": "shop-dev-vpc"}}
    tags = [{"Key": CLASS_TAG, "Value": EPHEMERAL}]
    users = [*tags, {"Key": "who", "Value": "users"}]
    network = template({"Topic": topic()}, Outputs={"Vpc": exported})
    cloud.create("shop-dev-network", network, Tags=tags)
    cloud.create("shop-dev-service", template({"Topic": imported}), Tags=users)
    cloud.create("shop-dev-control", template({"Artifacts": BUCKET, "Logs": BUCKET}), Tags=tags)
    aws = SimpleNamespace(
        cloudformation=Noting("cloudformation", cloud.api, called),
        s3=Noting("s3", cloud.client("s3"), called),
    )
    yield EnvironmentStacks(cast("Aws", aws), "shop", "dev"), called
    undeclared = called - {need.action for need in permissions.DELETION}
    assert not undeclared, f"declare in deployer.aws.stacks: {sorted(undeclared)}"


def bucket_of(cloud: Cloud, logical_id: str) -> str:
    listed = cloud.api.list_stack_resources(StackName="shop-dev-control")
    return next(
        str(each["PhysicalResourceId"])
        for each in listed["StackResourceSummaries"]
        if each["LogicalResourceId"] == logical_id
    )


def delete(cloud: Cloud, found: EnvironmentStacks) -> deletion.Deletion:
    def ask(stack: deletion.Stack) -> None:
        found.delete(stack)
        cloud.settled(stack.id)

    return deletion.run(found, cloud.context.clock, 1.0, lambda *_: None, ask)


def test_they_are_found_in_the_order_in_which_they_go(environment: Environment) -> None:
    found = environment[0].look()
    assert [stack.part for stack in found] == ["service", "network", "control"]
    assert all((CLASS_TAG, EPHEMERAL) in stack.tags for stack in found)
    assert [("who", "users") in stack.tags for stack in found] == [True, False, False]
    assert environment[0].find("monitoring") is None


def test_a_full_bucket_keeps_its_stack_whole_until_it_is_emptied(
    cloud: Cloud, environment: Environment
) -> None:
    found, called = environment
    artifacts = bucket_of(cloud, "Artifacts")
    cloud.client("s3").put_object(Bucket=artifacts, Key="v1.tar.gz", Body=b"release")
    done = delete(cloud, found)
    assert done.gone == ("shop-dev-service", "shop-dev-network")
    assert done.left == ("shop-dev-control",)
    assert artifacts in done.blocked
    assert cloud.stack("shop-dev-control")["StackStatus"] == "CREATE_COMPLETE"
    cloud.client("s3").delete_object(Bucket=artifacts, Key="v1.tar.gz")
    assert delete(cloud, found).blocked == ""
    assert found.look() == []
    assert called >= {each.action for each in stacks.NEEDS} - {"cloudformation:DescribeStackEvents"}


def test_a_stack_that_cannot_go_says_why(cloud: Cloud, environment: Environment) -> None:
    """Somebody put something into the bucket when nobody looked any more."""
    found, _ = environment
    control = found.look()[-1]
    logs = bucket_of(cloud, "Logs")
    cloud.client("s3").put_object(Bucket=logs, Key="late.log", Body=b"log")
    found.delete(control)
    cloud.settled(control.id)
    assert found.status(control) == FAILED
    (why,) = found.failures(control)
    assert why.startswith("Logs (AWS::S3::Bucket): ")
    assert "not empty" in why


def test_polling_by_id_sees_the_end_though_the_name_is_gone(
    cloud: Cloud, environment: Environment
) -> None:
    found, _ = environment
    service = found.look()[0]
    found.delete(service)
    cloud.settled(service.id)
    assert found.status(service) == GONE
    assert found.find("service") is None


def test_termination_protection_refuses(cloud: Cloud, environment: Environment) -> None:
    found, _ = environment
    cloud.api.update_termination_protection(
        StackName="shop-dev-service", EnableTerminationProtection=True
    )
    service = found.look()[0]
    assert service.protected
    with pytest.raises(ChangeRefused, match="TerminationProtection"):
        found.delete(service)
    assert json.dumps(found.status(service)) == '"CREATE_COMPLETE"'
