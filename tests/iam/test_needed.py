"""What each API call asks of IAM, by table, and against AWS's own reference."""

from typing import Any

import pytest

from deployer.lab.iam.asked import NO_RESOURCE
from deployer.lab.iam.needed import TABLES, needed
from deployer.lab.iam.patterns import Unsupported
from deployer.lab.wire import operation
from tests.iam.conftest import Nowhere
from tests.iam.reference import kinds, may_be_on

AT = "us-east-1:123456789012"
LISTENER = f"arn:aws:elasticloadbalancing:{AT}:listener/app/shop/1/2"
RULE = f"arn:aws:elasticloadbalancing:{AT}:listener-rule/app/shop/1/2/3"
TARGETS = f"arn:aws:elasticloadbalancing:{AT}:targetgroup/blue/1"
GROUP = f"arn:aws:autoscaling:{AT}:autoScalingGroup:*:autoScalingGroupName"
ROLE = "arn:aws:iam::123456789012:role/deployer"
TABLE = f"arn:aws:dynamodb:{AT}:table/journal"
FUNCTION = f"arn:aws:lambda:{AT}:function:smoke"
STACK = f"arn:aws:cloudformation:{AT}:stack/shop"
# Enough parameters for every action of the tables.
EVERYTHING: dict[str, Any] = {
    "AutoScalingGroupName": "blue",
    "Bucket": "b",
    "FunctionName": "smoke",
    "InstanceId": "i-1",
    "Key": "k",
    "LaunchTemplateId": "lt-1",
    "ListenerArn": LISTENER,
    "Name": "/a/b",
    "Names": ["/a/b"],
    "Namespace": "n",
    "RequestItems": {"journal": {}, "other": {}},
    "ResourceArns": [RULE],
    "RoleArn": ROLE,
    "RoleSessionName": "me",
    "RuleArn": RULE,
    "RulePriorities": [{"RuleArn": RULE, "Priority": 1}],
    "QueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/dead",
    "StackName": "shop",
    "TableName": "journal",
    "Tags": [{"Key": "Team", "Value": "Shop"}],
    "TargetGroupArn": TARGETS,
    "Target": {"RoleArn": ROLE},
    "actionName": "Approve",
    "id": "shop-build:1f2e",
    "ids": ["shop-build:1f2e"],
    "name": "shop",
    "names": ["shop-build"],
    "pipelineName": "shop",
    "projectName": "shop-build",
    "stageName": "Approval",
    "executionArn": f"arn:aws:states:{AT}:execution:tick:d1",
    "stateMachineArn": f"arn:aws:states:{AT}:stateMachine:tick",
    "TopicArn": f"arn:aws:sns:{AT}:told",
    "Entries": [{"EventBusName": "ops"}, {}],
    "SecretId": "shop/slack",
    "logGroupName": "/aws/lambda/smoke",
    "logStreamName": "2026/11/23/[$LATEST]1",
    "TransactItems": [{kind: {"TableName": "journal"}} for kind in ("Put", "Get")],
}


