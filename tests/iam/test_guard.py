"""The guard in a lab's gate: roles are held to their policies, through the real API."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deployer.lab import actions, inprocess, server
from deployer.lab.context import Context
from deployer.lab.iam import bucket_policies, roles
from deployer.lab.iam.guard import Guard
from deployer.lab.iam.sessions import Sessions
from deployer.process.clock import ScaledClock
from tests.iam.conftest import ACCOUNT, allow, deny

ANYBODY = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


class Lab:
    """An API without anything behind it, whose wall clock stands still."""

    def __init__(self, context: Context, guard: Guard) -> None:
        self.context = context
        self.guard = guard

    def admin(self, service: str) -> Any:
        return inprocess.client(self.context, service)

    def role(
        self, name: str, *statements: Mapping[str, Any], trust: Any = ANYBODY, **more: Any
    ) -> str:
        """A new role's ARN."""
        trusting = {
            "Effect": "Allow",
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Principal": trust,
        }
        made = self.admin("iam").create_role(
            RoleName=name, AssumeRolePolicyDocument=document(trusting), **more
        )
        if statements:
            self.grant(name, *statements)
        return str(made["Role"]["Arn"])

    def grant(self, name: str, *statements: Mapping[str, Any]) -> None:
        self.admin("iam").put_role_policy(
            RoleName=name, PolicyName="own", PolicyDocument=document(*statements)
        )

    def assumed(self, arn: str, **more: Any) -> Any:
        given = self.admin("sts").assume_role(RoleArn=arn, RoleSessionName="me", **more)[
            "Credentials"
        ]
        words = [given[key] for key in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
        return lambda service: inprocess.client_of(self.context, service, *words)


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture
def lab(tmp_path: Any) -> Iterator[Lab]:
    server.reset()
    context = Context(tmp_path, 78, "http://localhost:9", ScaledClock(1_700_000_000.0, 1.0))
    actions.install(context)
    bucket_policies.install()
    yield Lab(context, roles.install(context))
    server.reset()


def refusal(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_a_role_does_what_its_policies_allow_and_nothing_else(lab: Lab) -> None:
    lab.admin("s3").create_bucket(Bucket="mine")
    lab.admin("s3").put_object(Bucket="mine", Key="a/x", Body=b"1")
    lab.admin("s3").put_object(Bucket="mine", Key="b/x", Body=b"1")
    me = lab.assumed(lab.role("reader", allow("s3:GetObject", "arn:aws:s3:::mine/a/*")))
    assert me("s3").get_object(Bucket="mine", Key="a/x")["Body"].read() == b"1"
    code, message = refusal(me("s3").get_object, Bucket="mine", Key="b/x")
    assert code == "AccessDenied"
    assert message == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/reader/me is not authorized to perform: "
        "s3:GetObject on resource: arn:aws:s3:::mine/b/x because no identity-based policy allows "
        "the s3:GetObject action"
    )
    assert lab.guard.used == {"reader": {("s3:GetObject", "arn:aws:s3:::mine/a/x")}}
    assert lab.guard.report()["reader"] == [
        {"action": "s3:GetObject", "resource": "arn:aws:s3:::mine/a/x"}
    ]
    assert [entry.caller for entry in actions.calls("s3", "PutObject")] == ["admin", "admin"]


def test_every_service_says_no_in_its_own_way(lab: Lab) -> None:
    me = lab.assumed(lab.role("nobody", allow("iam:GetRole")))
    listener = "arn:aws:elasticloadbalancing:::x"
    for service, call, params, said in (
        ("ec2", "describe_vpcs", {}, ("UnauthorizedOperation", 403)),
        ("elbv2", "describe_rules", {"ListenerArn": listener}, ("AccessDenied", 403)),
        ("autoscaling", "describe_tags", {}, ("AccessDenied", 403)),
        ("cloudwatch", "describe_alarms", {}, ("AccessDenied", 403)),
        ("dynamodb", "scan", {"TableName": "t12"}, ("AccessDeniedException", 400)),
        ("ssm", "get_parameter", {"Name": "/x"}, ("AccessDeniedException", 400)),
        ("cloudformation", "describe_stacks", {"StackName": "x"}, ("AccessDenied", 403)),
        ("lambda", "invoke", {"FunctionName": "x"}, ("AccessDeniedException", 403)),
        ("s3", "get_object", {"Bucket": "mine", "Key": "k"}, ("AccessDenied", 403)),
        ("s3", "head_object", {"Bucket": "mine", "Key": "k"}, ("403", 403)),  # without a body
    ):
        with pytest.raises(ClientError) as caught:
            getattr(me(service), call)(**params)
        response = caught.value.response
        found = (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"])
        assert found == said, service


def test_policies_hold_from_the_moment_they_change(lab: Lab) -> None:
    me = lab.assumed(lab.role("one", allow("ec2:DescribeVpcs")))
    me("ec2").describe_vpcs()
    lab.grant("one", allow("ec2:DescribeVpcs"), deny("ec2:*"))
    assert "explicit deny" in refusal(me("ec2").describe_vpcs)[1]
    lab.admin("iam").delete_role_policy(RoleName="one", PolicyName="own")
    lab.admin("iam").delete_role(RoleName="one")
    assert refusal(me("ec2").describe_vpcs)[0] == "InvalidClientTokenId"


def test_managed_policies_and_boundaries_count(lab: Lab) -> None:
    iam = lab.admin("iam")
    more = iam.create_policy(PolicyName="more", PolicyDocument=document(allow("ec2:*")))["Policy"][
        "Arn"
    ]
    bound = iam.create_policy(
        PolicyName="bound", PolicyDocument=document(allow("ec2:DescribeVpcs"))
    )["Policy"]["Arn"]
    arn = lab.role("bounded", allow("iam:GetRole"), PermissionsBoundary=bound)
    me = lab.assumed(arn)
    assert "identity-based" in refusal(me("ec2").describe_vpcs)[1]
    iam.attach_role_policy(RoleName="bounded", PolicyArn=more)
    me("ec2").describe_vpcs()
    assert "permissions boundary" in refusal(me("ec2").describe_subnets)[1]


def test_tags_of_resources_are_looked_up(lab: Lab) -> None:
    ec2, elb = lab.admin("ec2"), lab.admin("elbv2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    made = [
        elb.create_target_group(
            Name=name, Protocol="HTTP", Port=80, VpcId=vpc, Tags=[{"Key": "Team", "Value": name}]
        )["TargetGroups"][0]["TargetGroupArn"]
        for name in ("ours", "theirs")
    ]  # fmt: skip
    only_ours = {"StringEquals": {"aws:ResourceTag/Team": "ours"}}
    register = allow("elasticloadbalancing:ModifyTargetGroupAttributes", Condition=only_ours)
    me = lab.assumed(lab.role("tagged", register))
    change = me("elbv2").modify_target_group_attributes
    slow = [{"Key": "slow_start.duration_seconds", "Value": "60"}]
    change(TargetGroupArn=made[0], Attributes=slow)
    assert refusal(change, TargetGroupArn=made[1], Attributes=slow)[0] == "AccessDenied"


def test_tags_of_tables_and_launch_templates_count_too(lab: Lab) -> None:
    only_ours = {"StringEquals": {"aws:ResourceTag/Team": "ours"}}
    me = lab.assumed(
        lab.role(
            "tagged",
            allow("dynamodb:BatchGetItem", Condition=only_ours),
            allow("ec2:ModifyLaunchTemplate", Condition=only_ours),
        )
    )
    data = {"ImageId": "ami-0c101f26f147fa7fd", "InstanceType": "t3.micro"}
    for name in ("ours", "theirs"):
        tags = [{"Key": "Team", "Value": name}]
        lab.admin("dynamodb").create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST", Tags=tags,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )  # fmt: skip
        lab.admin("ec2").create_launch_template(
            LaunchTemplateName=name, LaunchTemplateData=data,
            TagSpecifications=[{"ResourceType": "launch-template", "Tags": tags}],
        )  # fmt: skip
    keys: dict[str, Any] = {"Keys": [{"pk": {"S": "x"}}]}
    me("dynamodb").batch_get_item(RequestItems={"ours": keys})
    both = {"ours": keys, "theirs": keys}
    assert refusal(me("dynamodb").batch_get_item, RequestItems=both)[0] == "AccessDeniedException"
    change = me("ec2").modify_launch_template
    change(LaunchTemplateName="ours", DefaultVersion="1")
    refused = refusal(change, LaunchTemplateName="theirs", DefaultVersion="1")
    assert refused[0] == "UnauthorizedOperation"


def test_what_the_lab_cannot_tell_is_never_a_yes(lab: Lab) -> None:
    night = {"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}
    me = lab.assumed(lab.role("clocked", allow("ec2:*")))
    assert "ec2:RunInstances" in refusal(me("ec2").run_instances, MinCount=1, MaxCount=1)[1]
    lab.grant("clocked", allow("ec2:*", Condition=night))
    code, message = refusal(me("ec2").describe_vpcs)
    assert code == "NotImplemented"
    assert "condition operator DateGreaterThan in policy clocked/own" in message
    lab.grant("clocked", allow("ec2:*", Condition={"StringEquals": {"aws:SourceVpc": "v"}}))
    assert "condition key aws:SourceVpc" in refusal(me("ec2").describe_vpcs)[1]


def test_nobody_becomes_a_role_that_does_not_trust_him(lab: Lab) -> None:
    machine = lab.role("machine", trust={"Service": "ec2.amazonaws.com"})
    assume = lab.admin("sts").assume_role
    code, message = refusal(assume, RoleArn=machine, RoleSessionName="me")
    assert (code, "sts:AssumeRole" in message) == ("AccessDenied", True)
    nowhere = f"arn:aws:iam::{ACCOUNT}:role/nowhere"
    assert refusal(assume, RoleArn=nowhere, RoleSessionName="me")[0] == "AccessDenied"
    second = lab.role("second", allow("ec2:DescribeVpcs"))
    first = lab.assumed(lab.role("first", allow("ec2:DescribeVpcs")))("sts")
    assert refusal(first.assume_role, RoleArn=second, RoleSessionName="me")[0] == "AccessDenied"
    lab.grant("first", allow("sts:AssumeRole", second))
    assert (
        "second"
        in first.assume_role(RoleArn=second, RoleSessionName="me")["AssumedRoleUser"]["Arn"]
    )


def test_an_instance_has_its_roles_credentials(lab: Lab) -> None:
    lab.role("machine", allow("ec2:DescribeVpcs"), trust={"Service": "ec2.amazonaws.com"})
    session = roles.on_instance(lab.guard, "machine", "i-1")
    ec2 = inprocess.client_of(lab.context, "ec2", session.key, session.secret, session.token)
    ec2.describe_vpcs()
    assert "assumed-role/machine/i-1" in refusal(ec2.describe_subnets)[1]
    lab.role("people")
    with pytest.raises(actions.Refused, match="trust policy"):
        roles.on_instance(lab.guard, "people", "i-1")


def test_sessions_end_and_are_not_invented(lab: Lab) -> None:
    arn = lab.role("short", allow("ec2:*"), MaxSessionDuration=3600)
    assume = lab.admin("sts").assume_role
    too_long = {"RoleArn": arn, "RoleSessionName": "me", "DurationSeconds": 7200}
    assert refusal(assume, **too_long)[0] == "ValidationError"
    policed = {"RoleArn": arn, "RoleSessionName": "me", "Policy": document(allow())}
    assert refusal(assume, **policed)[0] == "NotImplemented"
    stranger = inprocess.client_of(lab.context, "ec2", "ASIAUNKNOWN", "x", "y")
    assert refusal(stranger.describe_vpcs)[0] == "InvalidClientTokenId"
    me = lab.assumed(arn)
    me("ec2").describe_vpcs()
    late = Sessions(wall=lambda: 1e12)
    late.__dict__["_by_key"] = lab.guard.sessions.__dict__["_by_key"]
    lab.guard.sessions = late
    assert refusal(me("ec2").describe_vpcs)[0] == "ExpiredToken"


def test_whoever_may_not_list_a_bucket_is_not_told_what_is_missing(lab: Lab) -> None:
    lab.admin("s3").create_bucket(Bucket="mine")
    me = lab.assumed(lab.role("blind", allow("s3:GetObject")))
    assert refusal(me("s3").get_object, Bucket="mine", Key="x")[0] == "AccessDenied"
    lab.grant("blind", allow("s3:GetObject"), allow("s3:ListBucket", "arn:aws:s3:::mine"))
    assert refusal(me("s3").get_object, Bucket="mine", Key="x")[0] == "NoSuchKey"


def test_who_one_is_needs_no_permission(lab: Lab) -> None:
    me = lab.assumed(lab.role("anyone", deny()))
    assert me("sts").get_caller_identity()["Arn"].endswith(":assumed-role/anyone/me")


OVER_TLS = deny(
    "s3:*",
    ["arn:aws:s3:::mine", "arn:aws:s3:::mine/*"],
    Principal={"AWS": "*"},
    Condition={"Bool": {"aws:SecureTransport": "false"}},
)


def policed(lab: Lab, *statements: Mapping[str, Any]) -> None:
    lab.admin("s3").put_bucket_policy(Bucket="mine", Policy=document(*statements))


def test_a_buckets_policy_denies_to_everybody_it_names(lab: Lab) -> None:
    """Whatever the role may, and the administrator too; who is not named is not meant."""
    admin = lab.admin("s3")
    admin.create_bucket(Bucket="mine")
    admin.put_object(Bucket="mine", Key="x", Body=b"1")
    reader, writer = (
        lab.assumed(lab.role(name, allow("s3:*")))("s3") for name in ("reader", "writer")
    )
    policed(lab, OVER_TLS)  # the lab stands for HTTPS: nobody is meant
    for each in (admin, reader, writer):
        assert each.get_object(Bucket="mine", Key="x")["Body"].read() == b"1"
    named = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/reader"}
    policed(lab, OVER_TLS, deny("s3:GetObject", "arn:aws:s3:::mine/*", Principal=named))
    code, message = refusal(reader.get_object, Bucket="mine", Key="x")
    assert (code, "explicit deny in a resource-based policy" in message) == ("AccessDenied", True)
    writer.get_object(Bucket="mine", Key="x")
    always = {**OVER_TLS, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    policed(lab, always)
    for each in (admin, reader, writer):
        assert "explicit deny" in refusal(each.get_object, Bucket="mine", Key="x")[1]
    admin.delete_bucket_policy(Bucket="mine")  # the way out, on AWS root's alone
    admin.get_object(Bucket="mine", Key="x")


def test_a_buckets_policy_allows_what_a_role_was_not_given(lab: Lab) -> None:
    lab.admin("s3").create_bucket(Bucket="mine")
    lab.admin("s3").put_object(Bucket="mine", Key="a/x", Body=b"1")
    guest = lab.assumed(lab.role("guest", allow("ec2:DescribeVpcs")))("s3")
    stranger = lab.assumed(lab.role("stranger", allow("ec2:DescribeVpcs")))("s3")
    named = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/guest"}
    policed(lab, allow("s3:GetObject", "arn:aws:s3:::mine/a/*", Principal=named))
    assert guest.get_object(Bucket="mine", Key="a/x")["Body"].read() == b"1"
    assert refusal(guest.get_object, Bucket="mine", Key="b")[0] == "AccessDenied"
    assert refusal(stranger.get_object, Bucket="mine", Key="a/x")[0] == "AccessDenied"
    policed(lab, allow("s3:GetObject", "arn:aws:s3:::mine/a/*", Principal={"Service": "x.aws"}))
    assert refusal(guest.get_object, Bucket="mine", Key="a/x")[0] == "AccessDenied"


def test_what_a_buckets_policy_says_beyond_the_lab_is_never_a_yes(lab: Lab) -> None:
    """Nobody is let through by an operator that the lab cannot evaluate, unless others are meant."""
    lab.admin("s3").create_bucket(Bucket="mine")
    lab.admin("s3").put_object(Bucket="mine", Key="x", Body=b"1")
    me = lab.assumed(lab.role("me", allow("s3:*")))("s3")
    night = {"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}
    policed(lab, deny("s3:*", "*", Principal="*", Condition=night))
    for each in (lab.admin("s3"), me):
        code, message = refusal(each.get_object, Bucket="mine", Key="x")
        assert (code, "DateGreaterThan in policy the policy of mine" in message) == (
            "NotImplemented",
            True,
        )
    unknown = {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}
    log = {"Service": "delivery.logs.amazonaws.com"}
    policed(lab, allow("s3:*", "*", Principal=log, Condition=unknown))
    me.get_object(Bucket="mine", Key="x")
    policed(lab, deny("s3:*", "*", Principal="*", Condition=unknown))
    assert "condition key s3:x-amz-acl" in refusal(me.get_object, Bucket="mine", Key="x")[1]
