"""What CloudFormation would make anew under a running service: a setting must not ask for that.

Which properties need a new resource is read from CloudFormation's own schemas, as cfn-lint has them.
"""

from functools import cache
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from tests.synth.conftest import Templates, Variant

# What users' requests pass through, and what remembers where they go.
SERVING = {
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::EC2::LaunchTemplate",
    "AWS::EC2::SecurityGroup",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
}
REGION = 'region = "us-east-1"\n'
EVERYTHING = (
    'instance_type = "t3.small"\nhealth_check_interval = "10s"\nhealthy_threshold = 3\n'
    'ingress_cidr = "192.0.2.0/24"\nstickiness = "1h"\nslow_start = "1m"\n'
)
SECTIONS = """
[environments.lab.fleet]
instance_types = ["t3a.small"]
on_demand_percent = 50
scale_on_cpu = 60
[environments.lab.balancer]
access_logs = "0s"
idle_timeout = "2m"
[environments.lab.monitoring]
errors = 1
"""
HEADING = "[environments.lab.canary]"


@cache
def needs_a_new_one(type_: str) -> frozenset[str]:
    """Properties of a type that cannot be changed in place."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", type_).schema
    return frozenset(path.split("/")[2] for path in schema.get("createOnlyProperties", ()))


def replaced(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Logical ids, of what serves, that an update from one to the other makes anew or removes."""
    return {
        name
        for name, resource in before["Resources"].items()
        if resource["Type"] in SERVING
        and (
            name not in after["Resources"]
            or any(
                resource["Properties"].get(key) != after["Resources"][name]["Properties"].get(key)
                for key in needs_a_new_one(resource["Type"])
            )
        )
    }


def both(old: Templates, new: Templates) -> set[str]:
    return replaced(old.template("service"), new.template("service"))


def test_every_other_setting_changes_what_serves_in_place(
    templates: Templates, variant: Variant
) -> None:
    assert both(templates, variant(REGION, REGION + EVERYTHING)) == set()
    assert both(templates, variant(HEADING, SECTIONS + HEADING)) == set()


@pytest.mark.parametrize("part", ["listener_port = 8080", "test_listener_port = 8081"])
def test_listeners_move_to_another_port_in_place(
    templates: Templates, variant: Variant, part: str
) -> None:
    assert both(templates, variant(part, f"{part.partition(' ')[0]} = 8099")) == set()


TARGET_GROUPS = {"BlueTargets16202A55", "GreenTargetsFDC1D409"}


def test_only_the_services_own_port_asks_for_new_target_groups_and_their_names_forbid_them(
    templates: Templates, variant: Variant
) -> None:
    """docs/stacks.md says how to change it; CloudFormation replaces nothing that has such a name."""
    changed = variant('name = "shop"', 'name = "shop"\nport = 9000')
    assert both(templates, changed) == TARGET_GROUPS
    for each in (templates, changed):
        resources = each.template("service")["Resources"]
        names = {resources[name]["Properties"]["Name"] for name in TARGET_GROUPS}
        assert names == {"shop-lab-blue", "shop-lab-green"}


def test_nothing_else_that_serves_has_a_name_of_its_own(templates: Templates) -> None:
    """A change of the name would make a new one."""
    named = {"AutoScalingGroupName", "GroupName", "LaunchTemplateName", "Name"}
    for name, resource in templates.template("service")["Resources"].items():
        if resource["Type"] in SERVING and name not in TARGET_GROUPS:
            assert not named & resource["Properties"].keys(), name


def test_listeners_answer_by_themselves_and_name_no_target_group(templates: Templates) -> None:
    for listener in templates.properties("service", "ElasticLoadBalancingV2::Listener"):
        assert [action["Type"] for action in listener["DefaultActions"]] == ["fixed-response"]


def test_rules_of_the_template_lead_to_one_slot_each(templates: Templates) -> None:
    """Sent again with every tag; there are no weights in them that could be anybody's."""
    for rule in templates.properties("service", "ElasticLoadBalancingV2::ListenerRule"):
        (action,) = rule["Actions"]
        assert set(action) == {"Type", "TargetGroupArn"}
        assert rule["Priority"] in {1, 2}
