"""What the owner's template would do to a deployment: CloudFormation's, and Terraform's."""

import json
from pathlib import Path
from typing import Any

import pytest

from deployer.aws.verify import terraform
from deployer.errors import NotFound, SettingsInvalid
from deployer.findings import Bite, Finding, Level
from deployer.model import Slot
from tests.adoption.world import LISTENER, TARGETS, TEMPLATES, World, owned

KEEP = {"AutoScalingScheduledAction": {"IgnoreUnmodifiedGroupSizeProperties": True}}
GROUP = "AWS::AutoScaling::AutoScalingGroup"
PINNED = {"LaunchTemplate": {"LaunchTemplateId": {"Ref": "LT"}, "Version": "$Default"}}
WEIGHTED = [{"Type": "forward", "ForwardConfig": {"TargetGroups": [{}, {}]}}]


def said_of(resources: dict[str, Any], parameters: Any = None) -> list[Finding]:
    return World(facts_changes={"owners": (owned(resources, parameters),)}).said()


def group(policy: Any = None, **properties: Any) -> dict[str, Any]:
    return {
        "Group": {
            "Type": GROUP,
            "Properties": {**PINNED, "MinSize": "0", **properties},
            "UpdatePolicy": KEEP if policy is None else policy,
        }
    }


def test_a_template_that_leaves_the_deployer_its_own_bites_nowhere() -> None:
    assert said_of(group()) == []


@pytest.mark.parametrize(
    ("resources", "what", "bites"),
    [
        (group(DesiredCapacity="4"), "DesiredCapacity", {Bite.SIZE, Bite.FAILING, Bite.DRIFT}),
        (group(MinSize=1), "MinSize is 1", {Bite.SIZE, Bite.FAILING, Bite.DRIFT}),
        (group(MinSize="2"), "MinSize is 2", {Bite.SIZE, Bite.FAILING, Bite.DRIFT}),
        (
            group(LaunchTemplate={"Version": {"Fn::GetAtt": ["LT", "LatestVersionNumber"]}}),
            "LatestVersionNumber",
            {Bite.TEMPLATE, Bite.SIZE, Bite.FAILING, Bite.DRIFT},
        ),
        (
            group(
                LaunchTemplate=None,
                MixedInstancesPolicy={
                    "LaunchTemplate": {"LaunchTemplateSpecification": {"Version": "$Latest"}}
                },
            ),
            "$Latest",
            {Bite.TEMPLATE, Bite.SIZE, Bite.FAILING, Bite.DRIFT},
        ),
        (group(LaunchConfigurationName="x"), "launch configuration", {Bite.TEMPLATE}),
        (
            group({**KEEP, "AutoScalingRollingUpdate": {}}),
            "AutoScalingRollingUpdate",
            {Bite.TEMPLATE, Bite.FAILING},
        ),
        (
            {
                **group(),
                "LT": {
                    "Type": "AWS::EC2::LaunchTemplate",
                    "Properties": {
                        "LaunchTemplateData": {"ImageId": "{{resolve:ssm:/ami}}"},
                    },
                },
            },
            "looked up anew",
            {Bite.UNRELATED, Bite.TWICE},
        ),
        (
            {
                "Rule": {
                    "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
                    "Properties": {
                        "Priority": 49_000,
                        "Actions": WEIGHTED,
                        "ListenerArn": LISTENER,
                    },
                }
            },
            "the deployer's own",
            {Bite.LISTENER, Bite.FAILING, Bite.DRIFT},
        ),
    ],
)
def test_which_update_would_bite(resources: Any, what: str, bites: set[Bite]) -> None:
    (found,) = said_of(resources)
    assert (found.check, found.level) == ("template", Level.PROBLEM)
    assert what in found.what
    assert set(found.bites) == bites
    assert found.where.startswith("web-stack/")


def test_an_image_by_parameter_is_looked_up_at_every_update() -> None:
    template = {"Type": "AWS::EC2::LaunchTemplate", "Properties": {"LaunchTemplateData": {"ImageId": {"Ref": "P"}}}}  # fmt: skip
    parameters = {"P": {"Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"}}
    (found,) = said_of({**group(), "LT": template}, parameters)
    assert "looked up anew" in found.what
    parameters["P"]["Type"] = "AWS::EC2::Image::Id"
    assert said_of({**group(), "LT": template}, parameters) == []


def test_weights_behind_the_deployers_rule_move_nobody() -> None:
    listener = {
        "Type": "AWS::ElasticLoadBalancingV2::Listener",
        "Properties": {"DefaultActions": WEIGHTED},
    }
    (found,) = said_of({"Listener": listener})
    assert found.level is Level.WARNING
    assert Bite.LISTENER in found.bites


