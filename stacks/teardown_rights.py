"""What the function that tears down may touch: ephemeral resources of its service, by their tags.

Every grant that changes something has a condition on the resource's own tag, or is on what the
teardown stack itself has. What is left only reads.
"""

from collections.abc import Mapping

from aws_cdk import Stack

from deployer.aws.needs import Resource
from deployer.aws.permissions import Place
from deployer.topology import CLASS_TAG, EPHEMERAL, PAGE, PAGE_TAG, SERVICE_TAG

_TAGGED = "Which environments are ephemeral changes; the condition on the resource's tags says it."
WHY: Mapping[Resource, str] = {
    Resource.ANY: "These actions only read, and AWS lets none of them be granted on less.",
    Resource.ALARMS: "DescribeAlarms is authorized on all alarms, whichever names are asked for.",
    Resource.TOPOLOGY: "The service's own parameters, one for each environment; they are only read.",
    Resource.JOURNAL: _TAGGED,
    Resource.LISTENER: _TAGGED,
    Resource.NEW_RULE: "A rule has no id before it is made; only CreateRule may tag, as ephemeral.",
    Resource.PAGE_RULE: _TAGGED,
    Resource.GROUP: _TAGGED,
    Resource.STACKS: _TAGGED,
    Resource.BUCKET: "Whether a bucket is empty is only read; the stacks' names begin with the service's.",
    Resource.REMINDER: "One-shot schedules come and go; all of them are in this group, the stack's own.",
}


def places(stack: Stack, service: str, own: Mapping[str, str]) -> dict[Resource, Place]:
    """Where each need is granted; `own`: book, topic and caller by ARN, schedules by name."""
    tagged = {"aws:ResourceTag/" + CLASS_TAG: EPHEMERAL, "aws:ResourceTag/" + SERVICE_TAG: service}
    ours = {"StringEquals": tagged}
    rules = _arn(stack, "elasticloadbalancing", "listener-rule/app/*")
    return {
        Resource.ANY: Place(("*",)),
        Resource.ALARMS: Place((_arn(stack, "cloudwatch", "alarm:*"),)),
        Resource.TOPOLOGY: Place((_arn(stack, "ssm", f"parameter/deployer/{service}/*"),)),
        Resource.JOURNAL: Place((_arn(stack, "dynamodb", "table/*"),), ours),
        # A rule that does not say whose it is could not be told from the service's own.
        Resource.LISTENER: Place(
            (_arn(stack, "elasticloadbalancing", "listener/app/*"),),
            {"StringEquals": {**tagged, "aws:RequestTag/" + CLASS_TAG: EPHEMERAL}},
        ),
        Resource.NEW_RULE: Place(
            (rules,),
            {
                "StringEquals": {
                    "elasticloadbalancing:CreateAction": "CreateRule",
                    "aws:RequestTag/" + CLASS_TAG: EPHEMERAL,
                    "aws:RequestTag/" + SERVICE_TAG: service,
                }
            },
        ),
        Resource.PAGE_RULE: Place(
            (rules,), {"StringEquals": {**tagged, "aws:ResourceTag/" + PAGE_TAG: PAGE}}
        ),
        Resource.GROUP: Place((_arn(stack, "autoscaling", "autoScalingGroup:*"),), ours),
        Resource.STACKS: Place((_arn(stack, "cloudformation", f"stack/{service}-*/*"),), ours),
        Resource.BUCKET: Place((f"arn:{stack.partition}:s3:::{service}-*",)),
        Resource.SWEEPS: Place((own["book"],)),
        Resource.TOPIC: Place((own["topic"],)),
        Resource.REMINDER: Place((_arn(stack, "scheduler", f"schedule/{own['schedules']}/*"),)),
        Resource.SCHEDULE_ROLE: Place(
            (own["caller"],),
            {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
        ),
    }


def _arn(stack: Stack, service: str, rest: str) -> str:
    return f"arn:{stack.partition}:{service}:{stack.region}:{stack.account}:{rest}"
