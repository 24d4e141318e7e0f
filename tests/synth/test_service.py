"""The service stack owns the shape of the service, and nothing that a deployment moves."""

import json
from typing import Any

import pytest

from deployer.topology import SLOT_TAG
from tests.synth.conftest import Templates

ENVIRONMENTS = pytest.mark.parametrize("environment", ["lab", "prod"])
SLOTS = ("Blue", "Green")


def test_no_group_has_a_desired_capacity(templates: Templates) -> None:
    for group in templates.properties("service", "AutoScaling::AutoScalingGroup"):
        assert "DesiredCapacity" not in group
        assert group["MinSize"] == "0"
        assert group["MaxSize"] == "8"


def test_groups_boot_the_default_version_for_ever(templates: Templates) -> None:
    groups = templates.of_type("service", "AutoScaling::AutoScalingGroup")
    versions = {item["Properties"]["LaunchTemplate"]["Version"] for item in groups.values()}
    assert versions == {"$Default"}


def test_a_stack_update_leaves_sizes_alone(templates: Templates) -> None:
    for group in templates.of_type("service", "AutoScaling::AutoScalingGroup").values():
        policy = group["UpdatePolicy"]
        assert policy == {
            "AutoScalingScheduledAction": {"IgnoreUnmodifiedGroupSizeProperties": True}
        }


def test_groups_replace_what_the_load_balancer_calls_unhealthy(templates: Templates) -> None:
    for group in templates.properties("service", "AutoScaling::AutoScalingGroup"):
        assert (group["HealthCheckType"], group["HealthCheckGracePeriod"]) == ("ELB", 300)


def test_each_slot_has_its_own_three_parts(templates: Templates) -> None:
    groups = templates.of_type("service", "AutoScaling::AutoScalingGroup")
    pairs = {
        (
            item["Properties"]["LaunchTemplate"]["LaunchTemplateId"]["Ref"],
            item["Properties"]["TargetGroupARNs"][0]["Ref"],
        )
        for item in groups.values()
    }
    assert pairs == {
        ("BlueLaunchTemplate2B7CCDEA", "BlueTargets16202A55"),
        ("GreenLaunchTemplate2F1C5221", "GreenTargetsFDC1D409"),
    }


def test_groups_and_their_instances_carry_the_slot(templates: Templates) -> None:
    found = [
        tag
        for group in templates.properties("service", "AutoScaling::AutoScalingGroup")
        for tag in group["Tags"]
        if tag["Key"] == SLOT_TAG
    ]
    assert sorted(found, key=lambda tag: str(tag["Value"])) == [
        {"Key": SLOT_TAG, "PropagateAtLaunch": True, "Value": "blue"},
        {"Key": SLOT_TAG, "PropagateAtLaunch": True, "Value": "green"},
    ]


@ENVIRONMENTS
def test_no_listener_and_no_rule_carries_weights(templates: Templates, environment: str) -> None:
    text = json.dumps(templates.template("service", environment))
    assert "ForwardConfig" not in text
    assert "Weight" not in text


@ENVIRONMENTS
def test_every_listener_answers_503_by_itself(templates: Templates, environment: str) -> None:
    listeners = templates.properties("service", "ElasticLoadBalancingV2::Listener", environment)
    assert len(listeners) == 2
    for listener in listeners:
        (action,) = listener["DefaultActions"]
        assert (action["Type"], action["FixedResponseConfig"]["StatusCode"]) == (
            "fixed-response",
            "503",
        )


def listener_id(templates: Templates, port: int) -> str:
    (found,) = [
        name
        for name, item in templates.of_type("service", "ElasticLoadBalancingV2::Listener").items()
        if item["Properties"]["Port"] == port
    ]
    return found


def test_the_production_listener_has_no_rule(templates: Templates) -> None:
    rules = templates.properties("service", "ElasticLoadBalancingV2::ListenerRule")
    assert {rule["ListenerArn"]["Ref"] for rule in rules} == {listener_id(templates, 8081)}


def test_the_test_listener_pins_both_slots_by_header(templates: Templates) -> None:
    rules = templates.properties("service", "ElasticLoadBalancingV2::ListenerRule")
    pinned = {
        rule["Conditions"][0]["HttpHeaderConfig"]["Values"][0]: rule["Actions"] for rule in rules
    }
    assert pinned == {
        "blue": [{"Type": "forward", "TargetGroupArn": {"Ref": "BlueTargets16202A55"}}],
        "green": [{"Type": "forward", "TargetGroupArn": {"Ref": "GreenTargetsFDC1D409"}}],
    }
    names = {rule["Conditions"][0]["HttpHeaderConfig"]["HttpHeaderName"] for rule in rules}
    assert names == {"X-Deployer-Slot"}
    assert all(len(rule["Conditions"]) == 1 for rule in rules)