def test_rules_and_listeners_of_other_services_are_nobodys_affair() -> None:
    """A stack may have a second load balancer: its weights and its priorities mean nothing here."""

    def said(listener: Any) -> list[Finding]:
        rule = {
            "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
            "Properties": {"Priority": 49_000, "Actions": WEIGHTED, "ListenerArn": listener},
        }
        other = {
            "Type": "AWS::ElasticLoadBalancingV2::Listener",
            "Properties": {"DefaultActions": WEIGHTED},
        }
        owner = owned({"Rule": rule, "Other": other, "Ours": other})
        ours = type(owner)(owner.stack, owner.template, {LISTENER: "Ours"})
        return World(facts_changes={"owners": (ours,)}).said()

    assert [each.where for each in said({"Ref": "Other"})] == ["web-stack/Ours"]
    assert [each.where for each in said("arn:other")] == ["web-stack/Ours"]
    for listener in ({"Ref": "Ours"}, {"Fn::ImportValue": "listener"}):
        assert [each.where for each in said(listener)] == ["web-stack/Rule", "web-stack/Ours"]


def test_sizes_that_are_sent_again_take_a_floor_away() -> None:
    (found,) = said_of(group({}))
    assert found.level is Level.WARNING
    assert "IgnoreUnmodifiedGroupSizeProperties" in found.todo[0]


def test_a_template_that_is_no_json_is_unknown() -> None:
    owner = owned({})
    (found,) = World(
        facts_changes={"owners": (type(owner)(owner.stack, None, owner.logical_ids),)}
    ).said()
    assert found.level is Level.UNKNOWN


def state(kind: str, values: dict[str, Any], **more: Any) -> dict[str, Any]:
    resource = {"address": f"module.web.{kind}.this", "type": kind, "values": values}
    module = {"child_modules": [{"resources": [resource]}]}
    return {"format_version": "1.0", "values": {"root_module": module}, **more}


ASG: dict[str, Any] = {"name": "web-blue", "launch_template": [{"version": "$Default"}]}


def problems(document: Any) -> list[Finding]:
    return [x for x in World().said(document) if x.level is Level.PROBLEM]


def test_what_a_state_does_not_tell_is_said() -> None:
    (found,) = World().said(state("aws_autoscaling_group", ASG))
    assert found.level is Level.WARNING
    assert found.where == "module.web.aws_autoscaling_group.this"
    assert "ignore_changes = [desired_capacity, min_size" in found.todo[0]


@pytest.mark.parametrize(
    ("kind", "values", "what"),
    [
        ("aws_autoscaling_group", {**ASG, "launch_template": [{"version": "$Latest"}]}, "$Latest"),
        ("aws_autoscaling_group", {**ASG, "launch_configuration": "x"}, "launch configuration"),
        ("aws_autoscaling_group", {**ASG, "instance_refresh": [{}]}, "instance_refresh"),
        (
            "aws_autoscaling_group",
            {
                "name": "web-green",
                "mixed_instances_policy": [
                    {"launch_template": [{"launch_template_specification": [{"version": "3"}]}]}
                ],
            },
            "version is 3",
        ),
        (
            "aws_launch_template",
            {"id": TEMPLATES[Slot.BLUE], "update_default_version": True},
            "update_default_version",
        ),
        (
            "aws_launch_template",
            {"id": TEMPLATES[Slot.BLUE], "image_id": "resolve:ssm:/x"},
            "resolve:ssm",
        ),
        (
            "aws_lb_listener_rule",
            {"listener_arn": LISTENER, "priority": 49_000},
            "the deployer's own",
        ),
    ],
)
def test_which_attributes_would_bite(kind: str, values: Any, what: str) -> None:
    (found,) = problems(state(kind, values))
    assert what in found.what
    assert found.bites


def test_weights_of_a_listener_are_a_warning() -> None:
    forward = {"target_group": [{"arn": arn, "weight": 1} for arn in TARGETS.values()]}
    values = {"arn": LISTENER, "default_action": [{"forward": [forward]}]}
    (found,) = World().said(state("aws_lb_listener", values))
    assert (found.level, found.bites) == (Level.WARNING, (Bite.LISTENER,))


def test_a_plan_tells_what_it_would_set() -> None:
    change = {
        "address": "aws_autoscaling_group.this", "type": "aws_autoscaling_group",
        "change": {
            "actions": ["update"],
            "before": {**ASG, "desired_capacity": 6}, "after": {**ASG, "desired_capacity": 2},
        },
    }  # fmt: skip
    document = state("aws_autoscaling_group", ASG, resource_changes=[change])
    (found,) = problems(document)
    assert "desired_capacity from 6 to 2" in found.what
    change["change"] = {"actions": ["no-op"], "before": ASG, "after": ASG}
    assert problems(document) == []
    change["change"] = {"actions": ["read"], "before": ASG, "after": {**ASG, "min_size": 1}}
    assert problems(document) == []
    change["change"] = {"actions": ["delete", "create"], "before": ASG, "after": {}}
    assert "deletes or replaces" in problems(document)[0].what


def test_a_state_of_something_else_is_said_to_be_that() -> None:
    (found,) = World().said(state("aws_autoscaling_group", {"name": "other"}))
    assert "nothing of the environment" in found.what


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with pytest.raises(NotFound, match=r"state\.json: cannot be read"):
        terraform.load(path)
    path.write_text("resource {")
    with pytest.raises(SettingsInvalid, match="is not JSON"):
        terraform.load(path)
    path.write_text('{"version": 4}')
    with pytest.raises(SettingsInvalid, match=r"terraform\.tfstate is not"):
        terraform.load(path)
    path.write_text(json.dumps(state("x", {})))
    assert terraform.load(path)["format_version"] == "1.0"
