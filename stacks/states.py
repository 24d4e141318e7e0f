"""The state machine of detached deployments: call a tick, rest for as long as it says, call again.

Amazon States Language, written out, since that is what is paid for and counted: three transitions and
nine history events for each tick (docs/scale.md). An execution goes on as another one long before it has
the 25,000 events at which AWS ends it (`detached.MOST_TICKS`). Pure.
"""

from typing import Any

MOST_RETRIES = 3  # of one tick; with `detached.MOST_TICKS` a test holds it below 25,000 events
# A tick that has died is called again: the next one waits for its lease. What no tick can mend (a
# permission is missing) has a name of its own, and ends the execution at once.
PASSING = [
    "Lambda.TooManyRequestsException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimedOutException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "States.Timeout",
]


def definition(function: str) -> dict[str, Any]:
    """The machine; `function`: ARN of the tick's."""
    handed = {"FunctionName": function, "Payload.$": "$"}
    retry = {
        "ErrorEquals": PASSING, "IntervalSeconds": 5, "BackoffRate": 2, "MaxAttempts": MOST_RETRIES,
    }  # fmt: skip
    again = {
        "ErrorEquals": ["StepFunctions.ExecutionLimitExceededException", "States.Timeout"],
        "IntervalSeconds": 5, "BackoffRate": 2, "MaxAttempts": 5,
    }  # fmt: skip
    begun = {
        "ErrorEquals": ["StepFunctions.ExecutionAlreadyExistsException"], "Next": "Handed on",
    }  # fmt: skip
    return {
        "Comment": "Carries one deployment: docs/decisions/0018",
        "StartAt": "Tick",
        "States": {
            "Tick": {
                "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": handed,
                "OutputPath": "$.Payload", "Retry": [retry], "Next": "What next?",
            },
            "What next?": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$.next", "StringEquals": "rest", "Next": "Rest"},
                    {"Variable": "$.next", "StringEquals": "onward", "Next": "Rest before going on"},
                ],
                "Default": "Ended",
            },
            "Rest": {"Type": "Wait", "SecondsPath": "$.wait_s", "Next": "Tick"},
            "Rest before going on": {"Type": "Wait", "SecondsPath": "$.wait_s", "Next": "Go on"},
            "Go on": {
                "Type": "Task", "Resource": "arn:aws:states:::states:startExecution",
                "Parameters": {
                    "StateMachineArn.$": "$$.StateMachine.Id", "Name.$": "$.name",
                    "Input.$": "$.mandate",
                },
                "Retry": [again], "Catch": [begun], "Next": "Handed on",
            },
            "Handed on": {"Type": "Succeed"},
            "Ended": {"Type": "Succeed"},
        },
    }  # fmt: skip
