"""What deployments remember, ship and say, and the role that carries them out.

Stateful, therefore apart from everything that is replaced; retained when the environment is
protected. Buckets are not emptied by their deletion (that would take a custom resource): an
unprotected environment's stack can be deleted once its artifacts and logs are.
"""

from typing import Any

from aws_cdk import (
    CfnOutput,
    Duration,
    RemovalPolicy,
    Stack,
    aws_dynamodb,
    aws_s3,
)
from constructs import Construct

from deployer.aws.pages import PREFIX
from deployer.settings.kinds import DAY_S
from deployer.settings.schema import Settings
from stacks.acknowledged import acknowledge
from stacks.book import book
from stacks.deployer_role import DeployerRole
from stacks.topic import topic_of

RETAIN_REPLACED_DAYS = 90
RETAIN_REPORTS_DAYS = 180  # as long as the journal's records


class ControlStack(Stack):
    """`journal` (DynamoDB: pk, sk, ttl), `artifacts` (S3), `topic` (SNS) and `deployer`, the role.

    `logs` is the load balancer's bucket; None where access logs are turned off.
    """

    def __init__(self, scope: Construct, name: str, settings: Settings, **stack: Any) -> None:
        super().__init__(scope, name, **stack)
        protected = settings.environment.protected
        # What a creation that failed leaves is empty, and nobody's: that is deleted all the same.
        kept = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
        self._removal = kept if protected else RemovalPolicy.DESTROY
        self.journal = self._journal(protected=protected)
        self.artifacts = self._artifacts()
        CfnOutput(self, "ArtifactBucket", value=self.artifacts.bucket_name)
        self.topic = topic_of(self, settings.monitoring.emails)
        self.deployer = DeployerRole(
            self, "Deployer", settings, self.journal, self.artifacts, topic=self.topic
        )
        kept_days = round(settings.balancer.access_logs_s / DAY_S)
        self.logs = self._logs(kept_days) if kept_days else None

    def _journal(self, *, protected: bool) -> aws_dynamodb.TableV2:
        return book(
            self,
            "Journal",
            time_to_live_attribute="ttl",
            deletion_protection=protected,
            removal_policy=self._removal,
        )

    def _artifacts(self) -> aws_s3.Bucket:
        bucket = self._bucket(
            "Artifacts",
            aws_s3.LifecycleRule(
                noncurrent_version_expiration=Duration.days(RETAIN_REPLACED_DAYS),
                abort_incomplete_multipart_upload_after=Duration.days(7),
            ),
            aws_s3.LifecycleRule(
                prefix=f"{PREFIX}/",
                expiration=Duration.days(RETAIN_REPORTS_DAYS),
                noncurrent_version_expiration=Duration.days(1),
            ),
            versioned=True,
        )
        acknowledge(
            bucket,
            {
                "AwsSolutions-S1": "Server access logs of a private bucket that only this service's "
                "instances read would need a second bucket; CloudTrail data events do the same."
            },
        )
        return bucket

    def _logs(self, kept_days: int) -> aws_s3.Bucket:
        """The load balancer's access logs; S3's own keys, the only ones it can write with."""
        bucket = self._bucket(
            "Logs",
            aws_s3.LifecycleRule(
                expiration=Duration.days(kept_days),
                abort_incomplete_multipart_upload_after=Duration.days(1),
            ),
        )
        acknowledge(bucket, {"AwsSolutions-S1": "It holds logs: logging them would not end."})
        return bucket

    def _bucket(
        self, name: str, *rules: aws_s3.LifecycleRule, versioned: bool = False
    ) -> aws_s3.Bucket:
        return aws_s3.Bucket(
            self,
            name,
            versioned=versioned or None,
            encryption=aws_s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            block_public_access=aws_s3.BlockPublicAccess.BLOCK_ALL,
            lifecycle_rules=list(rules),
            removal_policy=self._removal,
        )