@pytest.mark.parametrize(
    ("service", "action", "params", "asked"),
    [
        ("elbv2", "DescribeRules", {}, {("elasticloadbalancing:DescribeRules", "*")}),
        ("elbv2", "ModifyRule", {"RuleArn": RULE}, {("elasticloadbalancing:ModifyRule", RULE)}),
        ("elbv2", "CreateRule", {"ListenerArn": LISTENER}, {
            ("elasticloadbalancing:CreateRule", LISTENER),
        }),
        ("elbv2", "CreateRule", {"ListenerArn": LISTENER, "Tags": [{"Key": "a", "Value": "b"}]}, {
            ("elasticloadbalancing:CreateRule", LISTENER),
            ("elasticloadbalancing:AddTags", RULE.replace("/3", "/*")),
        }),
        ("sns", "Publish", {"TopicArn": f"arn:aws:sns:{AT}:told"}, {
            ("sns:Publish", f"arn:aws:sns:{AT}:told"),
        }),
        ("events", "PutEvents", {"Entries": [{"EventBusName": "ops"}, {}, {}]}, {
            ("events:PutEvents", f"arn:aws:events:{AT}:event-bus/ops"),
            ("events:PutEvents", f"arn:aws:events:{AT}:event-bus/default"),
        }),
        ("secretsmanager", "GetSecretValue", {"SecretId": "shop/slack"}, {
            ("secretsmanager:GetSecretValue",
             f"arn:aws:secretsmanager:{AT}:secret:shop/slack-??????"),
        }),
        ("sqs", "SendMessage", {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/1/dead"}, {
            ("sqs:SendMessage", f"arn:aws:sqs:{AT}:dead"),
        }),
        ("logs", "CreateLogStream", {"logGroupName": "/aws/x", "logStreamName": "s"}, {
            ("logs:CreateLogStream", f"arn:aws:logs:{AT}:log-group:/aws/x:log-stream:s"),
        }),
        ("autoscaling", "UpdateAutoScalingGroup", {"AutoScalingGroupName": "blue"}, {
            ("autoscaling:UpdateAutoScalingGroup", f"{GROUP}/blue"),
        }),
        ("autoscaling", "TerminateInstanceInAutoScalingGroup", {"InstanceId": "i-1"}, {
            ("autoscaling:TerminateInstanceInAutoScalingGroup", f"{GROUP}/group-of-i-1"),
        }),
        ("autoscaling", "TerminateInstanceInAutoScalingGroup",
         {"InstanceIds": ["i-1", "i-2"], "AutoScalingGroupName": "blue"}, {
            ("autoscaling:TerminateInstanceInAutoScalingGroup", f"{GROUP}/blue"),
        }),
        ("ec2", "ModifyLaunchTemplate", {"LaunchTemplateId": "lt-1"}, {
            ("ec2:ModifyLaunchTemplate", f"arn:aws:ec2:{AT}:launch-template/lt-1"),
        }),
        ("ec2", "ModifyLaunchTemplate", {"LaunchTemplateName": "x"}, {
            ("ec2:ModifyLaunchTemplate", f"arn:aws:ec2:{AT}:launch-template/lt-x"),
        }),
        ("dynamodb", "Query", {"TableName": "journal", "IndexName": "i"}, {
            ("dynamodb:Query", f"{TABLE}/index/i"),
        }),
        ("dynamodb", "GetItem", {"TableName": TABLE}, {("dynamodb:GetItem", TABLE)}),
        ("dynamodb", "TransactWriteItems", {"TransactItems": [
            {"Put": {"TableName": "journal"}},
            {"Put": {"TableName": "journal"}},
            {"ConditionCheck": {"TableName": "other"}},
        ]}, {
            ("dynamodb:PutItem", TABLE),
            ("dynamodb:ConditionCheckItem", TABLE.replace("journal", "other")),
        }),
        ("dynamodb", "BatchGetItem", {"RequestItems": {"journal": {}, "other": {}}}, {
            ("dynamodb:BatchGetItem", TABLE),
            ("dynamodb:BatchGetItem", TABLE.replace("journal", "other")),
        }),
        ("resourcegroupstaggingapi", "GetResources", {}, {("tag:GetResources", "*")}),
        ("s3", "HeadObject", {"Bucket": "b", "Key": "x/y"}, {("s3:GetObject", "arn:aws:s3:::b/x/y")}),
        ("s3", "GetObject", {"Bucket": "b", "Key": "k", "VersionId": "v"}, {
            ("s3:GetObjectVersion", "arn:aws:s3:::b/k"),
        }),
        ("s3", "PutObject", {"Bucket": "b", "Key": "k", "Tagging": "a=b"}, {
            ("s3:PutObject", "arn:aws:s3:::b/k"),
            ("s3:PutObjectTagging", "arn:aws:s3:::b/k"),
        }),
        ("s3", "ListObjectsV2", {"Bucket": "b", "Prefix": "x/"}, {("s3:ListBucket", "arn:aws:s3:::b")}),
        ("ssm", "GetParameter", {"Name": "/a/b"}, {("ssm:GetParameter", f"arn:aws:ssm:{AT}:parameter/a/b")}),
        ("cloudformation", "DescribeStacks", {"StackName": "shop"}, {
            ("cloudformation:DescribeStacks", f"{STACK}/*"),
        }),
        ("cloudformation", "DescribeStacks", {"StackName": f"{STACK}/1"}, {
            ("cloudformation:DescribeStacks", f"{STACK}/1"),
        }),
        ("cloudformation", "DescribeStacks", {}, {("cloudformation:DescribeStacks", "*")}),
        ("cloudformation", "UpdateStack", {"StackName": "shop", "RoleARN": ROLE}, {
            ("cloudformation:UpdateStack", f"{STACK}/*"),
            ("iam:PassRole", ROLE),
        }),
        ("cloudwatch", "DescribeAlarms", {"AlarmNames": ["a"]}, {
            ("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{AT}:alarm:*"),
        }),
        ("lambda", "Invoke", {"FunctionName": "smoke"}, {("lambda:InvokeFunction", FUNCTION)}),
        ("lambda", "Invoke", {"FunctionName": "smoke", "Qualifier": "live"}, {
            ("lambda:InvokeFunction", f"{FUNCTION}:live"),
        }),
        ("lambda", "Invoke", {"FunctionName": "smoke:live"}, {
            ("lambda:InvokeFunction", f"{FUNCTION}:live"),
        }),
        ("lambda", "Invoke", {"FunctionName": "123456789012:function:smoke"}, {
            ("lambda:InvokeFunction", FUNCTION),
        }),
        ("lambda", "Invoke", {"FunctionName": f"{FUNCTION}:live"}, {
            ("lambda:InvokeFunction", f"{FUNCTION}:live"),
        }),
        ("sts", "GetCallerIdentity", {}, set()),
        ("sts", "AssumeRole", {"RoleArn": ROLE, "RoleSessionName": "me"}, {("sts:AssumeRole", ROLE)}),
        ("sts", "AssumeRole", {"RoleArn": ROLE, "RoleSessionName": "me", "Tags": [{"Key": "a"}]}, {
            ("sts:AssumeRole", ROLE),
            ("sts:TagSession", ROLE),
        }),
    ],
)  # fmt: skip
def test_calls(service: str, action: str, params: Any, asked: set[tuple[str, str]]) -> None:
    found = needed(service, action, params, Nowhere())
    assert {(ask.action, ask.resource) for ask in found} == asked


