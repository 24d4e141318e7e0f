"""boto3's clients, each made when it is first used: `import boto3` costs 0.25 s.

Retries are set explicitly, since botocore's default is still `legacy` (aws-facts 4.2), and
`standard` rather than `adaptive`: pacing keeps every attempt inside the API's limits before the
first refusal, for all clients together, and waits no longer than it says (deployer.aws.pacing). The
endpoint comes from the environment (AWS_ENDPOINT_URL), which is how the same adapters meet the lab.
"""

from __future__ import annotations

from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from deployer.aws.failures import asking
from deployer.aws.pacing import LONGEST_WAIT_S, Pacing, shared
from deployer.errors import DeployError
from deployer.process.clock import WallClock

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_sts import STSClient

# A call ends within LONGEST_CALL_S, well within a lease of a minute: what botocore sends again after
# that would be sent beside the next runner. The engine's own looks are the patient ones.
TOTAL_ATTEMPTS = 3
CONNECT_S, READ_S = 3, 8
BACKOFF_S = 1 + 2  # between three attempts, at most (aws-facts 4.2)
LONGEST_CALL_S = TOTAL_ATTEMPTS * (LONGEST_WAIT_S + CONNECT_S + READ_S) + BACKOFF_S


class Aws:
    """One Region's clients, with the credentials that the environment gives.

    Every property raises AccessProblem when there is no Region or no such profile.

    pacing: how fast calls may be sent; None: as the process's other clients of this Region.
    """

    def __init__(self, region: str | None, pacing: Pacing | None = None) -> None:
        self.region = region
        self._pacing = pacing or shared(region, WallClock())

    @cached_property
    def autoscaling(self) -> AutoScalingClient:
        with asking("autoscaling", "the client"):
            return self._session.client("autoscaling", config=self._config)

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        with asking("cloudformation", "the client"):
            return self._session.client("cloudformation", config=self._config)

    @cached_property
    def cloudwatch(self) -> CloudWatchClient:
        with asking("cloudwatch", "the client"):
            return self._session.client("cloudwatch", config=self._config)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        with asking("dynamodb", "the client"):
            return self._session.client("dynamodb", config=self._config)

    @cached_property
    def ec2(self) -> EC2Client:
        with asking("ec2", "the client"):
            return self._session.client("ec2", config=self._config)

    @cached_property
    def elbv2(self) -> ElasticLoadBalancingv2Client:
        with asking("elasticloadbalancing", "the client"):
            return self._session.client("elbv2", config=self._config)

    @cached_property
    def events(self) -> Any:  # as of iam
        with asking("events", "the client"):
            return self._session.client("events", config=self._config.merge(self._once))

    @cached_property
    def iam(self) -> Any:  # the stubs of the other services are enough for the deployer itself
        with asking("iam", "the client"):
            return self._session.client("iam", config=self._config)

    @cached_property
    def s3(self) -> S3Client:
        from botocore.config import Config  # noqa: PLC0415  as below

        with asking("s3", "the client"):
            # Links would be signed the old way in us-east-1, which newer Regions do not know.
            signing = Config(signature_version="s3v4")
            return self._session.client("s3", config=self._config.merge(signing))

    @cached_property
    def scheduler(self) -> EventBridgeSchedulerClient:
        with asking("scheduler", "the client"):
            return self._session.client("scheduler", config=self._config)

    @cached_property
    def secretsmanager(self) -> Any:  # as of iam
        with asking("secretsmanager", "the client"):
            return self._session.client("secretsmanager", config=self._config)

    @cached_property
    def sns(self) -> SNSClient:
        with asking("sns", "the client"):
            return self._session.client("sns", config=self._config)

    @cached_property
    def sns_once(self) -> SNSClient:
        """It sends nothing twice by itself: the sender decides whether it may."""
        with asking("sns", "the client"):
            return self._session.client("sns", config=self._config.merge(self._once))

    @cached_property
    def ssm(self) -> SSMClient:
        with asking("ssm", "the client"):
            return self._session.client("ssm", config=self._config)

    @cached_property
    def stepfunctions(self) -> SFNClient:
        with asking("states", "the client"):
            return self._session.client("stepfunctions", config=self._config)

    @cached_property
    def sts(self) -> STSClient:
        with asking("sts", "the client"):
            return self._session.client("sts", config=self._config)

    @cached_property
    def tagging(self) -> ResourceGroupsTaggingAPIClient:
        with asking("tag", "the client"):
            return self._session.client("resourcegroupstaggingapi", config=self._config)

    def functions(self, patience_s: float) -> Any:
        """A client of Lambda that asks once and waits `patience_s` real seconds for the answer.

        botocore's own retries would invoke a function again whose answer was late.
        """
        from botocore.config import Config  # noqa: PLC0415  as above

        with asking("lambda", "the client"):
            once = Config(
                retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=patience_s
            )
            return self._session.client("lambda", config=self._config.merge(once))

    def pricing(self, region: str) -> Any:
        """A client of the price list, which is served from few Regions only."""
        with asking("pricing", "the client"):
            return self._session.client("pricing", region_name=region, config=self._config)

    def account(self) -> str:
        """The 12 digits of the account that the credentials belong to.

        Raises:
            AccessProblem: there are none, or AWS does not accept them.
            CloudUnavailable: no answer.
        """
        with asking("sts:GetCallerIdentity", "the credentials"):
            return self.sts.get_caller_identity()["Account"]

    @cached_property
    def arn(self) -> str:
        """Who the credentials are, for a record's audit; empty: AWS did not say within seconds.

        Asked once and briefly: a network may lead to everything a deployment needs, and not to STS.
        """
        from botocore.config import Config  # noqa: PLC0415  as above

        once = Config(
            retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=2, read_timeout=3
        )
        try:
            with asking("sts:GetCallerIdentity", "the credentials"):
                sts = self._session.client("sts", config=self._config.merge(once))
                return sts.get_caller_identity()["Arn"]
        except DeployError:
            return ""

    @cached_property
    def _session(self) -> Session:
        import boto3  # noqa: PLC0415  0.25 s: only who talks to AWS pays

        from deployer.aws import answers, calls  # noqa: PLC0415  as above

        with asking("session", "the credentials"):
            session = boto3.session.Session(region_name=self.region)
        self._pacing.attach(session.events)
        answers.attach(session.events)
        calls.COUNTED.attach(session.events)
        return session

    @property
    def _once(self) -> Config:
        from botocore.config import Config  # noqa: PLC0415  as above

        return Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=5)

    @cached_property
    def _config(self) -> Config:
        from botocore.config import Config  # noqa: PLC0415  as above

        return Config(
            retries={"mode": "standard", "total_max_attempts": TOTAL_ATTEMPTS},
            connect_timeout=CONNECT_S,
            read_timeout=READ_S,
            user_agent_extra=f"deployer/{installed_version()}",
        )


def installed_version() -> str:
    """The deployer's version; `0` when it runs from a checkout that is not installed."""
    try:
        return version("deployer")
    except PackageNotFoundError:
        return "0"
