"""What tasks call, under the machine's role: a function, and other executions. Without the lab's lock.

Source: Step Functions Developer Guide, "Invoke Lambda with Step Functions", "Manage AWS Step Functions
Executions". A function's own error is known by its type; what Lambda says itself begins with
`Lambda.`, what Step Functions says with `StepFunctions.`.
"""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from deployer.lab.context import Context
from deployer.lab.iam.acting import Acting
from deployer.lab.wire import Refused
from deployer.lab.workflows.interpreter import Call
from deployer.lab.workflows.language import INVOKE
from deployer.lab.workflows.problems import Problem

SERVICE = "states.amazonaws.com"


class Tasks:
    """Carries out the calls of executions."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._acting = Acting(context, SERVICE)

    def trusted(self, role: str, machine: str) -> None:
        """Raises Refused: the role does not let Step Functions become it."""
        self._acting.trusted(role, machine)

    def result(self, call: Call, role: str, machine: str) -> Any:
        """What it came to: a result, or a Problem; whatever happens, one of the two."""
        prefix = "Lambda" if call.resource == INVOKE else "StepFunctions"
        try:
            with self._context.lock:
                service = "lambda" if call.resource == INVOKE else "stepfunctions"
                client = self._acting.client(role, machine, service)
            carry = self._invoke if call.resource == INVOKE else self._start
            return carry(client, call.parameters)
        except ClientError as error:
            return _problem(prefix, error)
        except Refused as error:
            return Problem(f"{prefix}.{error.code}", error.message)
        except Problem as problem:
            return problem

    def _invoke(self, client: Any, parameters: Mapping[str, Any]) -> Any:
        payload = json.dumps(parameters.get("Payload", {})).encode()
        answer = client.invoke(FunctionName=parameters["FunctionName"], Payload=payload)
        text = answer["Payload"].read().decode()
        if answer.get("FunctionError"):
            raise Problem(_error_type(text), text)
        return {
            "ExecutedVersion": answer.get("ExecutedVersion", "$LATEST"),
            "Payload": json.loads(text) if text else None,
            "StatusCode": answer["StatusCode"],
        }

    def _start(self, client: Any, parameters: Mapping[str, Any]) -> Any:
        given = parameters.get("Input", {})
        answer = client.start_execution(
            stateMachineArn=parameters["StateMachineArn"],
            name=parameters.get("Name") or str(uuid.uuid4()),
            input=given if isinstance(given, str) else json.dumps(given),
        )
        return {
            "ExecutionArn": answer["executionArn"],
            "StartDate": answer["startDate"].isoformat(),
        }


def _error_type(payload: str) -> str:
    """The name of what a function has raised."""
    try:
        return str(json.loads(payload)["errorType"])
    except (ValueError, KeyError, TypeError):
        return "Lambda.Unknown"


def _problem(prefix: str, error: ClientError) -> Problem:
    response: Mapping[str, Any] = error.response
    code, words = str(response["Error"]["Code"]), str(response["Error"]["Message"])
    if prefix == "Lambda" and code == "AccessDeniedException":
        code = "AWSLambdaException"
    name = code if code.endswith("Exception") else f"{code}Exception"
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    return Problem(
        f"{prefix}.{name}",
        f"{words} (Service: {prefix}, Status Code: {status}, Error Code: {code})",
    )
