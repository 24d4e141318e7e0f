"""CloudFormation's API as boto3 and the CDK CLI use it; boto3 parses every answer."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from deployer.lab import actions, server
from tests.lab_core.stacks import Cloud, log_group, parameter, template, topic

BODY = template({"A": topic("a")})
NAME = "cdk-deploy-change-set"  # the CLI uses one name for every stack


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    response: Any = error.value.response
    return str(response["Error"]["Code"])


def change(cloud: Cloud, stack: str, body: str, kind: str = "UPDATE", **params: Any) -> Any:
    cloud.api.create_change_set(
        StackName=stack, ChangeSetName=NAME, ChangeSetType=kind, TemplateBody=body, **params
    )
    return cloud.api.describe_change_set(StackName=stack, ChangeSetName=NAME)


def execute(cloud: Cloud, stack: str) -> Any:
    cloud.api.execute_change_set(StackName=stack, ChangeSetName=NAME)
    return cloud.settled(stack)


def test_change_set_makes_a_stack_only_when_executed(cloud: Cloud) -> None:
    told = change(cloud, "s", BODY, "CREATE", Tags=[{"Key": "k", "Value": "v"}])
    assert (told["Status"], told["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert told["Changes"] == [
        {
            "Type": "Resource",
            "ResourceChange": {
                "Action": "Add",
                "LogicalResourceId": "A",
                "ResourceType": "AWS::SNS::Topic",
            },
        }
    ]
    assert cloud.status("s") == "REVIEW_IN_PROGRESS"
    assert cloud.topics() == set()
    stack = execute(cloud, "s")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Tags"] == [{"Key": "k", "Value": "v"}]
    assert stack["ChangeSetId"] == told["ChangeSetId"]
    assert cloud.topics() == {"a"}
    with pytest.raises(ClientError) as error:
        cloud.api.describe_change_set(StackName="s", ChangeSetName=NAME)
    assert code(error) == "ChangeSetNotFound"


def test_other_tags_of_a_stack_are_refused(cloud: Cloud) -> None:
    """AWS would send every resource again that takes tags; the lab does not pretend to."""
    ours = [{"Key": "k", "Value": "v"}]
    cloud.create("s", BODY, Tags=ours)
    other = template({"A": topic("a"), "B": topic("b")})
    for wanted in ([], [{"Key": "k", "Value": "w"}]):
        with pytest.raises(ClientError, match="change of a stack's own tags"):
            cloud.update("s", other, Tags=wanted)
        with pytest.raises(ClientError, match="change of a stack's own tags"):
            change(cloud, "s", other, Tags=wanted)
    assert cloud.update("s", other, Tags=ours)["StackStatus"] == "UPDATE_COMPLETE"


def test_change_sets_of_one_name_belong_to_their_stacks(cloud: Cloud) -> None:
    change(cloud, "one", BODY, "CREATE")
    execute(cloud, "one")
    change(cloud, "two", template({"B": topic("b")}), "CREATE")
    cloud.api.delete_change_set(StackName="one", ChangeSetName=NAME)  # there is none: no matter
    execute(cloud, "two")
    assert cloud.topics() == {"a", "b"}


def test_change_set_tells_what_is_replaced_and_removed(cloud: Cloud) -> None:
    cloud.create(
        "s",
        template(
            {
                "Named": log_group("old"),
                "Shown": topic("a"),
                "Gone": topic("gone"),
                "User": parameter("/user", {"Ref": "Named"}),
                "Same": topic("same"),
            }
        ),
    )
    told = change(
        cloud,
        "s",
        template(
            {
                "Named": log_group("new"),
                "Shown": topic("b"),
                "User": parameter("/user", {"Ref": "Named"}),
                "Same": topic("same"),
                "New": topic("new"),
            }
        ),
    )
    changes = [one["ResourceChange"] for one in told["Changes"]]
    assert {
        one["LogicalResourceId"]: (one["Action"], one.get("Replacement")) for one in changes
    } == {
        "Named": ("Modify", "True"),
        "Shown": ("Modify", "False"),
        "User": ("Modify", "False"),
        "New": ("Add", None),
        "Gone": ("Remove", None),
    }
    [named] = [one for one in changes if one["LogicalResourceId"] == "Named"]
    assert named["Details"][0]["Target"] == {
        "Attribute": "Properties",
        "Name": "LogGroupName",
        "RequiresRecreation": "Always",
    }


def test_change_set_that_cannot_be_executed(cloud: Cloud) -> None:
    cloud.create("s", BODY)
    assert change(cloud, "s", BODY)["Status"] == "FAILED"
    with pytest.raises(ClientError) as error:
        execute(cloud, "s")
    assert code(error) == "InvalidChangeSetStatus"
    with pytest.raises(ClientError) as error:
        change(cloud, "s", BODY)
    assert code(error) == "AlreadyExistsException"
    summaries = cloud.api.list_change_sets(StackName="s")["Summaries"]
    assert [one["ChangeSetName"] for one in summaries] == [NAME]


def test_change_sets_need_a_stack_in_the_right_state(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match="Stack with id s does not exist"):
        change(cloud, "s", BODY)
    cloud.create("s", BODY)
    with pytest.raises(ClientError, match="already exists"):
        change(cloud, "s", BODY, "CREATE")
    with pytest.raises(ClientError) as error:
        change(cloud, "s", BODY, DeploymentConfig={"Mode": "EXPRESS"})
    assert code(error) == "NotImplemented"
    assert "Express" in str(error.value)


@pytest.mark.parametrize(
    "asked",
    [
        {"TimeoutInMinutes": 5},
        {"OnFailure": "DELETE"},
        {"StackPolicyBody": "{}"},
        {"RollbackConfiguration": {"MonitoringTimeInMinutes": 5}},
    ],
)
def test_options_that_are_not_simulated_are_refused(cloud: Cloud, asked: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as error:
        cloud.create("s", BODY, **asked)
    assert code(error) == "NotImplemented"
    with pytest.raises(ClientError, match="does not exist"):
        cloud.stack("s")


def test_failed_change_set_of_a_new_stack_leaves_no_stack(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match="Circular"):
        change(cloud, "s", template({"A": topic("a", DependsOn="A")}), "CREATE")
    with pytest.raises(ClientError, match="does not exist"):
        cloud.stack("s")


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:7/templates/dir/t.json",
        "https://s3.us-east-1.amazonaws.com/templates/dir/t.json",
        "https://templates.s3.us-east-1.amazonaws.com/dir/t.json",
    ],
)
def test_template_comes_from_the_labs_bucket(cloud: Cloud, url: str) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="dir/t.json", Body=BODY.encode())
    cloud.api.create_stack(StackName="s", TemplateURL=url)
    assert cloud.settled("s")["StackStatus"] == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="S3 error"):
        cloud.api.create_stack(StackName="other", TemplateURL=url + ".gone")


def test_what_is_told_of_a_stack(cloud: Cloud) -> None:
    body = template(
        {"A": topic("a", Metadata={"aws:cdk:path": "s/A"})},
        Description="what it is",
        Parameters={"P": {"Type": "String", "Default": True, "NoEcho": True}},
    )
    cloud.create("s", body)
    api = cloud.api
    assert api.get_template(StackName="s", TemplateStage="Original")["TemplateBody"] == json.loads(
        body
    )
    summary = api.get_template_summary(StackName="s")
    assert summary["ResourceTypes"] == ["AWS::SNS::Topic"]
    assert summary["Parameters"][0]["DefaultValue"] == "true"
    validated = api.validate_template(TemplateBody=body)
    assert validated["Description"] == "what it is"
    assert validated["Parameters"][0]["NoEcho"] is True
    [listed] = api.list_stacks(StackStatusFilter=["CREATE_COMPLETE"])["StackSummaries"]
    assert listed["StackName"] == "s"
    [one] = api.describe_stack_resources(StackName="s")["StackResources"]
    [same] = api.describe_stack_resources(PhysicalResourceId=one["PhysicalResourceId"])[
        "StackResources"
    ]
    assert same == one
    detail = api.describe_stack_resource(StackName="s", LogicalResourceId="A")
    metadata = json.loads(detail["StackResourceDetail"]["Metadata"])
    assert metadata == {"aws:cdk:path": "s/A"}
    with pytest.raises(ClientError, match="Resource B does not exist"):
        api.describe_stack_resource(StackName="s", LogicalResourceId="B")


def test_events_come_in_pages_newest_first_and_in_order(cloud: Cloud) -> None:
    cloud.create("s", template({f"T{index:02}": topic("t") for index in range(40)}))
    first = cloud.api.describe_stack_events(StackName="s")
    assert len(first["StackEvents"]) == 100
    assert first["StackEvents"][0]["ResourceType"] == "AWS::CloudFormation::Stack"
    assert len(cloud.events("s")) == 40 * 3 + 2
    at = [
        int(event["Timestamp"].timestamp() * 1000)
        for page in cloud.api.get_paginator("describe_stack_events").paginate(StackName="s")
        for event in page["StackEvents"]
    ]
    assert at == sorted(at, reverse=True)
    assert len(set(at)) == len(at)  # to the millisecond, which is all that the CLI sees


def test_failed_events_alone(cloud: Cloud) -> None:
    cloud.create("s", template({"Odd": {"Type": "AWS::Odd::Thing"}}))
    told = cloud.api.describe_events(StackName="s", Filters={"FailedEvents": True})
    assert [one["LogicalResourceId"] for one in told["OperationEvents"]] == ["Odd"]


def test_what_the_engine_does_not_have_is_not_left_to_moto(cloud: Cloud) -> None:
    with pytest.raises(ClientError) as error:
        cloud.api.create_stack_set(StackSetName="x", TemplateBody=BODY)
    assert code(error) == "NotImplemented"
    assert "cloudformation:CreateStackSet" in str(error.value)


def test_nobody_did_it_says_cloudtrail(cloud: Cloud) -> None:
    assert cloud.client("cloudtrail").lookup_events()["Events"] == []


def test_waiters_work_over_the_wire(cloud: Cloud) -> None:
    running = server.serve(cloud.context)
    anything: Any = boto3
    client = anything.client(
        "cloudformation",
        endpoint_url=running.endpoint,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    client.create_stack(StackName="s", TemplateBody=BODY)
    # Asked from outside, DescribeStacks waits a moment for the operation: one call is enough.
    client.get_waiter("stack_create_complete").wait(StackName="s")
    assert len(actions.calls("cloudformation", "DescribeStacks", external=True)) == 1
    client.close()
    running.close()


def test_stack_can_be_found_by_id_after_its_end(cloud: Cloud) -> None:
    first = cloud.create("s", BODY)["StackId"]
    assert cloud.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    second = cloud.create("s", BODY)["StackId"]
    assert cloud.status(first) == "DELETE_COMPLETE"
    assert cloud.status(second) == "CREATE_COMPLETE"
    assert cloud.stack("s")["StackId"] == second
