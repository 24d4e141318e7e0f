"""The CloudFormation engine: create, update, replace, roll back, delete; told as AWS tells it."""

import json
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deployer.lab import actions
from tests.lab_core.stacks import Cloud, log_group, parameter, template, topic


def test_create_tells_outputs_exports_resources_and_events(cloud: Cloud) -> None:
    body = template(
        {
            "Names": parameter("/names", {"Fn::Join": [",", [{"Ref": "Alarm"}, {"Ref": "P"}]]}),
            "Alarm": topic("bell"),
            "Skipped": topic("nobody", Condition="Never"),
        },
        Parameters={"P": {"Type": "String", "Default": "p"}},
        Conditions={"Never": {"Fn::Equals": [{"Ref": "P"}, "q"]}},
        Outputs={
            "Topic": {"Value": {"Ref": "Alarm"}, "Export": {"Name": "the:topic"}},
            "Hidden": {"Value": "x", "Condition": "Never"},
        },
    )
    stack = cloud.create("s", body, Tags=[{"Key": "team", "Value": "a"}])
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    arn = cloud.outputs("s")["Topic"]
    assert cloud.outputs("s") == {"Topic": arn}
    assert cloud.parameters() == {"/names": f"{arn},p"}
    assert cloud.topics() == {"bell"}
    assert cloud.physical_ids("s") == {"Alarm": arn, "Names": "/names"}
    assert cloud.events("s") == [
        ("s", "CREATE_IN_PROGRESS"),
        ("Alarm", "CREATE_IN_PROGRESS"),
        ("Alarm", "CREATE_IN_PROGRESS"),
        ("Alarm", "CREATE_COMPLETE"),
        ("Names", "CREATE_IN_PROGRESS"),
        ("Names", "CREATE_IN_PROGRESS"),
        ("Names", "CREATE_COMPLETE"),
        ("s", "CREATE_COMPLETE"),
    ]
    assert cloud.api.list_exports()["Exports"] == [
        {"ExportingStackId": stack["StackId"], "Name": "the:topic", "Value": arn}
    ]
    tags = cloud.client("sns").list_tags_for_resource(ResourceArn=arn)["Tags"]
    assert tags == [{"Key": "team", "Value": "a"}]
    with pytest.raises(ClientError, match="already exists"):
        cloud.create("s", body)


