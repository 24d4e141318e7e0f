"""What deployments remember and ship, and the role that carries them out.

Stateful, therefore apart from everything that is replaced; retained when the environment is
protected. The bucket is not emptied by its deletion (that would take a custom resource): an
unprotected environment's stack can be deleted once its artifacts are.
"""

from typing import Any

from aws_cdk import Duration, RemovalPolicy, Stack, aws_dynamodb, aws_s3
from constructs import Construct

from deployer.settings.schema import Settings
from stacks.acknowledged import acknowledge
from stacks.deployer_role import DeployerRole

RETAIN_REPLACED_DAYS = 90


class ControlStack(Stack):
    """`journal` (DynamoDB: pk, sk, ttl), `artifacts` (S3) and `deployer`, the role."""

    def __init__(self, scope: Construct, name: str, settings: Settings, **stack: Any) -> None:
        super().__init__(scope, name, **stack)
        protected = settings.environment.protected
        self._removal = RemovalPolicy.RETAIN if protected else RemovalPolicy.DESTROY
        self.journal = self._journal(protected=protected)
        self.artifacts = self._artifacts()
        self.deployer = DeployerRole(self, "Deployer", settings, self.journal, self.artifacts)

    def _journal(self, *, protected: bool) -> aws_dynamodb.Table:
        text = aws_dynamodb.AttributeType.STRING
        return aws_dynamodb.Table(
            self,
            "Journal",
            partition_key=aws_dynamodb.Attribute(name="pk", type=text),
            sort_key=aws_dynamodb.Attribute(name="sk", type=text),
            time_to_live_attribute="ttl",
            billing_mode=aws_dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=aws_dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=aws_dynamodb.TableEncryption.AWS_MANAGED,
            deletion_protection=protected,
            removal_policy=self._removal,
        )

    def _artifacts(self) -> aws_s3.Bucket:
        bucket = aws_s3.Bucket(
            self,
            "Artifacts",
            versioned=True,
            encryption=aws_s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            block_public_access=aws_s3.BlockPublicAccess.BLOCK_ALL,
            lifecycle_rules=[
                aws_s3.LifecycleRule(
                    noncurrent_version_expiration=Duration.days(RETAIN_REPLACED_DAYS),
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                )
            ],
            removal_policy=self._removal,
        )
        acknowledge(
            bucket,
            {
                "AwsSolutions-S1": "Server access logs of a private bucket that only this service's "
                "instances read would need a second bucket; CloudTrail data events do the same."
            },
        )
        return bucket
