"""Nothing is granted more broadly than AWS lets it be granted; every `*` has its reason here."""

from collections.abc import Iterator
from typing import Any

import pytest

from deployer.aws.needs import Resource
from deployer.aws.permissions import NEEDS, WIDE
from stacks.acknowledged import spelled
from tests.iam.reference import kinds
from tests.synth.conftest import Templates

# Actions on `*` although AWS lists a resource for them.
ANYWHERE = {
    "cloudwatch:GetMetricData": "its resource is a dataset, of which AWS/ApplicationELB is none",
    "cloudwatch:PutMetricData": "its resource is a dataset too; a condition names the namespace",
}
# What a resource with a `*` in it may end in, by the name of its statement.
PATTERNS = {
    "Alarms": ":alarm:*",
    "Artifacts": "/shop/*",
    "CohortRule": "/*",
    "Group": ":autoScalingGroupName/",
    "NewRule": "/*",
    "PageRule": "/*",
    "Reports": "/_reports/shop/lab/*",
    "Rule": "/*",
    "Stacks": "/*",
}


def statements(templates: Templates) -> Iterator[dict[str, Any]]:
    """The deployer's: of both stacks."""
    for part, name in (("control", "DeployerReads"), ("service", "Moves")):
        for key, policy in templates.of_type(part, "IAM::Policy").items():
            if key.startswith(name):
                yield from policy["Properties"]["PolicyDocument"]["Statement"]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_what_can_be_granted_on_a_resource_is_not_granted_on_all(templates: Templates) -> None:
    everywhere = {
        action
        for statement in statements(templates)
        for action in listed(statement["Action"])
        if "*" in listed(statement["Resource"])
    }
    assert everywhere
    assert {action for action in everywhere if kinds(action)} == set(ANYWHERE), (
        "declare these in their adapter's NEEDS on a Resource of their own, not on Resource.ANY"
    )


def test_every_star_in_a_resource_is_expected(templates: Templates) -> None:
    starred = {
        statement["Sid"]: spelled(resource)
        for statement in statements(templates)
        for resource in listed(statement["Resource"])
        if "*" in spelled(resource) and resource != "*"
    }
    assert starred.keys() == PATTERNS.keys()
    for sid, resource in starred.items():
        assert PATTERNS[sid] in resource, sid
        assert resource.count("*") == 1, sid


def test_metrics_are_put_into_the_deployers_own_namespace_only(templates: Templates) -> None:
    (put,) = [one for one in statements(templates) if one["Sid"] == "OwnMetrics"]
    assert put["Action"] == "cloudwatch:PutMetricData"
    assert put["Condition"] == {"StringEquals": {"cloudwatch:namespace": "Deployer"}}


def test_no_action_has_a_star_and_nothing_is_granted_by_exception(templates: Templates) -> None:
    for statement in statements(templates):
        assert statement["Effect"] == "Allow"
        assert not {"NotAction", "NotResource"} & statement.keys()
        assert not [action for action in listed(statement["Action"]) if "*" in action]


@pytest.mark.parametrize("on", sorted({need.on for need in NEEDS}))
def test_each_kind_of_resource_with_a_star_says_why(on: Resource) -> None:
    wide = {Resource.ANY, Resource.OWN_METRICS} | {
        each for each in Resource if each.name.replace("_", "").title() in _titles()
    }
    assert (on in WIDE) is (on in wide)


def _titles() -> set[str]:
    return {sid.title() for sid in PATTERNS}
