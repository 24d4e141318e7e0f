"""One build of the pipeline: a CodeBuild project, its role, its log."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import RemovalPolicy, Stack, aws_codebuild, aws_iam, aws_logs, aws_s3
from constructs import Construct

from deployer.settings.pipeline import PipelineSettings
from stacks.acknowledged import acknowledge, spelled
from stacks.buildspecs import Spec

KEPT = aws_logs.RetentionDays.THREE_MONTHS
QUEUED_MINUTES = 30  # a container that is not to be had for so long is a failure of the stage


class Build(Construct):
    """`project`, which may do what every build does, and what `allowed` says."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        title: str,
        pipeline: PipelineSettings,
        store: aws_s3.IBucket,
        spec: Spec,
        minutes: int,
        allowed: Sequence[Mapping[str, Any]] = (),
        wide: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(scope, name)
        self.title = title
        self.log = aws_logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/codebuild/{title}",
            retention=KEPT,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = aws_iam.Role(
            self,
            "Role",
            assumed_by=aws_iam.ServicePrincipal(
                "codebuild.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            ),
            description=f"Runs the builds of {title}",
        )
        self._allow(store, allowed, wide or {})
        self.project = aws_codebuild.CfnProject(
            self,
            "Project",
            name=title,
            service_role=self.role.role_arn,
            source=aws_codebuild.CfnProject.SourceProperty(
                type="CODEPIPELINE", build_spec=json.dumps(spec, indent=1)
            ),
            artifacts=aws_codebuild.CfnProject.ArtifactsProperty(type="CODEPIPELINE"),
            environment=aws_codebuild.CfnProject.EnvironmentProperty(
                type="LINUX_CONTAINER",
                compute_type=pipeline.compute,
                image=pipeline.image,
            ),
            encryption_key="alias/aws/s3",
            logs_config=aws_codebuild.CfnProject.LogsConfigProperty(
                cloud_watch_logs=aws_codebuild.CfnProject.CloudWatchLogsConfigProperty(
                    status="ENABLED", group_name=self.log.log_group_name
                )
            ),
            timeout_in_minutes=minutes,
            queued_timeout_in_minutes=QUEUED_MINUTES,
        )

        why = (
            "S3's own key encrypts what builds leave: nobody else's key has to be granted, or paid."
        )
        acknowledge(self.project, {"AwsSolutions-CB4": why})

    def _allow(
        self,
        store: aws_s3.IBucket,
        allowed: Sequence[Mapping[str, Any]],
        wide: Mapping[str, str],
    ) -> None:
        objects = store.arn_for_objects("*")
        statements = [
            {
                "Sid": "Log",
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": [self.log.log_group_arn],
            },
            {
                "Sid": "Handed",
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
                "Resource": [objects],
            },
            {
                "Sid": "Store",
                "Effect": "Allow",
                "Action": ["s3:GetBucketAcl", "s3:GetBucketLocation"],
                "Resource": [store.bucket_arn],
            },
            *allowed,
        ]
        policy = aws_iam.Policy(
            self,
            "May",
            roles=[self.role],
            statements=[aws_iam.PolicyStatement.from_json(each) for each in statements],
        )
        self._policy = policy
        resolve = Stack.of(self).resolve
        reasons = {
            f"AwsSolutions-IAM5[Resource::{spelled(resolve(objects))}]": "What stages hand on is "
            "new each time; all of it is in the pipeline's own bucket.",
        }
        for arn, reason in wide.items():
            reasons[f"AwsSolutions-IAM5[Resource::{spelled(resolve(arn))}]"] = reason
        acknowledge(policy, reasons)
