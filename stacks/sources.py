"""What the pipeline keeps in S3, and what starts it."""

from typing import Any

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack, aws_events, aws_iam, aws_s3
from constructs import Construct

from stacks.acknowledged import acknowledge

KEPT_DAYS = 90


def start_when_it_arrives(
    scope: Stack, bucket: aws_s3.Bucket, key: str, pipeline: str
) -> aws_events.CfnRule:
    """EventBridge hears of the object; the bucket says so itself, without a custom resource.

    pipeline: its name.
    """
    told: Any = bucket.node.default_child
    told.add_property_override(
        "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", True
    )
    arn = f"arn:{scope.partition}:codepipeline:{scope.region}:{scope.account}:{pipeline}"
    starter = aws_iam.Role(
        scope,
        "Starter",
        assumed_by=aws_iam.ServicePrincipal(
            "events.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": scope.account}},
        ),
        inline_policies={
            "Start": aws_iam.PolicyDocument(
                statements=[
                    aws_iam.PolicyStatement(
                        actions=["codepipeline:StartPipelineExecution"], resources=[arn]
                    )
                ]
            )
        },
    )
    CfnOutput(scope, "SourceBucket", value=bucket.bucket_name)
    return aws_events.CfnRule(
        scope,
        "SourceArrives",
        description=f"A new {key} starts the pipeline {pipeline}",
        event_pattern={
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {
                "bucket": {"name": [bucket.bucket_name]},
                "object": {"key": [key]},
            },
        },
        targets=[
            aws_events.CfnRule.TargetProperty(id="Pipeline", arn=arn, role_arn=starter.role_arn)
        ],
    )


def bucket(scope: Construct, name: str, *, versioned: bool) -> aws_s3.Bucket:
    """A private bucket; what is in it, or was replaced, goes after a while."""
    age = Duration.days(KEPT_DAYS)
    made = aws_s3.Bucket(
        scope,
        name,
        versioned=versioned or None,
        encryption=aws_s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        block_public_access=aws_s3.BlockPublicAccess.BLOCK_ALL,
        lifecycle_rules=[
            aws_s3.LifecycleRule(noncurrent_version_expiration=age)
            if versioned
            else aws_s3.LifecycleRule(expiration=age)
        ],
        removal_policy=RemovalPolicy.DESTROY,
    )
    why = "Only the pipeline and whoever delivers the source use it; CloudTrail tells of both."
    acknowledge(made, {"AwsSolutions-S1": why})
    return made
