"""From an API call to everything that IAM is asked before it. Pure.

What no table knows is refused by name: a call that nobody checks would prove nothing.
"""

from collections.abc import Sequence

from deployer.lab.iam.asked import Ask
from deployer.lab.iam.compute import AUTOSCALING, EC2, ELBV2
from deployer.lab.iam.data import (
    CLOUDFORMATION,
    CLOUDWATCH,
    DYNAMODB,
    EVENTS,
    LAMBDA,
    LOGS,
    S3,
    SECRETS,
    SNS,
    SSM,
    STS,
    TAGGING,
)
from deployer.lab.iam.flow import CODEBUILD, CODEPIPELINE, SCHEDULER, SQS, STEPFUNCTIONS
from deployer.lab.iam.mapping import Facts, Params, Table
from deployer.lab.iam.patterns import Unsupported

TABLES: dict[str, Table] = {  # by boto3's name of the service
    "autoscaling": AUTOSCALING,
    "cloudformation": CLOUDFORMATION,
    "cloudwatch": CLOUDWATCH,
    "codebuild": CODEBUILD,
    "codepipeline": CODEPIPELINE,
    "dynamodb": DYNAMODB,
    "ec2": EC2,
    "elbv2": ELBV2,
    "events": EVENTS,
    "lambda": LAMBDA,
    "logs": LOGS,
    "resourcegroupstaggingapi": TAGGING,
    "s3": S3,
    "scheduler": SCHEDULER,
    "secretsmanager": SECRETS,
    "sns": SNS,
    "sqs": SQS,
    "ssm": SSM,
    "stepfunctions": STEPFUNCTIONS,
    "sts": STS,
}


def needed(service: str, action: str, params: Params, facts: Facts) -> Sequence[Ask]:
    """All that must be allowed for this call; empty: it needs no permission.

    Raises:
        Unsupported: nobody has said what this action needs.
    """
    table = TABLES.get(service)
    needs = table.needs.get(action) if table else None
    if needs is None:
        raise Unsupported(
            f"the lab does not know which permissions {service}:{action} needs: say so in "
            f"deployer/lab/iam/{_PAGES.get(service, 'data')}.py"
        )
    return needs(params, facts)


def guarded(service: str, action: str) -> bool:
    """Whether what the action touches may have a policy of its own, which binds everybody."""
    return service == "s3" and action in S3.needs


_PAGES = {
    **dict.fromkeys(("autoscaling", "ec2", "elbv2"), "compute"),
    **dict.fromkeys(("codebuild", "codepipeline", "scheduler", "sqs", "stepfunctions"), "flow"),
}