def test_target_groups_follow_the_settings(templates: Templates) -> None:
    for group in templates.properties("service", "ElasticLoadBalancingV2::TargetGroup"):
        attributes = {item["Key"]: item["Value"] for item in group["TargetGroupAttributes"]}
        assert attributes["deregistration_delay.timeout_seconds"] == "20"
        assert attributes["stickiness.enabled"] == "false"
        assert (group["HealthCheckPath"], group["HealthCheckIntervalSeconds"]) == ("/health", 5)
        assert (group["HealthCheckTimeoutSeconds"], group["Matcher"]) == (2, {"HttpCode": "200"})
        assert (group["HealthyThresholdCount"], group["UnhealthyThresholdCount"]) == (2, 2)
        assert (group["Port"], group["TargetType"]) == (8080, "instance")


def test_the_load_balancer_drops_invalid_headers(templates: Templates) -> None:
    (balancer,) = templates.properties("service", "ElasticLoadBalancingV2::LoadBalancer")
    attributes = {item["Key"]: item["Value"] for item in balancer["LoadBalancerAttributes"]}
    assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert attributes["deletion_protection.enabled"] == "false"


def test_nothing_has_a_physical_name_but_the_parameter_and_the_target_groups(
    templates: Templates,
) -> None:
    named = {
        (item["Type"], item["Properties"][key])
        for item in templates.template("service")["Resources"].values()
        for key in item.get("Properties", {})
        if key in {"Name", "AutoScalingGroupName", "LaunchTemplateName", "RoleName", "GroupName"}
    }
    assert named == {
        ("AWS::SSM::Parameter", "/deployer/shop/lab/topology"),
        ("AWS::ElasticLoadBalancingV2::TargetGroup", "shop-lab-blue"),
        ("AWS::ElasticLoadBalancingV2::TargetGroup", "shop-lab-green"),
    }


def topology(templates: Templates, environment: str = "lab") -> dict[str, Any]:
    """The parameter's value with each reference written as `<...>`."""
    (parameter,) = templates.properties("service", "SSM::Parameter", environment)
    parts = parameter["Value"]["Fn::Join"][1]
    text = "".join(part if isinstance(part, str) else _reference(part) for part in parts)
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def _reference(part: dict[str, Any]) -> str:
    (value,) = part.values()
    return f"<{value if isinstance(value, str) else '.'.join(value)}>"


def test_the_topology_parameter_holds_everything_the_deployer_must_know(
    templates: Templates,
) -> None:
    assert topology(templates) == {
        "version": 1,
        "listener": f"<{listener_id(templates, 8080)}>",
        "test_listener": f"<{listener_id(templates, 8081)}>",
        "load_balancer": "<EntranceBalancer27823B10>",
        "url": "http://<EntranceBalancer27823B10.DNSName>:8080",
        "test_url": "http://<EntranceBalancer27823B10.DNSName>:8081",
        "slots": {
            slot.lower(): {
                "target_group": f"<{targets}>",
                "group": f"<{group}>",
                "launch_template": f"<{template}>",
            }
            for slot, targets, group, template in (
                (
                    "Blue",
                    "BlueTargets16202A55",
                    "BlueGroupASG2F051B92",
                    "BlueLaunchTemplate2B7CCDEA",
                ),
                (
                    "Green",
                    "GreenTargetsFDC1D409",
                    "GreenGroupASGE6B6476F",
                    "GreenLaunchTemplate2F1C5221",
                ),
            )
        },
        "journal_table": "<shop-lab-control:ExportsOutputRefJournalAE8C44B291DF9FA4>",
        "artifact_bucket": "<shop-lab-control:ExportsOutputRefArtifacts82DD59A14F4A635A>",
        "topic": "<shop-lab-control:ExportsOutputRefTopicBFC7AF6ECB4A357A>",
    }


def test_the_topology_names_the_ports_of_each_environment(templates: Templates) -> None:
    found = topology(templates, "prod")
    assert found["url"].endswith(":80")
    assert found["test_url"].endswith(":8080")


@ENVIRONMENTS
def test_a_listener_with_rules_that_no_template_knows_goes_before_what_they_lead_to(
    templates: Templates, environment: str
) -> None:
    """While the deployer's rule is there, deleting a target group is refused: ResourceInUse."""
    resources = templates.template("service", environment)["Resources"]
    production = resources["EntranceBalancerProductionECD6754C"]
    assert set(production["DependsOn"]) == {"BlueTargets16202A55", "GreenTargetsFDC1D409"}
