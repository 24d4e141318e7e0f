"""Drift in the lab's CloudFormation: what is compared, what is told, what a change set reverts."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from deployer.lab.cloudformation.drift import differences
from tests.lab_core.stacks import Cloud, log_group, parameter, template, topic

REVERT = {"ChangeSetName": "back", "DeploymentMode": "REVERT_DRIFT"}


def texts(expected: Any, actual: Any) -> list[str]:
    return [each.path for each in differences(expected, actual, "/P")]


@pytest.mark.parametrize(
    ("expected", "actual", "paths"),
    [
        ("80", 80, []),
        (True, "true", []),
        (5, 5.0, []),
        ("", None, []),
        ("a", "b", ["/P"]),
        ("a", None, ["/P"]),
        ({"A": 1}, {"A": 1, "B": 2}, []),  # only what the template names is compared
        ({"A": 1}, {"B": 2}, ["/P/A"]),
        (["a", "b"], ["b", "a"], []),
        (["a"], ["a", "b"], ["/P"]),
        ([{"K": "a", "V": 1}], [{"K": "a", "V": 2}], ["/P/0/V"]),
        (
            [{"Arn": "x", "Weight": 1}, {"Arn": "y", "Weight": 0}],
            [{"Arn": "x", "Weight": 1}, {"Arn": "y", "Weight": 9}],
            ["/P/1/Weight"],
        ),
        ({"A": [1]}, {"A": {"B": 1}}, ["/P/A"]),
    ],
)
def test_only_what_the_template_names_is_compared(
    expected: Any, actual: Any, paths: list[str]
) -> None:
    assert texts(expected, actual) == paths


def test_detection_tells_what_somebody_has_changed(cloud: Cloud) -> None:
    cloud.create("s", template({"P": parameter("/p", "ours"), "Q": parameter("/q", "same")}))
    ssm = cloud.client("ssm")
    assert detected(cloud) == ("IN_SYNC", {"P": "IN_SYNC", "Q": "IN_SYNC"})
    ssm.put_parameter(Name="/p", Value="theirs", Type="String", Overwrite=True)
    assert detected(cloud) == ("DRIFTED", {"P": "MODIFIED", "Q": "IN_SYNC"})
    [row] = cloud.api.describe_stack_resource_drifts(
        StackName="s", StackResourceDriftStatusFilters=["MODIFIED"]
    )["StackResourceDrifts"]
    assert row["PropertyDifferences"] == [
        {
            "PropertyPath": "/Value",
            "ExpectedValue": "ours",
            "ActualValue": "theirs",
            "DifferenceType": "NOT_EQUAL",
        }
    ]
    ssm.delete_parameter(Name="/p")
    assert detected(cloud) == ("DRIFTED", {"P": "DELETED", "Q": "IN_SYNC"})


def detected(cloud: Cloud) -> tuple[str, dict[str, str]]:
    found = cloud.api.detect_stack_drift(StackName="s")["StackDriftDetectionId"]
    told = cloud.api.describe_stack_drift_detection_status(StackDriftDetectionId=found)
    assert told["DetectionStatus"] == "DETECTION_COMPLETE"
    rows = cloud.api.describe_stack_resource_drifts(StackName="s")["StackResourceDrifts"]
    by_name = {row["LogicalResourceId"]: row["StackResourceDriftStatus"] for row in rows}
    return told["StackDriftStatus"], by_name


def test_what_the_lab_cannot_read_is_unknown_and_stops_a_reverting_change_set(
    cloud: Cloud,
) -> None:
    cloud.create("s", template({"Bell": topic("bell")}))
    assert detected(cloud) == ("UNKNOWN", {"Bell": "UNKNOWN"})
    with pytest.raises(ClientError, match=r"does not read what AWS::SNS::Topic is \(Bell\)"):
        reverting(cloud, template({"Bell": topic("bell")}))
    cloud.create("t", template({"P": parameter("/p", "ours")}))
    cloud.client("ssm").delete_parameter(Name="/p")
    with pytest.raises(ClientError, match=r"does not make again what was deleted \(P\)"):
        reverting(cloud, template({"P": parameter("/p", "ours")}), "t")


def reverting(cloud: Cloud, body: str, stack: str = "s") -> dict[str, Any]:
    cloud.api.create_change_set(StackName=stack, TemplateBody=body, **REVERT)
    described: dict[str, Any] = cloud.api.describe_change_set(
        StackName=stack, ChangeSetName=REVERT["ChangeSetName"]
    )
    return described


def test_a_change_set_reverts_what_has_drifted_and_nothing_else(cloud: Cloud) -> None:
    body = template({"P": parameter("/p", "ours"), "Q": parameter("/q", "same")})
    cloud.create("s", body)
    nothing = reverting(cloud, body)
    assert (nothing["Status"], nothing["Changes"]) == ("FAILED", [])
    cloud.api.delete_change_set(StackName="s", ChangeSetName="back")
    cloud.client("ssm").put_parameter(Name="/p", Value="theirs", Type="String", Overwrite=True)

    with pytest.raises(ClientError, match="No updates"):  # any other update looks at templates only
        cloud.update("s", body)
    told = reverting(cloud, body)
    assert (told["DeploymentMode"], told["StackDriftStatus"]) == ("REVERT_DRIFT", "DRIFTED")
    [change] = [each["ResourceChange"] for each in told["Changes"]]
    assert (change["LogicalResourceId"], change["ResourceDriftStatus"]) == ("P", "MODIFIED")
    seen = cloud.events("s")
    cloud.api.execute_change_set(StackName="s", ChangeSetName="back")
    assert cloud.settled("s")["StackStatus"] == "UPDATE_COMPLETE"
    assert cloud.parameters() == {"/p": "ours", "/q": "same"}
    assert {name for name, _ in cloud.since("s", seen)} == {"s", "P"}


def test_a_template_that_says_what_is_there_ends_the_drift_without_a_change(cloud: Cloud) -> None:
    cloud.create("s", template({"P": parameter("/p", "ours")}))
    cloud.client("ssm").put_parameter(Name="/p", Value="theirs", Type="String", Overwrite=True)
    told = reverting(cloud, template({"P": parameter("/p", "theirs")}))
    assert (told["Status"], told["Changes"]) == ("CREATE_COMPLETE", [])
    cloud.api.execute_change_set(StackName="s", ChangeSetName="back")
    assert cloud.settled("s")["StackStatus"] == "UPDATE_COMPLETE"
    assert detected(cloud)[0] == "IN_SYNC"


def test_a_failed_revert_brings_back_what_was_there_not_what_the_template_said(
    cloud: Cloud,
) -> None:
    taken = parameter("/taken", "ours", DependsOn="P")
    cloud.create("s", template({"P": parameter("/p", "ours")}))
    ssm = cloud.client("ssm")
    ssm.put_parameter(Name="/p", Value="theirs", Type="String", Overwrite=True)
    ssm.put_parameter(Name="/taken", Value="theirs", Type="String")
    reverting(cloud, template({"P": parameter("/p", "ours"), "Taken": taken}))
    cloud.api.execute_change_set(StackName="s", ChangeSetName="back")
    assert cloud.settled("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.parameters()["/p"] == "theirs"
    assert detected(cloud)[0] == "DRIFTED"
    cloud.update("s", template({"P": parameter("/p", "ours"), "Log": log_group("l")}))
    assert cloud.parameters()["/p"] == "theirs"  # the template's own words have not changed


def test_rules_of_a_security_group_are_read_from_it(cloud: Cloud) -> None:
    web = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
    inline = {**web, "CidrIp": "192.0.2.0/24", "Description": "office"}
    body = template(
        {
            "Door": {
                "Type": "AWS::EC2::SecurityGroup",
                "Properties": {"GroupDescription": "d", "SecurityGroupIngress": [inline]},
            },
            "Rule": {
                "Type": "AWS::EC2::SecurityGroupIngress",
                "Properties": {
                    **web,
                    "GroupId": {"Fn::GetAtt": ["Door", "GroupId"]},
                    "CidrIp": "198.51.100.0/24",
                },
            },
        }
    )
    cloud.create("s", body)
    assert detected(cloud) == ("IN_SYNC", {"Door": "IN_SYNC", "Rule": "IN_SYNC"})
    for cidr, found in (
        ("192.0.2.0/24", {"Door": "MODIFIED", "Rule": "IN_SYNC"}),
        ("198.51.100.0/24", {"Door": "MODIFIED", "Rule": "DELETED"}),
    ):
        cloud.client("ec2").revoke_security_group_ingress(
            GroupId=cloud.physical_ids("s")["Door"],
            IpPermissions=[{**web, "IpRanges": [{"CidrIp": cidr}]}],
        )
        assert detected(cloud) == ("DRIFTED", found)