def test_update_changes_in_place_and_touches_nothing_else(cloud: Cloud) -> None:
    cloud.create("s", template({"A": topic("one"), "B": topic("two")}))
    before, seen = cloud.physical_ids("s"), cloud.events("s")
    stack = cloud.update("s", template({"A": topic("uno"), "B": topic("two")}))
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert cloud.physical_ids("s") == before
    assert cloud.topics() == {"uno", "two"}
    assert cloud.since("s", seen) == [
        ("s", "UPDATE_IN_PROGRESS"),
        ("A", "UPDATE_IN_PROGRESS"),
        ("A", "UPDATE_COMPLETE"),
        ("s", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("s", "UPDATE_COMPLETE"),
    ]


def test_nothing_to_do_is_said(cloud: Cloud) -> None:
    body = template({"A": topic("one")})
    cloud.create("s", body)
    with pytest.raises(ClientError, match=r"No updates are to be performed\."):
        cloud.update("s", body)
    cloud.api.create_change_set(StackName="s", ChangeSetName="c", TemplateBody=body)
    told = cloud.api.describe_change_set(StackName="s", ChangeSetName="c")
    assert (told["Status"], told["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert told["StatusReason"].startswith("The submitted information didn't contain changes.")
    assert cloud.status("s") == "CREATE_COMPLETE"


def test_replacement_comes_first_and_takes_dependents_along(cloud: Cloud) -> None:
    def body(name: str) -> str:
        return template({"Logs": log_group(name), "Where": parameter("/where", {"Ref": "Logs"})})

    cloud.create("s", body("old"))
    seen = cloud.events("s")
    cloud.update("s", body("new"))
    assert cloud.log_groups() == {"new"}
    assert cloud.parameters() == {"/where": "new"}
    assert cloud.since("s", seen) == [
        ("s", "UPDATE_IN_PROGRESS"),
        ("Logs", "UPDATE_IN_PROGRESS"),
        ("Logs", "UPDATE_IN_PROGRESS"),
        ("Logs", "UPDATE_COMPLETE"),
        ("Where", "UPDATE_IN_PROGRESS"),
        ("Where", "UPDATE_COMPLETE"),
        ("s", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("Logs", "DELETE_IN_PROGRESS"),
        ("Logs", "DELETE_COMPLETE"),
        ("s", "UPDATE_COMPLETE"),
    ]


def test_what_the_template_names_makes_no_way_for_another(cloud: Cloud) -> None:
    """AWS: "You can't perform an update that causes a custom-named resource to be replaced."""

    def body(port: int, name: str) -> str:
        properties = {"Name": name, "Port": port, "Protocol": "HTTP", "VpcId": {"Ref": "Net"}}
        targets = {"Type": "AWS::ElasticLoadBalancingV2::TargetGroup", "Properties": properties}
        net = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}
        return template({"Net": net, "Targets": targets, "A": topic(f"on-{port}")})

    cloud.create("s", body(8080, "blue"))
    ids = cloud.physical_ids("s")
    assert cloud.update("s", body(9000, "blue"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    told = cloud.api.describe_stack_events(StackName="s")["StackEvents"]
    (why,) = [e["ResourceStatusReason"] for e in told if e["ResourceStatus"] == "UPDATE_FAILED"]
    assert why == (
        "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
        "Rename blue and update the stack again."
    )
    assert cloud.physical_ids("s") == ids
    assert cloud.topics() == {"on-8080"}
    assert cloud.update("s", body(9000, "green"))["StackStatus"] == "UPDATE_COMPLETE"


def test_attributes_that_move_reach_those_who_use_them(cloud: Cloud) -> None:
    """A resource changes because what it refers to did, though its own JSON is the same."""

    def body(kind: str) -> str:
        return template(
            {
                "Lt": {
                    "Type": "AWS::EC2::LaunchTemplate",
                    "Properties": {"LaunchTemplateData": {"InstanceType": kind}},
                },
                "Seen": parameter("/seen", {"Fn::GetAtt": ["Lt", "LatestVersionNumber"]}),
            }
        )

    cloud.create("s", body("t3.micro"))
    assert cloud.parameters() == {"/seen": "1"}
    cloud.update("s", body("t3.small"))
    assert cloud.parameters() == {"/seen": "2"}
    [one] = cloud.client("ec2").describe_launch_templates()["LaunchTemplates"]
    assert (one["DefaultVersionNumber"], one["LatestVersionNumber"]) == (1, 2)


def taken(cloud: Cloud, name: str = "/taken") -> dict[str, Any]:
    """A resource that cannot be made: somebody else has its name."""
    cloud.client("ssm").put_parameter(Name=name, Value="theirs", Type="String")
    return parameter(name, "ours")


def test_failed_create_leaves_nothing_and_says_why(cloud: Cloud) -> None:
    bad = taken(cloud) | {"DependsOn": "A"}
    stack = cloud.create("s", template({"A": topic("one"), "Bad": bad, "Late": topic("x")}))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert cloud.topics() == set()
    assert cloud.parameters() == {"/taken": "theirs"}
    assert "already exists" in cloud.reasons("s")["Bad"]
    assert ("s", "ROLLBACK_IN_PROGRESS") in cloud.events("s")
    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE state and can not be updated"):
        cloud.update("s", template({"A": topic("one")}))
    assert cloud.delete("s")["StackStatus"] == "DELETE_COMPLETE"


def test_failed_update_brings_everything_back(cloud: Cloud) -> None:
    before = {
        "Changed": topic("one"),
        "Replaced": log_group("old"),
        "User": parameter("/user", {"Ref": "Replaced"}),
        "Dropped": topic("dropped"),
    }
    after = {
        "Changed": topic("uno"),
        "Replaced": log_group("new"),
        "User": before["User"],
        "Added": topic("added"),
        "Bad": taken(cloud) | {"DependsOn": ["Added", "User", "Changed"]},
    }
    cloud.create("s", template(before))
    ids, seen = cloud.physical_ids("s"), cloud.events("s")
    stack = cloud.update("s", template(after))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.physical_ids("s") == ids
    assert cloud.topics() == {"one", "dropped"}
    assert cloud.log_groups() == {"old"}
    assert cloud.parameters() == {"/taken": "theirs", "/user": "old"}
    statuses = [status for name, status in cloud.since("s", seen) if name == "s"]
    assert statuses == [
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    ]
    # And the stack is none the worse for it.
    assert cloud.update("s", template({**before, "More": topic("more")}))["StackStatus"] == (
        "UPDATE_COMPLETE"
    )


def test_half_applied_update_is_undone(cloud: Cloud) -> None:
    """The attribute was set before the second call failed: the way back sets it again."""

    def group(delay: str, path: str) -> str:
        attributes = [{"Key": "deregistration_delay.timeout_seconds", "Value": delay}]
        return template(
            {
                "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
                "Group": {
                    "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
                    "Properties": {
                        "Port": 80,
                        "Protocol": "HTTP",
                        "VpcId": {"Ref": "Vpc"},
                        "HealthCheckPath": path,
                        "TargetGroupAttributes": attributes,
                    },
                },
            }
        )

    cloud.create("s", group("30", "/a"))
    arn = cloud.physical_ids("s")["Group"]

    def refuse_once(call: actions.Call, params: dict[str, Any]) -> dict[str, Any]:
        if params["Attributes"][0]["Value"] == "60":
            raise actions.Refused("InvalidConfigurationRequest", "not 60")
        return call.moto()

    actions.replace("elbv2", "ModifyTargetGroupAttributes", refuse_once)
    stack = cloud.update("s", group("60", "/b"))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    elb = cloud.client("elbv2")
    one = elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]
    assert one["HealthCheckPath"] == "/a"
    told = elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    assert {"Key": "deregistration_delay.timeout_seconds", "Value": "30"} in told


@pytest.mark.parametrize(
    ("resource", "named"),
    [
        ({"Type": "AWS::Batch::JobQueue", "Properties": {}}, ["AWS::Batch::JobQueue", "Odd"]),
        ({"Type": "Custom::Thing", "Properties": {}}, ["Custom::Thing", "Odd"]),
        ({"Type": "AWS::CloudFormation::Stack"}, ["AWS::CloudFormation::Stack"]),
        (
            {"Type": "AWS::SNS::Topic", "Properties": {"ArchivePolicy": {}, "DisplayName": "x"}},
            ["ArchivePolicy", "AWS::SNS::Topic", "Odd"],
        ),
        (
            {"Type": "AWS::SNS::Topic", "UpdatePolicy": {"AutoScalingRollingUpdate": {}}},
            ["AutoScalingRollingUpdate"],
        ),
        (
            {"Type": "AWS::SNS::Topic", "CreationPolicy": {"ResourceSignal": {}}},
            ["CreationPolicy.ResourceSignal"],
        ),
    ],
)
def test_what_is_not_simulated_fails_the_stack_by_name(
    cloud: Cloud, resource: dict[str, Any], named: list[str]
) -> None:
    stack = cloud.create("s", template({"Odd": resource}))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = cloud.reasons("s")["Odd"]
    assert reason.startswith("the lab does not simulate")
    assert all(name in reason for name in named)


def test_delete_goes_backwards_and_keeps_what_it_should(cloud: Cloud) -> None:
    body = template(
        {
            "First": topic("one"),
            "Second": topic("two", DependsOn="First"),
            "Kept": topic("kept", DeletionPolicy="Retain"),
        }
    )
    cloud.create("s", body)
    stack_id, seen = cloud.stack("s")["StackId"], cloud.events("s")
    assert cloud.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert cloud.topics() == {"kept"}
    ends = [one for one in cloud.since(stack_id, seen) if not one[1].endswith("IN_PROGRESS")]
    assert ends == [
        ("Second", "DELETE_COMPLETE"),
        ("Kept", "DELETE_SKIPPED"),
        ("First", "DELETE_COMPLETE"),
        ("s", "DELETE_COMPLETE"),
    ]
    with pytest.raises(ClientError, match="Stack with id s does not exist"):
        cloud.stack("s")
    cloud.api.delete_stack(StackName="s")  # again: nothing to do


def test_bucket_with_objects_stops_the_deletion_until_emptied(cloud: Cloud) -> None:
    bucket = {
        "Type": "AWS::S3::Bucket",
        "Properties": {"VersioningConfiguration": {"Status": "Enabled"}},
    }
    cloud.create(
        "s", template({"B": bucket, "T": topic("t", DependsOn="B"), "Base": topic("base")})
    )
    s3, name = cloud.client("s3"), cloud.physical_ids("s")["B"]
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    stack = cloud.delete("s")
    assert stack["StackStatus"] == "DELETE_FAILED"
    assert "[B]" in stack["StackStatusReason"]
    assert "not empty" in cloud.reasons("s")["B"]
    assert cloud.topics() == set()
    for one in s3.list_object_versions(Bucket=name)["Versions"]:
        s3.delete_object(Bucket=name, Key="k", VersionId=one["VersionId"])
    assert cloud.delete("s")["StackStatus"] == "DELETE_COMPLETE"


def exporting(value: str) -> str:
    outputs = {"O": {"Value": {"Ref": "T"}, "Export": {"Name": "shared"}}}
    return template({"T": log_group(value)}, Outputs=outputs)


def test_export_in_use_is_neither_deleted_nor_changed(cloud: Cloud) -> None:
    cloud.create("giver", exporting("a"))
    user = template({"P": parameter("/p", {"Fn::ImportValue": "shared"})})
    cloud.create("taker", user)
    assert cloud.parameters() == {"/p": "a"}
    assert cloud.api.list_imports(ExportName="shared")["Imports"] == ["taker"]

    stack = cloud.delete("giver")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["StackStatusReason"] == (
        "Export shared cannot be deleted as it is in use by taker"
    )
    stack = cloud.update("giver", exporting("b"))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.log_groups() == {"a"}
    with pytest.raises(ClientError, match="No updates"):
        cloud.update("giver", exporting("a"))

    assert cloud.delete("taker")["StackStatus"] == "DELETE_COMPLETE"
    assert cloud.delete("giver")["StackStatus"] == "DELETE_COMPLETE"
    assert cloud.log_groups() == set()


def test_replaced_resource_is_retained_when_its_policy_says_so(cloud: Cloud) -> None:
    keep = {"UpdateReplacePolicy": "Retain"}
    cloud.create("s", template({"L": log_group("old", **keep)}))
    cloud.update("s", template({"L": log_group("new", **keep)}))
    assert cloud.log_groups() == {"old", "new"}
    assert ("L", "DELETE_SKIPPED") in cloud.events("s")


def test_removed_resource_is_deleted_last(cloud: Cloud) -> None:
    cloud.create("s", template({"A": topic("a"), "B": topic("b", DependsOn="A")}))
    cloud.update("s", template({"C": topic("c")}))
    assert cloud.topics() == {"c"}
    assert set(cloud.physical_ids("s")) == {"C"}
    deleted = [name for name, status in cloud.events("s") if status == "DELETE_COMPLETE"]
    assert deleted == ["B", "A"]


def test_termination_protection(cloud: Cloud) -> None:
    cloud.create("s", template({"A": topic("a")}), EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        cloud.delete("s")
    cloud.api.update_termination_protection(StackName="s", EnableTerminationProtection=False)
    assert cloud.delete("s")["StackStatus"] == "DELETE_COMPLETE"


def test_ssm_parameter_types_are_read_again_at_each_update(cloud: Cloud) -> None:
    ssm = cloud.client("ssm")
    ssm.put_parameter(Name="/ami", Value="ami-1", Type="String")
    declared = {
        "Ami": {"Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "Default": "/ami"}
    }
    body = template({"P": parameter("/seen", {"Ref": "Ami"})}, Parameters=declared)
    cloud.create("s", body)
    ssm.put_parameter(Name="/ami", Value="ami-2", Type="String", Overwrite=True)
    kept = [{"ParameterKey": "Ami", "UsePreviousValue": True}]
    stack = cloud.update("s", body, Parameters=kept)
    assert cloud.parameters()["/seen"] == "ami-2"
    assert stack["Parameters"] == [
        {"ParameterKey": "Ami", "ParameterValue": "/ami", "ResolvedValue": "ami-2"}
    ]


def test_rollback_that_fails_can_be_continued(cloud: Cloud) -> None:
    cloud.create("s", template({"A": topic("one")}))
    broken = threading.Event()

    def refuse(call: actions.Call, params: dict[str, Any]) -> dict[str, Any]:
        if broken.is_set() and params["AttributeValue"] == "one":
            raise actions.Refused("InternalError", "no way back", 400)
        broken.set()
        return call.moto()

    actions.replace("sns", "SetTopicAttributes", refuse)
    bad = taken(cloud) | {"DependsOn": "A"}
    stack = cloud.update("s", template({"A": topic("uno"), "Bad": bad}))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    broken.clear()
    cloud.api.continue_update_rollback(StackName="s")
    assert cloud.settled("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.topics() == {"one"}


def test_without_rollback_the_pieces_stay_and_can_be_mended(cloud: Cloud) -> None:
    bad = taken(cloud) | {"DependsOn": "A"}
    body = template({"A": topic("one"), "Bad": bad})
    stack = cloud.create("s", body, DisableRollback=True)
    assert stack["StackStatus"] == "CREATE_FAILED"
    assert cloud.topics() == {"one"}
    cloud.client("ssm").delete_parameter(Name="/taken")
    assert cloud.update("s", body, DisableRollback=True)["StackStatus"] == "UPDATE_COMPLETE"
    assert cloud.parameters() == {"/taken": "ours"}


def test_operations_leave_the_lock_to_others_while_they_wait(cloud: Cloud) -> None:
    """A group's deletion waits for its instances, which end only when another part gets on."""
    ticks: list[int] = []
    looked = threading.Event()

    def describe(_call: actions.Call, params: dict[str, Any]) -> dict[str, Any]:
        [name] = params["AutoScalingGroupNames"]
        one = {
            "AutoScalingGroupName": name,
            "AutoScalingGroupARN": "arn",
            "Instances": [{"InstanceId": "i-1"}],
        }
        if len(ticks) > 2:
            return {"AutoScalingGroups": []}
        looked.set()
        return {"AutoScalingGroups": [one]}

    sent: list[tuple[str, dict[str, Any]]] = []
    for action in ("CreateAutoScalingGroup", "UpdateAutoScalingGroup", "DeleteAutoScalingGroup"):
        actions.replace(
            "autoscaling", action, lambda call, params: sent.append((call.action, params))
        )
    actions.replace("autoscaling", "DescribeAutoScalingGroups", describe)
    group = {
        "Type": "AWS::AutoScaling::AutoScalingGroup",
        "Properties": {"MinSize": "0", "MaxSize": 2, "AvailabilityZones": ["us-east-1a"]},
    }
    cloud.create("s", template({"G": group}))
    looked.clear()  # its creation looked too
    cloud.api.delete_stack(StackName="s")
    assert looked.wait(20)
    while len(ticks) < 3:
        with cloud.context.lock:
            ticks.append(1)
    assert cloud.engine.rest(20)
    assert [action for action, _ in sent] == [
        "CreateAutoScalingGroup",
        "UpdateAutoScalingGroup",
        "DeleteAutoScalingGroup",
    ]
    assert sent[0][1]["MinSize"] == 0


def test_closing_ends_a_wait(cloud: Cloud) -> None:
    group = {"AutoScalingGroupName": "g", "AutoScalingGroupARN": "a", "Instances": [{}]}
    answer = {"AutoScalingGroups": [group]}
    actions.replace("autoscaling", "DescribeAutoScalingGroups", lambda _call, _params: answer)
    begun = threading.Event()
    actions.replace("autoscaling", "CreateAutoScalingGroup", lambda _call, _params: None)
    actions.replace("autoscaling", "UpdateAutoScalingGroup", lambda _call, _params: begun.set())
    resource = {
        "Type": "AWS::AutoScaling::AutoScalingGroup",
        "Properties": {"MinSize": 0, "MaxSize": 0},
    }
    cloud.create("s", template({"G": resource}))
    cloud.api.delete_stack(StackName="s")
    assert begun.wait(20)
    cloud.engine.close()
    assert cloud.status("s") == "DELETE_FAILED"


def test_bad_templates_are_refused_before_anything_happens(cloud: Cloud) -> None:
    circle = template({"A": topic("a", DependsOn="B"), "B": topic("b", DependsOn="A")})
    with pytest.raises(ClientError, match="Circular dependency"):
        cloud.create("s", circle)
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": {"Statement": []}},
    }
    with pytest.raises(ClientError, match="CAPABILITY_IAM"):
        cloud.create("s", template({"R": role}))
    with pytest.raises(ClientError, match="does not exist"):
        cloud.stack("s")


def test_event_properties_are_the_resolved_ones(cloud: Cloud) -> None:
    cloud.create("s", template({"T": topic("t"), "P": parameter("/p", {"Ref": "T"})}))
    events = cloud.api.describe_stack_events(StackName="s")["StackEvents"]
    told = next(event for event in events if event["LogicalResourceId"] == "P")
    assert json.loads(told["ResourceProperties"])["Value"] == cloud.physical_ids("s")["T"]