def test_condition_keys_come_with_the_call() -> None:
    tags = [{"Key": "Team", "Value": "Shop"}]
    made, tagged = needed("elbv2", "CreateRule", {"ListenerArn": LISTENER, "Tags": tags}, Nowhere())
    assert made.keys == {"aws:requesttag/team": ("Shop",), "aws:tagkeys": ("Team",)}
    assert tagged.keys["elasticloadbalancing:createaction"] == ("CreateRule",)
    (added,) = needed("elbv2", "AddTags", {"ResourceArns": [RULE], "Tags": tags}, Nowhere())
    assert "elasticloadbalancing:createaction" not in added.keys
    (listed,) = needed("s3", "ListObjectsV2", {"Bucket": "b", "Prefix": "x/"}, Nowhere())
    assert listed.keys == {"s3:prefix": ("x/",)}
    external = {"RoleArn": ROLE, "RoleSessionName": "me", "ExternalId": "e"}
    (assumed,) = needed("sts", "AssumeRole", external, Nowhere())
    assert assumed.keys == {"sts:rolesessionname": ("me",), "sts:externalid": ("e",)}
    assert needed("cloudwatch", "PutMetricData", {"Namespace": "n"}, Nowhere())[0].keys == {
        "cloudwatch:namespace": ("n",)
    }


@pytest.mark.parametrize(
    ("service", "action", "params", "words"),
    [
        ("elbv2", "DeleteLoadBalancer", {}, "elbv2:DeleteLoadBalancer.*compute.py"),
        ("s3", "PutBucketAcl", {}, "s3:PutBucketAcl.*data.py"),
        ("sagemaker", "CreateModel", {}, "sagemaker:CreateModel"),
        ("autoscaling", "UpdateAutoScalingGroup",
         {"AutoScalingGroupName": "g", "LaunchTemplate": {}}, "RunInstances"),
        ("ec2", "DescribeLaunchTemplateVersions", {"LaunchTemplateId": "x"}, ""),
        ("ec2", "CreateLaunchTemplateVersion",
         {"LaunchTemplateId": "x", "ResolveAlias": True}, "ssm:GetParameters"),
    ],
)  # fmt: skip
def test_what_nobody_has_said_is_refused_by_name(
    service: str, action: str, params: Any, words: str
) -> None:
    if not words:
        assert needed(service, action, params, Nowhere())
        return
    with pytest.raises(Unsupported, match=words):
        needed(service, action, params, Nowhere())


@pytest.mark.parametrize(
    ("service", "action"),
    [(service, action) for service, table in TABLES.items() for action in table.needs],
)
def test_the_tables_agree_with_awss_reference(service: str, action: str) -> None:
    """The API action exists; and what it is granted on is what AWS grants it on."""
    assert operation(service, action) is not None
    for ask in needed(service, action, EVERYTHING, Nowhere()):
        if ask.resource == NO_RESOURCE:
            assert not kinds(ask.action) or ask.action in UNNAMED, ask
        else:
            assert may_be_on(ask.action, ask.resource), ask


# Actions that AWS lists with a resource, which a call without one does not name.
UNNAMED = {  # on a dataset, of which AWS/ApplicationELB is none
    "cloudwatch:GetMetricData",
    "cloudwatch:ListMetrics",
    "cloudwatch:PutMetricData",
}


def test_no_exception_is_stale() -> None:
    assert all(map(kinds, UNNAMED))
