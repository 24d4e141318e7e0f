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
