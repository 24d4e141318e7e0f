"""What calls of the services that make things happen need: schedules, state machines, queues. Pure.

Source: Service Authorization Reference. A role that a service is to use is passed to it.
"""

from collections.abc import Sequence

from deployer.lab.iam.asked import Ask
from deployer.lab.iam.mapping import Facts, Needs, Params, Table, anywhere, arn, on


def _passing(role: str, service: str) -> Ask:
    return Ask("iam:PassRole", role, {"iam:passedtoservice": (service,)})


# -- EventBridge Scheduler


def _schedule(action: str) -> Needs:
    def needs(params: Params, facts: Facts) -> Sequence[Ask]:
        where = f"schedule/{params.get('GroupName') or 'default'}/{params['Name']}"
        asked = [Ask(f"scheduler:{action}", arn(facts, "scheduler", where))]
        role = params.get("Target", {}).get("RoleArn")
        return [*asked, _passing(role, "scheduler.amazonaws.com")] if role else asked

    return needs


def _schedule_group(action: str) -> Needs:
    def needs(params: Params, facts: Facts) -> Sequence[Ask]:
        where = f"schedule-group/{params['Name']}"
        return (Ask(f"scheduler:{action}", arn(facts, "scheduler", where)),)

    return needs


_SCHEDULES = ("CreateSchedule", "UpdateSchedule", "GetSchedule", "DeleteSchedule")
_GROUPS = ("CreateScheduleGroup", "GetScheduleGroup", "DeleteScheduleGroup")
SCHEDULER = Table(
    "scheduler",
    {
        **{name: _schedule(name) for name in _SCHEDULES},
        **{name: _schedule_group(name) for name in _GROUPS},
        "ListSchedules": anywhere("scheduler:ListSchedules"),
        "ListScheduleGroups": anywhere("scheduler:ListScheduleGroups"),
    },
)

# -- Step Functions

_MACHINE = ("StartExecution", "DescribeStateMachine", "ListExecutions", "DeleteStateMachine")
_EXECUTION = ("DescribeExecution", "GetExecutionHistory", "StopExecution")
STEPFUNCTIONS = Table(
    "states",
    {
        **{name: on(f"states:{name}", "stateMachineArn") for name in _MACHINE},
        **{name: on(f"states:{name}", "executionArn") for name in _EXECUTION},
    },
)

# -- SQS


def _queue(action: str) -> Needs:
    """`https://host/ACCOUNT/NAME`."""

    def needs(params: Params, facts: Facts) -> Sequence[Ask]:
        return (Ask(f"sqs:{action}", arn(facts, "sqs", params["QueueUrl"].rsplit("/", 1)[-1])),)

    return needs


_QUEUE = ("SendMessage", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
SQS = Table("sqs", {name: _queue(name) for name in _QUEUE})

# -- CodePipeline, CodeBuild


def _pipeline(action: str, name: str, *within: str) -> Needs:
    """`NAME`, `NAME/STAGE` or `NAME/STAGE/ACTION`."""

    def needs(params: Params, facts: Facts) -> Sequence[Ask]:
        where = "/".join(params[each] for each in (name, *within))
        return (Ask(f"codepipeline:{action}", arn(facts, "codepipeline", where)),)

    return needs


_OF_PIPELINE = ("GetPipeline", "GetPipelineState", "StartPipelineExecution", "DeletePipeline")
_OF_EXECUTION = (
    *("GetPipelineExecution", "ListActionExecutions", "ListPipelineExecutions"),
    "StopPipelineExecution",
)
CODEPIPELINE = Table(
    "codepipeline",
    {
        **{name: _pipeline(name, "name") for name in _OF_PIPELINE},
        **{name: _pipeline(name, "pipelineName") for name in _OF_EXECUTION},
        **{
            name: _pipeline(name, "pipelineName", "stageName")
            for name in ("RetryStageExecution", "RollbackStage")
        },
        "PutApprovalResult": _pipeline(
            "PutApprovalResult", "pipelineName", "stageName", "actionName"
        ),
        "ListPipelines": anywhere("codepipeline:ListPipelines"),
    },
)


def _builds(action: str, *names: str) -> Needs:
    """By a build's id, `PROJECT:UUID`, or a project's name."""

    def needs(params: Params, facts: Facts) -> Sequence[Ask]:
        given = next(params[each] for each in names if each in params)
        projects = {
            each.partition(":")[0] for each in ([given] if isinstance(given, str) else given)
        }
        return [
            Ask(f"codebuild:{action}", arn(facts, "codebuild", f"project/{each}"))
            for each in sorted(projects)
        ]

    return needs


CODEBUILD = Table(
    "codebuild",
    {
        "BatchGetBuilds": _builds("BatchGetBuilds", "ids"),
        "BatchGetProjects": _builds("BatchGetProjects", "names"),
        "ListBuildsForProject": _builds("ListBuildsForProject", "projectName"),
        "StopBuild": _builds("StopBuild", "id"),
    },
)
