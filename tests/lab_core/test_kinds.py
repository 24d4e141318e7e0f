"""Every resource type of the lab, held against CloudFormation's own schema of it.

The schemas are those that cfn-lint brings: which properties there are, and which need a new resource.
"""

from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from deployer.lab.cloudformation.kinds import Kind
from deployer.lab.cloudformation.resources.live import READERS, WRITE_ONLY
from deployer.lab.cloudformation.resources.registry import KINDS
from tests.lab_core.stacks import Cloud, template

EVERY = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))


def schema(type_: str) -> dict[str, Any]:
    found: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", type_).schema
    return found


def names(schema: dict[str, Any], key: str) -> set[str]:
    """Top-level properties of a list such as `createOnlyProperties`."""
    return {path.split("/")[2] for path in schema.get(key, []) if path.count("/") == 2}


@EVERY
def test_it_knows_no_property_that_aws_does_not(kind: Kind) -> None:
    assert kind.properties <= schema(kind.type)["properties"].keys()


@EVERY
def test_it_makes_a_new_resource_where_aws_does_and_nowhere_else(kind: Kind) -> None:
    told = schema(kind.type)
    always = names(told, "createOnlyProperties")
    assert always & kind.properties <= kind.fixed
    assert kind.fixed <= always | names(told, "conditionalCreateOnlyProperties")
    assert not kind.frozen & kind.fixed
    if kind.update is None:  # whatever changes is then refused, or rightly made anew
        assert kind.properties == kind.fixed | kind.frozen


@pytest.mark.parametrize("type_", READERS)
def test_what_is_never_read_is_what_no_service_gives_back(type_: str) -> None:
    told = names(schema(type_), "writeOnlyProperties") & KINDS[type_].properties
    unread = KINDS[type_].fixed | WRITE_ONLY.get(type_, set())
    assert told <= unread
    assert WRITE_ONLY.get(type_, set()) <= told


def test_every_type_refuses_by_name_what_it_does_not_simulate(cloud: Cloud) -> None:
    """Properties and policies that it does not know; nothing is made before that is said."""
    resources: dict[str, Any] = {
        f"R{number}": {
            "Type": type_,
            "Properties": {"NoSuchThing": "x"},
            "UpdatePolicy": {"NoSuchPolicy": {}},
        }
        for number, type_ in enumerate(KINDS)
    }
    for logical_id, resource in resources.items():
        stack = cloud.create(
            f"s-{logical_id}",
            template({logical_id: resource}),
            Capabilities=["CAPABILITY_IAM"],
        )
        assert stack["StackStatus"] == "ROLLBACK_COMPLETE", resource["Type"]
        reason = cloud.reasons(f"s-{logical_id}")[logical_id]
        assert (
            reason == f"the lab does not simulate NoSuchThing of {resource['Type']} ({logical_id})"
        )


@EVERY
def test_every_type_refuses_policies_that_it_does_not_know(kind: Kind) -> None:
    assert kind.policies <= {"AutoScalingScheduledAction"}
    assert not kind.policies or kind.type == "AWS::AutoScaling::AutoScalingGroup"
