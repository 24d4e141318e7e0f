"""The deployer's role in the templates: who may be it, and on what it may act."""

import json
from typing import Any

from deployer.aws.needs import Resource
from deployer.aws.permissions import NEEDS, Place, statements
from deployer.topology import DEPLOYER_ROLE_OUTPUT
from stacks.acknowledged import spelled
from tests.synth.conftest import Templates, Variant

WHOSE = {"deployer:service": "shop", "deployer:environment": "lab"}


def granted(templates: Templates) -> dict[str, Any]:
    """The role's statements in both stacks, by Sid."""
    return {
        statement["Sid"]: statement
        for part, name in (("control", "DeployerReads"), ("service", "Moves"))
        for key, policy in templates.of_type(part, "IAM::Policy").items()
        if key.startswith(name)
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    }


def test_whoever_the_account_lets_may_be_the_deployer_for_half_a_day(templates: Templates) -> None:
    (role,) = templates.properties("control", "IAM::Role")
    (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Action"] == "sts:AssumeRole"
    assert spelled(trusted["Principal"]["AWS"]).endswith(":iam::123456789012:root")
    assert role["MaxSessionDuration"] == 12 * 3600
    assert "ManagedPolicyArns" not in role
    assert templates.template("control")["Outputs"][DEPLOYER_ROLE_OUTPUT]["Value"] == {
        "Fn::GetAtt": ["DeployerRole36024D4B", "Arn"]
    }


def test_both_policies_together_are_what_the_adapters_declare(templates: Templates) -> None:
    found = {
        action
        for statement in granted(templates).values()
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
    }
    functions = {need.action for need in NEEDS if need.on is Resource.FUNCTION}
    assert found == {need.action for need in NEEDS} - functions  # the sample has no such hook


def test_rules_are_made_tagged_and_only_those_are_changed(templates: Templates) -> None:
    statements = granted(templates)
    listener = {"Ref": "EntranceBalancerProductionECD6754C"}
    assert statements["Listener"]["Resource"] == listener
    assert statements["Listener"]["Condition"] == {
        "StringEquals": {f"aws:RequestTag/{key}": value for key, value in WHOSE.items()}
    }
    assert statements["NewRule"]["Condition"] == {
        "StringEquals": {"elasticloadbalancing:CreateAction": "CreateRule"}
    }
    assert statements["Rule"]["Condition"] == {
        "StringEquals": {f"aws:ResourceTag/{key}": value for key, value in WHOSE.items()}
    }
    rules = json.dumps(statements["Rule"]["Resource"])
    assert ":listener-rule/" in rules
    assert json.dumps(listener) in rules
    assert statements["NewRule"]["Resource"] == statements["Rule"]["Resource"]
    assert statements["CohortRule"]["Resource"] == statements["Rule"]["Resource"]
    whose = statements["Rule"]["Condition"]["StringEquals"]
    cohorts = {**whose, "aws:ResourceTag/deployer:cohort": ["blue", "green"]}
    assert statements["CohortRule"]["Condition"] == {"StringEquals": cohorts}
    pages = {**whose, "aws:ResourceTag/deployer:page": "asleep"}
    assert statements["PageRule"]["Condition"] == {"StringEquals": pages}


def test_only_this_environments_slots_are_moved(templates: Templates) -> None:
    statements = granted(templates)
    scope = "us-east-1:123456789012"
    assert list(map(spelled, statements["Group"]["Resource"])) == [
        f"arn:aws:autoscaling:{scope}:autoScalingGroup:*:autoScalingGroupName/<{group}>"
        for group in ("BlueGroupASG2F051B92", "GreenGroupASGE6B6476F")
    ]
    assert list(map(spelled, statements["Template"]["Resource"])) == [
        f"arn:aws:ec2:{scope}:launch-template/<{template}>"
        for template in ("BlueLaunchTemplate2B7CCDEA", "GreenLaunchTemplate2F1C5221")
    ]


CHANNELS = """
[[notify.channels]]
name = "ops"
kind = "http"
url = "secretsmanager:shop/ops#url"
secret = "secretsmanager:shop/ops#key"
[[notify.channels]]
name = "teams"
kind = "teams"
url = "ssm:/shop/teams"
[[notify.channels]]
name = "pager"
kind = "sns"
topic = "arn:aws:sns:us-east-1:123456789012:pager"
[[notify.channels]]
name = "bus"
kind = "eventbridge"
"""


def test_what_the_settings_name_may_be_used_and_nothing_else(variant: Variant) -> None:
    """Functions of hooks; topics, buses and secrets of channels; a vendor's key."""
    hooked = variant(
        "[environments.lab]",
        '[hooks]\nbefore_traffic = {function = "smoke"}\n'
        'on_rollback = {function = "arn:aws:lambda:us-east-1:123456789012:function:undo:live"}\n'
        f'{CHANNELS}[telemetry]\notlp_headers = "ssm:/shop/otlp"\n[environments.lab]',
    )
    told = {
        each["Action"]: each["Resource"]
        for key, policy in hooked.of_type("control", "IAM::Policy").items()
        if key.startswith("DeployerNotifies")
        for each in policy["Properties"]["PolicyDocument"]["Statement"]
    }
    at = "us-east-1:123456789012"
    parameters = told.pop("ssm:GetParameter")
    assert [spelled(arn) for arn in parameters] == [
        f"arn:aws:ssm:{at}:parameter/shop/{name}" for name in ("otlp", "teams")
    ]
    assert {action: spelled(arn) for action, arn in told.items()} == {
        "sns:Publish": f"arn:aws:sns:{at}:pager",
        "events:PutEvents": f"arn:aws:events:{at}:event-bus/default",
        "secretsmanager:GetSecretValue": f"arn:aws:secretsmanager:{at}:secret:shop/ops-??????",
    }
    assert granted(hooked)["Function"]["Resource"] == [
        "arn:aws:lambda:us-east-1:123456789012:function:smoke",
        "arn:aws:lambda:us-east-1:123456789012:function:undo:live",
    ]


def test_statements_leave_out_what_is_nowhere_or_never_needed() -> None:
    assert statements({Resource.FUNCTION: Place(())}) == []
    (only,) = statements({Resource.BUCKET: Place(("arn:aws:s3:::b",))})
    assert only == {
        "Sid": "Bucket",
        "Effect": "Allow",
        "Action": ["s3:ListBucket"],
        "Resource": ["arn:aws:s3:::b"],
    }


def test_whoever_supervises_on_a_machine_may_tell_the_environments_topic(
    templates: Templates,
) -> None:
    """The CLI finds the topic beside everything else, and its role may publish there, nowhere else."""
    (topic,) = templates.of_type("control", "SNS::Topic")
    (told,) = [
        policy["Properties"]["PolicyDocument"]["Statement"]
        for key, policy in templates.of_type("control", "IAM::Policy").items()
        if key.startswith("DeployerTells")
    ]
    (only,) = told
    assert (only["Action"], only["Resource"]) == ("sns:Publish", {"Ref": topic})
    (parameter,) = [
        each
        for each in templates.properties("service", "SSM::Parameter")
        if each["Name"].endswith("/topology")
    ]
    assert json.loads(spelled(parameter["Value"]))["topic"].count(f"OutputRef{topic}") == 1
